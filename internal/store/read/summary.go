package read

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/otelcol-usage/otelcol-usage/internal/store"
	"github.com/otelcol-usage/otelcol-usage/internal/sums"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// SummaryQuestion asks for the total cost of calls in two periods.
type SummaryQuestion struct {
	Viewer Viewer
	Filter Filter
	// Days are the boundaries of the days of both periods in ascending order: the previous
	// period starts at the first boundary, and each day ends at the next one. Two equal
	// neighbours are a day of no length.
	Days []time.Time
	// Split is the index in Days at which the current period starts.
	Split int
	// TopUsers is how many users are listed individually, by cost.
	TopUsers int
	// Currency is the currency of the answer, as an ISO 4217 code; empty means [Dollar].
	// The cost of each UTC day is converted at the rate of that day.
	Currency string
	// Detail requests the fields of [Summary] that need it. For one user they are read from
	// the calls themselves.
	Detail bool
}

// Summary is the answer for one period.
type Summary struct {
	// Total has only Calls, UnpricedCalls, Tokens and Cost unless Detail is set.
	Total  Counts
	ByType []Group
	// ByUser lists the users with the highest cost, highest first. NoUser sums the calls
	// without a known user, and OtherUsers those of the remaining users.
	ByUser     []UserGroup
	NoUser     UserGroup
	OtherUsers UserGroup
	// ActiveUsers is the number of different users that made calls.
	ActiveUsers int64
	// Daily is the cost of each day. DailyUnpriced is the number of its calls without a
	// known cost.
	Daily         []usage.Sum
	DailyUnpriced []int64

	// These need Detail. They can add up to less than Total where they are read from calls,
	// some of which retention has deleted. The same is true of ByUser and Daily.
	ByProvider, ByModel, ByService []Group
	// Sampled describes the calls of traces that a sampler thinned out; only for an
	// administrator.
	Sampled Sampled
	// ByTag has the tags by name; nil where no sum answers it: of an administrator's
	// question that is narrowed by what sums by tag do not know.
	ByTag []TagGroup
}

// Sampled describes calls that stand for more than themselves: a sampler kept a share of the
// traces, so sums over them are a share of what was spent.
type Sampled struct {
	Calls int64
	// More: there are more than Calls, which stops at [maxSampled].
	More bool
	// LeastShare and MostShare bound the shares of traces that were kept, such as "0.1".
	LeastShare, MostShare string
}

// maxSampled is how many sampled calls of a period are counted: where all are sampled,
// that they are matters more than their number.
const maxSampled = 100_000

// TagGroup is what a tag's values cost. Each call with the tag is in one of them.
type TagGroup struct {
	Name string
	// Values are the first TopUsers, the costliest first, and Others the rest.
	Values []Group
	Others Group
	// None are the calls that do not have the tag.
	None Group
}

// Group sums the calls with the same key; the key is "" for calls without one.
type Group struct {
	Key string
	Counts
}

// UserGroup sums the calls of one user, or of several.
type UserGroup struct {
	User usage.ID
	// Name is what people call a user of ByUser, as in [Reader.UserNames], with Detail and
	// for an administrator; "" where there is none.
	Name  string
	Users int64
	Calls int64
	// UnpricedCalls is included in Calls and adds nothing to Cost.
	UnpricedCalls int64
	Cost          usage.Sum
	// Doubts need Detail; nil where they are unknown, because retention deleted some of the
	// calls before the sums by user had them.
	Doubts *Doubts
}

// Doubts are parts of a cost. See [Counts].
type Doubts struct{ EstimatedCost, AssumedCost usage.Sum }

// plus adds other, or subtracts it for a sign of -1. Unknown and anything is unknown.
func (d *Doubts) plus(other *Doubts, sign int64) *Doubts {
	switch {
	case d == nil || other == nil:
		return nil
	case sign < 0:
		return &Doubts{d.EstimatedCost.Minus(other.EstimatedCost), d.AssumedCost.Minus(other.AssumedCost)}
	}
	return &Doubts{d.EstimatedCost.Plus(other.EstimatedCost), d.AssumedCost.Plus(other.AssumedCost)}
}

