package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/shopspring/decimal"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/otelcol-usage/otelcol-usage/internal/outlook"
	"github.com/otelcol-usage/otelcol-usage/internal/report"
	"github.com/otelcol-usage/otelcol-usage/internal/store/read"
	"github.com/otelcol-usage/otelcol-usage/internal/store/upkeep"
)

// forecastOptions are the flags of usagectl forecast.
type forecastOptions struct {
	filter                    filterFlags
	period, scope, user, zone string
	top                       int
	json, publish             bool
	timeout                   time.Duration
	api                       apiClient
}

func newForecast() *cobra.Command {
	var o forecastOptions
	cmd := &cobra.Command{
		Use:   "forecast",
		Short: "Forecasts the cost of a period, with its range and its past error",
		Long: `Forecasts what the current month, or another period, will cost: in total, for the
users, teams, services, models, providers or values of a tag with the greatest cost,
or for each budget. Each forecast comes with the range in which eight of ten
outcomes lie, and with the past error of such forecasts and of the straight line.
docs/forecast.md describes the method.

It queries the database, or with --api the extension usage_api, like usagectl usage.

--publish stores what dashboards and alerts show: the current month, quarter and
year in total, the month of the 20 services and models with the greatest cost, and
every budget. Run it every night; the database user needs usage_reader and
usage_pricer.`,
		Example: `  usagectl forecast
  usagectl forecast --scope service --top 10
  usagectl forecast --scope tag:team
  usagectl forecast --scope budget
  usagectl forecast --period quarter --model gpt-4o --timezone Europe/Berlin --json
  usagectl forecast --publish --timezone Europe/Berlin
  usagectl forecast --api https://usage.example.com --own`,
		Args: cobra.NoArgs,
	}
	db := addDatabase(cmd)
	f := cmd.Flags()
	f.StringVar(&o.period, "period", report.ForecastPeriods[0], "the running "+strings.Join(report.ForecastPeriods, ", ")+"; a budget has its own")
	f.StringVar(&o.scope, "scope", report.ForecastScopes[0], "whose cost: "+strings.Join(report.ForecastScopes, ", "))
	f.StringVar(&o.zone, "timezone", "UTC", "IANA time zone whose midnights divide the days")
	f.StringVar(&o.user, "user", "", "one user, by the id that the apps send or by UUID; \"unattributed\": calls without a user")
	o.filter = addFilter(f)
	o.filter["timezone"], o.filter["period"], o.filter["scope"] = &o.zone, &o.period, &o.scope
	f.IntVar(&o.top, "top", 5, "how many users, teams, services, models, providers or values of a tag are forecast")
	f.BoolVar(&o.json, "json", false, "print the document that GET /api/admin/forecast answers")
	f.BoolVar(&o.publish, "publish", false, "store the forecasts that boards and alerts show, and say how many")
	f.DurationVar(&o.timeout, "timeout", time.Minute, "how long a statement, or the API, may take")
	o.api.addFlags(f)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		question, err := o.question(time.Now())
		if err != nil {
			return err
		}
		var answer report.ForecastAnswer
		switch {
		case o.publish:
			if err := o.refuseNarrowed(cmd.Flags()); err != nil {
				return err
			}
			err = db.with(cmd, asPricer, func(ctx context.Context, pool *pgxpool.Pool) (err error) {
				answer, err = publishForecasts(ctx, pool, read.New(pool, o.timeout), question)
				return err
			})
			if err == nil && !o.json {
				cmd.Println(plural(int64(len(answer.Forecasts)), "forecast"), "stored for boards and alerts")
				return nil
			}
		case o.api.address != "":
			answer, err = o.api.forecast(cmd.Context(), o.timeout, o.parameters(cmd.Flags()))
		default:
			answer, err = askDatabase(cmd, db, o.timeout, question, report.Forecasts)
			err = flagged(err, "apiType", "--type")
		}
		if err != nil {
			return err
		}
		return o.print(cmd.OutOrStdout(), answer)
	}
	return cmd
}

// published is the scopes and periods that boards and alerts show.
var published = []struct{ scope, period string }{
	{"org", "month"}, {"org", "quarter"}, {"org", "year"}, {"service", "month"}, {"model", "month"}, {"budget", "month"},
}

// publishedTop is how many services and models are published.
const publishedTop = 20

// publishForecasts forecasts all that boards and alerts show, and stores it.
func publishForecasts(ctx context.Context, pool *pgxpool.Pool, r *read.Reader, q report.ForecastQuestion) (all report.ForecastAnswer, err error) {
	q.Top = publishedTop
	for _, p := range published {
		q.Scope, q.Period = p.scope, p.period
		answer, err := report.Forecasts(ctx, r, q)
		if err != nil {
			return all, err
		}
		all.Timezone, all.Currency = answer.Timezone, answer.Currency
		all.Forecasts = append(all.Forecasts, answer.Forecasts...)
	}
	return all, upkeep.PublishOutlook(ctx, pool, "forecast", all, q.Now)
}

