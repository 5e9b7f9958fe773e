package outbox_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/dbmigrate"
	"github.com/otelcol-usage/otelcol-usage/internal/metering"
	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
	"github.com/otelcol-usage/otelcol-usage/internal/store/outbox"
)

// costs meters dollars by user, and tokens by service.
const costs = `
engines:
  e: {engine: lago, key_file: key}
meters:
  cost: {engine: e, measure: cost, since: 2026-01-01, customer: {by: user}}
  tokens: {engine: e, measure: tokens, since: 2026-01-01, customer: {by: service}, only: {service: [chat, search]}}
`

func load(t *testing.T, text string) *metering.Config {
	t.Helper()
	path := filepath.Join(t.TempDir(), "metering.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	c, err := metering.Load(path)
	require.NoError(t, err)
	return c
}

// insert stores calls of a dollar each and 100 tokens, numbered from first on, a second
// apart, of user 1 or 2.
func insert(db *pgtest.DB, first, count int) {
	db.Exec(`INSERT INTO auth.users (id, external_id) VALUES ('00000000-0000-0000-0000-000000000001', 'ann'), ('00000000-0000-0000-0000-000000000002', NULL) ON CONFLICT DO NOTHING`)
	db.Exec(`INSERT INTO public.api_usage (id, user_id, timestamp, usage_dollars, api_type, model, provider, service, tokens_used, input_tokens, output_tokens, request_id)
		SELECT md5(n::text)::uuid, ('00000000-0000-0000-0000-00000000000' || n % 2 + 1)::uuid, '2026-01-02T10:00Z'::timestamptz + n * interval '1 second', 1, 'text', 'gpt-4o', 'openai', 'chat', 100, 90, 10, 'r' || n
		FROM generate_series($1::int, $2::int) AS n`, first, first+count-1)
}

// asMeterer is a pool that has the right to meter and no other.
func asMeterer(t *testing.T, db *pgtest.DB) *pgxpool.Pool {
	t.Helper()
	config := db.Pool.Config()
	config.ConnConfig.RuntimeParams["role"] = "usage_meterer"
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}

func collect(t *testing.T, pool *pgxpool.Pool, c *metering.Config) outbox.Collected {
	t.Helper()
	lock, err := outbox.TakeLock(t.Context(), pool)
	require.NoError(t, err)
	defer lock.Release(t.Context())
	done, err := (&outbox.Collector{Pool: pool, Lock: lock, Meters: c.Meters, Rows: 7}).Collect(t.Context())
	require.NoError(t, err)
	return done
}

// eventually collects until the outbox says what is wanted: open transactions of other
// tests on the same server hold the cursor back.
func eventually(t *testing.T, db *pgtest.DB, c *metering.Config, sql, want string) {
	t.Helper()
	pool, got := asMeterer(t, db), ""
	if !assert.Eventually(t, func() bool {
		collect(t, pool, c)
		got = db.Text(sql)
		return got == want
	}, time.Minute, 20*time.Millisecond) {
		t.Fatalf("got %s, want %s", got, want)
	}
}

const (
	charged = `SELECT string_agg(format('%s %s %s', meter, customer, sum), ', ' ORDER BY meter, customer) FROM (
		SELECT meter, customer, trim_scale(sum(quantity)) AS sum FROM public.usage_meter_event WHERE state <> 'replaced' GROUP BY 1, 2 HAVING sum(quantity) <> 0) AS s`
	heldNow = `SELECT coalesce(string_agg(format('%s %s %s %s', meter, reason, count, sum), ', ' ORDER BY meter, reason), '') FROM (
		SELECT meter, reason, count(*), trim_scale(sum(quantity)) AS sum FROM public.usage_meter_held GROUP BY 1, 2) AS s`
)

const user2 = "00000000-0000-0000-0000-000000000002"

func TestEveryChangeOfACallChangesWhatIsChargedByItsDifference(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../docs/billing.md")
	require.NoError(t, err)
	index := regexp.MustCompile(`CREATE INDEX CONCURRENTLY .*;`).FindString(string(page))
	require.NotEmpty(t, index)
	t.Run("plain", func(t *testing.T) {
		t.Parallel()
		changeCalls(t, pgtest.New(t))
	})
	t.Run("with the index of the page", func(t *testing.T) {
		t.Parallel()
		db := pgtest.New(t)
		db.Exec(index)
		changeCalls(t, db)
		tx, err := db.Pool.Begin(t.Context())
		require.NoError(t, err)
		defer func() { _ = tx.Rollback(context.Background()) }()
		_, err = tx.Exec(t.Context(), `SET LOCAL enable_seqscan = off`)
		require.NoError(t, err)
		var plan string
		require.NoError(t, tx.QueryRow(t.Context(), `EXPLAIN (FORMAT JSON) SELECT id FROM public.usage_metered_call WHERE `+outbox.WrittenMark+` >= 5`).Scan(&plan))
		assert.Contains(t, plan, "api_usage_written_brin")
	})
	t.Run("partitioned", func(t *testing.T) {
		t.Parallel()
		db := pgtest.New(t)
		require.NoError(t, dbmigrate.PartitionByMonth(t.Context(), db.Pool))
		db.Exec(strings.Replace(index, "CONCURRENTLY ", "", 1))
		changeCalls(t, db)
	})
}

func changeCalls(t *testing.T, db *pgtest.DB) {
	c := load(t, costs)
	insert(db, 1, 20)
	eventually(t, db, c, charged, "cost "+user2+" 10, cost ann 10, tokens chat 2000")
	assert.Equal(t, "40|1|1", db.Text(`SELECT count(*), min(revision), max(revision) FROM public.usage_meter_event`))

	// New calls, and those that were there once more: nothing twice.
	insert(db, 21, 2)
	eventually(t, db, c, charged, "cost "+user2+" 11, cost ann 11, tokens chat 2200")

	// A correction with larger counts.
	db.Exec(`UPDATE public.api_usage SET usage_dollars = 1.5, tokens_used = 150, output_tokens = 60 WHERE request_id = 'r2'`)
	eventually(t, db, c, charged, "cost "+user2+" 11, cost ann 11.5, tokens chat 2250")
	assert.Equal(t, "0.5|2", db.Text(`SELECT trim_scale(quantity), revision FROM public.usage_meter_event WHERE meter = 'cost' ORDER BY id DESC LIMIT 1`))

	// Repriced to less, and to nothing known.
	db.Exec(`UPDATE public.api_usage SET usage_dollars = 0.25 WHERE request_id = 'r2'`)
	db.Exec(`UPDATE public.api_usage SET usage_dollars = 0, pricing_status = 'unpriced', pricing_reason = 'unknown_model' WHERE request_id = 'r4'`)
	eventually(t, db, c, charged, "cost "+user2+" 11, cost ann 9.25, tokens chat 2250")
	assert.Equal(t, "cost unknown_model 1 ", db.Text(heldNow))

	// Priced again.
	db.Exec(`UPDATE public.api_usage SET usage_dollars = 2, pricing_status = 'priced', pricing_reason = NULL WHERE request_id = 'r4'`)
	eventually(t, db, c, charged, "cost "+user2+" 11, cost ann 11.25, tokens chat 2250")
	assert.Empty(t, db.Text(heldNow))

	// To another user, to none, and to another service.
	db.Exec(`UPDATE public.api_usage SET user_id = $1 WHERE request_id = 'r4'`, user2)
	db.Exec(`UPDATE public.api_usage SET user_id = NULL, service = 'search' WHERE request_id = 'r6'`)
	eventually(t, db, c, charged, "cost "+user2+" 13, cost ann 8.25, tokens chat 2150, tokens search 100")
	assert.Equal(t, "cost no_customer 1 1", db.Text(heldNow))

	// Attributed late.
	db.Exec(`UPDATE public.api_usage SET user_id = '00000000-0000-0000-0000-000000000001' WHERE request_id = 'r6'`)
	eventually(t, db, c, charged, "cost "+user2+" 13, cost ann 9.25, tokens chat 2150, tokens search 100")
	assert.Empty(t, db.Text(heldNow))

	// A service that no meter is for takes back what was charged. Deleting does not: the
	// call was made.
	db.Exec(`UPDATE public.api_usage SET service = 'other' WHERE request_id = 'r6'`)
	db.Exec(`DELETE FROM public.api_usage WHERE request_id = 'r8'`)
	db.Exec(`DELETE FROM auth.users WHERE id = $1`, user2)
	eventually(t, db, c, charged, "cost "+user2+" 13, cost ann 9.25, tokens chat 2150")

	// But the sum of an agent that gives way to its calls is charged no more.
	db.Exec(`WITH gone AS (DELETE FROM public.api_usage WHERE request_id = 'r10' RETURNING id) INSERT INTO public.usage_correction (call_id, kind) SELECT id, 'sum' FROM gone`)
	eventually(t, db, c, charged, "cost "+user2+" 13, cost ann 8.25, tokens chat 2050")

	// Looking at all of it again changes nothing.
	events := db.Text(`SELECT count(*) FROM public.usage_meter_event`)
	require.NoError(t, outbox.Reread(t.Context(), db.Pool, c.Meters, time.Time{}))
	assert.Equal(t, "2", db.Text(`SELECT count(*) FROM public.usage_meter WHERE replay_from = since`))
	collect(t, asMeterer(t, db), c)
	assert.Equal(t, events, db.Text(`SELECT count(*) FROM public.usage_meter_event`))
	assert.Equal(t, "0", db.Text(`SELECT count(*) FROM public.usage_meter WHERE replay_from IS NOT NULL`))
}

func TestACallThatCommitsLateIsChargedOnce(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	c := load(t, costs)
	pool := asMeterer(t, db)
	insert(db, 1, 2)
	collect(t, pool, c)

	slow, err := db.Pool.Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = slow.Rollback(context.Background()) }()
	_, err = slow.Exec(t.Context(), `SELECT pg_current_xact_id()`)
	require.NoError(t, err)
	insert(db, 3, 2)
	collect(t, pool, c)
	assert.Equal(t, "4", db.Text(`SELECT count(*) FROM public.usage_meter_event`), "younger ones wait for the transaction that is open")
	opened := time.Now()
	collect(t, pool, c)
	collect(t, pool, c)
	assert.Equal(t, "true", db.Text(`SELECT coalesce(collected_at < $1, true) FROM public.usage_meter WHERE meter = 'cost'`, opened), "what was stored since is not complete")
	_, err = slow.Exec(t.Context(), `INSERT INTO public.api_usage (timestamp, usage_dollars, api_type, provider, service, request_id) VALUES ('2026-01-02', 1, 'text', 'openai', 'search', 'late')`)
	require.NoError(t, err)
	require.NoError(t, slow.Commit(t.Context()))
	eventually(t, db, c, charged, "cost "+user2+" 2, cost ann 2, tokens chat 400")
	assert.Equal(t, "cost no_customer 1 1", db.Text(heldNow))
	eventually(t, db, c, `SELECT collected_at > '`+opened.Format(time.RFC3339Nano)+`' FROM public.usage_meter WHERE meter = 'cost'`, "true")
}

