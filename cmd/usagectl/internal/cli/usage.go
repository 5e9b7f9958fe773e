package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"github.com/otelcol-usage/otelcol-usage/internal/report"
	"github.com/otelcol-usage/otelcol-usage/internal/store/read"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// usageOptions are the flags of usagectl usage.
type usageOptions struct {
	period               *period
	filter               map[string]*string // by the parameters of the API
	zone, user, currency string
	top                  int
	output               string
	timeout              time.Duration
}

// newUsage gives the answers of the query API in a terminal, as tables, as JSON or
// as CSV. What an answer holds and how a period is read are internal/report, so
// that the API says the same.
func newUsage() *cobra.Command {
	var o usageOptions
	cmd := &cobra.Command{
		Use:   "usage",
		Short: "Shows what AI API calls cost, by type, user, model and day",
		Long: `Shows what AI API calls cost in a period and in the one before it: in total, by
type, by user, by model and by day. A date as --end includes that whole day, an
instant such as 2026-01-31T00:00:00Z is excluded; without dates it is the last
30 days, today included.`,
		Example: `  usagectl usage
  usagectl usage --start 2026-01-01 --end 2026-01-31 --timezone Europe/Berlin
  usagectl usage --user ada --output json
  usagectl usage --currency EUR`,
		Args: cobra.NoArgs,
	}
	db := addDatabase(cmd)
	f := cmd.Flags()
	o.period = addPeriod(cmd, "start", "end", " (default: 30 days before the end)", " (default: today)")
	f.StringVar(&o.zone, "timezone", "UTC", "IANA time zone whose midnights divide the days")
	f.StringVar(&o.user, "user", "", "one user, by the id that the apps send or by UUID; \"unattributed\": calls without a user")
	o.filter = map[string]*string{"apiType": f.String("type", "", "one API type, such as text")}
	for _, name := range []string{"provider", "model", "service", "environment"} {
		o.filter[name] = f.String(name, "", "one "+name+"; \"(none)\": calls without one")
	}
	f.StringVar(&o.currency, "currency", read.Dollar, "show costs in this currency (ISO 4217), each UTC day at its own rate; see usagectl rates")
	f.IntVar(&o.top, "top", 10, "how many users and models are listed by name")
	f.StringVarP(&o.output, "output", "o", "table", "table, json (as the API answers) or csv")
	f.DurationVar(&o.timeout, "timeout", time.Minute, "how long a statement may take")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		question, err := o.question(time.Now())
		if err != nil {
			return err
		}
		return db.with(cmd, asReader, func(ctx context.Context, pool *pgxpool.Pool) error {
			return adviseOnQuestion(o.answer(ctx, cmd.OutOrStdout(), read.New(pool, o.timeout), question))
		})
	}
	return cmd
}

// answer asks and prints.
func (o *usageOptions) answer(ctx context.Context, out io.Writer, reader *read.Reader, question report.Question) error {
	answer, err := report.Ask(ctx, reader, question)
	if err != nil {
		return err
	}
	switch o.output {
	case "json":
		return printJSON(out, answer)
	case "csv":
		return printCSV(out, answer)
	}
	names, err := reader.UserNames(ctx, usersOf(answer))
	if err != nil {
		return err
	}
	return printTables(out, answer, names)
}

// question checks the flags.
func (o *usageOptions) question(now time.Time) (report.Question, error) {
	if o.output != "table" && o.output != "json" && o.output != "csv" {
		return report.Question{}, fmt.Errorf("--output: found %q, must be table, json or csv", o.output)
	}
	if o.top < 0 {
		return report.Question{}, fmt.Errorf("--top: found %d, must be 0 or more", o.top)
	}
	span, err := o.period.span(o.zone, now)
	if err != nil {
		return report.Question{}, err
	}
	currency, err := report.ParseCurrency(o.currency)
	if err != nil {
		return report.Question{}, flagged(err)
	}
	q := report.Question{Viewer: read.Administrator(), Span: span, Top: o.top, Detail: true, Currency: currency}
	if q.Filter, err = report.ParseFilter(func(name string) string { return *o.filter[name] }); err != nil {
		return report.Question{}, flagged(err, "apiType", "--type")
	}
	if o.user != "" {
		report.ByUser(&q.Filter, o.user)
	}
	return q, nil
}

// adviseOnQuestion adds what to do when a question cannot be answered.
func adviseOnQuestion(err error) error {
	var rate *read.RateError
	switch {
	case read.IsTimeout(err):
		return fmt.Errorf("%w; ask for a shorter period or raise --timeout", err)
	case errors.As(err, &rate):
		return fmt.Errorf("--currency: %w; run: usagectl rates import FILE", err)
	}
	return err
}

// usersOf lists the users that an answer names.
func usersOf(a report.Answer) []usage.ID {
	var ids []usage.ID
	for _, u := range [][]report.Cost{a.Current.UsageByUser, a.Previous.UsageByUser} {
		for _, c := range u {
			if id, ok := usage.ParseID(c.Key); ok {
				ids = append(ids, id)
			}
		}
	}
	return ids
}
