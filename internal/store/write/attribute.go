package write

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/otelcol-usage/otelcol-usage/internal/store"
	"github.com/otelcol-usage/otelcol-usage/internal/sums"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// A span that names the user of its trace ends after the calls below it, and may arrive
// through another collector. So the writer of a user looks for calls, and the writer of
// calls looks for a user, each after committing its own part. Whichever commits last sees
// the other.

// traceOf identifies a trace within one service. trace is hexadecimal, as in the table.
type traceOf struct{ trace, service string }

// callOf is a call without a user.
type callOf struct {
	traceOf
	id [16]byte
	at time.Time
}

const (
	// keepTraceUsers is how long a user is kept for calls that arrive later.
	keepTraceUsers = 24 * time.Hour
	// pruneStep is how often a writer deletes users older than keepTraceUsers.
	pruneStep = 10 * time.Minute
	// serviceStep is the minimum age of the list of services before it is read again to
	// look for a service that it lacks.
	serviceStep = 5 * time.Second

	insertTraceUsers = `
INSERT INTO public.usage_trace_user (trace_id, service, user_id, external_id)
SELECT trace_id, service, user_id, external_id FROM unnest($1::text[], $2::text[], $3::uuid[], $4::text[]) AS r (trace_id, service, user_id, external_id)
ORDER BY trace_id, service
ON CONFLICT (trace_id, service) DO NOTHING`

	selectTraceUsers = `SELECT trace_id, service, user_id, coalesce(external_id, '') FROM public.usage_trace_user WHERE trace_id = ANY ($1::text[])`

	pruneTraceUsers = `DELETE FROM public.usage_trace_user WHERE named_at < $1`

	selectServices = `SELECT DISTINCT service FROM public.usage_half_month WHERE calls <> 0`

	// A call whose metadata names a user that the host application does not have counts as
	// having one.
	withoutUser    = `user_id IS NULL AND NOT metadata ? 'user'`
	selectOfTraces = `SELECT trace_id, service, id, timestamp FROM public.api_usage WHERE trace_id = ANY ($1::text[]) AND ` + withoutUser
	attributeUser  = `UPDATE public.api_usage AS u
SET user_id = n.user_id, metadata = u.metadata || n.metadata::jsonb, written_xid = pg_current_xact_id()
FROM unnest($1::uuid[], $2::timestamptz[], $3::uuid[], $4::text[]) AS n (id, at, user_id, metadata)
WHERE u.id = n.id AND u.timestamp = n.at AND u.user_id IS NULL AND NOT u.metadata ? 'user'`
	insertAttributed = `INSERT INTO public.usage_correction (call_id, kind) SELECT id, 'user' FROM unnest($1::uuid[]) AS r (id)`
)

var attributeAndFold = sync.OnceValue(func() string {
	return sums.AndFoldChange(attributeUser, "WHERE id = ANY ($1::uuid[]) AND timestamp = ANY ($2::timestamptz[])")
})

// services remembers which services have stored calls, or are about to. A user in a trace of
// any other service has no calls to wait for.
type services struct {
	mu    sync.Mutex
	known map[string]bool
	read  time.Time
}

// add adds the services of calls that are about to be stored. Names that were decided on
// before were added then.
func (s *services) add(names []named) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range names {
		s.addOne(n.service)
	}
}

// maxServices bounds the map, because a sender can invent any number of services.
const maxServices = 4096

func (s *services) addOne(name string) {
	if s.known[name] {
		return
	}
	if s.known == nil {
		s.known = map[string]bool{}
	}
	if len(s.known) >= maxServices {
		s.known = map[string]bool{sums.Other: true}
	}
	s.known[strings.Clone(name)] = true
}

// has reports whether a service may have calls. Any service may when there are too many to
// remember, or when the sums group services under [sums.Other].
func (s *services) has(name string) bool { return s.known[name] || s.known[sums.Other] }

