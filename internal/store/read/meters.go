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

// MeterGroup sums the calls of one UTC day that agree in everything that affects the price
// or names the payer.
type MeterGroup struct {
	// From and To bound the part of the day that the question covers.
	From, To                                       time.Time
	UserID                                         usage.ID // zero when unknown
	APIType, Provider, Model, Service, Environment string
	PriceID, ServiceTier, Region                   string
	Payer                                          string // "" when unknown
	Session                                        string // "" unless asked for
	PayerPlan                                      string // that covers the calls; "" for none
	Tags                                           map[string]string
	Status                                         usage.PricingStatus
	Calls                                          int64
	// Cost is the cost of all calls of the group. The cost of a single meter is not stored.
	Cost usage.Sum
	// Meters lists the disjoint quantities that are not 0, as decimal text.
	Meters []Meter
}

// Meter is one quantity.
type Meter struct {
	Kind   usage.QuantityKind
	Amount string
}

// meterExpression returns the SQL sum of one disjoint quantity. Totals in the table include
// their parts, so text tokens are the remainder. Another program may have written parts
// that exceed their total; the remainder is then 0.
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

// otherQuantity returns the SQL value of a kind that has no column of its own. A value that
// is not a number, which only another program can have written, counts as 0.
func otherQuantity(k usage.QuantityKind) string {
	value := "other_quantities->'" + k.String() + "'"
	return "CASE WHEN jsonb_typeof(" + value + ") = 'number' THEN (" + value + ")::numeric ELSE 0 END"
}

// EachMeterGroup passes every group of a period to fn, day by day. Memory holds the groups
// of one day. With sessions, the calls of different sessions are in different groups. timeout
// limits the reading of one day.
func (r *Reader) EachMeterGroup(ctx context.Context, q CallsQuestion, sessions bool, timeout time.Duration, fn func(*MeterGroup) error) error {
	var amounts strings.Builder
	for k := range usage.QuantityKindCount {
		amounts.WriteString(", trim_scale(sum(" + meterExpression(k) + "))::text")
	}
	session := "''"
	if sessions {
		session = "coalesce(session_id, '')"
	}
	err := r.eachDay(ctx, q, timeout, func(tx pgx.Tx, from, to time.Time) error {
		s, where := q.conditions(from, to)
		rows, err := tx.Query(ctx, `SELECT user_id, api_type, provider, coalesce(model, ''), service, environment, coalesce(price_id, ''),
		    coalesce(metadata->>'service_tier', ''), coalesce(metadata->>'region', ''), pricing_status, coalesce(payer, ''), coalesce(payer_plan, ''), `+session+`, coalesce(tags, ''),
		    count(*), sum(usage_dollars)::text`+amounts.String()+
			" FROM "+relation(sums.Single, q.Viewer)+where+" GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14 ORDER BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14", s.args...)
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
	var cost, tags string
	var amounts [usage.QuantityKindCount]string
	into := []any{&user, &g.APIType, &g.Provider, &g.Model, &g.Service, &g.Environment, &g.PriceID, &g.ServiceTier, &g.Region, &g.Status, &g.Payer, &g.PayerPlan, &g.Session, &tags, &g.Calls, &cost}
	for i := range amounts {
		into = append(into, &amounts[i])
	}
	if err := row.Scan(into...); err != nil {
		return MeterGroup{}, err
	}
	if user != nil {
		g.UserID = *user
	}
	for line := range strings.Lines(tags) {
		if name, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "="); ok {
			if g.Tags == nil {
				g.Tags = map[string]string{}
			}
			g.Tags[name] = value
		}
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
