package read

import (
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/otelcol-usage/otelcol-usage/internal/sums"
)

// stretches are the time for which sums are kept beside those that writers add to, as periods
// between boundaries of buckets, in order.
type stretches []stretch

type stretch struct{ from, to time.Time }

// queueKept queues the query for it, which the breakdowns of a question about one user
// need. The question must run in the same transaction, because the kept sums can change
// afterwards.
func (q *SummaryQuestion) queueKept(batch *pgx.Batch, kept *stretches) {
	// Half a month has no single rate.
	if !q.partsApart(q.groupLevels(false)) || q.Currency != "" && q.Currency != Dollar {
		return
	}
	q.queueHalfMonths(batch, kept, relation(sums.UserDetail, q.Viewer))
}

// queueKeptQuarters queues the query for the time for which the user's quarter hours are kept
// in [sums.UserQuarter], if the days of the question begin within days of UTC.
func (q *SummaryQuestion) queueKeptQuarters(batch *pgx.Batch, kept *stretches) {
	inside := q.Days[1 : len(q.Days)-1]
	if !q.oneUser() || len(q.Filter.values()) > 0 || q.Filter.Tag != nil ||
		!slices.ContainsFunc(inside, func(t time.Time) bool { return !sums.Day.Floor(t).Equal(t) }) {
		return
	}
	view := "public.usage_user_quarter_half"
	if q.Viewer.own() {
		view = "public.usage_own_user_quarter_half"
	}
	q.queueHalfMonths(batch, kept, view)
}

// queueHalfMonths reads which half months of the user a relation has.
func (q *SummaryQuestion) queueHalfMonths(batch *pgx.Batch, kept *stretches, relation string) {
	user := q.Filter.User
	if q.Viewer.own() {
		user = q.Viewer.user
	}
	batch.Queue(`SELECT DISTINCT bucket FROM `+relation+` WHERE user_id = $1 AND bucket >= $2 AND bucket < $3 ORDER BY 1`,
		[16]byte(user), sums.HalfMonth.Floor(q.Days[0]), q.Days[len(q.Days)-1]).Query(func(rows pgx.Rows) error {
		return kept.scan(rows, sums.HalfMonth)
	})
}

// byQuarter divides calls between kept quarter hours and the calls. What was before the
// retention mark is read from the calls, of which there are none.
func (k stretches) byQuarter(e extent, p sums.Piece) []sums.Piece {
	if !p.Level.IsCalls() || p.From.Before(e.Retained) ||
		!slices.ContainsFunc(k, func(s stretch) bool { return !p.From.Before(s.from) && !p.To.After(s.to) }) {
		return []sums.Piece{p}
	}
	pieces := e.Cut(p.From, p.To, sums.UserQuarter, p.Level)
	for i := range pieces {
		pieces[i].Minus = pieces[i].Minus != p.Minus
	}
	return pieces
}

// scan reads the starts of buckets of a width, in order.
func (k *stretches) scan(rows pgx.Rows, width sums.Width) error {
	var start time.Time
	_, err := pgx.ForEachRow(rows, []any{&start}, func() error {
		end := width.Ceil(start.Add(time.Microsecond))
		if last := len(*k) - 1; last >= 0 && (*k)[last].to.Equal(start) {
			(*k)[last].to = end
		} else {
			*k = append(*k, stretch{start.UTC(), end})
		}
		return nil
	})
	return err
}

// cut divides a period between what is kept of [sums.UserDetail] and the calls.
func (k stretches) cut(e extent, from, to time.Time) (pieces []sums.Piece) {
	for _, s := range k {
		if !s.to.After(from) || !s.from.Before(to) {
			continue
		}
		if s.from.After(from) {
			pieces, from = append(pieces, e.Cut(from, s.from, sums.Single)...), s.from
		}
		end := s.to
		if end.After(to) {
			end = to
		}
		pieces, from = append(pieces, e.Cut(from, end, sums.UserDetail, sums.Single)...), end
	}
	return append(pieces, e.Cut(from, to, sums.Single)...)
}
