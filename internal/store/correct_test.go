package store_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/once"
	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
	"github.com/otelcol-usage/otelcol-usage/internal/store/upkeep"
	"github.com/otelcol-usage/otelcol-usage/internal/store/write"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// streamed is a call whose sender reported out tokens of it so far.
func streamed(n int, out int64, changes ...func(*usage.Record)) usage.Record {
	c := call(n)
	c.Dialect = "copilot"
	c.Quantities[usage.OutputTextTokens] = out
	c.Cost = usage.Money(out * 1_000_000)
	for _, change := range changes {
		change(&c)
	}
	return c
}

// number gives what a statement answers.
func number[T any](db *pgtest.DB, sql string, args ...any) (answer T) {
	db.Scan(sql, args, &answer)
	return answer
}

func requireSums(t *testing.T, db *pgtest.DB) {
	t.Helper()
	require.Empty(t, verify(t, db, upkeep.VerifyOptions{}), "the sums are not those of the calls")
}

func TestAReportWithTheIDOfAStoredCall(t *testing.T) {
	t.Parallel()
	other := func(r *usage.Record) { r.Service = "billing" }
	later := func(r *usage.Record) { r.Time = r.Time.Add(time.Minute) }
	named := func(r *usage.Record) { r.UserExternalID, r.UserID = "ana", usage.UserID("ana") }
	for name, c := range map[string]struct {
		first, second usage.Record
		want          write.Result // of the second
		tokens        []int64      // of the rows, in the order of their size
	}{
		"again":                 {streamed(1, 20), streamed(1, 20), write.Result{Duplicates: 1}, []int64{1326}},
		"again, of another":     {streamed(1, 20), streamed(1, 20, other), write.Result{Duplicates: 1}, []int64{1326}},
		"with more":             {streamed(1, 20), streamed(1, 250), write.Result{Corrected: 1}, []int64{1556}},
		"with more, and a user": {streamed(1, 20), streamed(1, 250, named), write.Result{Corrected: 1}, []int64{1556}},
		"with less":             {streamed(1, 250), streamed(1, 20), write.Result{Duplicates: 1}, []int64{1556}},
		"with more, of another": {streamed(1, 20), streamed(1, 250, other), write.Result{Inserted: 1, Reused: 1}, []int64{1326, 1556}},
		"with more, much later": {streamed(1, 20), streamed(1, 250, later), write.Result{Inserted: 1, Reused: 1}, []int64{1326, 1556}},
		"with less, much later": {streamed(1, 250), streamed(1, 20, later), write.Result{Inserted: 1, Reused: 1}, []int64{1326, 1556}},
		"with more, of two users": {streamed(1, 20, named), streamed(1, 250, func(r *usage.Record) { r.UserExternalID, r.UserID = "bo", usage.UserID("bo") }),
			write.Result{Inserted: 1, Reused: 1}, []int64{1326, 1556}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inEveryMode(t, func(t *testing.T, db *pgtest.DB, w *write.Writer) {
				require.Equal(t, 1, writeAll(t, w, []usage.Record{c.first}).Inserted)
				result := writeAll(t, w, []usage.Record{c.second})
				result.Copied = false
				require.Equal(t, c.want, result)
				for range 2 { // sent again, in any order
					for _, r := range []usage.Record{c.second, c.first} {
						again := writeAll(t, w, []usage.Record{r})
						require.Equal(t, 1, again.Duplicates, "%+v", again)
					}
				}
				require.Equal(t, c.tokens, number[[]int64](db, `SELECT array_agg(tokens_used::int8 ORDER BY tokens_used) FROM public.api_usage`))
				require.Equal(t, c.want.Corrected, number[int](db, `SELECT count(*) FROM public.usage_correction WHERE kind = 'counts'`))
				require.Equal(t, c.want.Reused, number[int](db, `SELECT count(*) FROM public.usage_correction WHERE kind = 'id_reused'`))
				require.Equal(t, c.want.Reused, number[int](db, `SELECT count(*) FROM public.api_usage WHERE pricing_reason = 'id_reused'`))
				if !c.second.UserID.IsZero() {
					require.Equal(t, 1, number[int](db, `SELECT count(*) FROM public.api_usage WHERE user_id = $1`, c.second.UserID.String()))
				}
				requireSums(t, db)

				one, two := c.first, c.second
				one.ID, two.ID = call(2).ID, call(2).ID
				one.Provider, two.Provider = "groq", "groq"
				require.Equal(t, len(c.tokens), writeAll(t, w, []usage.Record{two, one}).Inserted, "both in one batch, the other way round")
				require.Equal(t, c.tokens, number[[]int64](db, `SELECT array_agg(tokens_used::int8 ORDER BY tokens_used) FROM public.api_usage WHERE provider = 'groq'`))
				requireSums(t, db)
			})
		})
	}
}