// doubtsText scans the two sums of [Doubts], which are NULL or texts, each.
type doubtsText struct{ estimated, assumed *string }

// unknownDoubt is a sum with an unknown part.
const unknownDoubt = "NaN"

func (t doubtsText) parse() (*Doubts, error) {
	if t.estimated == nil || t.assumed == nil || *t.estimated == unknownDoubt || *t.assumed == unknownDoubt {
		return nil, nil //nolint:nilnil // nil means unknown
	}
	var d Doubts
	var err error
	if d.EstimatedCost, err = usage.ParseSum(*t.estimated); err == nil {
		d.AssumedCost, err = usage.ParseSum(*t.assumed)
	}
	return &d, err
}

// Summaries answers for the previous and the current period. It returns a [RateError] when
// a cost cannot be converted to the currency. dataThrough is the time of the newest call
// that the viewer may see, and zero when there is none.
func (r *Reader) Summaries(ctx context.Context, q SummaryQuestion) (previous, current Summary, dataThrough time.Time, err error) {
	err = r.view(ctx, q.Viewer, func(tx pgx.Tx) error {
		rates, err := q.dayRates(ctx, tx)
		if err != nil {
			return err
		}
		var e extent
		var kept, quarters stretches
		var before, batch pgx.Batch
		queueExtent(&before, q.Viewer, &e)
		q.queueKept(&before, &kept)
		q.queueKeptQuarters(&before, &quarters)
		if err := tx.SendBatch(ctx, &before).Close(); err != nil {
			return err
		}
		both := [2]*Summary{&previous, &current}
		q.queueGroups(&batch, e, kept, both, rates)
		q.queueDays(&batch, e, quarters, both, rates)
		if !q.oneUser() {
			q.queueUsers(&batch, e, both, rates)
		}
		if q.Detail {
			q.queueTags(&batch, e, both, rates)
		}
		if q.Detail && !q.Viewer.own() {
			q.queueSampled(&batch, both)
		}
		if q.Viewer.own() {
			dataThrough = e.Newest
		} else {
			queueDataThrough(&batch, e, &dataThrough)
		}
		named, name := q.Detail && !q.Viewer.own(), ""
		if named && q.oneUser() {
			q.queueName(&batch, &name)
		}
		if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
			return err
		}
		if q.oneUser() {
			q.fillOneUser(&previous, name)
			q.fillOneUser(&current, name)
			return nil
		}
		if !named {
			return nil
		}
		return nameUsers(ctx, tx, both)
	})
	if err != nil {
		return Summary{}, Summary{}, time.Time{}, fmt.Errorf("summarise usage: %w", err)
	}
	return previous, current, dataThrough, nil
}

