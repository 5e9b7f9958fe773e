package read

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/shopspring/decimal"

	"github.com/otelcol-usage/otelcol-usage/internal/bill"
	"github.com/otelcol-usage/otelcol-usage/internal/store"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// BillQuestion asks for the data that explains a bill.
type BillQuestion struct {
	From, To time.Time // UTC midnights; To is excluded
	Provider string    // "" for all providers
}

// Bill reads the bills of a period, and the calls of the same days grouped by everything
// that can explain a difference, and passes both to explain. All of it comes from one
// snapshot and is valid until explain returns.
func (r *Reader) Bill(ctx context.Context, q BillQuestion, explain func(bill.Input) error) error {
	in := bill.Input{From: q.From, To: q.To, Rates: map[bill.RateKey]decimal.Decimal{}}
	var explained error
	err := r.view(ctx, Administrator(), func(tx pgx.Tx) (err error) {
		if in.RetainedFrom, err = store.RetainedFrom(ctx, tx); err != nil {
			return err
		}
		b := billReader{reader: r, tx: tx, q: q, in: &in}
		for _, read := range []func(context.Context) error{b.days, b.charged, b.rates, b.calls, b.others} {
			if err := read(ctx); err != nil {
				return err
			}
		}
		in.Bill = b.bill(ctx)
		explained = explain(in)
		return explained
	})
	if err != nil && explained == nil {
		return fmt.Errorf("read bills: %w", err)
	}
	return err
}

type billReader struct {
	reader *Reader
	tx     pgx.Tx
	q      BillQuestion
	in     *bill.Input
	stored []storedDay
}

// storedDay is a day of a provider, with the reports that cover it by the id of their
// stored day.
type storedDay struct {
	provider string
	day      time.Time
	reports  map[int64]bill.Report
}

func (b *billReader) days(ctx context.Context) error {
	rows, err := b.tx.Query(ctx, `
SELECT id, provider, account, report, day, covered_until, incomplete, imported_at
FROM public.usage_bill_day
WHERE day >= $1::timestamptz::date AND day < $2::timestamptz::date AND ($3 = '' OR provider = $3)
ORDER BY provider, day, account, report`, b.q.From, b.q.To, b.q.Provider)
	if err != nil {
		return err
	}
	var id int64
	var d bill.ImportedDay
	_, err = pgx.ForEachRow(rows, []any{&id, &d.Provider, &d.Account, &d.Report, &d.Day, &d.Until, &d.Incomplete, &d.ImportedAt}, func() error {
		d.Day, d.Until = d.Day.UTC(), d.Until.UTC()
		b.in.Days = append(b.in.Days, d)
		if last := len(b.stored) - 1; last < 0 || b.stored[last].provider != d.Provider || !b.stored[last].day.Equal(d.Day) {
			b.stored = append(b.stored, storedDay{provider: d.Provider, day: d.Day, reports: map[int64]bill.Report{}})
		}
		b.stored[len(b.stored)-1].reports[id] = d.Report
		return nil
	})
	return err
}

// billProviders returns the providers of which a bill was imported.
func (b *billReader) providers() []string {
	var names []string
	for _, d := range b.in.Days {
		if len(names) == 0 || names[len(names)-1] != d.Provider {
			names = append(names, d.Provider)
		}
	}
	return names
}

// marks returns the days that a bill covers only in part: the provider, the day, and the
// time at which the bill ends.
func (b *billReader) marks() (providers []string, days, until []time.Time) {
	for _, d := range b.in.Days {
		if !d.Report.HasCosts() && !d.Report.HasQuantities() || !d.Until.Before(d.Day.Add(24*time.Hour)) {
			continue
		}
		if n := len(days) - 1; n >= 0 && providers[n] == d.Provider && days[n].Equal(d.Day) {
			if d.Until.Before(until[n]) {
				until[n] = d.Until
			}
			continue
		}
		providers, days, until = append(providers, d.Provider), append(days, d.Day), append(until, d.Until)
	}
	return providers, days, until
}

