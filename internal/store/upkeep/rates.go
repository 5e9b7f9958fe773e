package upkeep

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/shopspring/decimal"
)

// ExchangeRate is how much of a currency one US dollar buys, from a UTC day until the next
// rate of that currency.
type ExchangeRate struct {
	Currency string // ISO 4217
	From     time.Time
	Rate     decimal.Decimal
	Source   string
}

// SaveRates stores the rates in one transaction. It replaces an existing rate for the same
// currency and day. changed is the number of rates that were new or different.
func SaveRates(ctx context.Context, pool *pgxpool.Pool, rates []ExchangeRate) (changed int64, err error) {
	n := len(rates)
	currencies, from, values, sources := make([]string, n), make([]time.Time, n), make([]string, n), make([]string, n)
	for i, r := range rates {
		currencies[i], from[i], values[i], sources[i] = r.Currency, r.From, r.Rate.String(), r.Source
	}
	tag, err := pool.Exec(ctx, `
INSERT INTO public.usage_exchange_rates AS r (currency, valid_from, rate, source)
SELECT n.currency, n.valid_from, n.rate::numeric, n.source
FROM unnest($1::text[], $2::date[], $3::text[], $4::text[]) AS n (currency, valid_from, rate, source)
ON CONFLICT (currency, valid_from) DO UPDATE SET rate = EXCLUDED.rate, source = EXCLUDED.source
WHERE (r.rate, r.source) IS DISTINCT FROM (EXCLUDED.rate, EXCLUDED.source)`, currencies, from, values, sources)
	if err != nil {
		return 0, fmt.Errorf("save exchange rates: %w", err)
	}
	return tag.RowsAffected(), nil
}

// Rates lists all rates by currency and day.
func Rates(ctx context.Context, pool *pgxpool.Pool) (rates []ExchangeRate, err error) {
	rows, err := pool.Query(ctx, `SELECT currency, valid_from, trim_scale(rate)::text, source FROM public.usage_exchange_rates ORDER BY 1, 2`)
	if err != nil {
		return nil, fmt.Errorf("list exchange rates: %w", err)
	}
	var r ExchangeRate
	var rate string
	if _, err = pgx.ForEachRow(rows, []any{&r.Currency, &r.From, &rate, &r.Source}, func() (err error) {
		r.Rate, err = decimal.NewFromString(rate)
		rates = append(rates, r)
		return err
	}); err != nil {
		return nil, fmt.Errorf("list exchange rates: %w", err)
	}
	return rates, nil
}
