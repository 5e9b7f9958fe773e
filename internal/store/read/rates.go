package read

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/otelcol-usage/otelcol-usage/internal/sums"
)

// Dollar is the currency in which costs are stored.
const Dollar = "USD"

// RateError means that a rate is missing for the requested currency. A missing rate never
// counts as 1, because a sum in two currencies is meaningless.
type RateError struct {
	Currency string
	// Day is the first UTC day that has calls but no rate. It is zero when the currency has
	// no rates at all.
	Day time.Time
	// Known lists the currencies with rates, sorted.
	Known []string
}

func (e *RateError) Error() string {
	if e.Day.IsZero() {
		return "no exchange rate for " + e.Currency + " is stored"
	}
	return "no exchange rate for " + e.Currency + " on " + e.Day.Format(time.DateOnly) + ", a day with calls"
}

// dayRates holds one rate for each UTC day from the first day that has one. nil leaves
// amounts in dollars.
type dayRates struct {
	days  []time.Time
	rates []string
}

const rateOfEachDaySQL = `
SELECT day,
       (SELECT rate::text FROM public.usage_exchange_rates WHERE currency = $1 AND valid_from <= day::date ORDER BY valid_from DESC LIMIT 1)
FROM generate_series($2::timestamptz, $3::timestamptz, interval '24 hours') AS day
ORDER BY day`

// dayRates reads the rates that the question needs. It first makes sure that no call of the
// question is older than the first rate.
func (q *SummaryQuestion) dayRates(ctx context.Context, tx pgx.Tx) (*dayRates, error) {
	if q.Currency == "" || q.Currency == Dollar {
		return nil, nil
	}
	first, err := q.firstRate(ctx, tx)
	if err != nil {
		return nil, err
	}
	from, to := sums.Day.Floor(q.Days[0]), q.Days[len(q.Days)-1]
	if from.Before(first) {
		if err := q.requireRates(ctx, tx, first); err != nil {
			return nil, err
		}
		from = first
	}
	rows, err := tx.Query(ctx, rateOfEachDaySQL, q.Currency, from, to)
	if err != nil {
		return nil, err
	}
	var all dayRates
	var day time.Time
	var rate string
	if _, err := pgx.ForEachRow(rows, []any{&day, &rate}, func() error {
		all.days, all.rates = append(all.days, day), append(all.rates, rate)
		return nil
	}); err != nil {
		return nil, err
	}
	return &all, nil
}

// firstRate returns the day of the currency's first rate. Every later day has a rate.
func (q *SummaryQuestion) firstRate(ctx context.Context, tx pgx.Tx) (first time.Time, err error) {
	rows, err := tx.Query(ctx, `SELECT currency, min(valid_from) FROM public.usage_exchange_rates GROUP BY currency ORDER BY currency`)
	if err != nil {
		return time.Time{}, err
	}
	var known []string
	var currency string
	var from time.Time
	if _, err := pgx.ForEachRow(rows, []any{&currency, &from}, func() error {
		known = append(known, currency)
		if currency == q.Currency {
			first = from
		}
		return nil
	}); err != nil {
		return time.Time{}, err
	}
	if first.IsZero() {
		return time.Time{}, &RateError{Currency: q.Currency, Known: known}
	}
	return first, nil
}

// requireRates returns a [RateError] when a call of the question is older than the first
// rate, even if that call cost nothing.
func (q *SummaryQuestion) requireRates(ctx context.Context, tx pgx.Tx, first time.Time) error {
	to := q.Days[len(q.Days)-1]
	if first.Before(to) {
		to = first
	}
	s := newSources(q.Viewer, q.Filter)
	s.keys, s.sums = []string{"at"}, []string{"calls", "usage_dollars"}
	// The extent is empty, so nothing outside the period is read.
	s.shares = addShares(nil, 0, sums.Extent{}.Cut(q.Days[0], to, q.groupLevels(true)...))
	var oldest *time.Time
	if err := tx.QueryRow(ctx, fmt.Sprintf(`SELECT min(at) FROM %s WHERE calls <> 0 OR usage_dollars <> 0`, s), s.args...).Scan(&oldest); err != nil {
		return err
	}
	if oldest != nil {
		return &RateError{Currency: q.Currency, Day: sums.Day.Floor(*oldest)}
	}
	return nil
}
