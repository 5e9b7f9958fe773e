package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// rollup says how one of the tables of sums follows from public.api_usage.
type rollup struct {
	table  string
	of     string   // the rollup that it is a sum of, too; "" when there is none
	long   bool     // its buckets are half months, else days or parts of a day
	bucket string   // expression over timestamp, a column of api_usage
	keys   []column // after the bucket
	sums   []column
}

type column struct{ name, expression string }

const (
	quarterExpression = `date_bin('15 minutes', timestamp, '2000-01-01 00:00:00Z')`
	dayExpression     = `date_bin('1 day', timestamp, '2000-01-01 00:00:00Z')`
)

var halfMonthExpression = strings.ReplaceAll(halfMonthOfBucket, "bucket", "timestamp")

var (
	userKey = column{"user_id", `coalesce(user_id, '00000000-0000-0000-0000-000000000000')`}
	typeKey = column{"api_type", "api_type"}
	allKeys = []column{typeKey, {"provider", "provider"}, {"model", "coalesce(model, '')"}, {"service", "service"}, {"environment", "environment"}}

	callsSum          = column{"calls", "count(*)"}
	unpricedCallsSum  = column{"unpriced_calls", "count(*) FILTER (WHERE pricing_status = 'unpriced')"}
	estimatedCallsSum = column{"estimated_calls", "count(*) FILTER (WHERE pricing_status = 'estimated')"}
	tokensSum         = column{"tokens", "coalesce(sum(tokens_used), 0)"}
	unpricedTokensSum = column{"unpriced_tokens", "coalesce(sum(tokens_used) FILTER (WHERE pricing_status = 'unpriced'), 0)"}
	dollarsSum        = column{"usage_dollars", "sum(usage_dollars)"}
	userSums          = []column{callsSum, unpricedCallsSum, tokensSum, dollarsSum}
	typeSums          = []column{callsSum, unpricedCallsSum, estimatedCallsSum, tokensSum, unpricedTokensSum, dollarsSum}
	allSums           = []column{
		callsSum, unpricedCallsSum, estimatedCallsSum, tokensSum, unpricedTokensSum,
		{"input_tokens", "coalesce(sum(input_tokens), 0)"},
		{"output_tokens", "coalesce(sum(output_tokens), 0)"},
		{"cache_read_tokens", "coalesce(sum(cache_read_tokens), 0)"},
		{"cache_write_tokens", "coalesce(sum(cache_write_5m_tokens), 0) + coalesce(sum(cache_write_1h_tokens), 0)"},
		{"reasoning_tokens", "coalesce(sum(reasoning_tokens), 0)"},
		dollarsSum,
	}
)

// rollups are all tables of sums, each after the one that it is a sum of, and in
// the order in which all writers touch them.
var rollups = []rollup{
	{table: "public.usage_day_user", bucket: dayExpression, keys: []column{userKey, typeKey}, sums: userSums},
	{table: "public.usage_half_month_user", of: "public.usage_day_user", long: true, bucket: halfMonthExpression, keys: []column{userKey}, sums: userSums},
	{table: "public.usage_quarter_hour", bucket: quarterExpression, keys: allKeys, sums: allSums},
	{table: "public.usage_day", of: "public.usage_quarter_hour", bucket: dayExpression, keys: allKeys, sums: allSums},
	{table: "public.usage_half_month", of: "public.usage_day", long: true, bucket: halfMonthExpression, keys: allKeys, sums: allSums},
	{table: "public.usage_quarter_type", of: "public.usage_quarter_hour", bucket: quarterExpression, keys: []column{typeKey}, sums: typeSums},
	{table: "public.usage_day_type", of: "public.usage_quarter_type", bucket: dayExpression, keys: []column{typeKey}, sums: typeSums},
}

func names(columns []column) string {
	list := make([]string, len(columns))
	for i, c := range columns {
		list[i] = c.name
	}
	return strings.Join(list, ", ")
}

