package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/shopspring/decimal"
	"github.com/spf13/cobra"

	"github.com/otelcol-usage/otelcol-usage/internal/outlook"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
	"github.com/otelcol-usage/otelcol-usage/internal/report"
	"github.com/otelcol-usage/otelcol-usage/internal/store/read"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// runsOptions holds the flags of usagectl what-if that compare two recorded runs, to show
// what a code change costs.
type runsOptions struct {
	head, base, failAbove string
	markdown              bool
	at                    func() (time.Time, error)
}

func (o *runsOptions) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.head, "traces", "", "price a recorded run instead: a file of the file exporter, OTLP as JSON lines or protobuf")
	f.StringVar(&o.base, "base", "", "the run to compare it with, such as that of the main branch")
	f.StringVar(&o.failAbove, "fail-above", "", "exit with 1 when the run costs more than the base by this amount in dollars, such as 0.05, or by this share, such as 10%")
	f.BoolVar(&o.markdown, "markdown", false, "print Markdown, for a comment on a pull request")
	o.at = addAt(cmd, "when both runs are priced, a date (UTC) or an RFC 3339 instant (default: now)")
	cmd.MarkFlagsRequiredTogether("traces", "base")
	cmd.MarkFlagsMutuallyExclusive("json", "markdown")
	for _, stored := range []string{"model", "to-provider", "tier", "cache", "discount", "provider", "service", "from", "to"} {
		cmd.MarkFlagsMutuallyExclusive("traces", stored)
	}
}

// limit is how much more than the base the head may cost, from --fail-above.
type limit struct {
	text   string
	amount decimal.Decimal
	share  bool // amount is in percent of the base
}

func (o *runsOptions) limit() (*limit, error) {
	if o.failAbove == "" {
		return nil, nil
	}
	number, share := strings.CutSuffix(o.failAbove, "%")
	amount, err := decimal.NewFromString(strings.TrimSpace(number))
	if err != nil || len(number) > 24 || amount.IsNegative() {
		return nil, fmt.Errorf("--fail-above: found %q, must be dollars such as 0.05, or a share of the base such as 10%%", o.failAbove)
	}
	return &limit{o.failAbove, amount, share}, nil
}

// check returns an error when a comparison exceeds the limit.
func (l *limit) check(d outlook.RunDifference) error {
	if l == nil {
		return nil
	}
	if d.Head.Unpriced > 0 {
		return fmt.Errorf("--fail-above %s: cannot be judged, the cost of %s is not known (%s)", l.text, plural(d.Head.Unpriced, "call"), plain(strings.Join(d.Head.UnpricedModels, ", ")))
	}
	allowed := l.amount
	if l.share {
		allowed = d.Base.Cost.Decimal().Mul(l.amount).Shift(-2)
	}
	if d.Difference.Decimal().GreaterThan(allowed) {
		return fmt.Errorf("--fail-above %s: the run costs %s USD more, %s are allowed", l.text, d.Difference, allowed)
	}
	return nil
}

// compare prices and compares both runs.
func (o *runsOptions) compare(pricer pricing.Pricer) (d outlook.RunDifference, services []string, err error) {
	at, err := o.at()
	if err != nil {
		return d, nil, err
	}
	var runs [2]outlook.Run
	for i, file := range []string{o.base, o.head} {
		td, err := readTraces(file)
		if err != nil {
			return d, nil, err
		}
		if runs[i].Calls, err = readCalls(td, pricer, at); err != nil {
			return d, nil, err
		}
		if len(runs[i].Calls) == 0 {
			return d, nil, fmt.Errorf("%s: found no model call in its %s; docs/instrumenting.md describes what a span must have", file, plural(td.SpanCount(), "span"))
		}
		runs[i].Price = pricer.Price
	}
	names := map[string]bool{}
	for _, call := range runs[0].Calls {
		names[call.Service] = true
	}
	return outlook.CompareRuns(runs[0], runs[1]), slices.Sorted(maps.Keys(names)), nil
}

// run compares the runs, adds the monthly effect if a database is given, and prints the
// result.
func (o *runsOptions) run(cmd *cobra.Command, db *database, book *pricing.Config, asJSON bool) error {
	l, err := o.limit()
	if err != nil {
		return err
	}
	b, err := pricing.Load(*book)
	if err != nil {
		return err
	}
	d, services, err := o.compare(pricing.Pricer{Book: b})
	if err != nil {
		return err
	}
	if db.dsn != "" || os.Getenv("DATABASE_URL") != "" {
		if err := db.with(cmd, asReader, func(ctx context.Context, pool *pgxpool.Pool) error {
			calls, err := callsOfLate(ctx, read.New(pool, time.Minute), services)
			d.AtTraffic(calls)
			return err
		}); err != nil {
			return err
		}
	}
	switch {
	case asJSON:
		err = printJSON(cmd.OutOrStdout(), d)
	case o.markdown:
		err = printRuns(cmd.OutOrStdout(), d, markdown)
	default:
		err = printRuns(cmd.OutOrStdout(), d, text)
	}
	return errors.Join(err, l.check(d))
}

