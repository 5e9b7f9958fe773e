package store_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
	"github.com/otelcol-usage/otelcol-usage/internal/store"
	"github.com/otelcol-usage/otelcol-usage/internal/store/upkeep"
	"github.com/otelcol-usage/otelcol-usage/internal/store/write"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// TestRollupsAreExactUnderAnyWriter lets writers, updates, deletes, deleted
// users, aborted transactions and savepoints loose on one table at once.
func TestRollupsAreExactUnderAnyWriter(t *testing.T) {
	t.Parallel()
	t.Run("plain", func(t *testing.T) {
		t.Parallel()
		anyWriter(t, pgtest.New(t))
	})
	t.Run("partitioned", func(t *testing.T) {
		t.Parallel()
		db := partitioned(t)
		anyWriter(t, db)
		assert.Equal(t, "0|0", db.Text(idDifferences))
	})
}

func anyWriter(t *testing.T, db *pgtest.DB) {
	t.Helper()
	ctx := context.Background()
	kinds := []string{"write", "cost", "key", "delete", "user", "insert", "repriced", "savepoint", "fold"}
	var wg sync.WaitGroup
	var mu sync.Mutex
	done := map[string]int{}
	begin := time.Now()
	// Two seconds of it, and on a busy machine as many as every kind takes to
	// win once.
	goOn := func() bool {
		mu.Lock()
		defer mu.Unlock()
		missing := slices.ContainsFunc(kinds, func(what string) bool { return done[what] == 0 })
		since := time.Since(begin)
		return since < 2*time.Second || missing && since < time.Minute
	}
	// Others change single rows without any order, so deadlocks with them are
	// possible; whoever loses has done nothing.
	tally := func(t *testing.T, what string, err error) {
		mu.Lock()
		defer mu.Unlock()
		if err == nil {
			done[what]++
			return
		}
		assert.Contains(t, []store.Class{store.ClassConflict, store.ClassBadRow}, store.Classify(err), "%s: %v", what, err)
	}
	for n := range 3 {
		wg.Go(func() { // collectors
			r := rand.New(rand.NewPCG(1, uint64(n)))
			w := newWriter(t, db, write.Options{})
			for goOn() {
				batch := make([]usage.Record, 0, 100)
				for range 100 {
					batch = append(batch, randomCall(rand.New(rand.NewPCG(9, r.Uint64N(3000))), r.IntN(3000)))
				}
				_, err := w.Write(ctx, batch)
				tally(t, "write", err)
			}
		})
	}
	wg.Go(func() { // who moves the sums of slots together
		for goOn() {
			tally(t, "fold", upkeep.FoldSlots(ctx, db.Pool))
		}
	})
	for n := range 2 {
		wg.Go(func() { // people and other programs
			r := rand.New(rand.NewPCG(2, uint64(n)))
			for goOn() {
				id := [16]byte(call(r.IntN(3000)).ID)
				what, sql, args := "", "", []any{}
				switch r.IntN(8) {
				case 0:
					what, sql, args = "cost", `UPDATE public.api_usage SET usage_dollars = usage_dollars + 0.000000000001 WHERE id >= $1 AND pricing_status <> 'unpriced'`, []any{id}
				case 1:
					what, sql, args = "key", `UPDATE public.api_usage SET timestamp = timestamp + interval '20 minutes', model = 'other', user_id = NULL, api_type = 'image' WHERE id = $1`, []any{id}
				case 2:
					what, sql, args = "delete", `DELETE FROM public.api_usage WHERE id BETWEEN $1 AND $1::uuid`, []any{id}
				case 3:
					what, sql = "user", `DELETE FROM auth.users WHERE id IN (SELECT id FROM auth.users ORDER BY random() LIMIT 1)`
				case 4:
					what, sql, args = "insert", `INSERT INTO public.api_usage (usage_dollars, api_type, tokens_used, pricing_status) VALUES ($1::text::numeric, 'tts', 3, 'estimated')`, []any{fmt.Sprintf("0.%d", r.IntN(1000))}
				case 5:
					what, sql, args = "repriced", `UPDATE public.api_usage SET pricing_status = 'priced', usage_dollars = 1, input_tokens = 7 WHERE id = $1`, []any{id}
				case 6:
					tally(t, "abort", pgx.BeginFunc(ctx, db.Pool, func(tx pgx.Tx) error {
						_, err := tx.Exec(ctx, `DELETE FROM public.api_usage WHERE id < $1`, id)
						if err == nil {
							_, err = tx.Exec(ctx, `SELECT 1/0`)
						}
						return err
					}))
					continue
				case 7:
					tally(t, "savepoint", pgx.BeginFunc(ctx, db.Pool, func(tx pgx.Tx) error {
						if _, err := tx.Exec(ctx, `INSERT INTO public.api_usage (usage_dollars, api_type) VALUES (2, 'text')`); err != nil {
							return err
						}
						inner, err := tx.Begin(ctx)
						if err != nil {
							return err
						}
						if _, err := inner.Exec(ctx, `DELETE FROM public.api_usage WHERE id > $1`, id); err != nil {
							return err
						}
						return inner.Rollback(ctx)
					}))
					continue
				}
				_, err := db.Pool.Exec(ctx, sql, args...)
				tally(t, what, err)
			}
		})
	}
	wg.Wait()
	for _, what := range kinds {
		assert.Positive(t, done[what], "nothing was tried: %s", what)
	}
	assert.Zero(t, done["abort"])
	assert.NotEqual(t, "0", db.Text(`SELECT count(*) FROM public.api_usage`))
	assert.Equal(t, noDifferences, db.Text(rollupDifferences))
	require.NoError(t, upkeep.FoldSlots(ctx, db.Pool))
	assert.Equal(t, noDifferences, db.Text(rollupDifferences))
	assert.Equal(t, "0", db.Text(countInSlots))
}

