package store_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
	"github.com/otelcol-usage/otelcol-usage/internal/store/read"
)

// teamsByRow are the calls of each team by the plainest statement: a call counts once if
// any row says that its user was in the team on its UTC day.
const teamsByRow = `SELECT coalesce(sum(c.usage_dollars), 0) FROM public.api_usage AS c
	WHERE c.timestamp >= $2 AND c.timestamp < $3 AND EXISTS (SELECT FROM public.usage_team_membership AS m
	WHERE m.team = $1 AND m.user_id = c.user_id AND (c.timestamp AT TIME ZONE 'UTC')::date >= m.since AND (c.timestamp AT TIME ZONE 'UTC')::date < m.until)`

// TestATeamSpendsWhatItsMembersSpentWhileTheyWereInIt moves users in and out of teams, with
// rows that overlap, and asks periods that begin and end within days.
func TestATeamSpendsWhatItsMembersSpentWhileTheyWereInIt(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	random := rand.New(rand.NewPCG(22, 4))
	db.Exec(`INSERT INTO auth.users (id) SELECT md5(n::text)::uuid FROM generate_series(0, 9) AS n`)
	db.Exec(`INSERT INTO public.api_usage (timestamp, user_id, usage_dollars, api_type)
		SELECT '2026-01-01Z'::timestamptz + n * interval '47 minutes', CASE n % 11 WHEN 10 THEN NULL ELSE md5((n % 11)::text)::uuid END, 1 + n * 0.000000000001, 'text'
		FROM generate_series(0, 2200) AS n`)
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for range 60 {
		since := from.AddDate(0, 0, random.IntN(60))
		db.Exec(`INSERT INTO public.usage_team_membership (team, user_id, since, until)
			SELECT $1::text, md5($2::int::text)::uuid, CASE WHEN $5 THEN '-infinity' ELSE $3::timestamptz::date END, CASE WHEN $6 THEN 'infinity' ELSE $4::timestamptz::date END ON CONFLICT DO NOTHING`,
			[]string{"red", "blue", "green"}[random.IntN(3)], random.IntN(10), since, since.AddDate(0, 0, 1+random.IntN(20)), random.IntN(6) == 0, random.IntN(6) == 0)
	}
	for range 40 {
		start := from.Add(time.Duration(random.IntN(70*96)) * 15 * time.Minute)
		end := start.Add(time.Duration(1+random.IntN(30*96)) * 15 * time.Minute)
		for _, team := range []string{"red", "blue", "green", "none"} {
			assert.Equal(t, db.Text(teamsByRow, team, start, end), db.Text(`SELECT usage_report.spent_by_scope('team', $1, NULL, NULL, $2, $3)`, team, start, end), "%s from %s to %s", team, start, end)
		}
	}

	// The same for the API and usagectl, day by day.
	reader := read.New(db.Pool, time.Minute)
	teams, err := reader.Teams(context.Background())
	require.NoError(t, err)
	require.Len(t, teams, 3)
	zone := time.FixedZone("+05:45", 5*3600+45*60)
	var days []time.Time
	for d := range 75 {
		days = append(days, time.Date(2025, 12, 28+d, 0, 0, 0, 0, zone))
	}
	for _, team := range teams {
		var scopes []read.DaysScope
		for _, m := range team.Members {
			scopes = append(scopes, read.DaysScope{Filter: read.Filter{ByUser: true, User: m.User}, Days: days, Since: m.Since, Until: m.Until})
		}
		list, err := reader.Days(context.Background(), read.Administrator(), scopes)
		require.NoError(t, err)
		for d := range len(days) - 1 {
			sum := list[0].Costs[d]
			for _, l := range list[1:] {
				sum = sum.Plus(l.Costs[d])
			}
			require.Equal(t, db.Text("SELECT trim_scale(("+teamsByRow+"))", team.Name, days[d], days[d+1]), sum.String(), "%s on %s", team.Name, days[d])
		}
	}
}

// TestStatementsOf010GoOnWorkingOnTeams are what people and programs of 0.1.0 say.
func TestStatementsOf010GoOnWorkingOnTeams(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`INSERT INTO auth.users (id) SELECT md5(n::text)::uuid FROM generate_series(1, 3) AS n`)
	db.Exec(`INSERT INTO public.usage_team_members (team, user_id) SELECT 'red', id FROM auth.users`)
	db.Exec(`INSERT INTO public.usage_team_members VALUES ('blue', md5('1')::uuid) ON CONFLICT DO NOTHING`)
	db.Exec(`DELETE FROM public.usage_team_members WHERE team = 'red' AND user_id = md5('2')::uuid`)
	db.Exec(`INSERT INTO public.usage_team_membership (team, user_id, since, until) VALUES
		('blue', md5('2')::uuid, '2026-01-01', '2026-02-01'), ('blue', md5('3')::uuid, '2999-01-01', 'infinity'), ('red', md5('2')::uuid, (now() AT TIME ZONE 'UTC')::date, (now() AT TIME ZONE 'UTC')::date + 1)`)
	for _, view := range []string{"public.usage_team_members", "usage_report.team_member"} {
		assert.Equal(t, "blue 1, red 1, red 2, red 3", db.Text(`SELECT string_agg(team || ' ' || n, ', ' ORDER BY team, n) FROM `+view+` JOIN generate_series(1, 3) AS n ON md5(n::text)::uuid = user_id`), "who was, or will be, in a team is not")
	}
	db.Exec(`DELETE FROM auth.users WHERE id = md5('1')::uuid`)
	assert.Equal(t, "blue, blue, red, red", db.Text(`SELECT string_agg(team, ', ' ORDER BY team) FROM public.usage_team_membership`), "a deleted user is in no team")
}