// callsOfLate counts the calls of services in the last 30 days.
func callsOfLate(ctx context.Context, r *read.Reader, services []string) (calls int64, err error) {
	span, err := report.ParseSpan("", "", "", time.Now())
	if err != nil {
		return 0, err
	}
	for _, service := range services {
		q := report.Question{Viewer: read.Administrator(), Span: span, Detail: true, Currency: read.Dollar, Filter: read.Filter{Service: &service}}
		a, err := report.Ask(ctx, r, q)
		if err != nil {
			return 0, err
		}
		calls += a.Current.Calls
	}
	return calls, nil
}

// form writes a table in some format.
type form func(w io.Writer, rows [][]string) error

// text writes a table with aligned columns for a terminal.
func text(w io.Writer, rows [][]string) error {
	var t table
	for _, row := range rows {
		cells := make([]any, len(row))
		for i, cell := range row {
			if cells[i] = cell; i > 0 {
				cells[i] = number(cell)
			}
		}
		t.row(cells...)
	}
	return t.print(w)
}

// markdown writes a table in GitHub Flavored Markdown.
func markdown(w io.Writer, rows [][]string) error {
	for i, row := range rows {
		if _, err := fmt.Fprintf(w, "| %s |\n", strings.ReplaceAll(plain(strings.Join(row, " | ")), "\\", `\\`)); err != nil {
			return err
		}
		if i == 0 {
			if _, err := fmt.Fprintf(w, "| --- |%s\n", strings.Repeat(" ---: |", len(row)-1)); err != nil {
				return err
			}
		}
	}
	return nil
}

// printRuns prints the comparison, with all digits.
func printRuns(w io.Writer, d outlook.RunDifference, table form) error {
	p := &printer{out: w}
	write := func(rows [][]string) {
		if p.err == nil {
			p.err = table(w, rows)
		}
	}
	write([][]string{
		{"One run, in USD", "base", "head", "difference"},
		{"cost", d.Base.Cost.String(), d.Head.Cost.String(), signed(d.Difference) + shareOf(d.Difference, d.Base.Cost)},
		{"calls", fmt.Sprint(d.Base.Calls), fmt.Sprint(d.Head.Calls), fmt.Sprintf("%+d", d.Head.Calls-d.Base.Calls)},
	})
	if len(d.Causes) > 0 {
		p.line("")
		rows := [][]string{{"What moved it", "USD"}}
		for _, c := range d.Causes {
			rows = append(rows, []string{causeTexts[c.Cause], signed(c.Cost)})
		}
		write(rows)
	}
	p.line("")
	for _, r := range []struct {
		name string
		cost outlook.RunCost
	}{{"base", d.Base}, {"head", d.Head}} {
		if r.cost.Unpriced > 0 {
			p.line("The %s has %s without a known cost, in no sum: %s", r.name, plural(r.cost.Unpriced, "call"), plain(strings.Join(r.cost.UnpricedModels, ", ")))
		}
		if r.cost.Estimated > 0 {
			p.line("The cost of %s of the %s is an estimate.", plural(r.cost.Estimated, "call"), r.name)
		}
	}
	if m := d.Monthly; m != nil {
		p.line("A month: %s USD at the traffic of the last 30 days, %s, which are %s runs of the base.", signed(m.Difference), plural(m.Calls, "call"), m.Runs)
	} else {
		p.line("A month: not known; with --dsn or DATABASE_URL it is shown at the traffic of the last 30 days.")
	}
	return p.err
}

// causeTexts describe the causes in words.
var causeTexts = map[string]string{
	"calls": "number of calls", "prompt": "length of prompts", "cache": "use of the cache", "output": "length of answers, and all else", "model": "other models",
}

// shareOf returns a difference in percent, or "" when of is 0.
func shareOf(difference, of usage.Sum) string {
	if of.IsZero() {
		return ""
	}
	percent := difference.Decimal().Mul(decimal.NewFromInt(100)).DivRound(of.Decimal(), 1)
	if percent.IsPositive() {
		return " (+" + percent.String() + " %)"
	}
	return " (" + percent.String() + " %)"
}
