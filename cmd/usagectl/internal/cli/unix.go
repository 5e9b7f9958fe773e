//go:build unix

package cli

import (
	"github.com/spf13/cobra"

	"github.com/otelcol-usage/otelcol-usage/cmd/usagectl/internal/demo"
)

// ofTheSystem are the commands that not every system can have.
func ofTheSystem() []*cobra.Command {
	return []*cobra.Command{demo.New(demo.Commands{PublishPrices: publishPrices, LookAhead: lookAhead})}
}