// selectTruth computes the rollup from the rows of [$1, $2).
func (r rollup) selectTruth() string {
	var b strings.Builder
	fmt.Fprintf(&b, "SELECT %s AS bucket", r.bucket)
	groups := []string{"1"}
	for i, k := range r.keys {
		fmt.Fprintf(&b, ", %s AS %s", k.expression, k.name)
		groups = append(groups, fmt.Sprint(i+2))
	}
	for _, s := range r.sums {
		fmt.Fprintf(&b, ", %s AS %s", s.expression, s.name)
	}
	fmt.Fprintf(&b, " FROM public.api_usage WHERE timestamp >= $1 AND timestamp < $2 GROUP BY %s", strings.Join(groups, ", "))
	return b.String()
}

// selectFrom computes the rollup of [$1, $2) from the one that it is a sum of.
func (r rollup) selectFrom() string {
	keys := names(append([]column{{name: "1"}}, r.keys...))
	var sums []string
	for _, s := range r.sums {
		sums = append(sums, "sum("+s.name+")")
	}
	return "SELECT " + strings.ReplaceAll(r.bucket, "timestamp", "bucket") + strings.TrimPrefix(keys, "1") + ", " + strings.Join(sums, ", ") +
		" FROM " + r.of + " WHERE bucket >= $1 AND bucket < $2 GROUP BY " + keys
}

// countDifferences counts the keys whose sums differ, and how far the dollars
// are apart.
func (r rollup) countDifferences() string {
	key := names(append([]column{{name: "bucket"}}, r.keys...))
	var truth, kept []string
	for _, s := range r.sums {
		truth, kept = append(truth, "t."+s.name), append(kept, "k."+s.name)
	}
	return `WITH t AS (` + r.selectTruth() + `), k AS (
  SELECT ` + key + `, ` + names(r.sums) + ` FROM ` + r.table + `
  WHERE bucket >= $1 AND bucket < $2 AND (` + strings.ReplaceAll(names(r.sums), ", ", " <> 0 OR ") + ` <> 0)
)
SELECT count(*), coalesce(sum(abs(coalesce(t.usage_dollars, 0) - coalesce(k.usage_dollars, 0))), 0)::text
FROM t FULL JOIN k USING (` + key + `)
WHERE (` + strings.Join(truth, ", ") + `) IS DISTINCT FROM (` + strings.Join(kept, ", ") + `)`
}

// Difference is a rollup that is not the sum of its rows.
type Difference struct {
	Rollup  string
	Month   time.Time // UTC
	Keys    int64     // rows of the rollup that are wrong, missing or left over
	Dollars string    // by how much, decimal
}

// VerifyOptions of [Verify].
type VerifyOptions struct {
	// From and To bound the calls, widened to UTC months; zero is no bound.
	From, To time.Time
	// Repair makes the rollups of a month with differences anew. Writers wait
	// for the time that takes, a month at a time.
	Repair bool
	// Progress is told of each month that was looked at, when not nil.
	Progress func(month time.Time, differences int)
}

// Verify compares every rollup with the rows, month by month. Each comparison
// sees one moment, so writers may go on meanwhile. Months before the retention
// mark have no rows to compare with and are left alone.
func Verify(ctx context.Context, pool *pgxpool.Pool, o VerifyOptions) ([]Difference, error) {
	from, to, err := verifyRange(ctx, pool, o)
	if err != nil {
		return nil, fmt.Errorf("verify rollups: %w", err)
	}
	mark, err := RetainedFrom(ctx, pool)
	if err != nil {
		return nil, fmt.Errorf("verify rollups: %w", err)
	}
	var all []Difference
	for month := monthOf(from); month.Before(to); month = month.AddDate(0, 1, 0) {
		var found []Difference
		for _, r := range rollups {
			start, end := month, month.AddDate(0, 1, 0)
			if start.Before(mark) {
				// Of a month that is partly gone only the days that are left can
				// be compared.
				if r.long || !mark.Before(end) {
					continue
				}
				start = mark
			}
			d, err := verifyMonth(ctx, pool, r, start, end, o.Repair)
			if err != nil {
				return all, fmt.Errorf("verify %s of %s: %w", r.table, month.Format("2006-01"), err)
			}
			if d != nil {
				d.Month = month
				found = append(found, *d)
			}
		}
		all = append(all, found...)
		if o.Progress != nil {
			o.Progress(month, len(found))
		}
	}
	return all, nil
}