func TestANewMeterReadsThePastFromItsFirstDayOn(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	insert(db, 1, 20)
	db.Exec(`UPDATE public.api_usage SET timestamp = '2025-12-31T23:59:59Z' WHERE request_id = 'r1'`)
	db.Exec(`UPDATE public.api_usage SET timestamp = now() + interval '3 days' WHERE request_id = 'r2'`)
	collect(t, asMeterer(t, db), load(t, costs))
	assert.Equal(t, "cost "+user2+" 9, cost ann 10, tokens chat 1900", db.Text(charged))
	// A meter that comes later does not make the others look again.
	more := load(t, costs+"  calls: {engine: e, measure: calls, since: 2025-01-01, customer: {by: environment}}\n")
	collect(t, asMeterer(t, db), more)
	assert.Equal(t, "calls no_customer 20 20", db.Text(heldNow))
	assert.Equal(t, "38", db.Text(`SELECT count(*) FROM public.usage_meter_event`))
}

func TestTheRulesOfToday(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	insert(db, 1, 2)
	collect(t, asMeterer(t, db), load(t, costs))
	changed := load(t, strings.Replace(costs, "customer: {by: user}", "customer: {by: user}, rules: [{factor: 1.25}]", 1))
	collect(t, asMeterer(t, db), changed)
	assert.Equal(t, "cost "+user2+" 1, cost ann 1, tokens chat 200", db.Text(charged), "a rule does not reach back by itself")
	require.NoError(t, outbox.Reread(t.Context(), db.Pool, changed.Meters, time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)))
	collect(t, asMeterer(t, db), changed)
	assert.Equal(t, "cost "+user2+" 1.25, cost ann 1.25, tokens chat 200", db.Text(charged))
}