// nameUsers fills in the names of the users that are listed one by one.
func nameUsers(ctx context.Context, tx pgx.Tx, both [2]*Summary) error {
	var ids []usage.ID
	for _, s := range both {
		for i := range s.ByUser {
			ids = append(ids, s.ByUser[i].User)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	names, err := userNames(ctx, tx, ids)
	if err != nil {
		return err
	}
	for _, s := range both {
		for i := range s.ByUser {
			s.ByUser[i].Name = names[s.ByUser[i].User]
		}
	}
	return nil
}

// queueSampled queues the count of sampled calls. The index api_usage_sampled has them alone.
func (q *SummaryQuestion) queueSampled(batch *pgx.Batch, both [2]*Summary) {
	s := newSources(q.Viewer, q.Filter)
	parts := make([]string, 0, 2)
	for i, p := range q.periods() {
		var b strings.Builder
		at := sums.Single.Column("at")
		fmt.Fprintf(&b, "(SELECT %d AS period, metadata ->> 'sampled' AS share FROM %s WHERE metadata ? 'sampled' AND %s >= %s AND %s < %s",
			i, relation(sums.Single, q.Viewer), at, s.arg(p[0]), at, s.arg(p[1]))
		s.narrow(&b, sums.Single)
		fmt.Fprintf(&b, " LIMIT %d)", maxSampled+1)
		parts = append(parts, b.String())
	}
	sql := "SELECT period, count(*), min(share::numeric)::text, max(share::numeric)::text FROM (" + strings.Join(parts, " UNION ALL ") +
		`) AS sampled WHERE share ~ '^[0-9]+(\.[0-9]+)?$' GROUP BY 1`
	batch.Queue(sql, s.args...).Query(func(rows pgx.Rows) error {
		var period int
		var n Sampled
		_, err := pgx.ForEachRow(rows, []any{&period, &n.Calls, &n.LeastShare, &n.MostShare}, func() error {
			n.More = n.Calls > maxSampled
			n.Calls = min(n.Calls, maxSampled)
			both[period].Sampled = n
			return nil
		})
		return err
	})
}

// queueName queues the query for the name of the user of the question.
func (q *SummaryQuestion) queueName(batch *pgx.Batch, name *string) {
	batch.Queue(userNamesSQL, [][16]byte{q.Filter.User}).Query(func(rows pgx.Rows) error {
		names, err := scanNames(rows)
		*name = names[q.Filter.User]
		return err
	})
}

// oneUser reports whether the question concerns a single user, or the calls without a user.
func (q *SummaryQuestion) oneUser() bool { return q.Filter.ByUser || q.Viewer.own() }

// periods returns the bounds of the previous and the current period.
func (q *SummaryQuestion) periods() [2][2]time.Time {
	return [2][2]time.Time{{q.Days[0], q.Days[q.Split]}, {q.Days[q.Split], q.Days[len(q.Days)-1]}}
}

// groupsSQL returns a query that sums the measures by each of the keys, and once overall.
func groupsSQL(source *sources, keys []string, measures []sums.Measure) string {
	list, sets := strings.Join(keys, ", "), "(period)"
	for _, key := range keys {
		sets += ", (period, " + key + ")"
	}
	return "SELECT period, grouping(" + list + "), coalesce(" + list + ", ''), " + selectSums(measures) + `
FROM ` + source.String() + `
GROUP BY GROUPING SETS (` + sets + `)
HAVING sum(calls) <> 0 OR sum(usage_dollars) <> 0
ORDER BY sum(usage_dollars) DESC, 3`
}

// groupedBy returns the key by which a row of [groupsSQL] is grouped, or "" for the overall
// row. GROUPING sets one bit for each key that the row is not grouped by; the lowest bit is
// the last key's.
func groupedBy(keys []string, grouping int) string {
	for i, key := range keys {
		if grouping&(1<<(len(keys)-1-i)) == 0 {
			return key
		}
	}
	return ""
}

// Keys of the groups, without Detail and with it.
var (
	basicKeys  = []string{"api_type"}
	detailKeys = []string{"api_type", "provider", "model", "service"}
)

// queueGroups queues the queries for the totals and the groups by key. For one user no
// writer keeps sums by model, provider and service, so these are read from what was kept
// later ([sums.UserDetail]) and from the calls. The totals still come from the sums, which
// include calls that retention has deleted.
func (q *SummaryQuestion) queueGroups(batch *pgx.Batch, e extent, kept stretches, both [2]*Summary, rates *dayRates) {
	levels := q.groupLevels(rates != nil)
	apart := q.partsApart(levels)
	cut := func(from, to time.Time) []sums.Piece { return e.Cut(from, to, levels...) }
	q.queueGroupsFrom(batch, both, rates, q.Detail && !apart, everyGroup, len(levels) > 1, cut)
	if apart {
		// Much of a busy user may have to be read from the calls: by two processes.
		batch.Queue(`SELECT set_config('max_parallel_workers_per_gather', '1', true)`)
		cut = func(from, to time.Time) []sums.Piece { return kept.cut(e, from, to) }
		q.queueGroupsFrom(batch, both, rates, true, detailGroups, false, cut)
		batch.Queue(`SELECT set_config('max_parallel_workers_per_gather', '0', true)`)
	}
}

// partsApart reports whether the groups with detail are not in these levels, which have
// the sums of single users.
func (q *SummaryQuestion) partsApart(levels []*sums.Level) bool {
	return q.Detail && levels[0].ByUser() && !levels[0].IsCalls()
}

// groupLevels returns the levels that cover every call of the question. byDay leaves out
// levels with buckets longer than a day.
func (q *SummaryQuestion) groupLevels(byDay bool) []*sums.Level {
	longest, keys, measures := sums.HalfMonth, basicKeys, sums.BasicMeasures()
	if byDay {
		longest = sums.Day
	}
	if q.Detail && !q.oneUser() {
		keys, measures = detailKeys, sums.AllMeasures()
	}
	return q.Filter.levels(q.Viewer, keys, measures, longest)
}

// groupPart says which results of a query of groups are used.
type groupPart bool

const (
	everyGroup   groupPart = false
	detailGroups groupPart = true // only the fields that need Detail
)

// queueGroupsFrom asks for groups in the pieces that cut makes of a period. folded says
// that calls count under the names that their sums have.
func (q *SummaryQuestion) queueGroupsFrom(batch *pgx.Batch, both [2]*Summary, rates *dayRates, detail bool, part groupPart, folded bool, cut func(from, to time.Time) []sums.Piece) {
	keys, measures := basicKeys, sums.BasicMeasures()
	if detail {
		keys, measures = detailKeys, sums.AllMeasures()
	}
	s := newSources(q.Viewer, q.Filter)
	s.convert(rates)
	s.folded = folded
	s.keys, s.sums = keys, sums.Names(measures)
	for i, p := range q.periods() {
		s.shares = addShares(s.shares, i, cut(p[0], p[1]))
	}
	batch.Queue(groupsSQL(s, keys, measures), s.args...).Query(func(rows pgx.Rows) error {
		var period, set int
		var g Group
		_, err := pgx.ForEachRow(rows, append([]any{&period, &set, &g.Key}, g.into(measures)...), func() error {
			to := both[period]
			switch groupedBy(keys, set) {
			case "":
				total := g.Counts
				if part == detailGroups {
					total.take(to.Total, sums.BasicMeasures())
				}
				to.Total = total
			case "api_type":
				if part == everyGroup {
					to.ByType = append(to.ByType, g)
				}
				for i := range to.ByType {
					if part == detailGroups && to.ByType[i].Key == g.Key {
						g.take(to.ByType[i].Counts, sums.BasicMeasures())
						to.ByType[i] = g
					}
				}
			case "provider":
				to.ByProvider = append(to.ByProvider, g)
			case "model":
				to.ByModel = append(to.ByModel, g)
			case "service":
				to.ByService = append(to.ByService, g)
			}
			return nil
		})
		return err
	})
}

// daysSQL returns the cost of each piece of one level and its number of unpriced calls. The
// subquery keeps the planner from a join that would compare every piece with every row.
const daysSQL = `
SELECT piece.n - 1, sums.usage_dollars::text, sums.unpriced_calls
FROM unnest(%s::timestamptz[], %s::timestamptz[]) WITH ORDINALITY AS piece (from_time, to_time, n),
     LATERAL (SELECT sum(%s) AS usage_dollars, sum(%s)::bigint AS unpriced_calls FROM %s WHERE %[6]s >= piece.from_time AND %[6]s < piece.to_time%s) AS sums
WHERE sums.usage_dollars IS NOT NULL`

// daysOnShardsSQL replaces daysSQL on Citus, which cannot push such a subquery down to the
// shards. The index on user and time keeps this join cheap.
const daysOnShardsSQL = `
SELECT piece.n - 1, sum(%[3]s)::text, sum(%[4]s)::bigint
FROM unnest(%[1]s::timestamptz[], %[2]s::timestamptz[]) WITH ORDINALITY AS piece (from_time, to_time, n), %[5]s
WHERE %[6]s >= piece.from_time AND %[6]s < piece.to_time%[7]s
GROUP BY piece.n`

// daysOfUserSQL replaces daysSQL for the calls of one user. Both parts are read from indexes
// alone: one has the cost, the other the calls without a price.
const daysOfUserSQL = `
SELECT piece.n - 1, cost.usage_dollars::text, unpriced.calls
FROM unnest(%[1]s::timestamptz[], %[2]s::timestamptz[]) WITH ORDINALITY AS piece (from_time, to_time, n),
     LATERAL (SELECT sum(%[3]s) AS usage_dollars FROM %[5]s WHERE %[6]s >= piece.from_time AND %[6]s < piece.to_time%[7]s) AS cost,
     LATERAL (SELECT count(*) AS calls FROM %[8]s WHERE %[6]s >= piece.from_time AND %[6]s < piece.to_time%[7]s AND pricing_status = 'unpriced') AS unpriced
WHERE cost.usage_dollars IS NOT NULL`

// queueDays queues the queries for the cost of each day. A day of another time zone
// overlaps mostly with one UTC day. The hours between the two midnights are read once, then
// added to one day and subtracted from the other.
func (q *SummaryQuestion) queueDays(batch *pgx.Batch, e extent, quarters stretches, both [2]*Summary, rates *dayRates) {
	for i, days := range []int{q.Split, len(q.Days) - 1 - q.Split} {
		both[i].Daily, both[i].DailyUnpriced = make([]usage.Sum, days), make([]int64, days)
	}
	levels := q.dayLevels()
	shares := make(map[*sums.Level][]share)
	for day := range len(q.Days) - 1 {
		for _, p := range e.Cut(q.Days[day], q.Days[day+1], levels...) {
			for _, p := range quarters.byQuarter(e, p) {
				shares[p.Level] = addShares(shares[p.Level], day, []sums.Piece{p})
			}
		}
	}
	for _, l := range append(levels, sums.UserQuarter) {
		if len(shares[l]) > 0 {
			q.queueDayPieces(batch, e, l, shares[l], both, rates)
		}
	}
}

func (q *SummaryQuestion) queueDayPieces(batch *pgx.Batch, e extent, l *sums.Level, shares []share, both [2]*Summary, rates *dayRates) {
	froms, tos := make([]time.Time, len(shares)), make([]time.Time, len(shares))
	for i, s := range shares {
		froms[i], tos[i] = s.From, s.To
	}
	s := newSources(q.Viewer, q.Filter)
	s.convert(rates)
	s.folded = len(q.dayLevels()) > 1
	var where strings.Builder
	from, to := s.arg(froms), s.arg(tos)
	s.narrow(&where, l)
	form, args := daysSQL, []any{from, to, s.value(l, "usage_dollars"), s.value(l, "unpriced_calls"), s.from(l), l.Column("at"), where.String()}
	switch {
	case !l.IsCalls():
	case e.onShards:
		form = daysOnShardsSQL
	case q.oneUser() && len(q.Filter.values()) == 0 && q.Filter.Tag == nil:
		form, args = daysOfUserSQL, append(args, relation(l, q.Viewer))
	}
	sql := fmt.Sprintf(form, args...)
	batch.Queue(sql, s.args...).Query(func(rows pgx.Rows) error {
		var n int
		var text string
		var unpriced int64
		_, err := pgx.ForEachRow(rows, []any{&n, &text, &unpriced}, func() error {
			cost, err := usage.ParseSum(text)
			if err != nil {
				return err
			}
			for _, part := range shares[n].parts {
				to, day := both[0], part.period
				if day >= q.Split {
					to, day = both[1], day-q.Split
				}
				to.DailyUnpriced[day] += part.sign * unpriced
				if part.sign > 0 {
					to.Daily[day] = to.Daily[day].Plus(cost)
				} else {
					to.Daily[day] = to.Daily[day].Minus(cost)
				}
			}
			return nil
		})
		return err
	})
}

// dayLevels returns the levels from which the days are read.
func (q *SummaryQuestion) dayLevels() []*sums.Level {
	return q.Filter.levels(q.Viewer, nil, sums.BasicMeasures(), sums.Day)
}

// usersSQL returns the first users of each period by cost, and the sums of all users,
// without an id. The nil UUID, which stands for no user, has a row of its own.
//
// A user has few rows, which usage_add adds faster than sum. All users are sorted once, and
// LIMIT takes the first from the sorted rows: a sort that knows its limit compares whole
// amounts instead of abbreviated ones, which took ten times as long for 2,000 users.
const usersSQL = `
WITH users AS MATERIALIZED (
  SELECT period, user_id, public.usage_add(calls) AS calls, public.usage_add(unpriced_calls) AS unpriced_calls, public.usage_add(usage_dollars) AS usage_dollars%[4]s
  FROM %[1]s
  GROUP BY period, user_id
  HAVING public.usage_add(calls) <> 0 OR public.usage_add(usage_dollars) <> 0
  ORDER BY public.usage_add(usage_dollars) DESC, user_id
)
SELECT period, CASE user_id WHEN %[2]s THEN user_id END, count(*), public.usage_add(calls), public.usage_add(unpriced_calls), sum(usage_dollars)::text, sum(estimated_dollars)::text, sum(assumed_dollars)::text
FROM users
GROUP BY 1, 2
UNION ALL
(SELECT period, user_id, 1, calls, unpriced_calls, usage_dollars::text, estimated_dollars::text, assumed_dollars::text FROM users WHERE period = 0 AND user_id <> %[2]s LIMIT %[3]s)
UNION ALL
(SELECT period, user_id, 1, calls, unpriced_calls, usage_dollars::text, estimated_dollars::text, assumed_dollars::text FROM users WHERE period = 1 AND user_id <> %[2]s LIMIT %[3]s)`

// The measures of [Doubts]: with one unknown the sum is unknown too, as a sum with
// [unknownDoubt] is.
const (
	addDoubts = ", public.usage_add(coalesce(estimated_dollars, '" + unknownDoubt + "')) AS estimated_dollars, public.usage_add(coalesce(assumed_dollars, '" + unknownDoubt + "')) AS assumed_dollars"
	noDoubts  = ", NULL::numeric AS estimated_dollars, NULL::numeric AS assumed_dollars"
)

// queueUsers queues the queries for the cost of each user. With rates it reads no level
// longer than a day, because half a month has no single rate.
func (q *SummaryQuestion) queueUsers(batch *pgx.Batch, e extent, both [2]*Summary, rates *dayRates) {
	longest := sums.HalfMonth
	if rates != nil {
		longest = sums.Day
	}
	measures, doubts := []sums.Measure{sums.Calls, sums.UnpricedCalls, sums.Dollars}, noDoubts
	if q.Detail {
		measures, doubts = append(measures, sums.EstimatedDollars, sums.AssumedDollars), addDoubts
		both[0].OtherUsers.Doubts, both[1].OtherUsers.Doubts = &Doubts{}, &Doubts{}
	}
	levels := q.Filter.levels(q.Viewer, []string{"user_id"}, measures, longest)
	s := newSources(q.Viewer, q.Filter)
	s.flat = true
	s.keys, s.sums = []string{"user_id"}, sums.Names(measures)
	s.convert(rates)
	s.folded = len(levels) > 1
	for i, p := range q.periods() {
		s.shares = addShares(s.shares, i, e.Cut(p[0], p[1], levels...))
	}
	nobody, top := s.arg([16]byte{}), s.arg(q.TopUsers)
	batch.Queue(fmt.Sprintf(usersSQL, s, nobody, top, doubts), s.args...).Query(func(rows pgx.Rows) error {
		var period int
		var user *[16]byte
		var g UserGroup
		var cost string
		var doubts doubtsText
		_, err := pgx.ForEachRow(rows, []any{&period, &user, &g.Users, &g.Calls, &g.UnpricedCalls, &cost, &doubts.estimated, &doubts.assumed}, func() (err error) {
			if g.Cost, err = usage.ParseSum(cost); err != nil {
				return err
			}
			if g.Doubts, err = doubts.parse(); err != nil {
				return err
			}
			to := both[period]
			switch {
			case user == nil:
				to.OtherUsers.add(g, 1)
				to.ActiveUsers = g.Users
			case *user == [16]byte{}:
				to.NoUser = g
			default:
				g.User = *user
				to.ByUser = append(to.ByUser, g)
				to.OtherUsers.add(g, -1)
			}
			return nil
		})
		return err
	})
}

// add adds what other has, or takes it away for a sign of -1.
func (g *UserGroup) add(other UserGroup, sign int64) {
	g.Users, g.Calls, g.UnpricedCalls = g.Users+sign*other.Users, g.Calls+sign*other.Calls, g.UnpricedCalls+sign*other.UnpricedCalls
	if sign < 0 {
		g.Cost = g.Cost.Minus(other.Cost)
	} else {
		g.Cost = g.Cost.Plus(other.Cost)
	}
	g.Doubts = g.Doubts.plus(other.Doubts, sign)
}

// fillOneUser assigns the total to the user of the question, who has this name.
func (q *SummaryQuestion) fillOneUser(s *Summary, name string) {
	user := q.Filter.User
	if q.Viewer.own() {
		user = q.Viewer.user
	}
	if s.Total.Calls == 0 {
		return
	}
	g := UserGroup{User: user, Name: name, Users: 1, Calls: s.Total.Calls, UnpricedCalls: s.Total.UnpricedCalls, Cost: s.Total.Cost}
	if q.Detail {
		g.Doubts = &Doubts{s.Total.EstimatedCost, s.Total.AssumedCost}
	}
	if user.IsZero() {
		s.NoUser = g
		return
	}
	s.ByUser, s.ActiveUsers = []UserGroup{g}, 1
}

// The newest call is found in two steps: the rollup gives its quarter hour. As a subquery
// that would hide the bound from the planner, which would then scan an index over all calls
// with several processes.
const (
	extentSQL = `
SELECT (SELECT bucket + interval '15 minutes' FROM public.usage_quarter_type WHERE calls > 0 ORDER BY bucket DESC LIMIT 1),
       (` + store.SelectRetainedFrom + `),
       (SELECT is_tagged FROM public.usage_tagged),
       ` + store.HasCitus + ``

	ownExtentSQL = `
SELECT (SELECT max(timestamp) FROM public.usage_own_calls WHERE user_id = $1),
       (` + store.SelectRetainedFrom + `),
       (SELECT is_tagged FROM public.usage_tagged),
       ` + store.HasCitus + ``

	dataThroughSQL = `
SELECT max(timestamp)
FROM public.api_usage
WHERE timestamp >= $1`
)

// extent holds what is known of the calls before a question is answered.
type extent struct {
	sums.Extent
	isTagged bool // there are calls with tags
	onShards bool // Citus distributes the calls over its workers
}

// queueExtent queues the query for the extent. Its Newest is the end of the quarter hour of
// the newest call or, for own usage, the time of the viewer's newest call.
func queueExtent(batch *pgx.Batch, v Viewer, e *extent) {
	sql, args := extentSQL, []any(nil)
	if v.own() {
		sql, args = ownExtentSQL, []any{[16]byte(v.user)}
	}
	batch.Queue(sql, args...).QueryRow(func(row pgx.Row) (err error) {
		var newest *time.Time
		var mark *string
		if err := row.Scan(&newest, &mark, &e.isTagged, &e.onShards); err != nil {
			return err
		}
		if newest != nil {
			e.Newest = newest.UTC()
		}
		e.Retained, err = store.ParseRetained(mark)
		return err
	})
}

// readExtent returns the extent; see [queueExtent].
func readExtent(ctx context.Context, tx pgx.Tx, v Viewer) (e extent, err error) {
	var batch pgx.Batch
	queueExtent(&batch, v, &e)
	return e, tx.SendBatch(ctx, &batch).Close()
}

func queueDataThrough(batch *pgx.Batch, e extent, through *time.Time) {
	if e.Newest.IsZero() {
		return
	}
	batch.Queue(dataThroughSQL, e.Newest.Add(-15*time.Minute)).QueryRow(func(row pgx.Row) error {
		var newest *time.Time
		if err := row.Scan(&newest); err != nil {
			return err
		}
		if newest != nil {
			*through = newest.UTC()
		}
		return nil
	})
}