// refuseNarrowed refuses flags that would publish a part as if it were all.
func (o *forecastOptions) refuseNarrowed(flags *pflag.FlagSet) (err error) {
	allowed := []string{"publish", "timezone", "json", "timeout", "dsn", "password-file"}
	flags.Visit(func(f *pflag.Flag) {
		if err == nil && !slices.Contains(allowed, f.Name) {
			err = fmt.Errorf("--%s: --publish takes --timezone alone, because boards show the forecasts of everything", f.Name)
		}
	})
	return err
}

// question checks the flags.
func (o *forecastOptions) question(now time.Time) (report.ForecastQuestion, error) {
	q, err := report.ParseForecast(o.filter.parameter, now)
	if err == nil {
		q.Filter, err = report.ParseFilter(o.filter.parameter)
	}
	if err != nil {
		return q, flagged(err, "apiType", "--type")
	}
	if o.top < 1 {
		return q, fmt.Errorf("--top: found %d, must be 1 or more", o.top)
	}
	if o.user != "" {
		report.ByUser(&q.Filter, o.user)
	}
	q.Viewer, q.Top = read.Administrator(), o.top
	return q, nil
}

// parameters returns the parameters of the API for the flags that are set.
func (o *forecastOptions) parameters(flags *pflag.FlagSet) url.Values {
	values := url.Values{"top": {strconv.Itoa(o.top)}}
	setParameters(values, flags, "user", "userId", "period", "period", "scope", "scope")
	return values
}

func (o *forecastOptions) print(out io.Writer, answer report.ForecastAnswer) error {
	if o.json {
		return printJSON(out, answer)
	}
	return printForecasts(out, answer)
}

// printForecasts prints the answer for people, with rounded amounts.
func printForecasts(w io.Writer, a report.ForecastAnswer) error {
	p := &printer{out: w}
	if len(a.Forecasts) == 0 {
		p.line("There is nothing to forecast: no call in the last 30 days, or no budget.")
		return p.err
	}
	p.line("Forecasts in %s at API prices, days of %s\n", a.Currency, a.Timezone)
	t := &table{indent: "  ", widest: 40}
	t.row("", "period", number("spent"), number("expected"), "80 in 100 between", "method", number("past error"), number("line's"))
	for _, f := range a.Forecasts {
		t.row(forecastName(f), f.Period.Start+" to "+f.Period.End, known(f.Spent, f.UnpricedCalls), known(f.Expected, f.UnpricedCalls),
			bandText(f.Bands["80"], f.Bands != nil), methodText(f), shareText(f.PastError), shareText(f.LineError))
	}
	p.table(t)
	p.line("")
	for _, f := range a.Forecasts {
		for _, note := range notesOf(f) {
			p.line("  %s: %s", plain(forecastName(f)), note)
		}
	}
	return p.err
}

func forecastName(f report.ScopeForecast) string {
	if f.Scope == "org" {
		return "everything"
	}
	return cmp.Or(f.Name, f.Key)
}

func bandText(b outlook.Band, has bool) string {
	if !has {
		return "not known"
	}
	return string(amount(b[0])) + " and " + string(amount(b[1]))
}

func methodText(f report.ScopeForecast) string {
	if f.ShortHistory {
		return string(f.Method) + ", few days"
	}
	return string(f.Method)
}

// shareText formats a share in percent.
func shareText(s *outlook.Share) number {
	if s == nil {
		return "not known"
	}
	return number(decimal.New(int64(*s), -4).StringFixed(1) + " %")
}

// notesOf returns notes that do not fit into a line of the table.
func notesOf(f report.ScopeForecast) (notes []string) {
	if f.UnpricedCalls > 0 {
		notes = append(notes, plural(f.UnpricedCalls, "call")+" of the period without a known cost, in no amount")
	}
	if b := f.Budget; b != nil {
		text := "budget " + string(amount(b.Limit))
		if b.Exceeds != nil {
			text += ", exceeded with a probability of " + string(shareText(b.Exceeds))
		}
		if b.Exhausted != "" {
			text += ", used up on " + b.Exhausted
		}
		notes = append(notes, text)
	}
	for _, d := range f.Drivers {
		notes = append(notes, fmt.Sprintf("%s %s went from %s to %s in a week", d.Dimension, plain(cmp.Or(d.Name, d.Key)), amount(d.Before), amount(d.After)))
	}
	return notes
}