// Attribute assigns users to the calls of their traces that have none, and returns the
// number of calls changed. The users are kept for a day, for calls that arrive later. After
// an error the same users should be attributed again.
func (w *Writer) Attribute(ctx context.Context, users []usage.TraceUser) (calls int, err error) {
	byTrace := map[traceOf]*usage.TraceUser{}
	for i := range users {
		u := &users[i]
		if u.Validate() != nil {
			continue
		}
		key := traceOf{hex.EncodeToString(u.TraceID[:]), u.Service}
		if byTrace[key] == nil {
			byTrace[key] = u
		}
	}
	if err := w.forgetOtherServices(ctx, byTrace); err != nil {
		return 0, w.failed(ctx, err, len(users))
	}
	if len(byTrace) == 0 {
		return 0, nil
	}
	if err := w.saveTraceUsers(ctx, byTrace); err != nil {
		return 0, w.failed(ctx, err, len(users))
	}
	if calls, err = w.attribute(ctx, byTrace); err != nil {
		return 0, w.failed(ctx, err, len(users))
	}
	return calls, nil
}

// forgetOtherServices removes the traces of services without calls. When the list of
// services was read too recently to be read again, it looks for calls of the traces
// instead: the first calls of a service may have come through another collector.
func (w *Writer) forgetOtherServices(ctx context.Context, byTrace map[traceOf]*usage.TraceUser) error {
	s := &w.services
	s.mu.Lock()
	defer s.mu.Unlock()
	var unknown []string
	for key := range byTrace {
		if !s.has(key.service) {
			unknown = append(unknown, key.trace)
		}
	}
	if len(unknown) > 0 && time.Since(s.read) <= serviceStep {
		var c callOf
		if err := w.look(ctx, selectOfTraces, []any{unknown}, []any{&c.trace, &c.service, &c.id, &c.at}, func() error {
			s.addOne(c.service)
			return nil
		}); err != nil {
			return err
		}
	} else if len(unknown) > 0 {
		rows, err := w.pool.Query(ctx, selectServices)
		if err != nil {
			return err
		}
		names, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return err
		}
		for _, name := range names {
			s.addOne(name)
		}
		s.read = time.Now()
	}
	for key := range byTrace {
		if !s.has(key.service) {
			delete(byTrace, key)
		}
	}
	return nil
}

func (w *Writer) saveTraceUsers(ctx context.Context, byTrace map[traceOf]*usage.TraceUser) error {
	keys := make([]traceOf, 0, len(byTrace))
	for key := range byTrace {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b traceOf) int {
		return cmp.Or(cmp.Compare(a.trace, b.trace), cmp.Compare(a.service, b.service))
	})
	n := len(keys)
	traces, names, ids, externals := make([]string, n), make([]string, n), make([][16]byte, n), make([]*string, n)
	for i, key := range keys {
		traces[i], names[i] = key.trace, key.service
		ids[i], externals[i] = byTrace[key].UserID, store.TextOrNull(byTrace[key].UserExternalID)
	}
	w.services.mu.Lock()
	prune := time.Since(w.pruned) > pruneStep
	if prune {
		w.pruned = time.Now()
	}
	w.services.mu.Unlock()
	return pgx.BeginTxFunc(ctx, w.pool, w.begin, func(tx pgx.Tx) error {
		if prune {
			if _, err := tx.Exec(ctx, pruneTraceUsers, time.Now().Add(-keepTraceUsers)); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, insertTraceUsers, traces, names, ids, externals)
		return err
	})
}

// findUsers assigns users to calls that were just stored without one, where their traces
// have a user by now.
func (w *Writer) findUsers(ctx context.Context, records []usage.Record) (int, error) {
	var traces []string
	seen := map[[16]byte]bool{}
	for i := range records {
		if r := &records[i]; r.UserID.IsZero() && r.TraceID != [16]byte{} && !seen[r.TraceID] {
			seen[r.TraceID] = true
			traces = append(traces, hex.EncodeToString(r.TraceID[:]))
		}
	}
	if len(traces) == 0 {
		return 0, nil
	}
	byTrace := map[traceOf]*usage.TraceUser{}
	var key traceOf
	var user [16]byte
	var external string
	err := w.look(ctx, selectTraceUsers, []any{traces}, []any{&key.trace, &key.service, &user, &external}, func() error {
		byTrace[key] = &usage.TraceUser{Service: key.service, UserID: user, UserExternalID: external}
		return nil
	})
	if err != nil || len(byTrace) == 0 {
		return 0, err
	}
	return w.attribute(ctx, byTrace)
}

