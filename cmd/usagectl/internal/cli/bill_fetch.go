package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/bill/reports"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/shopspring/decimal"
	"github.com/spf13/cobra"

	"github.com/otelcol-usage/otelcol-usage/internal/bill"
	"github.com/otelcol-usage/otelcol-usage/internal/bill/fetch"
	"github.com/otelcol-usage/otelcol-usage/internal/report"
	"github.com/otelcol-usage/otelcol-usage/internal/store/upkeep"
)

// billDays is how many days back a bill is fetched again, because providers change a month
// until it is closed.
const billDays = 35

// billProgress is how often a run that fetches from a provider reports its progress.
const billProgress = 2 * time.Second

// billFetch holds the flags of usagectl bill import without a file.
type billFetch struct{ since, keyFile, endpoint string }

func (o *billFetch) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.since, "since", "", fmt.Sprintf("without --file: the first day that the provider is asked for (default: %d days ago)", billDays))
	f.StringVar(&o.keyFile, "key-file", "", "without --file: a file that holds the admin key (default: the environment variable OPENAI_ADMIN_KEY or ANTHROPIC_ADMIN_KEY)")
	f.StringVar(&o.endpoint, "endpoint", "", "without --file: another address of the provider's API, such as a proxy")
}

// key reads the admin key. It is never an argument, because every user of the machine can
// see those.
func (o *billFetch) key(provider string) (string, error) {
	name := strings.ToUpper(provider) + "_ADMIN_KEY"
	key, from := os.Getenv(name), "the environment variable "+name
	if o.keyFile != "" {
		text, err := os.ReadFile(o.keyFile)
		if err != nil {
			return "", fmt.Errorf("--key-file: %w", err)
		}
		key, from = string(text), "--key-file"
	}
	if key = strings.TrimSpace(key); key == "" {
		return "", fmt.Errorf("%s is empty: set it to an admin key of the organization, or name a report with --file", from)
	}
	if strings.ContainsAny(key, " \t\r\n") {
		return "", fmt.Errorf("%s contains more than a key", from)
	}
	return key, nil
}

// days returns the days to fetch, including today.
func (o *billFetch) days(now time.Time) (from, to time.Time, err error) {
	today := now.UTC().Truncate(24 * time.Hour)
	from, to = today.AddDate(0, 0, -billDays), today.AddDate(0, 0, 1)
	if o.since != "" {
		if from, err = report.ParseBound("--since", o.since, time.UTC, false); err != nil {
			return from, to, err
		}
		if !from.Equal(from.Truncate(24*time.Hour)) || !from.Before(to) {
			return from, to, fmt.Errorf("--since: found %s, must be a day such as 2026-01-31, not later than today", o.since)
		}
	}
	return from, to, nil
}

// fetch downloads the provider's reports and stores them in whole days.
func (o *billImport) fetch(ctx context.Context, cmd *cobra.Command, pool *pgxpool.Pool, key string) error {
	sources := fetch.Sources(o.provider)
	if o.report != "" {
		sources = nil
		for _, s := range fetch.Sources(o.provider) {
			if string(s.Report) == o.report {
				sources = append(sources, s)
			}
		}
		if sources == nil {
			return fmt.Errorf("--report: found %q, %s can be asked for %s", o.report, o.provider, sourceNames(o.provider))
		}
	}
	now := time.Now().UTC()
	from, to, err := o.ask.days(now)
	if err != nil {
		return err
	}
	f := fetch.Fetcher{
		Provider: o.provider, Key: key, Endpoint: o.ask.endpoint,
		Retried: func(why string, pause time.Duration) {
			cmd.PrintErrf("%s; retrying in %s\n", plain(why), pause.Round(time.Second))
		},
	}
	for _, s := range sources {
		err := o.fetchReport(ctx, cmd, pool, &f, s, upkeep.BillCursor{Provider: o.provider, Account: o.account, Report: s.Report, From: from, To: to}, now)
		if err != nil && s.Optional && errors.Is(err, fetch.ErrRefused) {
			cmd.PrintErrf("%s was left out: %s\n", s.Report, plain(err.Error()))
			continue
		}
		if errors.Is(err, fetch.ErrRefused) {
			return err // the key has no access: stop
		}
		if err != nil {
			return fmt.Errorf("%w; the days before are stored, and the same command continues from there", err)
		}
	}
	return nil
}

func sourceNames(provider string) string {
	var names []string
	for _, s := range fetch.Sources(provider) {
		names = append(names, string(s.Report))
	}
	return strings.Join(names, ", ")
}

func (o *billImport) fetchReport(ctx context.Context, cmd *cobra.Command, pool *pgxpool.Pool, f *fetch.Fetcher, s fetch.Source, c upkeep.BillCursor, now time.Time) error {
	resumed, err := upkeep.ResumeBill(ctx, pool, &c)
	if err != nil {
		return err
	}
	if resumed {
		cmd.PrintErrf("%s: continuing from %s, where the last run stopped\n", s.Report, c.DoneUntil.Format(time.DateOnly))
	}
	var rows int64
	var days, replaced int
	shown := time.Now()
	sums := map[string]decimal.Decimal{}
	err = f.Each(ctx, s, c.DoneUntil, c.To, now, reports.Options{KeepEmails: o.keepEmails}, func(d fetch.Days) error {
		c.DoneUntil = d.Until
		saved, err := upkeep.SaveBill(ctx, pool, upkeep.BillImport{
			Account: o.account, Days: d.Covered, Cursor: &c,
			Lines: func(each func(*bill.Line) error) error {
				for i := range d.Lines {
					if l := &d.Lines[i]; l.HasCost {
						sums[l.Currency] = sums[l.Currency].Add(l.Cost)
					}
					if err := each(&d.Lines[i]); err != nil {
						return err
					}
				}
				return nil
			},
		})
		if err != nil {
			return err
		}
		rows, days, replaced = rows+saved.Lines, days+len(d.Covered), replaced+saved.Replaced
		if d.Until.Before(c.To) && time.Since(shown) > billProgress {
			shown = time.Now()
			cmd.PrintErrf("%s: %s until %s\n", s.Report, plural(rows, "row"), d.Until.Format(time.DateOnly))
		}
		return nil
	})
	if err != nil {
		return err
	}
	cmd.Printf("%s %s of %s: %s stored, %s; %s replaced\n", o.provider, s.Report, plural(days, "day"), plural(rows, "row"), moneyText(sums), plural(replaced, "day"))
	return nil
}
