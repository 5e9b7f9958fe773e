package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/otelcol-usage/otelcol-usage/internal/pglab"
	"github.com/otelcol-usage/otelcol-usage/internal/report"
	"github.com/otelcol-usage/otelcol-usage/internal/store/read"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// asker is whose usage is asked for, and with what detail.
type asker struct {
	name   string
	filter read.Filter
	detail bool
}

// The names of the askers, as the goals call them.
const (
	allUsers    = "all users"
	allDetail   = "all users, detail=full"
	busiestUser = "busiest user"
	middleUser  = "middle user"
	oneFeature  = "one feature, all users"
	oneTenant   = "one tenant, all users"
)

// answer is how long the questions of one asker over a number of days took.
type answer struct {
	who      string
	days     int
	p50, p99 time.Duration
}

// ask measures the questions. dir is the data directory of the server, whose
// processor time hardly depends on what else the machine does; "" when that is
// elsewhere.
func ask(ctx context.Context, pool *pgxpool.Pool, o options, dir string) ([]answer, error) {
	reader := read.New(pool, time.Minute)
	askers, err := askersOf(ctx, pool, o)
	if err != nil {
		return nil, err
	}
	zone, err := time.LoadLocation(o.zone)
	if err != nil {
		return nil, err
	}
	truth := rows{pool: pool, known: map[rowsKey]rowSums{}}
	var answers []answer
	fmt.Printf("%-23s %5s %9s %9s %9s   milliseconds of %d questions, days of %s; processor time of the server\n", "who", "days", "p50", "p99", "server", o.repeat, o.zone)
	if o.onlySessions {
		return nil, askSessions(ctx, pool, o, dir)
	}
	for _, a := range askers {
		for _, length := range []int{7, 30, 90, 365} {
			from := end.In(zone).AddDate(0, 0, 1-length).Format(time.DateOnly)
			span, err := report.ParseSpan(from, end.Format(time.RFC3339), o.zone, end)
			if err != nil {
				return nil, err
			}
			q := report.Question{Viewer: read.Administrator(), Filter: a.filter, Span: span, Top: 10, Detail: a.detail}.ForStore()
			var took []time.Duration
			var previous, current read.Summary
			var before time.Duration
			for n := range o.repeat + 1 {
				if n == 1 { // the first reads from disk
					took, before = nil, pglab.CPU(dir)
				}
				start := time.Now()
				if previous, current, _, err = reader.Summaries(ctx, q); err != nil {
					return nil, err
				}
				took = append(took, time.Since(start))
			}
			server := (pglab.CPU(dir) - before) / time.Duration(o.repeat)
			slices.Sort(took)
			answers = append(answers, answer{a.name, length, took[len(took)/2], took[len(took)*99/100]})
			fmt.Printf("%-23s %5d %9.1f %9.1f %9.1f\n", a.name, length, millis(took[len(took)/2]), millis(took[len(took)*99/100]), millis(server))
			for _, s := range []struct {
				answer   read.Summary
				from, to time.Time
			}{{previous, q.Days[0], q.Days[q.Split]}, {current, q.Days[q.Split], q.Days[len(q.Days)-1]}} {
				if err := truth.compare(ctx, a, s.answer, s.from, s.to); err != nil {
					return nil, fmt.Errorf("%s, %d days: %w", a.name, length, err)
				}
			}
		}
	}
	fmt.Println("every answer equals the sum of the rows")
	if o.tags {
		return answers, askSessions(ctx, pool, o, dir)
	}
	return answers, nil
}

// askersOf returns who asks.
func askersOf(ctx context.Context, pool *pgxpool.Pool, o options) ([]asker, error) {
	if o.tags {
		return []asker{
			{name: allDetail, detail: true},
			{name: oneFeature, filter: read.Filter{Tag: &read.TagValue{Name: "feature", Value: "feature-3"}}},
			{name: oneTenant, filter: read.Filter{Tag: &read.TagValue{Name: "tenant", Value: "tenant-7"}}},
		}, nil
	}
	askers := []asker{
		{name: allUsers},
		{name: allDetail, detail: true},
		{name: busiestUser, filter: read.Filter{ByUser: true}},
		{name: middleUser, filter: read.Filter{ByUser: true}},
	}
	for i, n := range map[int]int{2: 0, 3: o.users / 2} {
		var id [16]byte
		if err := pool.QueryRow(ctx, `SELECT md5('user-' || $1::text)::uuid`, fmt.Sprint(n)).Scan(&id); err != nil {
			return nil, err
		}
		askers[i].filter.User = id
	}
	return askers, nil
}