func TestTeamsPay(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	insert(db, 1, 2)
	db.Exec(`INSERT INTO public.usage_team_members (team, user_id) SELECT team, id FROM auth.users, unnest(ARRAY['red', 'blue']) AS team WHERE external_id IS NULL OR team = 'red'`)
	collect(t, asMeterer(t, db), load(t, strings.Replace(costs, "{by: user}", "{by: team}", 1)))
	assert.Equal(t, "cost red 1, tokens chat 200", db.Text(charged))
	assert.Equal(t, "cost several_teams 1 1", db.Text(heldNow))
}

// TestTheTeamOfTheDayPays moves a user between two calls.
func TestTheTeamOfTheDayPays(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	insert(db, 1, 2)
	db.Exec(`UPDATE public.api_usage SET user_id = $1, timestamp = CASE request_id WHEN 'r1' THEN '2026-01-02 23:59:59.999Z' ELSE '2026-01-03Z'::timestamptz END`, user2)
	db.Exec(`INSERT INTO public.usage_team_membership (team, user_id, since, until) VALUES ('red', $1, '-infinity', '2026-01-03'), ('blue', $1, '2026-01-03', 'infinity')`, user2)
	collect(t, asMeterer(t, db), load(t, strings.Replace(costs, "{by: user}", "{by: team}", 1)))
	assert.Equal(t, "cost blue 1, cost red 1, tokens chat 200", db.Text(charged))
	assert.Empty(t, db.Text(heldNow))
}

