package usageapiextension

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
)

// TestFOCUSHasWhatTheSpecificationWants: every mandatory column, no column that
// the specification does not have but with x_, and no null where it allows none.
func TestFOCUSHasWhatTheSpecificationWants(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/focus-" + focusVersion + "-columns.txt")
	require.NoError(t, err)
	type column struct{ level, null string }
	specified := map[string]column{}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); fields[0] != "#" {
			specified[fields[0]] = column{fields[1], fields[2]}
		}
	}
	require.Len(t, specified, 57)

	db := pgtest.New(t)
	insertRows(t, db, []byte(`time,user,dollars,type,provider,model,service,status,reason,input,output
2026-01-30T12:00:00Z,ada,0.5,text,openai,gpt-4o,shop,priced,,10,20
2026-01-30T12:00:00Z,,0.5,embedding,openai,emb,,priced,,10,
2026-01-30T12:00:00Z,,0,text,,,,unpriced,no_usage,,
`))
	db.Exec(`INSERT INTO public.api_usage (timestamp, usage_dollars, api_type, audio_seconds) VALUES ('2026-01-30Z', 0.006, 'transcription', 60)`)
	lines := readCSV(t, newTestAPI(t, db.DSN, endOfJanuary).get(t, "admin", "/api/admin/usage/export?format=focus").Body.Bytes())
	require.Greater(t, len(lines), 5)
	for name, c := range specified {
		if c.level == "Mandatory" {
			assert.Contains(t, lines[0], name)
		}
	}
	for i, name := range lines[0] {
		c, known := specified[name]
		assert.True(t, known || strings.HasPrefix(name, "x_"), "%s is not a column of FOCUS", name)
		for _, line := range lines[1:] {
			assert.False(t, c.null == "never" && line[i] == "", "%s is null in %v", name, line)
			switch name {
			case "ConsumedUnit", "PricingUnit":
				assert.Contains(t, []string{"Tokens", "Seconds", "Requests"}, line[i])
			case "PricingCategory":
				status := line[slices.Index(lines[0], "x_PricingStatus")]
				assert.Equal(t, map[bool]string{true: "Other", false: "Standard"}[status == "unpriced"], line[i])
			}
		}
	}
}

func TestFOCUSHasALineForEachCombinationOfTags(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`INSERT INTO public.api_usage (timestamp, usage_dollars, api_type, environment, tags) VALUES
		('2026-01-30T01:00:00Z', 1, 'text', 'prod', 'team=search'),
		('2026-01-30T02:00:00Z', 2, 'text', 'prod', 'team=search'),
		('2026-01-30T03:00:00Z', 4, 'text', '', E'team==HYPERLINK()\ntenant=t1'),
		('2026-01-30T04:00:00Z', 8, 'text', 'prod', 'environment=theirs'),
		('2026-01-30T05:00:00Z', 16, 'text', '', NULL)`)
	lines := readCSV(t, newTestAPI(t, db.DSN, endOfJanuary).get(t, "admin", "/api/admin/usage/export?format=focus").Body.Bytes())
	tags, cost := slices.Index(lines[0], "Tags"), slices.Index(lines[0], "BilledCost")
	found := map[string]string{}
	for _, line := range lines[1:] {
		found[line[tags]] = strings.TrimRight(strings.TrimRight(line[cost], "0"), ".")
	}
	assert.Equal(t, map[string]string{
		`{"environment":"prod","team":"search"}`: "3", `{"team":"=HYPERLINK()","tenant":"t1"}`: "4", `{"environment":"theirs"}`: "8", `{}`: "16",
	}, found)
}