// askSessions measures pages of sessions, and compares each with the calls.
func askSessions(ctx context.Context, pool *pgxpool.Pool, o options, dir string) error {
	reader := read.New(pool, time.Minute)
	own, err := askersOf(ctx, pool, options{users: o.users})
	if err != nil {
		return err
	}
	busiest := own[2].filter.User
	for _, ask := range []struct {
		who, search string
		viewer      read.Viewer
		days        int
		second      bool
	}{
		{who: "sessions", viewer: read.Administrator(), days: 1},
		{who: "sessions", viewer: read.Administrator(), days: 7},
		{who: "sessions", viewer: read.Administrator(), days: 30},
		{who: "sessions", viewer: read.Administrator(), days: 90},
		{who: "sessions", viewer: read.Administrator(), days: 365},
		{who: "sessions, page 2", viewer: read.Administrator(), days: 30, second: true},
		{who: "sessions, search", viewer: read.Administrator(), days: 30, search: "77"},
		{who: "busiest user's own", viewer: read.OwnUsage(busiest), days: 30},
		{who: "busiest user's own", viewer: read.OwnUsage(busiest), days: 365},
	} {
		q := read.SessionsQuestion{Viewer: ask.viewer, From: end.AddDate(0, 0, 1-ask.days).Truncate(24 * time.Hour), To: end, Search: ask.search, Limit: 100}
		skip := 0
		if ask.second {
			first, _, err := reader.Sessions(ctx, q)
			if err != nil {
				return err
			}
			skip = len(first)
			last := first[skip-1]
			q.After = &read.SessionPlace{Cost: last.Cost, SessionKey: last.SessionKey}
		}
		var page []read.Session
		var took []time.Duration
		var before time.Duration
		for n := range o.repeat + 1 {
			if n == 1 {
				took, before = nil, pglab.CPU(dir)
			}
			start := time.Now()
			if page, _, err = reader.Sessions(ctx, q); err != nil {
				return err
			}
			took = append(took, time.Since(start))
		}
		slices.Sort(took)
		fmt.Printf("%-23s %5d %9.1f %9.1f %9.1f   100 of them\n", ask.who, ask.days, millis(took[len(took)/2]), millis(took[len(took)*99/100]), millis((pglab.CPU(dir)-before)/time.Duration(o.repeat)))
		var user any
		if ask.viewer == read.OwnUsage(busiest) {
			user = [16]byte(busiest)
		}
		if err := compareSessions(ctx, pool, q, user, skip, page); err != nil {
			return fmt.Errorf("%s, %d days: %w", ask.who, ask.days, err)
		}
	}
	fmt.Println("every page equals the sums of the rows")
	return nil
}

