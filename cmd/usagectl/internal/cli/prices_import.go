package cli

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/otelcol-usage/otelcol-usage/internal/pricing/book"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing/foreign"
)

// newPricesImport returns the command that converts price data of other projects into a
// price file.
func newPricesImport() *cobra.Command {
	var format, provider, model string
	var quiet bool
	cmd := &cobra.Command{
		Use:   "import FILE > ours.yaml",
		Short: "Converts price data of other projects to a price file",
		Long: `Converts price data of LiteLLM (model_prices_and_context_window.json), genai-prices
(data.json), models.dev (api.json) or Portkey (pricing/<provider>.json) to a price
file, on standard output. Entries that cannot be converted are listed on standard
error.`,
		Args: cobra.ExactArgs(1),
	}
	cmd.Flags().StringVar(&format, "format", "", "litellm, genai-prices, models.dev or portkey (default: found out by the form)")
	cmd.Flags().StringVar(&provider, "provider", "", "only this provider, as gen_ai.provider.name spells it")
	cmd.Flags().StringVar(&model, "model", "", "only names that contain this text")
	cmd.Flags().BoolVar(&quiet, "quiet", false, "do not list what cannot be imported")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var form foreign.Format
		if format != "" {
			var err error
			if form, err = foreign.ParseFormat(format); err != nil {
				return fmt.Errorf("--format: %w", err)
			}
		}
		content, err := os.ReadFile(args[0])
		if err != nil {
			return fmt.Errorf("read price data: %w", err)
		}
		result, err := foreign.Read(args[0], content, form)
		if err != nil {
			return err
		}
		var files []*book.File
		for _, f := range result.Files {
			f.Rows = slices.DeleteFunc(f.Rows, func(r book.Row) bool { return !strings.Contains(r.Model, model) })
			if len(f.Rows) > 0 && (provider == "" || f.Provider == provider) {
				files = append(files, f)
			}
		}
		if len(files) == 0 {
			return fmt.Errorf("%s has no price for the provider %q and names with %q", args[0], provider, model)
		}
		if !quiet {
			for _, issue := range result.Issues {
				cmd.PrintErrln("not taken over:", issue)
			}
		}
		_, err = cmd.OutOrStdout().Write(book.Encode(files...))
		return err
	}
	return cmd
}

// newPricesSchema returns the command that prints the JSON Schema of price files.
func newPricesSchema() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Prints the JSON Schema of price files, for editors",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := cmd.OutOrStdout().Write(book.Schema())
			return err
		},
	}
}
