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
	db.Exec(`INSERT INTO public.api_usage (timestamp, usage_dollars, api_type, environment, metadata) VALUES
		('2026-01-30T01:00:00Z', 1, 'text', 'prod', '{"tags": {"team": "search"}}'),
		('2026-01-30T02:00:00Z', 2, 'text', 'prod', '{"tags": {"team": "search"}}'),
		('2026-01-30T03:00:00Z', 4, 'text', '', '{"tags": {"tenant": "t1", "team": "=HYPERLINK()"}}'),
		('2026-01-30T04:00:00Z', 8, 'text', 'prod', '{"tags": {"environment": "theirs"}}'),
		('2026-01-30T05:00:00Z', 16, 'text', '', '{}')`)
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
