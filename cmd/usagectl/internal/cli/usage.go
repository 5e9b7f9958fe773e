package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/otelcol-usage/otelcol-usage/internal/report"
	"github.com/otelcol-usage/otelcol-usage/internal/store/read"
)

// usageOptions are the flags of usagectl usage.
type usageOptions struct {
	period               *period
	filter               filterFlags
	zone, user, currency string
	top                  int
	output               string
	timeout              time.Duration
	api                  apiClient
}

// newUsage returns the command that prints the answers of the query API as tables, JSON or
// CSV. Package internal/report parses periods and builds answers, so that the API gives the
// same ones.
func newUsage() *cobra.Command {
	var o usageOptions
	cmd := &cobra.Command{
		Use:   "usage",
		Short: "Shows what AI API calls cost, by type, user, model and day",
		Long: `Shows what AI API calls cost in a period and in the one before it: in total, by
type, by user, by model and by day. A date as --end includes that day; an instant
such as 2026-01-31T00:00:00Z is excluded. Without dates it shows the last 30 days
including today.

It queries the database, or with --api the extension usage_api, for people without
access to the database. The API credentials are read from the file --api-credentials
or from the environment variable USAGE_API_CREDENTIALS: user:password, or a bearer
token.`,
		Example: `  usagectl usage
  usagectl usage --start 2026-01-01 --end 2026-01-31 --timezone Europe/Berlin
  usagectl usage --user ada --output json
  usagectl usage --currency EUR
  usagectl usage --api https://usage.example.com --api-credentials ~/.usage-api
  usagectl usage --api https://usage.example.com --own`,
		Args: cobra.NoArgs,
	}
	db := addDatabase(cmd)
	f := cmd.Flags()
	o.period = addPeriod(cmd, "start", "end", " (default: 30 days before the end)", " (default: today)")
	f.StringVar(&o.zone, "timezone", "UTC", "IANA time zone whose midnights divide the days")
	f.StringVar(&o.user, "user", "", "one user, by the id that the apps send or by UUID; \"unattributed\": calls without a user")
	o.filter = addFilter(f)
	f.StringVar(&o.currency, "currency", read.Dollar, "show costs in this currency (ISO 4217), each UTC day at its own rate; see usagectl rates")
	f.IntVar(&o.top, "top", 10, "how many users and models are listed by name")
	f.StringVarP(&o.output, "output", "o", "table", "table, json (as the API answers) or csv")
	f.DurationVar(&o.timeout, "timeout", time.Minute, "how long a statement, or the API, may take")
	o.api.addFlags(f)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		question, err := o.question(time.Now())
		if err != nil {
			return err
		}
		var answer report.Answer
		if o.api.address != "" {
			answer, err = o.api.ask(cmd.Context(), o.timeout, o.parameters(cmd.Flags()))
		} else {
			answer, err = askDatabase(cmd, db, o.timeout, question, report.Ask)
		}
		if err != nil {
			return err
		}
		return o.print(cmd.OutOrStdout(), answer)
	}
	return cmd
}

// askDatabase answers a question of package report, with a time limit for each statement.
func askDatabase[Q, A any](cmd *cobra.Command, db *database, timeout time.Duration, question Q, ask func(context.Context, *read.Reader, Q) (A, error)) (answer A, err error) {
	err = db.with(cmd, asReader, func(ctx context.Context, pool *pgxpool.Pool) (err error) {
		answer, err = ask(ctx, read.New(pool, timeout), question)
		return adviseOnQuestion(err)
	})
	return answer, err
}

// print prints the answer in the requested format.
func (o *usageOptions) print(out io.Writer, answer report.Answer) error {
	switch o.output {
	case "json":
		return printJSON(out, answer)
	case "csv":
		return printCSV(out, answer)
	}
	if err := printTables(out, answer); err != nil {
		return err
	}
	if o.user != "" && answer.DataThrough != nil && answer.Current.Calls == 0 && answer.Previous.Calls == 0 {
		_, err := fmt.Fprintf(out, "\n  No call of user %q in this period or the one before. A user is the id that apps send (user.id);\n  without --user, the table by user lists those that are known.\n", o.user)
		return err
	}
	return nil
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
	if q.Filter, err = report.ParseFilter(o.filter.parameter); err != nil {
		return report.Question{}, flagged(err, "apiType", "--type")
	}
	if o.user != "" {
		report.ByUser(&q.Filter, o.user)
	}
	return q, nil
}

// adviseOnQuestion adds to an error what to do when a question cannot be answered.
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

// parameters returns the parameters of the API for the flags that are set.
func (o *usageOptions) parameters(flags *pflag.FlagSet) url.Values {
	values := url.Values{}
	setParameters(values, flags, "start", "startDate", "end", "endDate", "user", "userId", "currency", "currency")
	values.Set("top", strconv.Itoa(o.top))
	return values
}

// filterFlags holds the values of the filter flags by the API's parameter names.
type filterFlags map[string]*string

// filterNames lists pairs of a flag and the API parameter that it sets.
var filterNames = []string{"type", "apiType", "provider", "provider", "model", "model", "service", "service", "environment", "environment", "tag", "tag", "timezone", "timezone"}

func addFilter(f *pflag.FlagSet) filterFlags {
	filter := filterFlags{"apiType": f.String("type", "", "one API type, such as text")}
	for _, name := range []string{"provider", "model", "service", "environment"} {
		filter[name] = f.String(name, "", "one "+name+"; \"(none)\": calls without one")
	}
	filter["tag"] = f.String("tag", "", "one value of a tag, such as team:search; \"team:(none)\": calls without it")
	return filter
}

func (f filterFlags) parameter(name string) string {
	if value := f[name]; value != nil {
		return *value
	}
	return ""
}

// setParameters sets the parameters of the flags that are set, given as pairs of flag and
// parameter, and those of the filter.
func setParameters(values url.Values, flags *pflag.FlagSet, names ...string) {
	names = append(names, filterNames...)
	for i := 0; i < len(names); i += 2 {
		if f := flags.Lookup(names[i]); f.Changed {
			values.Set(names[i+1], f.Value.String())
		}
	}
}
