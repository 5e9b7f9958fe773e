package store_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/dbmigrate"
	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
	"github.com/otelcol-usage/otelcol-usage/internal/store"
	"github.com/otelcol-usage/otelcol-usage/internal/store/write"
	"github.com/otelcol-usage/otelcol-usage/internal/sums"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// start of the calls that tests make.
var testTime = time.Date(2026, 3, 14, 15, 9, 26, 535_897_000, time.UTC)

// call is a plain, valid record; n makes it different from others.
func call(n int) usage.Record {
	return usage.Record{
		ID: usage.IDFromResponse("openai", fmt.Sprintf("chatcmpl-%d", n)), Time: testTime.Add(time.Duration(n) * time.Second),
		APIType: usage.APITypeText, Provider: "openai", Model: "gpt-4o-mini-2024-07-18", RequestModel: "gpt-4o-mini",
		Service: "shop", Environment: "test", RequestID: fmt.Sprintf("chatcmpl-%d", n),
		Quantities: usage.Quantities{usage.InputTextTokens: 1306, usage.OutputTextTokens: 287},
		Cost:       367_950_000, Status: usage.StatusPriced, CostSource: usage.SourceComputed, PriceID: "current/openai/gpt-4o-mini",
	}
}

func calls(from, to int) []usage.Record {
	records := make([]usage.Record, 0, to-from)
	for n := from; n < to; n++ {
		records = append(records, call(n))
	}
	return records
}

