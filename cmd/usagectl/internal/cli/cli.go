// Package cli is usagectl, the tool for operators of an installation. A file is a command
// or a group of commands.
//
// It owns the flags, the prompts, the output and the exit status. It does not own any logic
// of the product: internal/pricing prices calls, internal/store reads and changes them,
// internal/report sums them, and internal/dbmigrate migrates the schema. The commands share
// database.go (connect, advise, close), book.go (the price book), period.go (dates) and
// table.go (tables and JSON).
package cli

import (
	"os"

	"github.com/spf13/cobra"
)

// New returns usagectl with all its commands.
func New() *cobra.Command {
	root := &cobra.Command{
		Use:           "usagectl",
		Short:         "Operates an otelcol-usage installation",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetOut(os.Stdout) // cobra would print results to standard error
	root.AddCommand(ofTheSystem()...)
	root.AddCommand(
		newAdvise(),
		newBill(),
		newBudgets(),
		newDoctor(),
		newExplain(),
		newForecast(),
		newHealth(),
		newMan(),
		newMeter(),
		newMigrate(),
		newParked(),
		newPartition(),
		newPlans(),
		newPrices(),
		newRates(),
		newReprice(),
		newRetention(),
		newShowback(),
		newTeams(),
		newUsage(),
		newVerify(),
		newVersion(),
		newWhatIf(),
	)
	root.Version = version()
	point(root)
	return root
}
