package pricescmd

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/otelcol-usage/otelcol-usage/cmd/usagectl/internal/bookflag"
	"github.com/otelcol-usage/otelcol-usage/cmd/usagectl/internal/costdiff"
	"github.com/otelcol-usage/otelcol-usage/cmd/usagectl/internal/dbflag"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing/book"
	"github.com/otelcol-usage/otelcol-usage/internal/store"
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
	var asJSON, onStored bool
	cmd := &cobra.Command{
		Use:   "diff FILE...",
		Short: "Lists the prices that would change if files were laid over the book",
		Long: `Lists the prices that would change if price files were laid over the book: files
of ours, or price data of LiteLLM, genai-prices, models.dev or Portkey (.json).
Prices are in dollars for one unit.

With --stored it prices the calls that are stored (default: the last 30 days)
and shows by model what would change in dollars. It only reads. --builtin none
compares with the files alone.`,
		Args: cobra.MinimumNArgs(1),
	}
	db, period, reported := dbflag.Add(cmd), bookflag.AddPeriod(cmd), bookflag.AddReported(cmd)
	cmd.Flags().BoolVar(&onStored, "stored", false, "show what would change on the stored calls, in dollars")
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
		if onStored {
			from, to, err := period.Parse(time.Now(), 30)
			if err != nil {
				return err
			}
			policy, err := bookflag.ParseReported(*reported)
			if err != nil {
				return err
			}
			pool, err := db.Connect(cmd.Context())
			if err != nil {
				return err
			}
			defer pool.Close()
			pricer := pricing.Pricer{Book: newer, Reported: policy}
			var d costdiff.Diff
			if err := store.Compare(cmd.Context(), pool, store.RepriceOptions{Filter: store.RepriceFilter{From: from, To: to}, Price: pricer.Price}, d.Add); err != nil {
				return dbflag.Advise(err, "usage_reader")
			}
			d.Finish()
			if asJSON {
				return printJSON(cmd.OutOrStdout(), d)
			}
			return d.Print(cmd.OutOrStdout())
		}
		changes := pricing.Diff(older, newer, moment)
		if asJSON {
			if changes == nil {
				changes = []pricing.Change{}
			}
			return printJSON(cmd.OutOrStdout(), changes)
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

func printJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}
