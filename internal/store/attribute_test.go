package store_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
	"github.com/otelcol-usage/otelcol-usage/internal/store/write"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// inTrace is a call of a trace without a user.
func inTrace(n int, trace byte, changes ...func(*usage.Record)) usage.Record {
	c := call(n)
	c.TraceID, c.SpanID = [16]byte{trace}, [8]byte{byte(n + 1)}
	for _, change := range changes {
		change(&c)
	}
	return c
}

func traceUser(trace byte, name string) usage.TraceUser {
	return usage.TraceUser{TraceID: [16]byte{trace}, Service: "shop", UserID: usage.UserID(name), UserExternalID: name}
}

func attribute(t *testing.T, w *write.Writer, users ...usage.TraceUser) int {
	t.Helper()
	n, err := w.Attribute(t.Context(), users)
	require.NoError(t, err)
	return n
}

const whose = `SELECT coalesce(string_agg(request_id || '=' || coalesce(metadata ->> 'user', '-'), ' ' ORDER BY request_id), '') FROM public.api_usage`

func TestAUserThatIsLearnedLateIsAttributedOnce(t *testing.T) {
	t.Parallel()
	inEveryMode(t, func(t *testing.T, db *pgtest.DB, w *write.Writer) {
		named := func(r *usage.Record) { r.UserExternalID, r.UserID = "bo", usage.UserID("bo") }
		writeAll(t, w, []usage.Record{inTrace(1, 1), inTrace(2, 1, named), inTrace(3, 2), inTrace(4, 1, func(r *usage.Record) { r.Service = "billing" })})
		require.Equal(t, 1, attribute(t, w, traceUser(1, "ana")))
		want := "chatcmpl-1=ana chatcmpl-2=bo chatcmpl-3=- chatcmpl-4=-"
		require.Equal(t, want, db.Text(whose))
		require.Equal(t, usage.UserID("ana").String(), db.Text(`SELECT user_id::text FROM public.api_usage WHERE request_id = 'chatcmpl-1'`))
		require.Equal(t, 0, attribute(t, w, traceUser(1, "ana"), traceUser(1, "cy")), "a user that is known stays")
		require.Equal(t, want, db.Text(whose))
		require.Equal(t, 1, number[int](db, `SELECT count(*) FROM public.usage_correction WHERE kind = 'user'`))

		late := writeAll(t, w, []usage.Record{inTrace(5, 1)})
		require.Equal(t, 1, late.Attributed, "a call that comes after its user")
		require.Equal(t, want+" chatcmpl-5=ana", db.Text(whose))
		requireSums(t, db)
		require.Equal(t, 2, number[int](db, `SELECT count(*) FROM auth.users`), "who made no call is no user")
	})
}

// A service that the sums call (other), or that is one of too many, has calls.
func TestAUserOfAServiceThatIsFoldedWaitsForCalls(t *testing.T) {
	t.Parallel()
	inEveryMode(t, func(t *testing.T, db *pgtest.DB, w *write.Writer) {
		db.Exec(`UPDATE public.usage_name_limit SET names = 1 WHERE kind = 'service'`)
		writeAll(t, w, []usage.Record{inTrace(1, 1, func(r *usage.Record) { r.Service = "billing" })})
		writeAll(t, w, []usage.Record{inTrace(2, 2)})
		require.Equal(t, "billing (other)", db.Text(`SELECT string_agg(DISTINCT service, ' ' ORDER BY service DESC) FROM public.usage_day`))
		another := newWriter(t, db, write.Options{})
		require.Equal(t, 0, attribute(t, another, traceUser(3, "ana")), "no call of the trace is there yet")
		require.Equal(t, 1, writeAll(t, w, []usage.Record{inTrace(3, 3)}).Attributed)

		many := make([]usage.Record, 0, 10_000)
		for n := range cap(many) {
			many = append(many, inTrace(10+n, 4, func(r *usage.Record) { r.Service = fmt.Sprint("invented-", n) }))
		}
		writeAll(t, w, many)
		require.Equal(t, 0, attribute(t, w, traceUser(5, "bo")))
		require.Equal(t, 1, writeAll(t, another, []usage.Record{inTrace(4, 5)}).Attributed)
		requireSums(t, db)
	})
}

func TestUsersOfTracesWithoutCallsWaitForNothing(t *testing.T) {
	t.Parallel()
	inEveryMode(t, func(t *testing.T, db *pgtest.DB, w *write.Writer) {
		writeAll(t, w, []usage.Record{inTrace(1, 1)})
		other := traceUser(9, "visitor")
		other.Service = "website"
		require.Equal(t, 0, attribute(t, newWriter(t, db, write.Options{}), other, traceUser(2, "ana")))
		require.Equal(t, "shop", db.Text(`SELECT service FROM public.usage_trace_user`))
	})
}

// The writer of the user read the list of services just before another collector
// stored the first call of one.
func TestAUserOfAServicesFirstCallIsFound(t *testing.T) {
	t.Parallel()
	inEveryMode(t, func(t *testing.T, db *pgtest.DB, w *write.Writer) {
		require.Equal(t, 0, attribute(t, w, traceUser(1, "visitor")))
		writeAll(t, newWriter(t, db, write.Options{}), []usage.Record{inTrace(1, 2)})
		require.Equal(t, 1, attribute(t, w, traceUser(2, "ana")))
		require.Equal(t, "chatcmpl-1=ana", db.Text(whose))
		late := writeAll(t, newWriter(t, db, write.Options{}), []usage.Record{inTrace(2, 2)})
		require.Equal(t, 1, late.Attributed)
		requireSums(t, db)
	})
}

// Calls and their users come in any order, through any collector, again and again.
func TestTheOrderOfCallsAndUsersDoesNotMatter(t *testing.T) {
	t.Parallel()
	inEveryMode(t, func(t *testing.T, db *pgtest.DB, w *write.Writer) {
		writers := []*write.Writer{w, newWriter(t, db, write.Options{}), newWriter(t, db, write.Options{})}
		for _, writer := range writers { // each knows the service
			writeAll(t, writer, []usage.Record{inTrace(1000, 255)})
		}
		var steps []func(w *write.Writer)
		rng := rand.New(rand.NewPCG(3, 5))
		for trace := range byte(20) {
			for n := range 3 {
				for range 2 {
					record := inTrace(int(trace)*10+n, trace+1)
					steps = append(steps, func(w *write.Writer) { writeAll(t, w, []usage.Record{record}) })
				}
			}
			for range 2 {
				steps = append(steps, func(w *write.Writer) { attribute(t, w, traceUser(trace+1, "user-of-trace")) })
			}
		}
		rng.Shuffle(len(steps), func(i, j int) { steps[i], steps[j] = steps[j], steps[i] })
		done := make(chan struct{})
		for k := range writers {
			go func() {
				defer func() { done <- struct{}{} }()
				for i := k; i < len(steps); i += len(writers) {
					steps[i](writers[k])
				}
			}()
		}
		for range writers {
			<-done
		}
		require.Equal(t, 60, number[int](db, `SELECT count(*) FROM public.api_usage WHERE user_id IS NOT NULL`))
		require.Equal(t, 60, number[int](db, `SELECT count(*) FROM public.usage_correction WHERE kind = 'user'`))
		require.Equal(t, 61, number[int](db, `SELECT count(*) FROM public.api_usage`))
		requireSums(t, db)
	})
}
