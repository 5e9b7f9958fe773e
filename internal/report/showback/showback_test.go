package showback_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
	"github.com/otelcol-usage/otelcol-usage/internal/report/showback"
	"github.com/otelcol-usage/otelcol-usage/internal/store/read"
	"github.com/otelcol-usage/otelcol-usage/internal/store/upkeep"
)

// The truth, from a second table of calls that retention does not reach.
const (
	teamsOf = `(SELECT coalesce(array_agg(DISTINCT m.team ORDER BY m.team), '{}') FROM public.usage_team_membership AS m
		WHERE m.user_id = c.user_id AND (c.timestamp AT TIME ZONE 'UTC')::date >= m.since AND (c.timestamp AT TIME ZONE 'UTC')::date < m.until)`
	centreOf = `(SELECT cc.cost_centre FROM public.usage_team_cost_centre AS cc WHERE cc.team = %s AND (c.timestamp AT TIME ZONE 'UTC')::date >= cc.since AND (c.timestamp AT TIME ZONE 'UTC')::date < cc.until)`
	byTeam   = `CASE WHEN user_id IS NULL THEN '(no user)' WHEN cardinality(teams) = 0 THEN '(unassigned)' WHEN cardinality(teams) > 1 THEN '(several teams)' ELSE teams[1] END`
	byCentre = `CASE WHEN user_id IS NULL THEN '(no user)' WHEN cardinality(teams) = 0 THEN '(unassigned)'
		WHEN (SELECT count(DISTINCT coalesce(x, '')) FROM unnest(centres) AS x) > 1 THEN '(several teams)' ELSE coalesce(centres[1], '(no cost centre)') END`
	byTag       = `coalesce(tag, '(unassigned)')`
	byTagCentre = `CASE WHEN tag IS NULL THEN '(unassigned)' ELSE coalesce(tag_centre, '(no cost centre)') END`
)

func truth(db *pgtest.DB, by string, from, to time.Time) string {
	return db.Text(`SELECT coalesce(string_agg(centre || ' ' || calls || ' ' || unpriced || ' ' || trim_scale(cost), ', ' ORDER BY centre COLLATE "C"), '') FROM (
		SELECT `+by+` AS centre, count(*) AS calls, count(*) FILTER (WHERE pricing_status = 'unpriced') AS unpriced, sum(usage_dollars) AS cost
		FROM (SELECT c.*, `+teamsOf+` AS teams, ARRAY(SELECT `+fmt.Sprintf(centreOf, "t")+` FROM unnest(`+teamsOf+`) AS t) AS centres,
			split_part(split_part(c.tags, E'\n', 1), '=', 2) AS tag, `+fmt.Sprintf(centreOf, "split_part(split_part(c.tags, E'\\n', 1), '=', 2)")+` AS tag_centre
			FROM truth AS c WHERE c.timestamp >= $1 AND c.timestamp < $2) AS c
		GROUP BY 1) AS s`, from, to)
}