func verifyMonth(ctx context.Context, pool *pgxpool.Pool, r rollup, start, end time.Time, repair bool) (*Difference, error) {
	d := Difference{Rollup: r.table}
	if err := pool.QueryRow(ctx, r.countDifferences(), start, end).Scan(&d.Keys, &d.Dollars); err != nil {
		return nil, err
	}
	if d.Keys == 0 {
		return nil, nil //nolint:nilnil // no difference is the answer
	}
	if !repair {
		return &d, nil
	}
	return &d, r.build(ctx, pool, r.selectTruth(), start, end)
}

// build makes the sums of [start, end) anew.
func (r rollup) build(ctx context.Context, pool *pgxpool.Pool, selectSums string, start, end time.Time) error {
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		// Nobody writes from here on; readers, and other rollups' builders, go on.
		if _, err := tx.Exec(ctx, `LOCK TABLE public.api_usage IN SHARE MODE`); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `LOCK TABLE `+r.table+` IN SHARE ROW EXCLUSIVE MODE`); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM `+r.table+` WHERE bucket >= $1 AND bucket < $2`, start, end); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `INSERT INTO `+r.table+` (bucket, `+names(append(append([]column{}, r.keys...), r.sums...))+`) `+selectSums, start, end)
		return err
	})
}

// BuildRollups makes all rollups at once from calls that were stored without
// them, as [Verify] repairs them but without comparing first. The calls must
// never have been subject to retention.
func BuildRollups(ctx context.Context, pool *pgxpool.Pool) error {
	from, to, err := verifyRange(ctx, pool, VerifyOptions{})
	if err != nil {
		return fmt.Errorf("build rollups: %w", err)
	}
	errs := make([]error, len(rollups))
	var wg sync.WaitGroup
	for i, r := range rollups {
		if r.of == "" {
			wg.Go(func() { errs[i] = buildFrom(ctx, pool, i, from, to) })
		}
	}
	wg.Wait()
	return errors.Join(errs...)
}

// buildFrom makes a rollup from the calls, and from it those that are sums of
// it, which is much less to read.
func buildFrom(ctx context.Context, pool *pgxpool.Pool, first int, from, to time.Time) error {
	made := map[string]bool{}
	for i, r := range rollups[first:] {
		selectSums := r.selectTruth()
		if i > 0 {
			if !made[r.of] {
				continue
			}
			selectSums = r.selectFrom()
		}
		for month := monthOf(from); month.Before(to); month = month.AddDate(0, 1, 0) {
			if err := r.build(ctx, pool, selectSums, month, month.AddDate(0, 1, 0)); err != nil {
				return fmt.Errorf("build %s of %s: %w", r.table, month.Format("2006-01"), err)
			}
		}
		made[r.table] = true
	}
	return nil
}

// verifyRange is the time of all rows and of all sums.
func verifyRange(ctx context.Context, pool *pgxpool.Pool, o VerifyOptions) (from, to time.Time, err error) {
	var first, last *time.Time
	if err := pool.QueryRow(ctx, `
SELECT least((SELECT min(timestamp) FROM public.api_usage), (SELECT min(bucket) FROM public.usage_quarter_type)),
       greatest((SELECT max(timestamp) FROM public.api_usage), (SELECT max(bucket) FROM public.usage_quarter_type))`).Scan(&first, &last); err != nil {
		return from, to, err
	}
	if first == nil || last == nil {
		return from, to, nil // nothing is there
	}
	from, to = first.UTC(), last.UTC().Add(time.Microsecond)
	if !o.From.IsZero() && o.From.After(from) {
		from = o.From.UTC()
	}
	if !o.To.IsZero() && o.To.Before(to) {
		to = o.To.UTC()
	}
	return from, to, nil
}

func monthOf(t time.Time) time.Time {
	t = t.UTC()
	return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
}