// TestRollupsStayExactWhileTheirKeeperChanges hands them over and back under
// writers, and deletes users as each keeper wants it.
func TestRollupsStayExactWhileTheirKeeperChanges(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	ctx := context.Background()
	var stop atomic.Bool
	var wg sync.WaitGroup
	for n := range 3 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(3, uint64(n)))
			w := newWriter(t, db, write.Options{})
			for !stop.Load() {
				batch := make([]usage.Record, 0, 100)
				for range 100 {
					batch = append(batch, randomCall(rand.New(rand.NewPCG(9, r.Uint64N(20_000))), r.IntN(20_000)))
				}
				if _, err := w.Write(ctx, batch); err != nil {
					assert.Equal(t, store.ClassConflict, store.Classify(err), "%v", err)
				}
			}
		})
	}
	rows := func() string { return db.Text(`SELECT count(*) FROM public.api_usage`) }
	for n := range 4 {
		before := rows()
		require.Eventually(t, func() bool { return rows() != before }, time.Minute, time.Millisecond)
		keepRollupsBy(t, db, []store.RollupMode{store.RollupStatement, store.RollupTrigger}[n%2])
		user := [16]byte(usage.UserID(fmt.Sprintf("user-%d@example.com", n%5+1)))
		require.Eventually(t, func() bool { // a writer may be the one who wins a deadlock
			err := pgx.BeginFunc(ctx, db.Pool, func(tx pgx.Tx) error {
				if n%2 == 0 {
					if _, err := tx.Exec(ctx, `SELECT public.usage_forget_user($1)`, user); err != nil {
						return err
					}
				}
				_, err := tx.Exec(ctx, `DELETE FROM auth.users WHERE id = $1`, user)
				return err
			})
			return err == nil || !assert.Equal(t, store.ClassConflict, store.Classify(err), "%v", err)
		}, time.Minute, time.Millisecond)
	}
	stop.Store(true)
	wg.Wait()
	assert.NotEqual(t, "0", rows())
	assert.Equal(t, noDifferences, db.Text(rollupDifferences))
	require.NoError(t, upkeep.FoldSlots(ctx, db.Pool))
	assert.Equal(t, noDifferences, db.Text(rollupDifferences))
}

