package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/shopspring/decimal"
	"github.com/spf13/cobra"

	"github.com/otelcol-usage/otelcol-usage/internal/store/upkeep"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// newRates returns the commands for the exchange rates with which reports show costs in
// other currencies.
func newRates() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rates",
		Short: "Manages exchange rates, for reports in another currency",
	}
	db := addDatabase(cmd)
	cmd.AddCommand(newRatesImport(db), newRatesList(db))
	return cmd
}

func newRatesImport(db *database) *cobra.Command {
	return &cobra.Command{
		Use:   "import FILE.csv",
		Short: "Stores the rates of a CSV file, all or none of them",
		Long: `Stores the rates of a CSV file with the columns currency, valid_from, rate, source:
how much of the currency one US dollar buys from that day (UTC) until the next row.
An existing rate for the same day is replaced. Costs are stored in dollars; rates
only change what reports show. The database user needs the role usage_pricer.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			file, err := os.Open(args[0])
			if err != nil {
				return fmt.Errorf("read rates: %w", err)
			}
			defer file.Close() //nolint:errcheck // only read
			rates, err := readRates(args[0], file)
			if err != nil {
				return err
			}
			return db.with(cmd, asPricer, func(ctx context.Context, pool *pgxpool.Pool) error {
				changed, err := upkeep.SaveRates(ctx, pool, rates)
				if err == nil {
					cmd.Printf("%d rates read, %d of them new or different\n", len(rates), changed)
				}
				return err
			})
		},
	}
}

func newRatesList(db *database) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "Lists the stored rates",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return db.with(cmd, asReader, func(ctx context.Context, pool *pgxpool.Pool) error {
				rates, err := upkeep.Rates(ctx, pool)
				if err != nil {
					return err
				}
				var t table
				t.row("CURRENCY", "VALID FROM", number("FOR ONE USD"), "SOURCE")
				for _, r := range rates {
					t.row(r.Currency, r.From.Format(time.DateOnly), number(r.Rate.String()), r.Source)
				}
				return t.print(cmd.OutOrStdout())
			})
		},
	}
}

var (
	rateHeader   = []string{"currency", "valid_from", "rate", "source"}
	rateCurrency = regexp.MustCompile(`^[A-Z]{3}$`)
	// rateNumber excludes exponents and signs, which decimal accepts but which are mistakes
	// in a rate. The table stores twelve digits on each side.
	rateNumber = regexp.MustCompile(`^[0-9]{1,12}(\.[0-9]{1,12})?$`)
)

// readRates parses a file and returns all errors with their line numbers.
func readRates(name string, r io.Reader) (rates []upkeep.ExchangeRate, err error) {
	seen := map[string]int{}
	err = eachLine(name, r, rateHeader, func(line int, fields []string) error {
		rate, err := parseRate(fields)
		if err != nil {
			return err
		}
		key := fields[0] + fields[1]
		if before, twice := seen[key]; twice {
			return fmt.Errorf("%s on %s is in line %d already", fields[0], fields[1], before)
		}
		seen[key] = line
		rates = append(rates, rate)
		return nil
	})
	if err == nil && len(rates) == 0 {
		err = fmt.Errorf("%s has no rates", name)
	}
	return rates, err
}

func parseRate(fields []string) (r upkeep.ExchangeRate, err error) {
	r.Currency, r.Source = fields[0], strings.TrimSpace(fields[3])
	if !rateCurrency.MatchString(r.Currency) || r.Currency == "USD" {
		return r, fmt.Errorf("currency: found %q, must be three capital letters of ISO 4217, other than USD", r.Currency)
	}
	if r.From, err = time.Parse(time.DateOnly, fields[1]); err != nil {
		return r, fmt.Errorf("valid_from: found %q, must be a date such as 2026-01-31", fields[1])
	}
	if r.From.Before(usage.MinTime) || !r.From.Before(usage.MaxTime) {
		return r, fmt.Errorf("valid_from: %s is outside %s to %s", fields[1], usage.MinTime.Format(time.DateOnly), usage.MaxTime.Format(time.DateOnly))
	}
	if !rateNumber.MatchString(fields[2]) {
		return r, fmt.Errorf("rate: found %q, must be a decimal number such as 0.8523, with at most 12 places", fields[2])
	}
	if r.Rate, err = decimal.NewFromString(fields[2]); err != nil || r.Rate.IsZero() {
		return r, fmt.Errorf("rate: found %q, must be more than 0", fields[2])
	}
	if r.Source == "" || len(r.Source) > usage.MaxTextBytes || usage.CleanText(r.Source, usage.MaxTextBytes) != r.Source {
		return r, fmt.Errorf("source: found %q, must say who published the rate, in 1 to %d bytes", usage.CleanText(r.Source, 40), usage.MaxTextBytes)
	}
	return r, nil
}
