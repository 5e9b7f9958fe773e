package write

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
	"github.com/otelcol-usage/otelcol-usage/internal/once"
	"github.com/otelcol-usage/otelcol-usage/internal/store"
	"github.com/otelcol-usage/otelcol-usage/internal/sums"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// reportOf converts a record for comparison in package once. A row stores only the start of
// a call, in microseconds.
func reportOf(r *usage.Record, user usage.ID) once.Report {
	report := once.Report{
		Observer: once.Hash(r.Dialect), Service: once.Hash(r.Service), Environment: once.Hash(r.Environment),
		Model: once.Hash(catalog.Inspect(r.Model).Base), Type: r.APIType, Start: r.Time.UnixMicro() * 1000,
		Trace: r.TraceID, Span: r.SpanID, Counts: once.CountsOf(&r.Quantities), Usage: !r.Quantities.IsZero(), Unsure: r.QuantityReason != "",
	}
	if !user.IsZero() {
		report.User = once.Hash(string(user[:]))
	}
	return report
}

// judged is the outcome for the rows of a batch whose ids were taken.
type judged struct {
	corrections []correction
	// reused lists different calls that arrived under a taken id.
	reused []*usage.Record
}

// correction is a stored row and the larger counts that replace its own.
type correction struct {
	row
	old store.Stored
}

// Most taken ids belong to calls that are sent again. The server therefore compares the
// quantity columns first and returns only the rows that differ. Equal columns mean equal
// counts, and package once needs nothing else to recognise a duplicate. Rows that differ in
// a column may still have equal counts, split another way; judge decides about those.

// given turns the parameters of a batch into rows. whole is true when several calls arrived
// under one id, in which case the row is always returned.
const given = `unnest($1::uuid[], $2::int8[], $3::int8[], $4::text[], $5::int8[], $6::int8[], $7::text[], $8::boolean[])
    AS k (call_id, input, output, audio, letters, pictures, others, whole)`

// sameColumns compares a stored row u with a call k of the batch. It is NULL when there is
// no stored row.
const sameColumns = `u.id = k.call_id AND coalesce(u.input_tokens, 0) = k.input AND coalesce(u.output_tokens, 0) = k.output
  AND u.audio_seconds IS NOT DISTINCT FROM k.audio::numeric AND coalesce(u.characters, 0) = k.letters AND coalesce(u.images, 0) = k.pictures
  AND u.other_quantities IS NOT DISTINCT FROM k.others::jsonb AND NOT k.whole`

var (
	selectTaken = store.SelectCalls + ` AS u JOIN ` + given + ` ON k.call_id = u.id
WHERE (` + sameColumns + `) IS NOT TRUE`

	// In a partitioned table, a search by id alone would visit every month.
	selectTakenPartitioned = store.SelectCalls + ` AS u
  JOIN (SELECT i.timestamp AS at, k.* FROM ` + given + ` JOIN public.api_usage_id AS i ON i.id = k.call_id) AS k ON k.call_id = u.id AND k.at = u.timestamp
WHERE (` + sameColumns + `) IS NOT TRUE`

	// These select the calls of a batch that are not stored with the same quantities, and
	// whether their ids are taken.
	selectNotStored            = `SELECT k.call_id, u.id IS NOT NULL FROM ` + given + ` LEFT JOIN public.api_usage AS u ON u.id = k.call_id WHERE (` + sameColumns + `) IS NOT TRUE`
	selectNotStoredPartitioned = `SELECT k.call_id, u.id IS NOT NULL FROM ` + given + ` LEFT JOIN public.api_usage_id AS i ON i.id = k.call_id
  LEFT JOIN public.api_usage AS u ON u.id = i.id AND u.timestamp = i.timestamp WHERE (` + sameColumns + `) IS NOT TRUE`
)

// givenColumns returns the parameters of given.
func givenColumns(rows []row) []any {
	n := len(rows)
	ids, whole := make([][16]byte, n), make([]bool, n)
	input, output, letters, pictures := make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n)
	audio, others := make([]*string, n), make([]*string, n)
	var buf []byte
	for i := range rows {
		r := &rows[i]
		q := &r.Quantities
		ids[i], whole[i] = r.ID, len(r.others) > 0
		input[i], output[i], letters[i], pictures[i] = q.InputTokens(), q.OutputTokens(), q[usage.Characters], q[usage.Images]
		audio[i] = audioSeconds(q)
		buf = r.appendOtherQuantities(buf[:0])
		others[i] = store.TextOrNull(string(buf))
	}
	return []any{ids, input, output, audio, letters, pictures, others, whole}
}