func TestForgettingAUserTakesHisPartOfEverySum(t *testing.T) {
	t.Parallel()
	with, without := pgtest.New(t), pgtest.New(t)
	var others []usage.Record
	gone := usage.UserID("user-2@example.com")
	all := randomCalls(500)
	for _, r := range all {
		if r.UserID != gone {
			others = append(others, r)
		}
	}
	for _, db := range []*pgtest.DB{with, without} {
		keepRollupsBy(t, db, store.RollupStatement)
	}
	writeAll(t, newWriter(t, with, write.Options{}), all)
	writeAll(t, newWriter(t, without, write.Options{}), others)
	assert.Equal(t, fmt.Sprint(len(all)-len(others)), with.Text(`SELECT public.usage_forget_user($1)`, [16]byte(gone)))
	assert.Equal(t, noDifferences, with.Text(rollupDifferences))
	for _, rollup := range []string{"usage_quarter_hour", "usage_day", "usage_half_month", "usage_quarter_type", "usage_day_type", "usage_day_user", "usage_half_month_user", "usage_day_tag", "usage_half_month_tag"} {
		// 0 may have digits where something was added and taken away.
		sums := `SELECT string_agg(line, E'\n' ORDER BY line) FROM (SELECT regexp_replace(t::text, '\y0\.0+\y', '0', 'g') AS line FROM public.` + rollup + ` t WHERE calls <> 0) AS lines`
		assert.Equal(t, without.Text(sums), with.Text(sums), rollup)
	}
	_, err := with.Pool.Exec(t.Context(), `SET ROLE usage_writer; SELECT public.usage_forget_user('00000000-0000-0000-0000-000000000001')`, pgx.QueryExecModeSimpleProtocol)
	assert.Equal(t, "42501", store.SQLState(err), "only the owner may delete")
}

func TestTruncateIsRefused(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	_, err := db.Pool.Exec(t.Context(), `TRUNCATE public.api_usage`)
	require.ErrorContains(t, err, "TRUNCATE of public.api_usage is refused")
}

func TestRetentionKeepsTheSums(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	writeAll(t, newWriter(t, db, write.Options{}), calls(0, 100))
	before := db.Text(`SELECT sum(calls), sum(usage_dollars)::text FROM public.usage_day`)
	require.NoError(t, pgx.BeginFunc(t.Context(), db.Pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(t.Context(), `SET LOCAL usage.keep_rollup = on`); err != nil {
			return err
		}
		_, err := tx.Exec(t.Context(), `DELETE FROM public.api_usage`)
		return err
	}))
	assert.Equal(t, before, db.Text(`SELECT sum(calls), sum(usage_dollars)::text FROM public.usage_day`))
	writeAll(t, newWriter(t, db, write.Options{}), calls(100, 110))
	db.Exec(`DELETE FROM public.api_usage`)
	assert.Equal(t, before, db.Text(`SELECT sum(calls), sum(usage_dollars)::text FROM public.usage_day`), "without the setting sums follow the rows")
}

func TestTheWriterNeedsNoMoreThanItsRole(t *testing.T) {
	t.Parallel()
	inEveryMode(t, func(t *testing.T, db *pgtest.DB, _ *write.Writer) {
		role := "writer_" + db.Name
		db.Exec(`CREATE ROLE ` + role + ` LOGIN PASSWORD 'x' IN ROLE usage_writer`)
		t.Cleanup(func() {
			_, err := db.Pool.Exec(context.Background(), `DROP ROLE `+role)
			assert.NoError(t, err)
		})
		config, err := pgx.ParseConfig(db.DSN)
		require.NoError(t, err)
		pool, err := store.Connect(t.Context(), store.Config{DSN: fmt.Sprintf("postgres://%s:x@%s:%d/%s?sslmode=disable", role, config.Host, config.Port, db.Name)})
		require.NoError(t, err)
		defer pool.Close()
		w := write.New(pool, write.Options{Encode: func(b []byte, r *usage.Record) []byte { return b }})
		records := calls(0, 10)
		for i := range records {
			records[i].UserExternalID = fmt.Sprint(i)
			records[i].UserID = usage.UserID(records[i].UserExternalID)
		}
		bad := call(20)
		bad.Cost = -1
		for range 2 {
			result, err := w.Write(t.Context(), append(records, bad))
			require.NoError(t, err)
			assert.Len(t, result.Parked, 1)
		}
		assert.Equal(t, "10|10|1", db.Text(`SELECT (SELECT count(*) FROM public.api_usage), (SELECT count(*) FROM auth.users), (SELECT count(*) FROM public.usage_dead_letter)`))
		assert.Equal(t, noDifferences, db.Text(rollupDifferences))
		result, err := w.Write(t.Context(), []usage.Record{streamed(30, 20)})
		require.NoError(t, err)
		require.Equal(t, 1, result.Inserted)
		result, err = w.Write(t.Context(), []usage.Record{streamed(30, 250), streamed(5, 7, func(r *usage.Record) { r.Service = "billing" })})
		require.NoError(t, err)
		require.Equal(t, [3]int{1, 1, 1}, [3]int{result.Corrected, result.Inserted, result.Reused})
		assert.Equal(t, noDifferences, db.Text(rollupDifferences))
		result, err = w.Write(t.Context(), []usage.Record{inTrace(41, 1)})
		require.NoError(t, err)
		require.Equal(t, 1, result.Inserted)
		require.Equal(t, 1, attribute(t, w, traceUser(1, "ana")), "the user with the text it was made from")
		result, err = w.Write(t.Context(), []usage.Record{inTrace(42, 1)})
		require.NoError(t, err)
		require.Equal(t, 1, result.Attributed)
		assert.Equal(t, noDifferences, db.Text(rollupDifferences))
		for _, noCorrection := range []string{`UPDATE public.api_usage SET usage_dollars = 0`, `UPDATE public.api_usage SET output_tokens = 0`,
			`UPDATE public.api_usage SET user_id = NULL`, `UPDATE public.api_usage SET metadata = '{}' WHERE metadata ? 'user'`,
			`UPDATE public.api_usage SET metadata = metadata || '{"user": "eve"}' WHERE metadata ? 'user'`, `UPDATE public.api_usage SET metadata = metadata || '{"dialect": "x"}'`} {
			_, err := pool.Exec(t.Context(), noCorrection)
			assert.Equal(t, store.ClassBadRow, store.Classify(err), "%s: %v", noCorrection, err)
		}
		for _, forbidden := range []string{`DELETE FROM public.api_usage`, `UPDATE public.api_usage SET service = 'x'`,
			`UPDATE public.usage_correction SET kind = 'x'`, `DELETE FROM public.usage_correction`, `DROP TABLE public.api_usage`, `DELETE FROM auth.users`,
			`UPDATE auth.users SET external_id = 'somebody else'`, `BEGIN; LOCK TABLE auth.users IN ACCESS EXCLUSIVE MODE`} {
			_, err := pool.Exec(t.Context(), forbidden)
			assert.Equal(t, "42501", store.SQLState(err), forbidden)
		}
	})
}