func TestATenantPays(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	insert(db, 1, 2)
	db.Exec(`UPDATE public.api_usage SET tags = E'feature=x\ntenant=acme' WHERE request_id = 'r1'`)
	db.Exec(`UPDATE public.api_usage SET tags = 'tenant' WHERE request_id = 'r2'`)
	db.Exec(`INSERT INTO public.api_usage (timestamp, usage_dollars, api_type, tags) VALUES ('2026-01-02', 1, 'text', '["tenant"]')`)
	collect(t, asMeterer(t, db), load(t, strings.Replace(costs, "{by: user}", "{by: tag, tag: tenant}", 1)))
	assert.Equal(t, "cost acme 1, tokens chat 200", db.Text(charged))
	assert.Equal(t, "cost no_customer 2 2", db.Text(heldNow), "what others wrote stops nothing")
}

func TestARunThatIsNotAloneAndADatabaseThatForgotAreErrors(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	c := load(t, costs)
	first, err := outbox.TakeLock(t.Context(), db.Pool)
	require.NoError(t, err)
	_, err = outbox.TakeLock(t.Context(), db.Pool)
	require.ErrorIs(t, err, outbox.ErrRunning)
	first.Release(t.Context())
	collect(t, asMeterer(t, db), c)
	db.Exec(`UPDATE public.usage_meter SET mark = '4000000000000'`)
	insert(db, 1, 2)
	lock, err := outbox.TakeLock(t.Context(), db.Pool)
	require.NoError(t, err)
	defer lock.Release(t.Context())
	_, err = (&outbox.Collector{Pool: db.Pool, Lock: lock, Meters: c.Meters}).Collect(t.Context())
	require.ErrorIs(t, err, outbox.ErrMark)
	require.NoError(t, outbox.Reread(t.Context(), db.Pool, c.Meters, c.Meters[0].Since))
	_, err = (&outbox.Collector{Pool: db.Pool, Lock: lock, Meters: c.Meters}).Collect(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "cost "+user2+" 1, cost ann 1, tokens chat 200", db.Text(charged))

	elsewhere := load(t, strings.ReplaceAll(strings.Replace(costs, "  e: {", "  other: {", 1), "engine: e,", "engine: other,"))
	_, err = (&outbox.Collector{Pool: db.Pool, Lock: lock, Meters: elsewhere.Meters}).Collect(t.Context())
	require.ErrorContains(t, err, "meter cost: its events go to e, and engine says other")
}