func compareSessions(ctx context.Context, pool *pgxpool.Pool, q read.SessionsQuestion, user any, skip int, page []read.Session) error {
	rows, err := pool.Query(ctx, `
SELECT session_id || ' ' || coalesce(user_id, '00000000-0000-0000-0000-000000000000') || ' ' || trim_scale(sum(usage_dollars)) || ' ' || count(*) || ' ' || coalesce(sum(tokens_used), 0)
FROM public.api_usage
WHERE timestamp >= $1 AND timestamp < $2 AND session_id <> '' AND strpos(session_id, $3) > 0 AND ($4::uuid IS NULL OR user_id = $4)
GROUP BY session_id, user_id
ORDER BY sum(usage_dollars) DESC, session_id, coalesce(user_id, '00000000-0000-0000-0000-000000000000') OFFSET $5 LIMIT $6`, q.From, q.To, q.Search, user, skip, q.Limit)
	if err != nil {
		return err
	}
	want, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	is := make([]string, len(page))
	for i, s := range page {
		is[i] = fmt.Sprintf("%s %s %s %d %d", s.ID, s.User, s.Cost, s.Calls, s.Tokens)
	}
	for i := range max(len(is), len(want)) {
		if i >= len(is) || i >= len(want) || is[i] != want[i] {
			return fmt.Errorf("the page differs from the rows at %d: %d and %d of them, %v and %v", i, len(is), len(want), is[min(i, len(is)):], want[min(i, len(want)):])
		}
	}
	return nil
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// rows gives the sums of the calls of a period, each read once.
type rows struct {
	pool  *pgxpool.Pool
	known map[rowsKey]rowSums
}

type rowsKey struct {
	filter   read.Filter
	from, to time.Time
}

type rowSums struct {
	calls, tokens, unpriced int64
	cost                    usage.Sum
}

const selectRowSums = `
SELECT count(*), coalesce(sum(tokens_used), 0)::bigint, count(*) FILTER (WHERE pricing_status = 'unpriced'), coalesce(sum(usage_dollars), 0)::text
FROM public.api_usage
WHERE timestamp >= $1 AND timestamp < $2 AND ($3::uuid IS NULL OR user_id = $3) AND ($4::text IS NULL OR strpos(E'\n' || tags || E'\n', E'\n' || $4 || '=' || $5 || E'\n') > 0)`

func (r rows) sums(ctx context.Context, f read.Filter, from, to time.Time) (rowSums, error) {
	key := rowsKey{f, from.UTC(), to.UTC()}
	if s, ok := r.known[key]; ok {
		return s, nil
	}
	var user any
	if f.ByUser {
		user = [16]byte(f.User)
	}
	var name, value any
	if f.Tag != nil {
		name, value = f.Tag.Name, f.Tag.Value
	}
	var s rowSums
	var text string
	err := r.pool.QueryRow(ctx, selectRowSums, from, to, user, name, value).Scan(&s.calls, &s.tokens, &s.unpriced, &text)
	if err == nil {
		s.cost, err = usage.ParseSum(text)
	}
	if err == nil {
		r.known[key] = s
	}
	return s, err
}

// compare holds an answer, and each of its breakdowns, against the rows.
func (r rows) compare(ctx context.Context, a asker, s read.Summary, from, to time.Time) error {
	want, err := r.sums(ctx, a.filter, from, to)
	if err != nil {
		return err
	}
	if t := s.Total; t.Calls != want.calls || t.Tokens != want.tokens || t.UnpricedCalls != want.unpriced || t.Cost.Cmp(want.cost) != 0 {
		return fmt.Errorf("%v to %v: the answer is %d calls, %d tokens, %d unpriced, $%s; the rows are %d, %d, %d, $%s",
			from, to, t.Calls, t.Tokens, t.UnpricedCalls, t.Cost, want.calls, want.tokens, want.unpriced, want.cost)
	}
	byUser := s.NoUser.Cost.Plus(s.OtherUsers.Cost)
	for _, u := range s.ByUser {
		byUser = byUser.Plus(u.Cost)
	}
	var byDay usage.Sum
	for _, d := range s.Daily {
		byDay = byDay.Plus(d)
	}
	var unpriced int64
	for _, n := range s.DailyUnpriced {
		unpriced += n
	}
	if unpriced != want.unpriced {
		return fmt.Errorf("%v to %v: the days have %d unpriced calls, the rows %d", from, to, unpriced, want.unpriced)
	}
	sums := map[string]usage.Sum{"users": byUser, "days": byDay, "types": sumOf(s.ByType)}
	if a.detail {
		for _, tag := range s.ByTag {
			sums["values of "+tag.Name] = sumOf(tag.Values).Plus(tag.Others.Cost).Plus(tag.None.Cost)
		}
		sums["providers"], sums["models"], sums["services"] = sumOf(s.ByProvider), sumOf(s.ByModel), sumOf(s.ByService)
	}
	for name, sum := range sums {
		if sum.Cmp(want.cost) != 0 {
			return fmt.Errorf("%v to %v: the %s add up to $%s, the rows to $%s", from, to, name, sum, want.cost)
		}
	}
	return nil
}

func sumOf(groups []read.Group) (sum usage.Sum) {
	for _, g := range groups {
		sum = sum.Plus(g.Cost)
	}
	return sum
}