func TestOwnUsageSeesOneUserOnly(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, db *pgtest.DB, w *write.Writer) {
		records := calls(0, 30)
		ada, bob := usage.UserID("ada"), usage.UserID("bob")
		for i := range records {
			records[i].UserID = []usage.ID{ada, bob, {}}[i%3]
		}
		writeAll(t, w, records)
		asOwn := func(setting, sql string) (n int, err error) {
			err = pgx.BeginFunc(t.Context(), db.Pool, func(tx pgx.Tx) error {
				if _, err := tx.Exec(t.Context(), `SET LOCAL ROLE usage_own`); err != nil {
					return err
				}
				if setting != "unset" {
					// What a worker of Citus has to get too; elsewhere it has no effect.
					if _, err := tx.Exec(t.Context(), `SET LOCAL citus.propagate_set_commands = 'local'`); err != nil {
						return err
					}
					if _, err := tx.Exec(t.Context(), fmt.Sprintf(`SET LOCAL usage.user_id = '%s'`, setting)); err != nil {
						return err
					}
				}
				return tx.QueryRow(t.Context(), sql).Scan(&n)
			})
			return n, err
		}
		for _, c := range []struct {
			setting string
			want    int
		}{{ada.String(), 10}, {bob.String(), 10}, {"unset", 0}, {"", 0}, {usage.ID{}.String(), 0}, {usage.UserID("eve").String(), 0}} {
			for _, sql := range []string{`SELECT count(*) FROM public.usage_own_calls`, `SELECT coalesce(sum(calls), 0)::int FROM public.usage_own_day_user`} {
				n, err := asOwn(c.setting, sql)
				require.NoError(t, err, c.setting)
				assert.Equal(t, c.want, n, "%s as %s", sql, c.setting)
			}
		}
		_, err := asOwn("not a uuid", `SELECT count(*) FROM public.usage_own_calls`)
		assert.Equal(t, "22P02", store.SQLState(err))
		for _, table := range []string{"public.api_usage", "public.usage_day_user", "public.usage_half_month_user", "public.usage_day", "public.usage_day_tag", "public.usage_user", "auth.users", "public.usage_dead_letter"} {
			_, err := asOwn(ada.String(), `SELECT count(*) FROM `+table)
			assert.Equal(t, "42501", store.SQLState(err), table)
		}
	})
}
