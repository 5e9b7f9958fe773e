// Package cli is usagectl: what an operator does with an installation. A file is
// a command, or a group of commands.
//
// It owns the flags, what is asked back, what is printed and the exit status. It
// does not own any logic of the product: calls are priced by internal/pricing,
// read and changed by internal/store, summed up by internal/report, and the
// schema is brought about by internal/dbmigrate. What the commands share stands
// in database.go (connect, advise, close), book.go (the price book), period.go
// (dates) and table.go (tables and JSON).
package cli

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/otelcol-usage/otelcol-usage/cmd/usagectl/internal/demo"
)

// New returns usagectl with all its commands.
func New() *cobra.Command {
	root := &cobra.Command{
		Use:           "usagectl",
		Short:         "Looks after an otelcol-usage installation",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetOut(os.Stdout) // cobra would print results to standard error
	root.AddCommand(
		demo.New(demo.Commands{PublishPrices: publishPrices}),
		newAdvise(),
		newBill(),
		newDoctor(),
		newExplain(),
		newForecast(),
		newHealth(),
		newMan(),
		newMigrate(),
		newParked(),
		newPartition(),
		newPrices(),
		newRates(),
		newReprice(),
		newRetention(),
		newUsage(),
		newVerify(),
		newVersion(),
		newWhatIf(),
	)
	root.Version = version()
	point(root)
	return root
}