// Calls are grouped by the bare columns, because grouping by the expressions of billKeys is
// slower. NULL and the empty text may then form two groups with one key.
const (
	billKeys = `provider, coalesce(model, ''), date_bin('24 hours', timestamp, '2000-01-01 00:00:00Z'), coalesce(metadata ->> 'service_tier', ''), pricing_status, coalesce(pricing_reason, ''),
  coalesce(metadata ->> 'quantity_reason', ''), coalesce(array_to_string(pricing_assumptions, '+'), ''), coalesce(payer, '')`
	billGroups = `provider, model, date_bin('24 hours', timestamp, '2000-01-01 00:00:00Z'), metadata ->> 'service_tier', pricing_status, pricing_reason,
  metadata ->> 'quantity_reason', pricing_assumptions, payer`
)

// callsSQL returns a query that sums calls by group. Parts of the totals without a column
// of their own are in other_quantities, one JSON object per row. Few rows have any, so a
// separate query sums them.
func (b *billReader) callsSQL(isLate, sums, from, where, more string) string {
	return `SELECT ` + billKeys + `, ` + isLate + `, ` + sums + `
FROM public.api_usage AS u` + from + `
WHERE timestamp >= $1 AND timestamp < $2 AND provider = ANY ($3)` + where + `
GROUP BY ` + billGroups + `, 10` + more
}

// lateSQL is true for calls after the end of their day's bill. $7 is the earliest such end,
// which rules out most calls at once.
const lateSQL = `u.timestamp >= $7 AND EXISTS (SELECT FROM unnest($4::text[], $5::date[], $6::timestamptz[]) AS m (provider, day, until)
  WHERE m.provider = u.provider AND m.day = (u.timestamp AT TIME ZONE 'UTC')::date AND u.timestamp >= m.until)`

// callKey identifies a group.
type callKey struct {
	provider, model, tier, status, reason, quantityReason, assumptions, payer string
	day                                                                       time.Time
	late                                                                      bool
}

func (k *callKey) into() []any {
	return []any{&k.provider, &k.model, &k.day, &k.tier, &k.status, &k.reason, &k.quantityReason, &k.assumptions, &k.payer, &k.late}
}

// callTotals holds the totals of a group and the known parts of them.
type callTotals struct {
	callKey
	calls                                            int64
	cost, audio                                      string
	input, output, read, write5m, write1h, reasoning int64
	characters, images                               int64
	others                                           map[usage.QuantityKind]decimal.Decimal
}

// calls reads the calls of the period. It takes most of the time, so two connections
// read half of the days each.
func (b *billReader) calls(ctx context.Context) error {
	if len(b.providers()) == 0 {
		return nil
	}
	middle := b.q.From.Add(b.q.To.Sub(b.q.From) / 2).Truncate(24 * time.Hour)
	var first, second []*callTotals
	err := b.reader.twice(ctx, b.tx, Administrator(), func(ctx context.Context, tx pgx.Tx) (err error) {
		first, err = b.callsOf(ctx, tx, b.q.From, middle)
		return err
	}, func(ctx context.Context, tx pgx.Tx) (err error) {
		second, err = b.callsOf(ctx, tx, middle, b.q.To)
		return err
	})
	if err != nil {
		return err
	}
	for _, t := range append(first, second...) {
		s, err := t.sum()
		if err != nil {
			return err
		}
		b.in.Calls = append(b.in.Calls, s)
	}
	return nil
}