// What one call is reported as, and other calls under its id, make the same rows
// in any order, cut into any batches, by any writers, again and again.
func TestTheOrderOfReportsDoesNotMatter(t *testing.T) {
	t.Parallel()
	inEveryMode(t, func(t *testing.T, db *pgtest.DB, w *write.Writer) {
		rng := rand.New(rand.NewPCG(7, 11))
		var reports []usage.Record
		calls, tokens := 0, int64(0)
		for n := range 40 {
			base := int64(10 * (n + 1))
			last := base
			for range 1 + rng.IntN(4) { // one call, growing, each state maybe more than once
				for range 1 + rng.IntN(2) {
					reports = append(reports, streamed(n, last))
				}
				last += int64(rng.IntN(3))
			}
			largest := int64(0)
			for _, r := range reports {
				if r.ID == call(n).ID && r.Service == "shop" {
					largest = max(largest, r.Quantities[usage.OutputTextTokens])
				}
			}
			calls, tokens = calls+1, tokens+largest
			for k := range rng.IntN(4) { // other calls that got its id
				out := int64(1000 + 10*k)
				reports = append(reports, streamed(n, out, func(r *usage.Record) { r.Time = r.Time.Add(time.Duration(k+1) * time.Minute) }))
				calls, tokens = calls+1, tokens+out
			}
		}
		second := newWriter(t, db, write.Options{})
		for round := range 3 {
			rng.Shuffle(len(reports), func(i, j int) { reports[i], reports[j] = reports[j], reports[i] })
			for rest := reports; len(rest) > 0; {
				cut := 1 + rng.IntN(min(len(rest), 30))
				writer := w
				if rng.IntN(2) == 0 {
					writer = second
				}
				writeAll(t, writer, append([]usage.Record(nil), rest[:cut]...))
				rest = rest[cut:]
			}
			require.Equal(t, calls, number[int](db, `SELECT count(*) FROM public.api_usage`), "round %d", round)
			require.Equal(t, tokens, number[int64](db, `SELECT sum(output_tokens)::int8 FROM public.api_usage`), "round %d", round)
			requireSums(t, db)
		}
	})
}

func TestTwoWritersOfCorrectionsNeitherLoseNorDouble(t *testing.T) {
	t.Parallel()
	inEveryMode(t, func(t *testing.T, db *pgtest.DB, w *write.Writer) {
		done := make(chan error)
		for k := range 4 {
			writer := newWriter(t, db, write.Options{})
			go func() {
				var err error
				for out := range int64(10) {
					var batch []usage.Record
					for n := range 20 {
						batch = append(batch, streamed(n, 1+(out*7+int64(k)*3)%11))
					}
					if _, e := writer.Write(t.Context(), batch); e != nil && err == nil {
						err = e
					}
				}
				done <- err
			}()
		}
		for range 4 {
			assert.NoError(t, <-done)
		}
		require.Equal(t, 20, number[int](db, `SELECT count(*) FROM public.api_usage`))
		require.Equal(t, 20*11, number[int](db, `SELECT sum(output_tokens) FROM public.api_usage`))
		requireSums(t, db)
	})
}

func TestManyCallsUnderOneIDAreAllKept(t *testing.T) {
	t.Parallel()
	inEveryMode(t, func(t *testing.T, db *pgtest.DB, w *write.Writer) {
		var batch []usage.Record
		for n := range 50 {
			batch = append(batch, streamed(1, int64(100+n), func(r *usage.Record) { r.Time = r.Time.Add(time.Duration(n) * time.Minute) }))
		}
		for round := range 2 {
			result := writeAll(t, w, append([]usage.Record(nil), batch...))
			if round == 0 {
				require.Equal(t, 50, result.Inserted)
				require.Equal(t, 49, result.Reused)
			} else {
				require.Equal(t, 50, result.Duplicates)
			}
			require.Equal(t, 50, number[int](db, `SELECT count(*) FROM public.api_usage`))
		}
		requireSums(t, db)
	})
}

// Whatever quantities two reports under one id have, the comparison in the server
// and the one rule come to the same, and a call that is new is never taken for stored.
func TestTheServerComparesAsTheRuleJudges(t *testing.T) {
	t.Parallel()
	inEveryMode(t, func(t *testing.T, db *pgtest.DB, w *write.Writer) {
		rng := rand.New(rand.NewPCG(3, 5))
		quantities := func() (q usage.Quantities) {
			for range rng.IntN(4) {
				q[rng.IntN(len(q))] = int64(rng.IntN(3))
			}
			return q
		}
		made := func(n int, q usage.Quantities) usage.Record {
			return streamed(n, 0, func(r *usage.Record) {
				r.Quantities, r.Cost = q, 0
				r.Status, r.Reason, r.CostSource, r.PriceID = usage.StatusUnpriced, usage.ReasonUnknownModel, usage.SourceNone, ""
			})
		}
		report := func(q *usage.Quantities) *once.Report {
			return &once.Report{Observer: 1, Service: 1, Model: 1, Counts: once.CountsOf(q), Usage: !q.IsZero()}
		}
		var first, second, again []usage.Record
		var want write.Result
		for n := range 600 {
			a, b := quantities(), quantities()
			if rng.IntN(3) == 0 {
				b = a
				if q := b[usage.InputTextTokens]; q > 0 { // the same sum, split another way
					b[usage.InputTextTokens], b[usage.CacheReadTokens] = q-1, b[usage.CacheReadTokens]+1
				}
			}
			second = append(second, made(n, b))
			if rng.IntN(4) == 0 {
				want.Inserted++
				again = append(again, made(n, b))
				continue
			}
			first = append(first, made(n, a))
			switch once.Judge(report(&a), report(&b)) {
			case once.Duplicate:
				want.Duplicates++
			case once.Correction:
				want.Corrected++
			case once.Reused:
				want.Inserted, want.Reused = want.Inserted+1, want.Reused+1
			}
		}
		require.Equal(t, len(first), writeAll(t, w, first).Inserted)
		result := writeAll(t, w, second)
		result.Copied = false
		require.Equal(t, want, result)
		require.Greater(t, min(want.Duplicates, want.Corrected, want.Reused), 20)
		again = append(again, made(1000, usage.Quantities{}))
		require.Equal(t, 1, writeAll(t, w, again).Inserted, "all but one are stored")
		requireSums(t, db)
	})
}