// randomCall has every kind of field, in any combination.
func randomCall(r *rand.Rand, n int) usage.Record {
	c := call(n)
	c.Time = testTime.Add(time.Duration(r.Int64N(int64(90 * 24 * time.Hour))))
	c.APIType = usage.APITypes[r.IntN(len(usage.APITypes))]
	if c.HasAssumptions = r.IntN(3) > 0; c.HasAssumptions {
		c.Assumptions = usage.Assumptions(r.IntN(1<<len(usage.AssumptionNames())) & r.IntN(1<<len(usage.AssumptionNames())))
	}
	c.Outcome, c.Payer = append(usage.Outcomes, "")[r.IntN(4)], append(usage.Payers, "")[r.IntN(5)]
	c.Provider = []string{"openai", "anthropic", "aws.bedrock", ""}[r.IntN(4)]
	c.Model = []string{"gpt-4o", "claude-sonnet-4", "", "whisper-1"}[r.IntN(4)]
	c.Service = []string{"shop", "chat", ""}[r.IntN(3)]
	c.Quantities = usage.Quantities{}
	for k := range usage.QuantityKindCount {
		if r.IntN(4) == 0 {
			c.Quantities[k] = r.Int64N(1000)
		}
	}
	c.Cost = usage.Money(r.Int64N(int64(usage.Dollar)))
	switch r.IntN(4) {
	case 0:
		c.Status, c.Reason, c.Cost, c.CostSource, c.PriceID = usage.StatusUnpriced, usage.ReasonUnknownModel, 0, usage.SourceNone, ""
	case 1:
		c.Status, c.Reason = usage.StatusEstimated, usage.ReasonTierFallback
	case 2:
		c.Status, c.CostSource, c.HasReportedCost, c.ReportedCost = usage.StatusReported, usage.SourceReported, true, c.Cost
	}
	if u := r.IntN(6); u > 0 {
		c.UserExternalID = fmt.Sprintf("user-%d@example.com", u)
		c.UserID = usage.UserID(c.UserExternalID)
	}
	if r.IntN(3) == 0 {
		c.TraceID, c.SpanID = [16]byte{1, byte(n)}, [8]byte{2, byte(n)}
		c.SessionID, c.Dialect, c.ServiceTier, c.Region, c.Variant = "s-1", "otel", "batch", "eu", "hd"
		c.Tags = []usage.Tag{{Key: `team "a"\`, Value: "größe\n\t€"}, {Key: "tenant", Value: fmt.Sprint(n % 7)}, {Key: "empty"}}
	}
	return c
}

func newWriter(t *testing.T, db *pgtest.DB, o write.Options) *write.Writer {
	t.Helper()
	o.Encode = func(b []byte, r *usage.Record) []byte { return fmt.Appendf(b, "%+v", *r) }
	return write.New(db.Pool, o)
}

func writeAll(t *testing.T, w *write.Writer, records []usage.Record) write.Result {
	t.Helper()
	result, err := w.Write(t.Context(), records)
	require.NoError(t, err)
	return result
}

// keepRollupsBy makes a database one where triggers or the statement add up.
func keepRollupsBy(t *testing.T, db *pgtest.DB, keeper store.RollupMode) {
	t.Helper()
	_, err := dbmigrate.New().KeepRollupsBy(t.Context(), db.Pool, string(keeper))
	require.NoError(t, err)
}

// inEveryMode runs a test with triggers, with the sums in the statement, and on
// a partitioned table.
func inEveryMode(t *testing.T, test func(t *testing.T, db *pgtest.DB, w *write.Writer)) {
	t.Helper()
	inBothModes(t, test)
	onPartitions(t, test)
}

// inBothModes runs a test with triggers and with the sums in the statement, and
// the latter also on Citus where that is asked for.
func inBothModes(t *testing.T, test func(t *testing.T, db *pgtest.DB, w *write.Writer)) {
	t.Helper()
	inBothModesOf(t, pgtest.New, test)
	if pgtest.OnCitus() {
		onCitus(t, test)
	}
}

func onCitus(t *testing.T, test func(t *testing.T, db *pgtest.DB, w *write.Writer)) {
	t.Helper()
	t.Run("citus", func(t *testing.T) {
		t.Parallel()
		db := pgtest.NewCitus(t)
		test(t, db, newWriter(t, db, write.Options{Rollup: store.RollupStatement}))
	})
}

func inBothModesOf(t *testing.T, newDB func(testing.TB) *pgtest.DB, test func(t *testing.T, db *pgtest.DB, w *write.Writer)) {
	t.Helper()
	for _, mode := range []store.RollupMode{store.RollupTrigger, store.RollupStatement} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			db := newDB(t)
			if mode == store.RollupStatement {
				keepRollupsBy(t, db, mode)
			}
			test(t, db, newWriter(t, db, write.Options{Rollup: mode}))
		})
	}
}

func onPartitions(t *testing.T, test func(t *testing.T, db *pgtest.DB, w *write.Writer)) {
	t.Helper()
	t.Run("partitioned", func(t *testing.T) {
		t.Parallel()
		db := partitioned(t)
		test(t, db, newWriter(t, db, write.Options{Rollup: store.RollupTrigger}))
	})
}

// partitioned is a database with partitions for two of the months that calls of
// the tests lie in; the others go to the default partition.
func partitioned(t testing.TB) *pgtest.DB {
	t.Helper()
	db := pgtest.New(t)
	require.NoError(t, dbmigrate.PartitionByMonth(t.Context(), db.Pool))
	db.Exec(`CREATE TABLE public.api_usage_2026_03 PARTITION OF public.api_usage FOR VALUES FROM ('2026-03-01 00:00Z') TO ('2026-04-01 00:00Z')`)
	db.Exec(`CREATE TABLE public.api_usage_2026_04 PARTITION OF public.api_usage FOR VALUES FROM ('2026-04-01 00:00Z') TO ('2026-05-01 00:00Z')`)
	return db
}

// rollupDifferences compares every rollup with the rows, in the database.
var rollupDifferences = func() string {
	const (
		keys     = "api_type, provider, model, service, environment"
		allSums  = "count(*), sum(unpriced), sum(estimated), sum(tokens), sum(unpriced * tokens), sum(i), sum(o), sum(cr), sum(cw), sum(re), sum(usage_dollars), "
		typeSums = "count(*), sum(unpriced), sum(estimated), sum(tokens), sum(unpriced * tokens), sum(usage_dollars)"
		userSums = "count(*), sum(unpriced), sum(tokens), sum(usage_dollars)"
		tagged   = " FROM c CROSS JOIN LATERAL (SELECT t[1] AS tag, t[2] AS value FROM regexp_matches(tags, '^([^=\n]+)=([^\n]+)$', 'gn') AS t) AS tags"
	)
	sumOf := func(when string) string { return "coalesce(sum(usage_dollars) FILTER (WHERE " + when + "), 0)" }
	moreSums := sumOf("estimated = 1") + ", count(*) FILTER (WHERE reported), count(*) FILTER (WHERE assumed), " + sumOf("assumed") + ", " +
		sumOf("payer = 'api'") + ", " + sumOf("payer = 'plan'") + ", " + sumOf("payer = 'credit'") + ", " + sumOf("payer = 'own'")
	doubtSums := ", " + sumOf("estimated = 1") + ", " + sumOf("assumed")
	var each []string
	for _, r := range []struct{ table, truth string }{
		{"day_user", "day, user_id, api_type, " + userSums + doubtSums + " FROM c GROUP BY 1, 2, 3"},
		{"half_month_user", "half_month, user_id, " + userSums + doubtSums + " FROM c GROUP BY 1, 2"},
		{"day_tag", "day, tag, value, api_type, " + userSums + tagged + " GROUP BY 1, 2, 3, 4"},
		{"half_month_tag", "half_month, tag, value, " + userSums + tagged + " GROUP BY 1, 2, 3"},
		{"quarter_hour", "quarter, " + keys + ", " + allSums + moreSums + " FROM c GROUP BY 1, 2, 3, 4, 5, 6"},
		{"day", "day, " + keys + ", " + allSums + moreSums + " FROM c GROUP BY 1, 2, 3, 4, 5, 6"},
		{"half_month", "half_month, " + keys + ", " + allSums + moreSums + " FROM c GROUP BY 1, 2, 3, 4, 5, 6"},
		{"quarter_type", "quarter, api_type, " + typeSums + " FROM c GROUP BY 1, 2"},
		{"day_type", "day, api_type, " + typeSums + " FROM c GROUP BY 1, 2"},
	} {
		level := sums.Levels[slices.IndexFunc(sums.Levels, func(l *sums.Level) bool { return l.Name == "usage_"+r.table })]
		kept, groups := "SELECT bucket", "1"
		for i, k := range level.Keys {
			kept, groups = kept+", "+k.Name, fmt.Sprintf("%s, %d", groups, i+2)
		}
		for _, m := range level.Measures {
			kept += ", sum(" + m.Name + ")"
		}
		kept += " FROM " + level.Table() + " GROUP BY " + groups + " HAVING sum(calls) <> 0 OR sum(unpriced_calls) <> 0 OR sum(tokens) <> 0 OR sum(usage_dollars) <> 0"
		each = append(each, "SELECT '"+r.table+"', count(*) FROM (((SELECT "+r.truth+") EXCEPT "+kept+") UNION ALL (("+kept+") EXCEPT SELECT "+r.truth+")) d")
	}
	return `
WITH c AS (
  SELECT date_bin('15 minutes', timestamp, '2000-01-01 00:00:00Z') AS quarter,
         date_trunc('day', timestamp, 'UTC') AS day,
         make_timestamptz(extract(year FROM timestamp AT TIME ZONE 'UTC')::int, extract(month FROM timestamp AT TIME ZONE 'UTC')::int,
           CASE WHEN extract(day FROM timestamp AT TIME ZONE 'UTC') < 16 THEN 1 ELSE 16 END, 0, 0, 0, 'UTC') AS half_month,
         coalesce(user_id, '00000000-0000-0000-0000-000000000000') AS user_id, api_type, provider, coalesce(model, '') AS model, service, environment,
         (pricing_status = 'unpriced')::int AS unpriced, (pricing_status = 'estimated')::int AS estimated, coalesce(tokens_used, 0)::bigint AS tokens,
         coalesce(input_tokens, 0) AS i, coalesce(output_tokens, 0) AS o, coalesce(cache_read_tokens, 0) AS cr,
         coalesce(cache_write_5m_tokens, 0) + coalesce(cache_write_1h_tokens, 0) AS cw, coalesce(reasoning_tokens, 0) AS re, usage_dollars,
         (array_length(pricing_assumptions, 1) >= 1) IS TRUE AS assumed, pricing_status = 'reported' AS reported, coalesce(payer, '') AS payer,
         -- Earlier schemas have no such columns.
         coalesce(to_jsonb(u) ->> 'sum_tags', to_jsonb(u) ->> 'tags', (SELECT string_agg(key || '=' || value, E'\n') FROM jsonb_each_text(metadata -> 'tags'))) AS tags
  FROM public.api_usage AS u
)
` + strings.Join(each, "\nUNION ALL\n")
}()

const noDifferences = "day_user|0\nhalf_month_user|0\nday_tag|0\nhalf_month_tag|0\nquarter_hour|0\nday|0\nhalf_month|0\nquarter_type|0\nday_type|0"

func TestEveryColumnHoldsWhatTheRecordSays(t *testing.T) {
	t.Parallel()
	inEveryMode(t, func(t *testing.T, db *pgtest.DB, w *write.Writer) {
		c := call(1)
		c.UserExternalID, c.SessionID, c.Region = "ada@example.com", `a "b" \ c`, "größe\n"
		c.UserID = usage.UserID(c.UserExternalID)
		c.TraceID, c.SpanID = [16]byte{0xab}, [8]byte{0xcd}
		c.HasReportedCost, c.ReportedCost = true, 1
		c.Status, c.Reason = usage.StatusEstimated, usage.ReasonTierFallback
		c.Quantities = usage.Quantities{
			usage.InputTextTokens: 1, usage.CacheReadTokens: 2, usage.CacheWrite5mTokens: 4, usage.CacheWrite1hTokens: 8, usage.InputAudioTokens: 16,
			usage.CacheReadAudioTokens: 32, usage.OutputTextTokens: 64, usage.OutputReasoningTokens: 128, usage.OutputAudioTokens: 256,
			usage.AudioSeconds: 12_500_000_000, usage.VideoSeconds: 3_000_000_001, usage.Characters: 512, usage.Images: 1024,
		}
		c.Tags = []usage.Tag{{Key: "team", Value: "blue"}, {Key: "x", Value: ""}}
		c.HasAssumptions, c.Assumptions = true, usage.AssumedServiceTier|usage.AssumedRegion
		c.Unread = []usage.Tag{{Key: "assumed", Value: "weather"}, {Key: "colour", Value: "blue"}}
		c.Outcome, c.Payer = usage.OutcomeError, usage.PayerPlan
		assert.Equal(t, 1, writeAll(t, w, []usage.Record{c}).Inserted)
		assert.Equal(t, strings.Join([]string{
			c.ID.String(), usage.UserID("ada@example.com").String(), "2026-03-14 15:09:27.535897+00", "0.000367950000", "text", "gpt-4o-mini-2024-07-18", "511", "chatcmpl-1",
			`{"user": "ada@example.com", "region": "größe\n", "unread": {"colour": "blue", "assumed": "weather"}, "span_id": "cd00000000000000", "request_model": "gpt-4o-mini"}`,
			"openai", "shop", "test", "estimated", "tier_fallback", "current/openai/gpt-4o-mini", "computed", "0.000000000001",
			"63", "448", "34", "4", "8", "128", "12.500000000", "512", "1024",
			`{"input_audio": 16, "output_audio": 256, "video_seconds": 3.000000001, "cache_read_audio": 32}`,
			"{service_tier,region,weather}", "ab000000000000000000000000000000", `a "b" \ c`, "error", "plan", "team=blue\nx=",
		}, "|"), db.Text(`SELECT id::text, user_id::text, timestamp::text, usage_dollars::text, api_type, model, tokens_used, request_id, metadata::text,
			provider, service, environment, pricing_status, pricing_reason, price_id, cost_source, reported_dollars::text,
			input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens,
			audio_seconds::text, characters, images, other_quantities::text,
			pricing_assumptions::text, trace_id, session_id, outcome, payer, tags FROM public.api_usage`))
		assert.Equal(t, usage.UserID("ada@example.com").String()+"|ada@example.com|2026-03-14T15:09:27.535897Z",
			db.Text(`SELECT id, external_id, last_seen_at FROM auth.users`))
	})
}

func TestWhatIsNotKnownIsNull(t *testing.T) {
	t.Parallel()
	inEveryMode(t, func(t *testing.T, db *pgtest.DB, w *write.Writer) {
		writeAll(t, w, []usage.Record{{
			ID: usage.ID{1}, Time: testTime, APIType: usage.APITypeTranscription, Status: usage.StatusUnpriced, Reason: usage.ReasonNoUsage,
		}})
		assert.Equal(t, "-|-|-|-|{}|unpriced|no_usage|-|-|-|-|-|-|-|-|-|-|-|-|-|-|-|-|-|-|-|-",
			db.Text(`SELECT user_id, model, tokens_used, request_id, metadata::text, pricing_status, pricing_reason, price_id, cost_source, reported_dollars,
				input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens, audio_seconds, characters, images, other_quantities,
				pricing_assumptions::text, trace_id, session_id, outcome, payer, tags, sum_tags FROM public.api_usage`))
	})
}

func TestBothWaysOfWritingMakeTheSameRow(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	records := make([]usage.Record, 500)
	for i := range records {
		records[i] = randomCall(r, i)
		records[i].Cost = usage.Money(r.Int64N(int64(usage.MaxCallCost)) >> r.IntN(60))
		if records[i].Status == usage.StatusUnpriced {
			records[i].Cost = 0
		}
		records[i].Quantities[usage.AudioSeconds] = r.Int64N(1<<59) >> r.IntN(59)
	}
	const rows = `SELECT md5(string_agg(t::text, E'\n' ORDER BY id)) FROM (SELECT id, user_id, timestamp, usage_dollars, api_type, model, tokens_used, request_id, metadata, provider, service, environment,
		pricing_status, pricing_reason, price_id, cost_source, reported_dollars, input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens, audio_seconds, characters, images, other_quantities,
		pricing_assumptions, trace_id, session_id, outcome, payer, tags, sum_tags FROM public.api_usage) t`
	byCopy, byInsert := pgtest.New(t), pgtest.New(t)
	result := writeAll(t, newWriter(t, byCopy, write.Options{}), records)
	assert.True(t, result.Copied)
	first := records[0]
	first.Quantities[usage.AudioSeconds] /= 2
	writeAll(t, newWriter(t, byInsert, write.Options{}), []usage.Record{first})
	result = writeAll(t, newWriter(t, byInsert, write.Options{}), records)
	assert.False(t, result.Copied, "one call is there already with less, so COPY cannot take the batch")
	assert.Empty(t, result.Parked)
	assert.Equal(t, 499, result.Inserted)
	assert.Equal(t, 1, result.Corrected)
	assert.Equal(t, byCopy.Text(rows), byInsert.Text(rows))
	for i := range records {
		require.Equal(t, records[i].Cost.Decimal().StringFixed(12), byCopy.Text(`SELECT usage_dollars::text FROM public.api_usage WHERE id = $1`, [16]byte(records[i].ID)))
	}
}

func TestTheSameBatchAgainStoresNothing(t *testing.T) {
	t.Parallel()
	inEveryMode(t, func(t *testing.T, db *pgtest.DB, w *write.Writer) {
		records := calls(0, 300)
		records = append(records, call(7), call(8)) // twice in the batch
		result := writeAll(t, w, records)
		assert.Equal(t, 300, result.Inserted)
		assert.Equal(t, 2, result.Duplicates)
		for range 4 {
			result = writeAll(t, w, records)
			assert.Zero(t, result.Inserted)
			assert.Equal(t, 302, result.Duplicates)
		}
		result = writeAll(t, w, calls(250, 350))
		assert.Equal(t, 50, result.Inserted)
		assert.Equal(t, 50, result.Duplicates)
		assert.Equal(t, "350|0.128782500000", db.Text(`SELECT count(*), sum(usage_dollars)::text FROM public.api_usage`))
		assert.Equal(t, noDifferences, db.Text(rollupDifferences))
	})
}

func TestWritersWithTheSameCallsNeitherLoseNorDoubleNorDeadlock(t *testing.T) {
	t.Parallel()
	inEveryMode(t, func(t *testing.T, db *pgtest.DB, _ *write.Writer) {
		r := rand.New(rand.NewPCG(5, 6))
		all := make([]usage.Record, 2000)
		for i := range all {
			all[i] = randomCall(r, i)
		}
		var wg sync.WaitGroup
		for n := range 4 {
			wg.Go(func() {
				r := rand.New(rand.NewPCG(7, uint64(n)))
				w := newWriter(t, db, write.Options{})
				order := r.Perm(10)
				for _, part := range order { // batches of 400 that overlap by half
					from := part * 200
					batch := append([]usage.Record(nil), all[from:min(from+400, len(all))]...)
					for i := range batch { // a writer cleans the records it gets
						batch[i].Tags = slices.Clone(batch[i].Tags)
					}
					r.Shuffle(len(batch), func(i, j int) { batch[i], batch[j] = batch[j], batch[i] })
					_, err := w.Write(context.Background(), batch)
					assert.NoError(t, err)
				}
			})
		}
		wg.Wait()
		assert.Equal(t, "2000", db.Text(`SELECT count(*) FROM public.api_usage`))
		assert.Equal(t, noDifferences, db.Text(rollupDifferences))
	})
}

func TestAConfiguredModeThatWouldCountTwiceIsRefused(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	_, err := newWriter(t, db, write.Options{Rollup: store.RollupStatement}).Write(t.Context(), calls(0, 1))
	require.ErrorIs(t, err, store.ErrRollupMode)
	assert.ErrorContains(t, err, "counted twice; set `rollup: auto`, or take the triggers away with: usagectl migrate rollup statement")

	keepRollupsBy(t, db, store.RollupStatement)
	writeAll(t, newWriter(t, db, write.Options{Rollup: store.RollupStatement}), calls(0, 1))
	_, err = newWriter(t, db, write.Options{Rollup: store.RollupTrigger}).Write(t.Context(), calls(0, 1))
	require.ErrorIs(t, err, store.ErrRollupMode)
	assert.ErrorContains(t, err, "would not be kept; set `rollup: auto`, or create it with: usagectl migrate rollup trigger")

	keepRollupsBy(t, db, store.RollupTrigger)
	assert.Equal(t, 1, writeAll(t, newWriter(t, db, write.Options{Rollup: store.RollupTrigger}), calls(0, 2)).Inserted)
	assert.Equal(t, noDifferences, db.Text(rollupDifferences))
}

func TestAWriterSeesThatTheTriggersCameOrWent(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	w := newWriter(t, db, write.Options{})
	writeAll(t, w, calls(0, 10))
	db.Exec(`ALTER TABLE public.api_usage DISABLE TRIGGER api_usage_fold_insert`)
	assert.False(t, writeAll(t, w, calls(10, 20)).Copied)
	assert.Equal(t, noDifferences, db.Text(rollupDifferences))
	db.Exec(`ALTER TABLE public.api_usage ENABLE TRIGGER api_usage_fold_insert`)
	writeAll(t, w, calls(20, 30))
	assert.True(t, writeAll(t, w, calls(30, 40)).Copied)
	assert.Equal(t, noDifferences, db.Text(rollupDifferences))
}

func TestAnUnknownUserOfAHostApplicationIsStoredByName(t *testing.T) {
	t.Parallel()
	known := usage.UserID("0b7c1e9e-5f0a-4f0e-9d3c-1a2b3c4d5e6f")
	hostApplication := func(t testing.TB) *pgtest.DB {
		db := pgtest.NewEmpty(t)
		db.Exec(`CREATE SCHEMA auth`)
		db.Exec(`CREATE TABLE auth.users (id uuid PRIMARY KEY, email varchar(255), encrypted_password text)`)
		db.Exec(`INSERT INTO auth.users VALUES ($1, 'ada@example.com', 'x')`, [16]byte(known))
		_, err := dbmigrate.New().Up(t.Context(), db.Pool)
		require.NoError(t, err)
		return db
	}
	inBothModesOf(t, hostApplication, func(t *testing.T, db *pgtest.DB, w *write.Writer) {
		records := calls(0, 4)
		records[0].UserID = known
		records[1].UserID, records[1].UserExternalID = usage.UserID("bob"), "bob"
		records[2].UserID = usage.UserID("9b7c1e9e-5f0a-4f0e-9d3c-1a2b3c4d5e6f")
		result := writeAll(t, w, records)
		assert.Equal(t, 4, result.Inserted)
		assert.Equal(t, 2, result.UnknownUsers)
		assert.Equal(t, known.String()+"|-\n-|bob\n-|9b7c1e9e-5f0a-4f0e-9d3c-1a2b3c4d5e6f\n-|-",
			db.Text(`SELECT user_id, metadata->>'user' FROM public.api_usage ORDER BY timestamp`))
		assert.Equal(t, "1", db.Text(`SELECT count(*) FROM auth.users`), "the users of a host application are never written")
		assert.Equal(t, "ada@example.com|-", db.Text(`SELECT email, external_id FROM public.usage_user`))
		assert.Equal(t, noDifferences, db.Text(rollupDifferences))

		// The cache knows the user; they are deleted now.
		if db.Text(`SELECT to_regproc('public.usage_forget_user')`) != "-" {
			db.Exec(`SELECT public.usage_forget_user($1)`, [16]byte(known))
		}
		db.Exec(`DELETE FROM auth.users`)
		late := call(9)
		late.UserID = known
		result = writeAll(t, w, []usage.Record{late})
		assert.Equal(t, 1, result.Inserted)
		assert.Equal(t, 1, result.UnknownUsers)
		assert.Equal(t, noDifferences, db.Text(rollupDifferences))
	})
}

func TestAUserCreatedByHandIsFoundByTheExternalID(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, db *pgtest.DB, w *write.Writer) {
		byHand := usage.ID{0xaa}
		db.Exec(`INSERT INTO auth.users (id, external_id) VALUES ($1, 'ada')`, [16]byte(byHand))
		c := call(1)
		c.UserID, c.UserExternalID = usage.UserID("ada"), "ada"
		result := writeAll(t, w, []usage.Record{c})
		assert.Zero(t, result.UnknownUsers)
		assert.Equal(t, byHand.String(), db.Text(`SELECT user_id FROM public.api_usage`))
		assert.Equal(t, "1", db.Text(`SELECT count(*) FROM auth.users`))
	})
}

func TestLastSeenFollowsTheCallsButNotEachOfThem(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, db *pgtest.DB, w *write.Writer) {
		at := func(n int, d time.Duration) []usage.Record {
			c := call(n)
			c.UserID, c.Time = usage.UserID("ada"), testTime.Add(d)
			return []usage.Record{c}
		}
		writeAll(t, w, at(1, 0))
		writeAll(t, w, at(2, 10*time.Minute))
		assert.Equal(t, "2026-03-14T15:09:26.535897Z", db.Text(`SELECT last_seen_at FROM auth.users`))
		writeAll(t, w, at(3, 2*time.Hour))
		assert.Equal(t, "2026-03-14T17:09:26.535897Z", db.Text(`SELECT last_seen_at FROM auth.users`))
		writeAll(t, w, at(4, -48*time.Hour))
		assert.Equal(t, "2026-03-14T17:09:26.535897Z", db.Text(`SELECT last_seen_at FROM auth.users`))
	})
}