// TestCostCentresAddUpWhateverHappensToCalls prices again, corrects, deletes and retains
// calls and stores late ones, and compares every report with the plainest statement.
func TestCostCentresAddUpWhateverHappensToCalls(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	random := rand.New(rand.NewPCG(22, 2))
	db.Exec(`INSERT INTO auth.users (id) SELECT md5(n::text)::uuid FROM generate_series(0, 5) AS n`)
	db.Exec(`CREATE TABLE truth AS SELECT * FROM public.api_usage WITH NO DATA`)
	db.Exec(`INSERT INTO public.usage_team_membership VALUES
		('red', md5('0')::uuid, '-infinity', '2026-01-20'), ('blue', md5('0')::uuid, '2026-01-20', 'infinity'), ('red', md5('1')::uuid, '-infinity', 'infinity'), ('green', md5('1')::uuid, '2026-01-10', '2026-01-15'),
		('blue', md5('2')::uuid, '2026-01-05', '2026-02-05'), ('blue', md5('2')::uuid, '2026-01-31', '2026-02-10'), ('grey', md5('3')::uuid, '-infinity', 'infinity'), ('blue', md5('3')::uuid, '2026-02-01', '2026-02-03')`)
	db.Exec(`INSERT INTO public.usage_team_cost_centre VALUES ('red', 'C1', '-infinity', '2026-01-12'), ('red', 'C2', '2026-01-12', 'infinity'), ('green', 'C2', '-infinity', 'infinity'), ('blue', 'C1', '2026-01-25', 'infinity')`)

	db.Exec(`INSERT INTO public.usage_plans (name, since, price, currency, period) VALUES ('seat', '2026-01-01', 1, 'USD', 'day')`)
	db.Exec(`INSERT INTO public.usage_plan_seats (plan, user_id, since) VALUES ('seat', md5('0')::uuid, '2026-01-01'), ('seat', md5('2')::uuid, '2026-01-09')`)
	first := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	late := func(n int, from time.Time) {
		const columns = `(id, timestamp, user_id, usage_dollars, api_type, tokens_used, pricing_status, pricing_reason, tags, payer)`
		db.Exec(`WITH new AS (SELECT gen_random_uuid() AS id, $2::timestamptz + random() * ('2026-03-01Z'::timestamptz - $2::timestamptz) AS timestamp, u, CASE WHEN p THEN (random() / 7)::numeric(20,12) ELSE 0 END AS dollars, CASE WHEN p THEN 'priced' ELSE 'unpriced' END AS status, CASE WHEN NOT p THEN 'unknown_model' END AS reason, m
			FROM (SELECT floor(random() * 7)::int AS u, random() < 0.9 AS p, (ARRAY[NULL, 'team=red', E'team=blue\nx=1', 'team=loose'])[1 + floor(random() * 4)] AS m FROM generate_series(1, $1)) AS r),
		made AS (SELECT id, timestamp, CASE WHEN u < 6 THEN md5(u::text)::uuid END, dollars, 'text', 10, status, reason, m, (ARRAY['api', 'plan', 'credit', 'own', NULL])[1 + get_byte(uuid_send(id), 4) % 5] FROM new),
		copied AS (INSERT INTO truth `+columns+` SELECT * FROM made)
		INSERT INTO public.api_usage `+columns+` SELECT * FROM made`, n, from)
	}
	steps := []struct {
		name string
		do   func()
	}{
		{"stored", func() { late(900, first) }},
		{"priced again", func() {
			for _, table := range []string{"public.api_usage", "truth"} {
				db.Exec(`UPDATE ` + table + ` SET usage_dollars = usage_dollars * 1.25, pricing_status = 'priced', pricing_reason = NULL WHERE get_byte(uuid_send(id), 0) < 80`)
			}
		}},
		{"corrected", func() {
			for _, table := range []string{"public.api_usage", "truth"} {
				db.Exec(`UPDATE `+table+` SET user_id = $1::text::uuid, tags = 'team=red', usage_dollars = 0.000000000001, pricing_status = 'priced', pricing_reason = NULL WHERE get_byte(uuid_send(id), 1) < 30`, db.Text(`SELECT md5('0')::uuid`))
			}
		}},
		{"deleted", func() {
			for _, table := range []string{"public.api_usage", "truth"} {
				db.Exec(`DELETE FROM ` + table + ` WHERE get_byte(uuid_send(id), 2) < 40`)
			}
		}},
		{"retained", func() {
			_, err := upkeep.Retain(t.Context(), db.Pool, upkeep.RetainOptions{Before: first.AddDate(0, 0, 17)})
			require.NoError(t, err)
		}},
		{"late", func() { late(300, first.AddDate(0, 0, 17)) }},
	}
	reader := read.New(db.Pool, time.Minute)
	for _, step := range steps {
		step.do()
		for range 4 {
			from := first.AddDate(0, 0, random.IntN(40))
			to := from.AddDate(0, 0, 1+random.IntN(30))
			for _, c := range []struct {
				name, by string
				ask      func() (showback.Report, error)
			}{
				{"teams", byTeam, func() (showback.Report, error) {
					return showback.ByTeams(context.Background(), reader, from, to, false)
				}},
				{"cost centres of teams", byCentre, func() (showback.Report, error) { return showback.ByTeams(context.Background(), reader, from, to, true) }},
				{"tag", byTag, func() (showback.Report, error) {
					return showback.ByTag(context.Background(), reader, from, to, "team", false)
				}},
				{"cost centres of a tag", byTagCentre, func() (showback.Report, error) {
					return showback.ByTag(context.Background(), reader, from, to, "team", true)
				}},
			} {
				r, err := c.ask()
				require.NoError(t, err)
				require.Equal(t, truth(db, c.by, from, to), text(r), "%s: %s from %s to %s", step.name, c.name, from, to)
				var sum showback.Row
				for _, row := range r.Rows {
					sum.Calls, sum.UnpricedCalls, sum.Tokens, sum.Cost = sum.Calls+row.Calls, sum.UnpricedCalls+row.UnpricedCalls, sum.Tokens+row.Tokens, sum.Cost.Plus(row.Cost)
					sum.APICost, sum.PlanCost, sum.CreditCost, sum.OwnCost = sum.APICost.Plus(row.APICost), sum.PlanCost.Plus(row.PlanCost), sum.CreditCost.Plus(row.CreditCost), sum.OwnCost.Plus(row.OwnCost)
					sum.PlanCash = sum.PlanCash.Plus(row.PlanCash)
				}
				sum.CostCentre = r.Total.CostCentre
				assert.Equal(t, fmt.Sprint(r.Total), fmt.Sprint(sum), "%s: %s", step.name, c.name)
				payers := fmt.Sprintf("%s|%s|%s|%s|%s", sum.APICost, sum.PlanCost, sum.CreditCost, sum.OwnCost, sum.PlanCash)
				require.Equal(t, db.Text(`SELECT trim_scale(coalesce(sum(usage_dollars) FILTER (WHERE payer = 'api'), 0)), trim_scale(coalesce(sum(usage_dollars) FILTER (WHERE payer = 'plan'), 0)),
					trim_scale(coalesce(sum(usage_dollars) FILTER (WHERE payer = 'credit'), 0)), trim_scale(coalesce(sum(usage_dollars) FILTER (WHERE payer = 'own'), 0)),
					(SELECT count(*) FROM usage_report.plan_seat CROSS JOIN generate_series($1::timestamptz, $2::timestamptz - interval '1 day', '1 day') AS day WHERE since <= (day AT TIME ZONE 'UTC')::date)
					FROM public.api_usage WHERE timestamp >= $1 AND timestamp < $2`, from, to), payers, "%s: %s", step.name, c.name)
			}
		}
	}
	require.NotEqual(t, db.Text(`SELECT count(*) FROM truth`), db.Text(`SELECT count(*) FROM public.api_usage`), "nothing was retained")
}

// text lists the rows by name.
func text(r showback.Report) string {
	lines := map[string]string{}
	var names []string
	for _, row := range r.Rows {
		names = append(names, row.CostCentre)
		lines[row.CostCentre] = fmt.Sprintf("%s %d %d %s", row.CostCentre, row.Calls, row.UnpricedCalls, row.Cost)
	}
	slices.Sort(names)
	for i, name := range names {
		names[i] = lines[name]
	}
	return strings.Join(names, ", ")
}
