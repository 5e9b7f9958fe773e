package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing/book"
	"github.com/otelcol-usage/otelcol-usage/internal/store/upkeep"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// screenful is how many rows of the book are printed on a terminal without --limit.
const screenful = 100

// newPricesList returns the command that lists the rows of the price book.
func newPricesList() *cobra.Command {
	var provider, model string
	var limit int
	cmd := &cobra.Command{
		Use:   "list [--provider openai] [--model gpt-4o]",
		Short: "Lists the rows of the price book, or those in force at a time",
		Long: fmt.Sprintf(`Lists the rows of the price book, or those that hold at a time.

In a terminal lines are cut to its width, and the first %d rows are shown unless
--limit says otherwise. A file or a pipe gets every row, uncut.`, screenful),
		Example: "  usagectl prices list --provider openai --model gpt-5 --at 2026-11-01\n  usagectl prices list --provider anthropic | less -S",
		Args:    cobra.NoArgs,
	}
	config := addBook(cmd)
	cmd.Flags().StringVar(&provider, "provider", "", "only this provider")
	cmd.Flags().StringVar(&model, "model", "", "only names that contain this text")
	cmd.Flags().IntVar(&limit, "limit", 0, fmt.Sprintf("how many rows to show, 0 for all (default: %d in a terminal, else all)", screenful))
	_ = cmd.RegisterFlagCompletionFunc("provider", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		b, err := pricing.Load(*config)
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		return providers(b), cobra.ShellCompDirectiveNoFileComp
	})
	at := addAt(cmd, "only rows that hold at this date (UTC) or RFC 3339 instant (default: all rows)")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if limit < 0 {
			return fmt.Errorf("--limit: found %d, must be 0 or more", limit)
		}
		moment, err := at()
		if err != nil {
			return err
		}
		b, err := pricing.Load(*config)
		if err != nil {
			return err
		}
		always := !cmd.Flags().Changed("at")
		t := table{width: terminalWidth(cmd.OutOrStdout())}
		if t.width > 0 && !cmd.Flags().Changed("limit") {
			limit = screenful
		}
		t.row("PROVIDER", "MODEL", "HOLDS", "SOURCE", "PRICES") // the longest column last, where nothing is padded
		found := 0
		for _, r := range b.Rows() {
			if provider != "" && r.Provider != provider || !strings.Contains(r.Name, model) || !always && !holds(r.Span, moment) {
				continue
			}
			if found++; limit == 0 || found <= limit {
				t.row(r.Provider, r.Name, r.Span, r.Source, priceTexts(r.Prices.Prices))
			}
		}
		if found == 0 {
			return nothingListed(b, provider, model)
		}
		if err := t.print(cmd.OutOrStdout()); err != nil {
			return err
		}
		if limit > 0 && found > limit {
			cmd.PrintErrf("%d of %d rows; choose with --provider, --model and --at, or --limit 0 for all\n", limit, found)
		}
		return nil
	}
	return cmd
}

// nothingListed returns an error that suggests similar names.
func nothingListed(b *pricing.Book, provider, model string) error {
	if known := providers(b); provider != "" && !slices.Contains(known, provider) {
		if near := nearest(provider, known); len(near) > 0 {
			return fmt.Errorf("--provider: found %q%s", provider, didYouMean(near))
		}
		return fmt.Errorf("--provider: found %q, must be one of %s", provider, strings.Join(known, ", "))
	}
	return fmt.Errorf("no row of the book fits%s; --model takes a part of a name, and without it every model of the provider is listed", didYouMean(nearest(model, models(b, provider))))
}

// models returns the model names in the book of a provider, or of all providers for "".
func models(b *pricing.Book, provider string) (names []string) {
	for _, r := range b.Rows() {
		if provider == "" || r.Provider == provider {
			names = append(names, r.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
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
		names = append(names, r.Provider)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// newPricesDiff returns the command that lists what other prices would change.
func newPricesDiff() *cobra.Command {
	var asJSON, onStored bool
	cmd := &cobra.Command{
		Use:   "diff FILE...",
		Short: "Lists the prices that files would change",
		Long: `Lists the prices that would change if price files were added to the book: files of
your own, or price data of LiteLLM, genai-prices, models.dev or Portkey (.json).
Prices are in dollars per unit.

With --stored it prices the stored calls (default: those of the last 30 days) and
shows by model what would change in dollars, how many calls a row of the files would
price, and which calls a row was evidently meant for but would not match, with the
reason. It only reads. --builtin none compares with the files alone.`,
		Args: cobra.MinimumNArgs(1),
	}
	db, reported := addDatabase(cmd), addReported(cmd)
	period := addPeriod(cmd, "from", "to", " (with --stored; default: 30 days before the end)", " (with --stored; default: today)")
	cmd.Flags().BoolVar(&onStored, "stored", false, "show what would change on the stored calls, in dollars")
	config := addBook(cmd)
	at := addAt(cmd, "prices of this date (UTC) or RFC 3339 instant (default: now)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON array")
	cmd.RunE = func(cmd *cobra.Command, files []string) error {
		moment, err := at()
		if err != nil {
			return err
		}
		older, err := pricing.Load(*config)
		if err != nil {
			return err
		}
		changed := *config
		changed.Files = slices.Concat(config.Files, files)
		newer, err := pricing.Load(changed)
		if err != nil {
			return err
		}
		if onStored {
			span, err := period.span("", time.Now())
			if err != nil {
				return err
			}
			pricer, err := reported()
			if err != nil {
				return err
			}
			pricer.Book = newer
			reach := newReachCount(newer)
			o := upkeep.RepriceOptions{Filter: upkeep.RepriceFilter{From: span.Current.From, To: span.Current.To}, Price: func(r *usage.Record) {
				reach.add(r)
				pricer.Price(r)
			}}
			return db.with(cmd, asReader, func(ctx context.Context, pool *pgxpool.Pool) error {
				d, err := compareCosts(ctx, pool, o)
				if err != nil {
					return err
				}
				d.Reach = reach.sums()
				switch {
				case asJSON:
					return printJSON(cmd.OutOrStdout(), d)
				}
				return d.print(cmd.OutOrStdout())
			})
		}
		changes := pricing.Diff(older, newer, moment)
		if asJSON {
			if changes == nil {
				changes = []pricing.Change{}
			}
			return printJSON(cmd.OutOrStdout(), changes)
		}
		var t table
		for _, c := range changes {
			t.row(c.Provider, c.Name, c.Part, c.Item, orNone(c.Old), "->", orNone(c.New), c.Unit)
		}
		if err := t.print(cmd.OutOrStdout()); err != nil {
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