// withoutStored removes the rows that are stored already. taken reports whether any
// remaining row has an id that is taken.
func (w *Writer) withoutStored(ctx context.Context, db *database, rows []row) (left []row, taken bool, err error) {
	sql := selectNotStored
	if db.partitioned {
		sql = selectNotStoredPartitioned
	}
	var id [16]byte
	var isTaken bool
	wanted := map[usage.ID]bool{}
	if err := w.look(ctx, sql, givenColumns(rows), []any{&id, &isTaken}, func() error {
		wanted[id] = true
		taken = taken || isTaken
		return nil
	}); err != nil || len(wanted) == 0 {
		return nil, false, err
	}
	for i := range rows {
		if wanted[rows[i].ID] {
			left = append(left, rows[i])
		}
	}
	return left, taken, nil
}

// judge compares a batch with the stored rows that have the same ids but other quantities.
// Rows that this transaction has just stored never differ.
func judge(ctx context.Context, tx pgx.Tx, db *database, rows []row) (j judged, err error) {
	sql := selectTaken
	if db.partitioned {
		sql = selectTakenPartitioned
	}
	taken, err := tx.Query(ctx, sql, givenColumns(rows)...)
	if err != nil {
		return j, err
	}
	err = store.ReadCalls(taken, func(s *store.Stored) error {
		at, _ := slices.BinarySearchFunc(rows, s.ID, func(r row, id usage.ID) int { return bytes.Compare(r.ID[:], id[:]) })
		r := &rows[at]
		known, largest := reportOf(&s.Record, s.UserID), (*row)(nil)
		for i := range 1 + len(r.others) {
			one := *r
			if i > 0 {
				one.Record = r.others[i-1]
			}
			report := reportOf(one.Record, one.user)
			if one.UserID != r.UserID { // another call, whose user was not resolved
				report.User, one.user, one.userUnknown = once.Hash(string(one.UserID[:])), usage.ID{}, !one.UserID.IsZero()
			}
			switch once.Judge(&known, &report) {
			case once.Correction:
				known, largest = report, &one
			case once.Reused:
				j.reused = append(j.reused, one.Record)
			}
		}
		if largest != nil {
			j.corrections = append(j.corrections, correction{row: *largest, old: *s})
		}
		return nil
	})
	return j, err
}

// maxReused is how many successive ids are tried for different calls under one id.
const maxReused = 8

// ownRecords gives new ids to different calls that arrived under a taken id. Each attempt
// takes the next id, which every writer derives in the same way; from maxReused on, the id
// is a hash of the whole call.
func ownRecords(records []*usage.Record, level int) []usage.Record {
	own := make([]usage.Record, len(records))
	for i, r := range records {
		own[i] = *r
		if level < maxReused {
			own[i].ID = r.ID.Next()
		} else {
			own[i].ID = r.OwnID()
		}
		own[i].QuantityReason = usage.ReasonIDReused
		if r.Status == usage.StatusPriced || r.Status == usage.StatusEstimated {
			own[i].Status, own[i].Reason = usage.StatusEstimated, usage.ReasonIDReused
		}
	}
	return own
}

// correctRows applies the values of a later report. It keeps the start, the service and a
// known user; a payer that the report tells replaces the one of a plan. written_xid guards against a row that has changed since it was read.
var correctRows = `UPDATE public.api_usage AS u
SET user_id = coalesce(u.user_id, n.user_id), usage_dollars = n.usage_dollars, model = coalesce(n.model, u.model), tokens_used = n.tokens_used,
  request_id = coalesce(n.request_id, u.request_id),
  metadata = CASE WHEN u.metadata ? 'user' THEN jsonb_build_object('user', u.metadata -> 'user') ELSE '{}' END || n.metadata,
  provider = n.provider, pricing_status = n.pricing_status, pricing_reason = n.pricing_reason, price_id = n.price_id, cost_source = n.cost_source,
  reported_dollars = coalesce(n.reported_dollars, u.reported_dollars), input_tokens = n.input_tokens, output_tokens = n.output_tokens,
  cache_read_tokens = n.cache_read_tokens, cache_write_5m_tokens = n.cache_write_5m_tokens, cache_write_1h_tokens = n.cache_write_1h_tokens,
  reasoning_tokens = n.reasoning_tokens, audio_seconds = n.audio_seconds, characters = n.characters, images = n.images,
  other_quantities = n.other_quantities, pricing_assumptions = n.pricing_assumptions, session_id = coalesce(u.session_id, n.session_id),
  outcome = coalesce(n.outcome, u.outcome), payer = coalesce(n.payer, u.payer),
  payer_filled = CASE WHEN n.payer IS NULL THEN u.payer_filled END, folded = n.folded, tags = n.tags, sum_tags = n.sum_tags, written_xid = pg_current_xact_id()
FROM (` + selectRows + `) AS n JOIN unnest(` + after(1, "uuid") + `, ` + after(2, "timestamptz") + `, ` + after(3, "text") + `) AS o (id, at, mark) ON o.id = n.id
WHERE u.id = n.id AND u.timestamp = o.at AND u.written_xid = o.mark::xid8`