// TestExportsSayWhatACallWasForAndWhoPays stores calls with tags, sessions and payers of users
// who move between teams, and reads them in every format.
func TestExportsSayWhatACallWasForAndWhoPays(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	insertRows(t, db, []byte("time,user,dollars,type\n2026-01-29T23:59:59Z,ada,1,text\n2026-01-30T00:00:00Z,ada,2,text\n2026-01-30T01:00:00Z,ada,4,text\n2026-01-30T02:00:00Z,eve,8,text\n2026-01-30T03:00:00Z,,16,text\n"))
	db.Exec(`UPDATE public.api_usage SET session_id = CASE WHEN usage_dollars < 4 THEN '=s1' ELSE 's2' END, payer = CASE usage_dollars WHEN 2 THEN 'plan' WHEN 4 THEN 'api' END, tags = 'feature=chat'`)
	api := newTestAPI(t, db.DSN, endOfJanuary)
	column := func(query string, names ...string) (list []string) {
		t.Helper()
		lines := readCSV(t, api.get(t, "admin", "/api/admin/usage/export?"+query).Body.Bytes())
		for _, line := range lines[1:] {
			var cells []string
			for _, name := range names {
				i := slices.Index(lines[0], name)
				require.GreaterOrEqual(t, i, 0, name)
				cells = append(cells, line[i])
			}
			list = append(list, strings.Join(cells, "|"))
		}
		slices.Sort(list)
		return list
	}
	assert.Equal(t, []string{"16||", "1||", "2||", "4||", "8||"}, column("format=csv", "cost", "team", "costCentre"), "there are no teams")
	assert.NotContains(t, api.get(t, "admin", "/api/admin/usage/export?format=jsonl").Body.String(), "costCentre")

	db.Exec(`INSERT INTO public.usage_team_membership SELECT 'red', id, '-infinity', '2026-01-30' FROM auth.users WHERE external_id = 'ada'`)
	db.Exec(`INSERT INTO public.usage_team_membership SELECT 'blue', id, '2026-01-30', 'infinity' FROM auth.users WHERE external_id = 'ada'`)
	db.Exec(`INSERT INTO public.usage_team_cost_centre VALUES ('red', '=C1')`)
	assert.Equal(t, []string{
		"16|s2||(no user)|(no user)", "1|'=s1||red|'=C1", "2|'=s1|plan|blue|(no cost centre)", "4|s2|api|blue|(no cost centre)", "8|s2||(unassigned)|(unassigned)",
	}, column("format=csv", "cost", "sessionId", "payer", "team", "costCentre"))
	assert.Equal(t, []string{
		`16|16|{"feature":"chat"}||(no user)|(no user)|s2`, `1|1|{"feature":"chat"}||'=C1|red|'=s1`, `2|0|{"feature":"chat"}|plan|(no cost centre)|blue|'=s1`,
		`4|4|{"feature":"chat"}|api|(no cost centre)|blue|s2`, `8|8|{"feature":"chat"}||(unassigned)|(unassigned)|s2`,
	}, column("format=focus&sessions=true", "EffectiveCost", "BilledCost", "Tags", "x_Payer", "x_CostCenter", "x_Team", "x_SessionId"), "what a plan covers is not billed")
	for _, session := range column("format=focus", "x_SessionId") {
		assert.Empty(t, session, "there are no rows by session without being asked for them")
	}
	jsonl := api.get(t, "admin", "/api/admin/usage/export?format=jsonl").Body.String()
	assert.Contains(t, jsonl, `"team":"blue","costCentre":"(no cost centre)"`)
	assert.Contains(t, jsonl, `"metadata":{"tags":{"feature":"chat"}}`)
	own := api.get(t, "eve", "/api/usage/export?format=jsonl").Body.String()
	assert.Contains(t, own, `"team":"(unassigned)"`)
	assert.NotContains(t, own, `"red"`)
	for _, format := range []string{"csv", "jsonl"} {
		assert.Equal(t, 400, api.get(t, "admin", "/api/admin/usage/export?sessions=true&format="+format).Code)
	}
}

// TestEveryColumnOfAnExportIsDocumented holds the lists of the README to what is written.
func TestEveryColumnOfAnExportIsDocumented(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	specified, err := os.ReadFile("testdata/focus-" + focusVersion + "-columns.txt")
	require.NoError(t, err)
	for _, c := range csvColumns {
		assert.Contains(t, string(readme), "`"+c.name+"`")
	}
	for _, c := range focusColumns {
		assert.True(t, strings.Contains(string(readme), "`"+c.name+"`") || strings.Contains("\n"+string(specified), "\n"+c.name+" "), c.name)
	}
}
