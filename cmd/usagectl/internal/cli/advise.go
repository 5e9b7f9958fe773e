package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"github.com/otelcol-usage/otelcol-usage/internal/outlook"
	"github.com/otelcol-usage/otelcol-usage/internal/outlook/savings"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
	"github.com/otelcol-usage/otelcol-usage/internal/store/read"
	"github.com/otelcol-usage/otelcol-usage/internal/store/upkeep"
)

// adviseOptions are the flags of usagectl advise.
type adviseOptions struct {
	json, publish    bool
	dismiss, restore []string
	reason           string
	timeout          time.Duration
}

func newAdvise() *cobra.Command {
	var o adviseOptions
	cmd := &cobra.Command{
		Use:   "advise",
		Short: "Shows what would have saved money, in dollars a month",
		Long: `Examines the calls of the last 30 days and shows what would have saved money: each
piece of advice with exact dollars, its assumption, and the calls behind it. Where
no number can be given, it gives no advice. docs/advice.md has the rules.

Advice is listed in the order in which it was applied. Each number is what is saved
after everything listed before it, so the numbers add up. Advice that lets another
model or host answer comes last.

Nothing is changed unless requested: --publish stores the list for dashboards and
for GET /api/admin/advice; --dismiss hides advice that you do not want to follow,
until it would save more than twice as much. Both need the role usage_pricer in
addition to usage_reader.`,
		Example: `  usagectl advise
  usagectl advise --file prices/ours.yaml --json
  usagectl advise --publish
  usagectl advise --dismiss 8e7a59ba --reason "the report has to be there at eight"
  usagectl advise --dismiss other_model --reason "we compared the answers in May"`,
		Args: cobra.NoArgs,
	}
	db, config := addDatabase(cmd), addBook(cmd)
	f := cmd.Flags()
	f.BoolVar(&o.json, "json", false, "print a JSON object with all digits")
	f.BoolVar(&o.publish, "publish", false, "store the advice for boards and the query API, and print it")
	f.StringArrayVar(&o.dismiss, "dismiss", nil, "advice not to be given again, by its id or by its rule; give it again for more. Publishes what is left")
	f.StringVar(&o.reason, "reason", "", "why it is dismissed")
	f.StringArrayVar(&o.restore, "restore", nil, "id of dismissed advice to be given again. Publishes the list")
	f.DurationVar(&o.timeout, "timeout", 10*time.Minute, "how long reading a day of calls may take")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if (o.reason == "") != (len(o.dismiss) == 0) {
			return errors.New("--dismiss and --reason belong together: say why the advice is not to be followed")
		}
		b, err := pricing.Load(*config)
		if err != nil {
			return err
		}
		role := asReader
		if o.publish || len(o.dismiss)+len(o.restore) > 0 {
			role = asPricer
		}
		return db.with(cmd, role, func(ctx context.Context, pool *pgxpool.Pool) error {
			list, err := o.advise(ctx, pool, b, time.Now())
			if err != nil {
				return err
			}
			if o.json {
				return printJSON(cmd.OutOrStdout(), list)
			}
			return printAdvice(cmd.OutOrStdout(), list)
		})
	}
	return cmd
}

// advise applies dismissals, computes the advice, and stores it if requested.
func (o *adviseOptions) advise(ctx context.Context, pool *pgxpool.Pool, b *pricing.Book, now time.Time) (outlook.AdviceList, error) {
	for _, id := range o.restore {
		switch was, err := upkeep.RestoreAdvice(ctx, pool, id); {
		case err != nil:
			return outlook.AdviceList{}, err
		case !was:
			return outlook.AdviceList{}, fmt.Errorf("--restore: no advice %q is dismissed; usagectl advise lists what is", id)
		}
	}
	q, err := adviceQuestion(ctx, read.New(pool, o.timeout), b, o.timeout, now)
	if err != nil {
		return outlook.AdviceList{}, err
	}
	list := savings.Of(q)
	if len(o.dismiss) > 0 {
		chosen, err := o.chosen(list)
		if err == nil {
			err = upkeep.DismissAdvice(ctx, pool, chosen, o.reason)
		}
		if err != nil {
			return list, err
		}
		for _, a := range chosen {
			q.Dismissed = append(q.Dismissed, outlook.Dismissal{ID: a.ID, Dollars: a.SavesPerMonth})
		}
		list = savings.Of(q)
	}
	if o.publish || len(o.dismiss)+len(o.restore) > 0 {
		err = upkeep.PublishOutlook(ctx, pool, "advice", list, now)
	}
	return list, err
}

// chosen returns the advice to dismiss.
func (o *adviseOptions) chosen(list outlook.AdviceList) (chosen []outlook.Advice, err error) {
	for _, name := range o.dismiss {
		found := false
		for _, a := range list.Advice {
			if a.ID == name || a.Rule == name {
				chosen, found = append(chosen, a), true
			}
		}
		if !found {
			return nil, fmt.Errorf("--dismiss: no advice has the id or the rule %q; usagectl advise lists it", name)
		}
	}
	return chosen, nil
}

// lateness is how long after its end a day counts as complete, because calls arrive late.
const lateness = time.Hour

// adviceQuestion reads the calls of the last complete days.
func adviceQuestion(ctx context.Context, r *read.Reader, b *pricing.Book, timeout time.Duration, now time.Time) (savings.Question, error) {
	to := now.UTC().Add(-lateness).Truncate(24 * time.Hour)
	from := to.AddDate(0, 0, -savings.Days)
	q := savings.Question{Book: b, To: to}
	var err error
	if q.Dismissed, err = r.Dismissals(ctx); err != nil {
		return q, err
	}
	if q.Calls, q.LeftOut, err = r.Alike(ctx, read.AlikeQuestion{From: from, To: to, Borders: savings.Borders(b)}, timeout); err != nil {
		return q, err
	}
	if q.Rhythm, err = r.Rhythm(ctx, from, to); err != nil {
		return q, err
	}
	q.Seats, err = r.Seats(ctx, from, to)
	return q, err
}

// printAdvice prints the list for people, with rounded amounts.
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
	for i, a := range list.Dismissed {
		if i == 0 {
			p.line("\nDismissed:")
		}
		p.line("  %s %s, %s: %s USD", a.ID, a.Rule, plain(a.Change), amount(a.SavesPerMonth))
	}
	for i, l := range list.LeftOut {
		if i == 0 {
			p.line("\nNot looked at:")
		}
		p.line("  %s, %s USD, %s", plural(l.Calls, "call"), amount(l.Cost), l.Why())
	}
	return p.err
}
