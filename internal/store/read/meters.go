package read

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/otelcol-usage/otelcol-usage/internal/sums"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// MeterGroup is what the calls of one UTC day consumed that have everything in
// common that decides a price or names who pays.
type MeterGroup struct {
	// From and To are the part of the day that was asked for.
	From, To                                       time.Time
	UserID                                         usage.ID // zero for none
	APIType, Provider, Model, Service, Environment string
	PriceID, ServiceTier, Region                   string
	Payer                                          string // "" where it is not known
	Tags                                           map[string]string
	Status                                         usage.PricingStatus
	Calls                                          int64
	// Cost is what the calls cost together. What each meter of it cost is not
	// stored.
	Cost usage.Sum
	// Meters are the disjoint quantities that are not 0, as decimal text.
	Meters []Meter
}

// Meter is one quantity.
type Meter struct {
	Kind   usage.QuantityKind
	Amount string
}

// meterExpression is the sum of one disjoint quantity. Totals are inclusive in
// the table, so text is what remains of them; a row that somebody else wrote
// can have parts greater than their total, which makes the rest 0 and not less.
func meterExpression(k usage.QuantityKind) string {
	rest := func(total string, parts ...string) string {
		return "greatest(coalesce(" + total + ", 0) - " + strings.Join(parts, " - ") + ", 0)"
	}
	column := func(name string) string { return "coalesce(" + name + ", 0)" }
	switch k {
	case usage.InputTextTokens:
		return rest("input_tokens", column("cache_read_tokens"), column("cache_write_5m_tokens"), column("cache_write_1h_tokens"),
			otherQuantity(usage.InputAudioTokens), otherQuantity(usage.InputImageTokens), otherQuantity(usage.InputVideoTokens))
	case usage.CacheReadTokens:
		return rest("cache_read_tokens", otherQuantity(usage.CacheReadAudioTokens), otherQuantity(usage.CacheReadImageTokens))
	case usage.OutputTextTokens:
		return rest("output_tokens", column("reasoning_tokens"), otherQuantity(usage.OutputAudioTokens), otherQuantity(usage.OutputImageTokens), otherQuantity(usage.CitationTokens))
	case usage.CacheWrite5mTokens:
		return rest("cache_write_5m_tokens", otherQuantity(usage.CacheWrite30mTokens), otherQuantity(usage.CacheWrite12hTokens))
	case usage.CacheWrite1hTokens:
		return column("cache_write_1h_tokens")
	case usage.OutputReasoningTokens:
		return column("reasoning_tokens")
	case usage.AudioSeconds, usage.Characters, usage.Images:
		return column(k.String())
	}
	return otherQuantity(k)
}

// otherQuantity reads a kind that has no column of its own. What is there and
// no number, which only another writer can have put there, counts as none.
func otherQuantity(k usage.QuantityKind) string {
	value := "other_quantities->'" + k.String() + "'"
	return "CASE WHEN jsonb_typeof(" + value + ") = 'number' THEN (" + value + ")::numeric ELSE 0 END"
}

// EachMeterGroup gives every group of a period to fn, day by day, in constant
// memory but for the groups of one day. timeout bounds the reading of one day.
func (r *Reader) EachMeterGroup(ctx context.Context, q CallsQuestion, timeout time.Duration, fn func(*MeterGroup) error) error {
	var amounts strings.Builder
	for k := range usage.QuantityKindCount {
		amounts.WriteString(", trim_scale(sum(" + meterExpression(k) + "))::text")
	}
	err := r.eachDay(ctx, q, timeout, func(tx pgx.Tx, from, to time.Time) error {
		s, where := q.conditions(from, to)
		rows, err := tx.Query(ctx, `SELECT user_id, api_type, provider, coalesce(model, ''), service, environment, coalesce(price_id, ''),
		    coalesce(metadata->>'service_tier', ''), coalesce(metadata->>'region', ''), pricing_status, coalesce(payer, ''), coalesce(metadata->'tags', '{}'),
		    count(*), sum(usage_dollars)::text`+amounts.String()+
			" FROM "+relation(sums.Single, q.Viewer)+where+" GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 ORDER BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12", s.args...)
		return eachRow(rows, err, scanMeterGroup, func(g *MeterGroup) error {
			g.From, g.To = from, to
			return fn(g)
		})
	})
	if err != nil {
		return fmt.Errorf("export meters: %w", err)
	}
	return nil
}

func scanMeterGroup(row pgx.CollectableRow) (MeterGroup, error) {
	var g MeterGroup
	var user *[16]byte
	var cost string
	var amounts [usage.QuantityKindCount]string
	into := []any{&user, &g.APIType, &g.Provider, &g.Model, &g.Service, &g.Environment, &g.PriceID, &g.ServiceTier, &g.Region, &g.Status, &g.Payer, &g.Tags, &g.Calls, &cost}
	for i := range amounts {
		into = append(into, &amounts[i])
	}
	if err := row.Scan(into...); err != nil {
		return MeterGroup{}, err
	}
	if user != nil {
		g.UserID = *user
	}
	for k, amount := range amounts {
		if amount != "0" {
			g.Meters = append(g.Meters, Meter{usage.QuantityKind(k), amount})
		}
	}
	var err error
	g.Cost, err = usage.ParseSum(cost)
	return g, err
}
