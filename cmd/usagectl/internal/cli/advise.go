package cli

import (
	"cmp"
	"context"
	"io"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"github.com/otelcol-usage/otelcol-usage/internal/outlook"
	"github.com/otelcol-usage/otelcol-usage/internal/outlook/savings"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
	"github.com/otelcol-usage/otelcol-usage/internal/store/read"
)

func newAdvise() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "advise",
		Short: "Says what would have saved money, in dollars a month",
		Long: `Looks at the calls of the last 30 days and says what would have saved money: each piece
of advice with exact dollars, what they assume, and the calls that they rest on. Where no
number can be given, it says nothing. docs/advice.md has the rules.

The list is in the order in which the advice was applied: each number is what is saved
after all that stands before it, so that they add up. What lets another model or host
answer comes last. It changes nothing.`,
		Example: `  usagectl advise
  usagectl advise --file prices/ours.yaml --json`,
		Args: cobra.NoArgs,
	}
	db, config := addDatabase(cmd), addBook(cmd)
	f := cmd.Flags()
	asJSON := f.Bool("json", false, "print a JSON object with all digits")
	timeout := f.Duration("timeout", 10*time.Minute, "how long reading a day of calls may take")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		b, err := pricing.Load(*config)
		if err != nil {
			return err
		}
		return db.with(cmd, asReader, func(ctx context.Context, pool *pgxpool.Pool) error {
			list, err := adviceOf(ctx, read.New(pool, *timeout), b, *timeout, time.Now())
			if err != nil {
				return err
			}
			if *asJSON {
				return printJSON(cmd.OutOrStdout(), list)
			}
			return printAdvice(cmd.OutOrStdout(), list)
		})
	}
	return cmd
}

// lateness is how long after its end a day is taken as complete: calls arrive late.
const lateness = time.Hour

// adviceOf reads the calls of the last complete days and advises by them.
func adviceOf(ctx context.Context, r *read.Reader, b *pricing.Book, timeout time.Duration, now time.Time) (outlook.AdviceList, error) {
	to := now.UTC().Add(-lateness).Truncate(24 * time.Hour)
	from := to.AddDate(0, 0, -savings.Days)
	q := savings.Question{Book: b, To: to}
	var err error
	if q.Calls, q.LeftOut, err = r.Alike(ctx, read.AlikeQuestion{From: from, To: to, Borders: savings.Borders(b)}, timeout); err != nil {
		return outlook.AdviceList{}, err
	}
	if q.Rhythm, err = r.Rhythm(ctx, from, to); err != nil {
		return outlook.AdviceList{}, err
	}
	return savings.Of(q), nil
}

// leftOutTexts say why calls have no part in advice.
var leftOutTexts = map[string]string{
	outlook.LeftOutUnpriced:  "without a known cost",
	outlook.LeftOutEstimated: "whose cost is an estimate",
	outlook.LeftOutReported:  "whose cost arrived with them",
	outlook.LeftOutPayer:     "that a plan, credits or hardware of one's own pay for",
	outlook.LeftOutForeign:   "that others than the collector stored, or a newer one",
	outlook.LeftOutSmall:     "of days with too many different ones, those that cost least",
	outlook.LeftOutNoPrice:   "that the price book has no certain price for today",
}

// printAdvice writes the list for people. Amounts are rounded for the eye.
func printAdvice(w io.Writer, list outlook.AdviceList) error {
	p := &printer{out: w}
	p.line("Advice on %s from %s until before %s (UTC), which cost %s USD at the prices of today\n", plural(list.Calls, "call"), list.From, list.To, amount(list.Cost))
	t := &table{indent: "  ", widest: 40}
	t.row("", "rule", "change", "service", "provider", "model", number("calls"), number("cost"), number("saves a month"))
	line := func(a outlook.Advice) {
		t.row(a.ID, a.Rule, a.Change, cmp.Or(a.Rows.Service, "(none)"), cmp.Or(a.Rows.Provider, "(none)"), cmp.Or(a.Rows.Model, "(none)"),
			count(a.Rows.Calls), amount(a.Rows.Cost), amount(a.SavesPerMonth))
	}
	assumed, said := []string{}, map[string]bool{}
	for _, a := range list.Advice {
		line(a)
		if !said[a.Rule] {
			said[a.Rule] = true
			assumed = append(assumed, a.Rule+": "+a.Assumption)
		}
	}
	switch {
	case len(list.Advice) == 0:
		p.line("There is nothing to advise.")
	default:
		p.table(t)
		p.line("\nEach number is after all advice above it. What it assumes:")
		for _, text := range assumed {
			p.line("  %s", text)
		}
	}
	if list.More > 0 {
		p.line("%s that save less", plural(list.More, "further piece of advice", "further pieces of advice"))
	}
	for i, l := range list.LeftOut {
		if i == 0 {
			p.line("\nNot looked at:")
		}
		p.line("  %s, %s USD, %s", plural(l.Calls, "call"), amount(l.Cost), leftOutTexts[l.Reason])
	}
	return p.err
}