// sink is an engine in memory that does what a test says.
type sink struct {
	batch   int
	ready   error
	answers []func([]metering.Event) ([]metering.Outcome, error)
	got     []string // event and quantity
}

func (s *sink) Batch() int                                   { return s.batch }
func (s *sink) Ready(context.Context, *metering.Meter) error { return s.ready }
func (s *sink) Total(context.Context, *metering.Meter, string, time.Time, time.Time) (metering.Total, error) {
	return metering.Total{}, nil
}

func (s *sink) Send(_ context.Context, _ *metering.Meter, events []metering.Event) ([]metering.Outcome, error) {
	if len(s.answers) > 0 {
		answer := s.answers[0]
		s.answers = s.answers[1:]
		return answer(events)
	}
	return s.take(events), nil
}

func (s *sink) take(events []metering.Event) []metering.Outcome {
	for _, e := range events {
		s.got = append(s.got, e.ID[len(e.ID)-1:]+" "+e.Customer+" "+e.Quantity.String())
	}
	return slices.Repeat([]metering.Outcome{{State: metering.Accepted}}, len(events))
}

func send(t *testing.T, db *pgtest.DB, c *metering.Config, s *sink, change func(*metering.Engine)) (outbox.Sent, error) {
	t.Helper()
	pool := asMeterer(t, db)
	lock, err := outbox.TakeLock(t.Context(), pool)
	require.NoError(t, err)
	defer lock.Release(t.Context())
	engine := c.Engines[0]
	if change != nil {
		change(&engine)
	}
	return (&outbox.Sender{Pool: pool, Lock: lock, Engine: engine, Sink: s, Meters: c.Meters[:1], Pause: func(context.Context, time.Duration) error { return nil }}).Send(t.Context())
}

const states = `SELECT string_agg(format('%s %s', state, count), ', ' ORDER BY state) FROM (SELECT state, count(*) FROM public.usage_meter_event WHERE meter = 'cost' GROUP BY 1) AS s`

