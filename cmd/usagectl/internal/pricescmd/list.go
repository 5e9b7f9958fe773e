package pricescmd

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/otelcol-usage/otelcol-usage/cmd/usagectl/internal/bookflag"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing/book"
)

// list is `usagectl prices list`.
func list() *cobra.Command {
	var provider, model, at string
	cmd := &cobra.Command{
		Use:   "list [--provider openai] [--model gpt-4o]",
		Short: "Lists the rows of the price book, or those that hold at a time",
		Args:  cobra.NoArgs,
	}
	config := bookflag.Add(cmd)
	cmd.Flags().StringVar(&provider, "provider", "", "only this provider")
	cmd.Flags().StringVar(&model, "model", "", "only names that contain this text")
	cmd.Flags().StringVar(&at, "at", "", "only rows that hold at this date (UTC) or RFC 3339 instant (default: all rows)")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		moment, err := parseTime(at)
		if err != nil {
			return err
		}
		b, err := pricing.Load(*config)
		if err != nil {
			return err
		}
		table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
		_, _ = fmt.Fprintln(table, "PROVIDER\tMODEL\tHOLDS\tPRICES\tSOURCE")
		found := 0
		for _, r := range b.Rows() {
			if provider != "" && r.Provider != provider || !strings.Contains(r.Name, model) || at != "" && !holds(r.Span, moment) {
				continue
			}
			found++
			_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", r.Provider, r.Name, r.Span, priceTexts(r.Prices.Prices), r.Source)
		}
		if err := table.Flush(); err != nil {
			return err
		}
		if found == 0 {
			return fmt.Errorf("no row of the book fits; providers are %s", strings.Join(providers(b), ", "))
		}
		return nil
	}
	return cmd
}

func holds(s book.Span, at time.Time) bool {
	return !at.Before(s.From) && (s.Until.IsZero() || at.Before(s.Until))
}

func priceTexts(prices []book.Price) string {
	texts := make([]string, 0, len(prices))
	for _, p := range prices {
		value := p.Amount.String() + " " + p.Unit.String()
		if p.IsSame() {
			value = "as " + p.Same.String()
		}
		texts = append(texts, p.Item.String()+" "+value)
	}
	return strings.Join(texts, ", ")
}

func providers(b *pricing.Book) (names []string) {
	for _, r := range b.Rows() {
		if len(names) == 0 || names[len(names)-1] != r.Provider {
			names = append(names, r.Provider)
		}
	}
	return names
}

// diff is `usagectl prices diff`.
func diff() *cobra.Command {
	var at string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "diff FILE...",
		Short: "Lists the prices that would change if files were laid over the book",
		Long: `Lists the prices that would change if price files were laid over the book: files
of ours, or price data of LiteLLM, genai-prices, models.dev or Portkey (.json).
Prices are in dollars for one unit.`,
		Args: cobra.MinimumNArgs(1),
	}
	config := bookflag.Add(cmd)
	cmd.Flags().StringVar(&at, "at", "", "prices of this date (UTC) or RFC 3339 instant (default: now)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON array")
	cmd.RunE = func(cmd *cobra.Command, files []string) error {
		moment, err := parseTime(at)
		if err != nil {
			return err
		}
		older, err := pricing.Load(*config)
		if err != nil {
			return err
		}
		newer, err := pricing.Load(pricing.Config{Builtin: config.Builtin, Files: append(append([]string{}, config.Files...), files...)})
		if err != nil {
			return err
		}
		changes := pricing.Diff(older, newer, moment)
		if asJSON {
			encoder := json.NewEncoder(cmd.OutOrStdout())
			encoder.SetIndent("", "  ")
			if changes == nil {
				changes = []pricing.Change{}
			}
			return encoder.Encode(changes)
		}
		table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
		for _, c := range changes {
			_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t->\t%s\t%s\n", c.Provider, c.Name, c.Part, c.Item, orNone(c.Old), orNone(c.New), c.Unit)
		}
		if err := table.Flush(); err != nil {
			return err
		}
		cmd.Printf("%d prices differ at %s\n", len(changes), moment.Format(time.RFC3339))
		return nil
	}
	return cmd
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}