// callsOf reads the calls of some days.
func (b *billReader) callsOf(ctx context.Context, tx pgx.Tx, from, to time.Time) ([]*callTotals, error) {
	args := []any{from, to, b.providers()}
	isLate := "false"
	if names, days, until := b.marks(); len(days) > 0 {
		isLate, args = lateSQL, append(args, names, days, until, slices.MinFunc(until, time.Time.Compare))
	}
	// The planner has no statistics about metadata. It expects as many groups as calls and
	// would sort them, which takes five times as long. Nor does it know that the calls of a
	// month are stored together, and would scan the whole year.
	if err := planner(ctx, tx, "off"); err != nil {
		return nil, err
	}
	rows, err := tx.Query(ctx, b.callsSQL(isLate, `count(*), sum(usage_dollars)::text,
  coalesce(sum(input_tokens), 0)::bigint, coalesce(sum(output_tokens), 0)::bigint, coalesce(sum(cache_read_tokens), 0)::bigint, coalesce(sum(cache_write_5m_tokens), 0)::bigint,
  coalesce(sum(cache_write_1h_tokens), 0)::bigint, coalesce(sum(reasoning_tokens), 0)::bigint, coalesce(sum(audio_seconds), 0)::text,
  coalesce(sum(characters), 0)::bigint, coalesce(sum(images), 0)::bigint, count(other_quantities)`, "", "", ""), args...)
	if err != nil {
		return nil, err
	}
	groups := map[callKey]*callTotals{}
	var order []*callTotals
	var t callTotals
	var withOthers, others int64
	if _, err := pgx.ForEachRow(rows, append(t.into(), &t.calls, &t.cost, &t.input, &t.output, &t.read, &t.write5m, &t.write1h, &t.reasoning, &t.audio, &t.characters, &t.images, &others), func() error {
		t.day = t.day.UTC()
		group := t
		groups[t.callKey] = &group
		order = append(order, &group)
		withOthers += others
		return nil
	}); err != nil {
		return nil, err
	}
	if withOthers > 0 {
		if err := b.otherKinds(ctx, tx, isLate, args, groups); err != nil {
			return nil, err
		}
	}
	return order, planner(ctx, tx, "on")
}

// planner switches sorts, sequential scans and index scans on or off for the transaction.
// Without them the planner hashes, and reads a period by a bitmap scan of its blocks.
func planner(ctx context.Context, tx pgx.Tx, set string) error {
	_, err := tx.Exec(ctx, `
SELECT set_config('enable_sort', $1, true), set_config('enable_seqscan', $1, true), set_config('enable_indexscan', $1, true), set_config('enable_indexonlyscan', $1, true)`, set)
	return err
}

// otherKinds reads the quantities that have no column of their own.
func (b *billReader) otherKinds(ctx context.Context, tx pgx.Tx, isLate string, args []any, groups map[callKey]*callTotals) error {
	sql := b.callsSQL(isLate, "o.key, sum(o.value::numeric)::text", " CROSS JOIN LATERAL jsonb_each_text(u.other_quantities) AS o (key, value)", " AND other_quantities IS NOT NULL", ", 11")
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return err
	}
	var k callKey
	var name, sum string
	_, err = pgx.ForEachRow(rows, append(k.into(), &name, &sum), func() error {
		k.day = k.day.UTC()
		kind, err := usage.ParseQuantityKind(name)
		t := groups[k]
		if err != nil || t == nil {
			return nil // a kind that only a newer build knows
		}
		n, err := decimal.NewFromString(sum)
		if err != nil {
			return err
		}
		if t.others == nil {
			t.others = map[usage.QuantityKind]decimal.Decimal{}
		}
		t.others[kind] = t.others[kind].Add(n)
		return nil
	})
	return err
}