var correctAndFold = sync.OnceValue(func() string {
	return sums.AndFoldChange(correctRows, "WHERE id = ANY ("+after(1, "uuid")+") AND timestamp = ANY ("+after(2, "timestamptz")+")")
})

// after returns the placeholder of the n-th array parameter after those of selectRows.
func after(n int, element string) string { return fmt.Sprintf("$%d::%s[]", len(columns)+n, element) }

const insertCorrections = `
INSERT INTO public.usage_correction (call_id, kind, old, new)
SELECT call_id, $2, old::jsonb, new::jsonb FROM unnest($1::uuid[], $3::text[], $4::text[]) AS c (call_id, old, new)`

// errCallChanged: a row has changed since it was read.
var errCallChanged = store.Fault(store.ClassConflict, "a call was corrected by somebody else at the same time; looking again")

// correct writes the corrections and their audit entries, and the sums where no trigger
// updates them.
func correct(ctx context.Context, tx pgx.Tx, db *database, list []correction) error {
	if len(list) == 0 {
		return nil
	}
	rows, times, marks := make([]row, len(list)), make([]time.Time, len(list)), make([]string, len(list))
	ids, before, after := make([][16]byte, len(list)), make([]*string, len(list)), make([]*string, len(list))
	for i, c := range list {
		rows[i], times[i], marks[i], ids[i] = c.row, c.old.Time, c.old.Mark, c.row.ID
		before[i], after[i] = store.TextOrNull(consumed(&c.old.Record)), store.TextOrNull(consumed(c.row.Record))
	}
	changed, err := change(ctx, tx, db, correctRows, correctAndFold, append(columnArrays(rows), ids, times, marks)...)
	if err != nil {
		return err
	}
	if changed != int64(len(list)) {
		return errCallChanged
	}
	_, err = tx.Exec(ctx, insertCorrections, ids, "counts", before, after)
	return err
}

// change runs update where a trigger keeps the sums, and updateAndFold, which also updates
// the sums, where none does. It returns the number of calls changed.
func change(ctx context.Context, tx pgx.Tx, db *database, update string, updateAndFold func() string, args ...any) (changed int64, err error) {
	if db.hasTrigger {
		tag, err := tx.Exec(ctx, update, args...)
		return tag.RowsAffected(), err
	}
	err = tx.QueryRow(ctx, updateAndFold(), args...).Scan(&changed)
	return changed, err
}

// consumed returns what the audit stores of a call, its cost and quantities, as JSON.
func consumed(r *usage.Record) string {
	b := append([]byte(`{"usage_dollars":`), r.Cost.String()...)
	for k, n := range r.Quantities {
		if n != 0 {
			kind := usage.QuantityKind(k)
			b = usage.AppendQuantity(jsonKey(b, kind.String()), kind, n)
		}
	}
	return string(append(b, '}'))
}

// insertReused adds an audit entry, at most once, for each call that got its own id.
const insertReused = `
INSERT INTO public.usage_correction (call_id, kind)
SELECT id, 'id_reused' FROM unnest($1::uuid[]) AS r (id)
ON CONFLICT (call_id) WHERE kind = 'id_reused' DO NOTHING`

func auditReused(ctx context.Context, tx pgx.Tx, rows []row) error {
	ids := make([][16]byte, len(rows))
	for i := range rows {
		ids[i] = rows[i].ID
	}
	_, err := tx.Exec(ctx, insertReused, ids)
	return err
}
