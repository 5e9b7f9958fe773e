// Package usagecmd is `usagectl usage`: the answers of the query API in a
// terminal, as tables, as JSON or as CSV.
//
// It owns how an answer looks on a screen (print.go); what it holds and how a
// period is read are internal/report, so that the API says the same.
package usagecmd

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/otelcol-usage/otelcol-usage/cmd/usagectl/internal/dbflag"
	"github.com/otelcol-usage/otelcol-usage/internal/report"
	"github.com/otelcol-usage/otelcol-usage/internal/store"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// options are the flags of the command.
type options struct {
	start, end, zone, user                         string
	apiType, provider, model, service, environment string
	currency                                       string
	top                                            int
	output                                         string
	timeout                                        time.Duration
}

// New returns the command.
func New() *cobra.Command {
	var o options
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
	db := dbflag.Add(cmd)
	f := cmd.Flags()
	f.StringVar(&o.start, "start", "", "first day, or an instant (RFC 3339)")
	f.StringVar(&o.end, "end", "", "last day, or an instant (RFC 3339), which is excluded")
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
		pool, err := db.Connect(cmd.Context())
		if err != nil {
			return err
		}
		defer pool.Close()
		reader := store.NewReader(pool, o.timeout)
		previous, current, through, err := reader.Summaries(cmd.Context(), question.ForStore())
		if err != nil {
			return advise(err)
		}
		answer := question.Answer(previous, current, through)
		switch o.output {
		case "json":
			enc := json.NewEncoder(cmd.OutOrStdout())
			enc.SetEscapeHTML(false)
			enc.SetIndent("", "  ")
			return enc.Encode(answer)
		case "csv":
			return printCSV(cmd.OutOrStdout(), answer)
		}
		names, err := reader.UserNames(cmd.Context(), usersOf(answer))
		if err != nil {
			return advise(err)
		}
		return printTables(cmd.OutOrStdout(), answer, names)
	}
	return cmd
}

// question checks the flags.
func (o *options) question(now time.Time) (report.Question, error) {
	if o.output != "table" && o.output != "json" && o.output != "csv" {
		return report.Question{}, fmt.Errorf("--output: found %q, allowed is table, json, csv", o.output)
	}
	if o.top < 0 {
		return report.Question{}, fmt.Errorf("--top: found %d, allowed is 0 or more", o.top)
	}
	span, err := report.ParseSpan(o.start, o.end, o.zone, now)
	if err != nil {
		return report.Question{}, err
	}
	currency, err := report.ParseCurrency(o.currency)
	if err != nil {
		return report.Question{}, err
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

// advise adds what to do about an error of the database.
func advise(err error) error {
	var rate *store.RateError
	switch {
	case store.IsTimeout(err):
		return fmt.Errorf("%w; ask for a shorter period or raise --timeout", err)
	case errors.As(err, &rate):
		return fmt.Errorf("--currency: %w; run: usagectl rates import FILE", err)
	}
	return dbflag.Advise(err, "usage_reader")
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

// plain keeps what apps call their models and users from steering the
// terminal.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return '\uFFFD'
		}
		return r
	}, text)
}
