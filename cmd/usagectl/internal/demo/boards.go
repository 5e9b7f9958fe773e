package demo

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
	"github.com/otelcol-usage/otelcol-usage/internal/store"
)

// negotiated is the model whose price changes during the demo's days, so that the
// dashboards have a change to mark.
const negotiated = "gpt-4o-2024-08-06"

// writePrices writes the demo's own price file, such as a team writes for a negotiated
// price. It returns the path, and the UTC day on which the price starts.
func writePrices(dir string, now time.Time, days int) (file string, from time.Time, err error) {
	from = now.UTC().AddDate(0, 0, -max(1, days/5)).Truncate(24 * time.Hour)
	file = filepath.Join(dir, "demo-prices.yaml")
	content := fmt.Sprintf(`provider: openai
rows:
  - model: %s
    from: %s
    inherit: true
    per_1m_tokens: {input: 2.25, cache_read: 1.125, output: 9}
    source: "the demo's example of a negotiated price: 10 %% below the list"
`, negotiated, from.Format(time.DateOnly))
	return file, from, os.WriteFile(file, []byte(content), 0o600)
}

// fillBoards adds what the dashboards need besides calls: list prices, as `usagectl prices
// publish` does, and in the demo's own database also example budgets, an exchange rate,
// forecasts and advice. It returns what comes next, for people.
func fillBoards(ctx context.Context, out io.Writer, commands Commands, dsn, priceFile string, ownDatabase bool, now time.Time) (string, error) {
	book, err := pricing.Load(pricing.Config{Files: []string{priceFile}})
	if err != nil {
		return "", err
	}
	pool, err := store.Connect(ctx, store.Config{DSN: dsn, ApplicationName: "usagectl"})
	if err != nil {
		return "", err
	}
	defer pool.Close()
	done, _, err := commands.PublishPrices(ctx, pool, book)
	if err != nil {
		return "", err
	}
	fmt.Fprintln(out, "      for the dashboards:", done)
	if !ownDatabase {
		return commands.LookAhead(ctx, pool, book, false, now)
	}
	_, err = pool.Exec(ctx, `
WITH month AS (  -- so that a budget of each kind is well within, near and above what is spent
  SELECT ceil(sum(usage_dollars) * 1.25) AS dollars, ceil(sum(usage_dollars) / 15) AS day_dollars,
         greatest(1, floor(sum(usage_dollars) FILTER (WHERE service = 'customer-chat') * 0.9)) AS service_dollars
  FROM usage_report.day
  WHERE bucket >= now() - interval '30 days'
), budgets AS (
  INSERT INTO public.usage_budgets (name, scope, service, period, dollars)
  SELECT 'everything', 'org', NULL, 'month', greatest(1, dollars) FROM month
  UNION ALL
  SELECT 'a day', 'org', NULL, 'day', greatest(1, day_dollars) FROM month
  UNION ALL
  SELECT 'customer chat', 'service', 'customer-chat', 'month', coalesce(service_dollars, 1) FROM month
)
INSERT INTO public.usage_exchange_rates (currency, valid_from, rate, source) VALUES ('EUR', '2020-01-01', 0.9, 'example of the demo, no real rate')`)
	if err != nil {
		return "", fmt.Errorf("write budgets and a rate for the dashboards: %w", err)
	}
	return commands.LookAhead(ctx, pool, book, true, now)
}
