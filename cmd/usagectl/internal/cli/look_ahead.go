package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/otelcol-usage/otelcol-usage/internal/outlook"
	"github.com/otelcol-usage/otelcol-usage/internal/outlook/savings"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
	"github.com/otelcol-usage/otelcol-usage/internal/report"
	"github.com/otelcol-usage/otelcol-usage/internal/store/read"
	"github.com/otelcol-usage/otelcol-usage/internal/store/upkeep"
)

// lookAheadTimeout limits each statement of lookAhead.
const lookAheadTimeout = time.Minute

// lookAhead prints, for the demo, the forecast of this month, advice, and the cost with one
// other model. With publish it stores forecasts and advice for the dashboards.
func lookAhead(ctx context.Context, pool *pgxpool.Pool, b *pricing.Book, publish bool, now time.Time) (string, error) {
	var text strings.Builder
	r := read.New(pool, lookAheadTimeout)
	q := report.ForecastQuestion{Viewer: read.Administrator(), Scope: "org", Period: "month", Zone: time.UTC, Now: now}
	month, err := report.Forecasts(ctx, r, q)
	if err == nil && publish {
		_, err = publishForecasts(ctx, pool, r, q)
	}
	if err != nil {
		return "", err
	}
	text.WriteString("  What comes next\n")
	for _, f := range month.Forecasts {
		fmt.Fprintf(&text, "    this month       $%s", f.Expected.Decimal().StringFixed(2))
		if b, has := f.Bands["80"]; has {
			fmt.Fprintf(&text, ", eight in ten times between $%s and $%s", b[0].Decimal().StringFixed(2), b[1].Decimal().StringFixed(2))
		}
		fmt.Fprintf(&text, "; past forecasts were off by: %s, a straight line by: %s\n", shareText(f.PastError), shareText(f.LineError))
	}
	advice := adviseOptions{timeout: lookAheadTimeout, publish: publish}
	list, err := advice.advise(ctx, pool, b, now)
	if err != nil {
		return "", err
	}
	if len(list.Advice) == 0 {
		text.WriteString("    saves a month    nothing that is worth a cent\n")
	}
	for _, a := range list.Advice[:min(len(list.Advice), 2)] {
		fmt.Fprintf(&text, "    saves a month    $%s of $%s by %s (%s), if this holds: %s\n", a.SavesPerMonth.Decimal().StringFixed(4), a.Rows.Cost.Decimal().StringFixed(4),
			plain(a.Rule+", "+a.Change), plain(a.Rows.Service+", "+a.Rows.Model), a.Assumption)
	}
	const from, to = "gpt-4o-2024-08-06", "gpt-4o-mini"
	pricer := pricing.Pricer{Book: b}
	end := now.UTC().Truncate(24 * time.Hour)
	what := whatIfOptions{}
	answer, err := what.ask(ctx, pool, upkeep.RepriceFilter{From: end.AddDate(0, 0, -savings.Days), To: end}, outlook.Change{Models: map[string]string{from: to}}, pricer.Price, false)
	if err != nil {
		return "", err
	}
	if i := slices.IndexFunc(answer.ByModel, func(m outlook.ModelWhatIf) bool { return m.Model == from }); i >= 0 {
		m := answer.ByModel[i]
		fmt.Fprintf(&text, "    what if          %s instead of %s: $%s instead of $%s in %d days\n", to, from, m.WhatIf.Decimal().StringFixed(4), m.Cost.Decimal().StringFixed(4), savings.Days)
	}
	return text.String(), nil
}
