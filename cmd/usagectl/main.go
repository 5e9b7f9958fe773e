// Command usagectl maintains an otelcol-usage installation: it migrates the database,
// explains prices and bills, and demonstrates the whole system.
//
// It owns the process: signals, the error message and the exit status. The commands are in
// internal/cli.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/otelcol-usage/otelcol-usage/cmd/usagectl/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := cli.New().ExecuteContext(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "usagectl:", err)
		os.Exit(1)
	}
}