func TestASenderSettlesEachEventOnce(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	c := load(t, costs)
	insert(db, 1, 20)
	collect(t, asMeterer(t, db), c)
	s := &sink{batch: 6}
	busy := func(state metering.OutcomeState, n int) func([]metering.Event) ([]metering.Outcome, error) {
		return func(events []metering.Event) ([]metering.Outcome, error) {
			outcomes := slices.Repeat([]metering.Outcome{{State: state}}, len(events))
			copy(outcomes, s.take(events[:n]))
			return outcomes, &metering.Busy{Why: "status 500"}
		}
	}
	s.answers = append(s.answers, busy(metering.NotTaken, 0), busy(metering.Unknown, 0), busy(metering.Unknown, 2))
	done, err := send(t, db, c, s, nil)
	require.NoError(t, err)
	assert.Equal(t, outbox.Sent{Accepted: 20}, done)
	assert.Equal(t, "accepted 20", db.Text(states))
	assert.Len(t, s.got, 20)
	assert.Equal(t, "true", db.Text(`SELECT problem IS NULL AND sent_at IS NOT NULL FROM public.usage_meter WHERE meter = 'cost'`))

	// A call that went to somebody else and back: in the order in which it happened.
	db.Exec(`UPDATE public.api_usage SET user_id = $1 WHERE request_id = 'r2'`, user2)
	eventually(t, db, c, charged, "cost "+user2+" 11, cost ann 9, tokens chat 2000")
	s.got = nil
	_, err = send(t, db, c, s, nil)
	require.NoError(t, err)
	assert.Equal(t, []string{"2 ann -1", "3 " + user2 + " 1"}, s.got)
}

func TestWhatAnEngineMayHaveIsNotSentAgainWhenItWouldNotRecogniseIt(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	c := load(t, costs)
	insert(db, 1, 4)
	collect(t, asMeterer(t, db), c)
	lost := func(events []metering.Event) ([]metering.Outcome, error) {
		return make([]metering.Outcome, len(events)), &metering.Busy{Why: "no answer"}
	}
	forgetful := func(e *metering.Engine) { e.Repeats = 0 }
	s := &sink{batch: 3, answers: []func([]metering.Event) ([]metering.Outcome, error){lost}}
	done, err := send(t, db, c, s, forgetful)
	require.NoError(t, err)
	assert.Equal(t, outbox.Sent{Accepted: 1, Unsure: 3}, done)
	assert.Equal(t, "accepted 1, unsure 3", db.Text(states))

	// An operator has looked: one is not there.
	n, err := outbox.Requeue(t.Context(), asMeterer(t, db), "cost", "unsure", "no_answer")
	require.NoError(t, err)
	assert.EqualValues(t, 3, n)
	_, err = send(t, db, c, s, forgetful)
	require.NoError(t, err)
	assert.Equal(t, "accepted 4", db.Text(states))
	assert.Len(t, s.got, 4)
}

func TestWhatIsRefusedIsKeptAndHoldsLaterEventsOfItsCallBack(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	c := load(t, costs)
	insert(db, 1, 4)
	collect(t, asMeterer(t, db), c)
	s := &sink{batch: 100, answers: []func([]metering.Event) ([]metering.Outcome, error){func(events []metering.Event) ([]metering.Outcome, error) {
		outcomes := make([]metering.Outcome, len(events))
		for i := range events {
			outcomes[i] = metering.Outcome{State: metering.Refused, Reason: "customer_not_found: no such customer"}
		}
		return outcomes, nil
	}}}
	done, err := send(t, db, c, s, nil)
	require.NoError(t, err)
	assert.Equal(t, outbox.Sent{Refused: 4}, done)

	// The call costs more: the new event takes the place of the refused one.
	db.Exec(`UPDATE public.api_usage SET usage_dollars = 3 WHERE request_id = 'r1'`)
	eventually(t, db, c, charged, "cost "+user2+" 4, cost ann 2, tokens chat 400")
	_, err = send(t, db, c, s, nil)
	require.NoError(t, err)
	assert.Equal(t, []string{"2 " + user2 + " 3"}, s.got)
	assert.Equal(t, "accepted 1, refused 3, replaced 1", db.Text(states))

	// The others are sent when somebody says so, with their ids.
	_, err = outbox.Requeue(t.Context(), asMeterer(t, db), "cost", "refused", "customer_not_found")
	require.NoError(t, err)
	_, err = send(t, db, c, s, nil)
	require.NoError(t, err)
	assert.Equal(t, "accepted 4, replaced 1", db.Text(states))
	assert.Len(t, s.got, 4)
}

