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
	"github.com/otelcol-usage/otelcol-usage/internal/store"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// usageOptions are the flags of usagectl usage.
type usageOptions struct {
	period                                         *period
	zone, user                                     string
	apiType, provider, model, service, environment string
	currency                                       string
	top                                            int
	output                                         string
	timeout                                        time.Duration
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
	f.StringVar(&o.apiType, "type", "", "one API type, such as text")
	f.StringVar(&o.provider, "provider", "", "one provider; \"(none)\": calls without one")
	f.StringVar(&o.model, "model", "", "one model; \"(none)\": calls without one")
	f.StringVar(&o.service, "service", "", "one service; \"(none)\": calls without one")
	f.StringVar(&o.environment, "environment", "", "one environment; \"(none)\": calls without one")
	f.StringVar(&o.currency, "currency", store.Dollar, "show costs in this currency (ISO 4217), each UTC day at its own rate; see usagectl rates")
	f.IntVar(&o.top, "top", 10, "how many users and models are listed by name")
	f.StringVarP(&o.output, "output", "o", "table", "table, json (as the API answers) or csv")
	f.DurationVar(&o.timeout, "timeout", time.Minute, "how long a statement may take")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		question, err := o.question(time.Now())
		if err != nil {
			return err
		}
		return db.with(cmd, asReader, func(ctx context.Context, pool *pgxpool.Pool) error {
			return adviseOnQuestion(o.answer(ctx, cmd.OutOrStdout(), store.NewReader(pool, o.timeout), question))
		})
	}
	return cmd
}

// answer asks and prints.
func (o *usageOptions) answer(ctx context.Context, out io.Writer, reader *store.Reader, question report.Question) error {
	previous, current, through, err := reader.Summaries(ctx, question.ForStore())
	if err != nil {
		return err
	}
	answer := question.Answer(previous, current, through)
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
		return report.Question{}, fmt.Errorf("--output: found %q, allowed is table, json, csv", o.output)
	}
	if o.top < 0 {
		return report.Question{}, fmt.Errorf("--top: found %d, allowed is 0 or more", o.top)
	}
	span, err := o.period.span(o.zone, now)
	if err != nil {
		return report.Question{}, err
	}
	currency, err := report.ParseCurrency(o.currency)
	if err != nil {
		return report.Question{}, flagged(err)
	}
	q := report.Question{Viewer: store.Administrator(), Span: span, Top: o.top, Detail: true, Currency: currency}
	if o.apiType != "" {
		if _, err := usage.ParseAPIType(o.apiType); err != nil {
			return report.Question{}, fmt.Errorf("--type: %w", err)
		}
		q.Filter.APIType = &o.apiType
	}
	for _, f := range []struct {
		text string
		to   **string
	}{{o.provider, &q.Filter.Provider}, {o.model, &q.Filter.Model}, {o.service, &q.Filter.Service}, {o.environment, &q.Filter.Environment}} {
		if f.text != "" {
			key := report.KeyText(f.text)
			*f.to = &key
		}
	}
	if o.user != "" {
		q.Filter.ByUser = true
		if o.user != report.Unattributed {
			q.Filter.User = usage.UserID(o.user)
		}
	}
	return q, nil
}

// adviseOnQuestion adds what to do when a question cannot be answered.
func adviseOnQuestion(err error) error {
	var rate *store.RateError
	switch {
	case store.IsTimeout(err):
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