// sum splits the totals into disjoint quantities.
func (t *callTotals) sum() (s bill.CallSum, err error) {
	s = bill.CallSum{
		Provider: t.provider, Model: t.model, Day: t.day, Tier: t.tier, Status: usage.PricingStatus(t.status), Reason: usage.Reason(t.reason),
		QuantityReason: usage.Reason(t.quantityReason), Assumptions: t.assumptions, Payer: usage.Payer(t.payer), Late: t.late, Calls: t.calls,
	}
	if s.Cost, err = decimal.NewFromString(t.cost); err != nil {
		return s, err
	}
	audio, err := decimal.NewFromString(t.audio)
	if err != nil {
		return s, err
	}
	sums := [usage.QuantityKindCount]decimal.Decimal{}
	for k, n := range t.others {
		sums[k] = n
	}
	whole := func(n int64) decimal.Decimal { return decimal.New(n, 0) }
	sums[usage.CacheWrite5mTokens] = whole(t.write5m).Sub(sums[usage.CacheWrite30mTokens]).Sub(sums[usage.CacheWrite12hTokens])
	sums[usage.CacheWrite1hTokens], sums[usage.OutputReasoningTokens] = whole(t.write1h), whole(t.reasoning)
	sums[usage.CacheReadTokens] = whole(t.read).Sub(sums[usage.CacheReadAudioTokens]).Sub(sums[usage.CacheReadImageTokens])
	sums[usage.InputTextTokens] = whole(t.input - t.read - t.write5m - t.write1h).Sub(sums[usage.InputAudioTokens]).Sub(sums[usage.InputImageTokens]).Sub(sums[usage.InputVideoTokens])
	sums[usage.OutputTextTokens] = whole(t.output - t.reasoning).Sub(sums[usage.OutputAudioTokens]).Sub(sums[usage.OutputImageTokens]).Sub(sums[usage.CitationTokens])
	sums[usage.AudioSeconds], sums[usage.Characters], sums[usage.Images] = audio, whole(t.characters), whole(t.images)
	for k, n := range sums {
		if !n.IsZero() {
			s.Quantities = append(s.Quantities, bill.Quantity{Kind: usage.QuantityKind(k), Amount: n})
		}
	}
	return s, nil
}

// others reads the cost of calls at providers without a bill.
func (b *billReader) others(ctx context.Context) error {
	if b.q.Provider != "" {
		return nil
	}
	rows, err := b.tx.Query(ctx, `
SELECT provider, sum(calls)::bigint, sum(usage_dollars)::text
FROM public.usage_day
WHERE bucket >= $1 AND bucket < $2 AND NOT provider = ANY ($3)
GROUP BY provider
ORDER BY provider`, b.q.From, b.q.To, append([]string{}, b.providers()...))
	if err != nil {
		return err
	}
	var s bill.CallSum
	var cost string
	_, err = pgx.ForEachRow(rows, []any{&s.Provider, &s.Calls, &cost}, func() (err error) {
		s.Cost, err = decimal.NewFromString(cost)
		b.in.Calls = append(b.in.Calls, s)
		return err
	})
	return err
}

// charged sums the costs of the bills by provider and currency.
func (b *billReader) charged(ctx context.Context) error {
	var ids []int64
	for _, d := range b.stored {
		for id, report := range d.reports {
			if report.HasCosts() {
				ids = append(ids, id)
			}
		}
	}
	rows, err := b.tx.Query(ctx, `
SELECT d.provider, r.currency, sum(r.cost)::text
FROM public.usage_bill_day AS d
JOIN public.usage_bill_row AS r ON r.day_id = d.id
WHERE d.id = ANY ($1) AND r.currency IS NOT NULL
GROUP BY 1, 2
ORDER BY 1, 2`, ids)
	if err != nil {
		return err
	}
	var c bill.Charged
	var cost string
	_, err = pgx.ForEachRow(rows, []any{&c.Provider, &c.Currency, &cost}, func() (err error) {
		c.Cost, err = decimal.NewFromString(cost)
		b.in.Charged = append(b.in.Charged, c)
		return err
	})
	return err
}

// rates reads the exchange rates for bills in currencies other than dollars.
func (b *billReader) rates(ctx context.Context) error {
	read := map[string]bool{Dollar: true}
	for _, c := range b.in.Charged {
		if read[c.Currency] {
			continue
		}
		read[c.Currency] = true
		rows, err := b.tx.Query(ctx, rateOfEachDaySQL, c.Currency, b.q.From, b.q.To.Add(-24*time.Hour))
		if err != nil {
			return err
		}
		var day time.Time
		var rate *string
		if _, err := pgx.ForEachRow(rows, []any{&day, &rate}, func() error {
			if rate == nil {
				return nil
			}
			n, err := decimal.NewFromString(*rate)
			b.in.Rates[bill.RateKey{Currency: c.Currency, Day: day.UTC()}] = n
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}