func TestACallThatIsTooOldIsRefusedWithoutBeingSent(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	c := load(t, costs)
	insert(db, 1, 4)
	db.Exec(`UPDATE public.api_usage SET timestamp = now() WHERE request_id = 'r1'`)
	db.Exec(`UPDATE public.api_usage SET timestamp = now() + interval '10 minutes' WHERE request_id = 'r2'`)
	eventually(t, db, c, charged, "cost "+user2+" 2, cost ann 2, tokens chat 400")
	s := &sink{batch: 100}
	done, err := send(t, db, c, s, func(e *metering.Engine) { e.Past = 24 * time.Hour })
	require.NoError(t, err)
	assert.Equal(t, outbox.Sent{Accepted: 1, Refused: 2}, done)
	assert.Equal(t, "accepted 1, refused 2, waiting 1", db.Text(states), "a call of the future waits for its time")
	assert.Equal(t, "too_old: the engine takes calls of the last 24h0m0s", db.Text(`SELECT DISTINCT reason FROM public.usage_meter_event WHERE state = 'refused'`))
}

func TestADifferenceToWhatWasRefusedIsNotSentWithoutIt(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	c := load(t, costs)
	insert(db, 1, 1)
	eventually(t, db, c, charged, "cost "+user2+" 1, tokens chat 100")
	db.Exec(`UPDATE public.api_usage SET usage_dollars = 3`)
	eventually(t, db, c, charged, "cost "+user2+" 3, tokens chat 100")
	s := &sink{batch: 100}
	done, err := send(t, db, c, s, func(e *metering.Engine) { e.Past = time.Hour })
	require.NoError(t, err)
	assert.Equal(t, outbox.Sent{Refused: 2}, done)
	_, err = outbox.Requeue(t.Context(), asMeterer(t, db), "cost", "refused", "")
	require.NoError(t, err)
	_, err = send(t, db, c, s, nil)
	require.NoError(t, err)
	assert.Equal(t, []string{"1 " + user2 + " 1", "2 " + user2 + " 2"}, s.got)
}

func TestWhatStopsAMeterIsKeptAsItsProblem(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	c := load(t, costs)
	insert(db, 1, 4)
	collect(t, asMeterer(t, db), c)
	s := &sink{batch: 100, ready: fmt.Errorf("%w: cost", metering.ErrMeter)}
	_, err := send(t, db, c, s, nil)
	require.ErrorIs(t, err, metering.ErrMeter)
	assert.Equal(t, "waiting 4", db.Text(states))
	assert.Equal(t, "the engine has no such meter: cost", db.Text(`SELECT problem FROM usage_report.metering WHERE meter = 'cost'`))
	list, err := outbox.ReadStatus(t.Context(), asMeterer(t, db))
	require.NoError(t, err)
	require.Len(t, list, 2)
	assert.Equal(t, "the engine has no such meter: cost", list[0].Problem)
	require.Len(t, list[0].States, 1)
	assert.Equal(t, "waiting 4 4", fmt.Sprint(list[0].States[0].State, " ", list[0].States[0].Events, " ", list[0].States[0].Quantity))

	s.ready, s.answers = nil, nil
	_, err = send(t, db, c, s, nil)
	require.NoError(t, err)
	assert.Equal(t, "accepted 4|-", db.Text(`SELECT (`+states+`), problem FROM public.usage_meter WHERE meter = 'cost'`))
	sums, err := outbox.Sums(t.Context(), asMeterer(t, db), "cost", "", time.Time{}, time.Now())
	require.NoError(t, err)
	require.Len(t, sums, 2)
	assert.Equal(t, "2", sums[1].Accepted.String())
}
