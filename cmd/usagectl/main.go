// Command usagectl looks after an otelcol-usage installation: it migrates the
// database, explains prices and shows the whole system at work.
//
// It owns the list of its commands; what each does stands in a package of its
// own under internal/, and it does not own any logic of the product itself.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/otelcol-usage/otelcol-usage/cmd/usagectl/internal/democmd"
	"github.com/otelcol-usage/otelcol-usage/cmd/usagectl/internal/doctorcmd"
	"github.com/otelcol-usage/otelcol-usage/cmd/usagectl/internal/healthcmd"
	"github.com/otelcol-usage/otelcol-usage/cmd/usagectl/internal/migratecmd"
	"github.com/otelcol-usage/otelcol-usage/cmd/usagectl/internal/partitioncmd"
	"github.com/otelcol-usage/otelcol-usage/cmd/usagectl/internal/pricescmd"
	"github.com/otelcol-usage/otelcol-usage/cmd/usagectl/internal/ratescmd"
	"github.com/otelcol-usage/otelcol-usage/cmd/usagectl/internal/repricecmd"
	"github.com/otelcol-usage/otelcol-usage/cmd/usagectl/internal/retentioncmd"
	"github.com/otelcol-usage/otelcol-usage/cmd/usagectl/internal/usagecmd"
	"github.com/otelcol-usage/otelcol-usage/cmd/usagectl/internal/verifycmd"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := newRoot().ExecuteContext(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "usagectl:", err)
		os.Exit(1)
	}
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "usagectl",
		Short:         "Looks after an otelcol-usage installation",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetOut(os.Stdout) // cobra would print results to standard error
	root.AddCommand(
		democmd.New(),
		doctorcmd.New(),
		healthcmd.New(),
		migratecmd.New(),
		partitioncmd.New(),
		pricescmd.New(),
		ratescmd.New(),
		repricecmd.New(),
		retentioncmd.New(),
		usagecmd.New(),
		verifycmd.New(),
	)
	return root
}