// errReadOnly means that we are connected to a former primary. Its data may be out of date.
var errReadOnly = store.Fault(store.ClassServer, "the server is read-only: a fail-over is under way")

// writable returns errReadOnly for a server that refuses writes.
func (w *Writer) writable(readOnly bool, err error) error {
	if err == nil && readOnly {
		w.pool.Reset() // these connections would never reach the new primary
		err = errReadOnly
	}
	return err
}

// look runs a query for committed data on a server that accepts writes.
func (w *Writer) look(ctx context.Context, sql string, args, into []any, each func() error) error {
	var readOnly bool
	err := pgx.BeginTxFunc(ctx, w.pool, w.begin, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, `SELECT current_setting('transaction_read_only')::boolean`).Scan(&readOnly); err != nil || readOnly {
			return err
		}
		rows, err := tx.Query(ctx, sql, args...)
		if err != nil {
			return err
		}
		_, err = pgx.ForEachRow(rows, into, each)
		return err
	})
	return w.writable(readOnly, err)
}

// attribute finds calls of the traces that have no user, and assigns it.
func (w *Writer) attribute(ctx context.Context, byTrace map[traceOf]*usage.TraceUser) (int, error) {
	for races := 0; ; races++ {
		calls, err := w.attributeOnce(ctx, byTrace)
		if races < maxRaces && (errors.Is(err, errCallChanged) || errors.Is(err, errUserVanished) || errors.Is(err, errModeChanged)) {
			w.users.forgetAll()
			w.forgetDatabase()
			continue
		}
		return calls, err
	}
}

func (w *Writer) attributeOnce(ctx context.Context, byTrace map[traceOf]*usage.TraceUser) (int, error) {
	db, err := w.database(ctx)
	if err != nil {
		return 0, err
	}
	traces := make([]string, 0, len(byTrace))
	for key := range byTrace {
		traces = append(traces, key.trace)
	}
	var calls []callOf
	var c callOf
	if err := w.look(ctx, selectOfTraces, []any{traces}, []any{&c.trace, &c.service, &c.id, &c.at}, func() error {
		if byTrace[c.traceOf] != nil {
			calls = append(calls, c)
		}
		return nil
	}); err != nil || len(calls) == 0 {
		return 0, err
	}
	// Lock rows in the order of ids, as every writer does.
	slices.SortFunc(calls, func(a, b callOf) int { return bytes.Compare(a.id[:], b.id[:]) })
	rows := make([]row, len(calls))
	for i, c := range calls {
		u := byTrace[c.traceOf]
		rows[i].Record = &usage.Record{Time: time.Now(), UserID: u.UserID, UserExternalID: u.UserExternalID}
	}
	if _, err := w.resolve(ctx, db, rows); err != nil {
		return 0, err
	}
	n := len(calls)
	ids, times, users, metadata := make([][16]byte, n), make([]time.Time, n), make([]*[16]byte, n), make([]string, n)
	for i, c := range calls {
		ids[i], times[i], metadata[i] = c.id, c.at, string(rows[i].appendMetadata(nil))
		if !rows[i].user.IsZero() {
			users[i] = (*[16]byte)(&rows[i].user)
		}
	}
	err = pgx.BeginTxFunc(ctx, w.pool, w.begin, func(tx pgx.Tx) error {
		changed, err := change(ctx, tx, db, attributeUser, attributeAndFold, ids, times, users, metadata)
		if err == nil && changed != int64(n) {
			err = errCallChanged
		}
		if err != nil {
			if store.SQLState(err) == "23503" && isUserKey(err) {
				err = errUserVanished
			}
			return err
		}
		if _, err := tx.Exec(ctx, insertAttributed, ids); err != nil {
			return err
		}
		if err := db.checkUsers(ctx, tx, rows); err != nil {
			return err
		}
		return db.confirm(ctx, tx)
	})
	return n, db.nodeFault(err)
}
