package dashboards_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/dashboards/internal/grafana"
	"github.com/otelcol-usage/otelcol-usage/dashboards/internal/macro"
	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
)

// The board UIDs are part of links that people keep.
const (
	summary   = "llm-usage-summary"
	breakdown = "llm-usage-breakdown"
	trends    = "llm-usage-trends"
)

// viewing is a viewer in front of the boards at a moment.
type viewing struct {
	t  *testing.T
	db *pgtest.DB
	macro.Values
	now time.Time
}

// look opens the boards at a moment that is the end of the period: from is a
// number of whole local days before, as the quick ranges have them.
func look(t *testing.T, db *pgtest.DB, now time.Time, days int) *viewing {
	t.Helper()
	v := &viewing{t: t, db: db, now: now, Values: macro.Values{
		From: time.Date(now.Year(), now.Month(), now.Day()-days+1, 0, 0, 0, 0, now.Location()), To: now, TimeZone: now.Location().String(),
		All: map[string]string{}, Vars: map[string][]string{"by": {"model"}, "tag": {"team"}},
	}}
	for _, name := range filterNames {
		v.All[name] = "'__all'"
	}
	return v
}

// choose sets a filter.
func (v *viewing) choose(name string, values ...string) *viewing {
	delete(v.All, name)
	v.Vars[name] = values
	return v
}

type row = map[string]any

// query runs one statement as the data source does.
func (v *viewing) query(sql string) []row {
	v.t.Helper()
	expanded, err := macro.Expand(sql, v.Values)
	require.NoError(v.t, err)
	tx := asGrafana(v.t, v.db)
	defer tx.Rollback(v.t.Context()) //nolint:errcheck // only reads
	rows, err := tx.Query(v.t.Context(), nowCall.ReplaceAllString(expanded, "timestamptz '"+v.now.UTC().Format(time.RFC3339Nano)+"'"), pgx.QueryExecModeExec)
	require.NoError(v.t, err, expanded)
	found, err := pgx.CollectRows(rows, pgx.RowToMap)
	require.NoError(v.t, err, expanded)
	return found
}

// see gives the rows of a panel, of all its queries.
func (v *viewing) see(board, title string) (all []row) {
	v.t.Helper()
	for _, target := range panelOf(v.t, board, title).Targets {
		all = append(all, v.query(target.RawSQL)...)
	}
	return all
}

// number is the last value of a panel of one series.
func (v *viewing) number(board, title string) any {
	v.t.Helper()
	rows := v.see(board, title)
	if len(rows) == 0 {
		return nil
	}
	for name, value := range rows[len(rows)-1] {
		if name != "time" {
			return value
		}
	}
	return nil
}

func panelOf(t *testing.T, board, title string) grafana.Panel {
	t.Helper()
	for _, p := range boardsOfFiles(t)[board+".json"].AllPanels() {
		if p.Title == title {
			return p
		}
	}
	t.Fatalf("board %s has no panel %q", board, title)
	return grafana.Panel{}
}

// sqlPanels are the panels on PostgreSQL.
func sqlPanels(t *testing.T) (all []struct {
	board string
	grafana.Panel
}) {
	t.Helper()
	for _, board := range []string{summary, breakdown, trends} {
		for _, p := range boardsOfFiles(t)[board+".json"].AllPanels() {
			all = append(all, struct {
				board string
				grafana.Panel
			}{board, p})
		}
	}
	return all
}

// settings are what a panel sets for a column: those of its overrides by name, the
// last wins, else the defaults.
func settings(t *testing.T, p grafana.Panel, column, property string) any {
	t.Helper()
	var found any
	if property == "unit" {
		found = p.FieldConfig.Defaults.Unit
	}
	for _, o := range p.FieldConfig.Overrides {
		if o.Matcher.ID == "byName" && o.Matcher.Options == column {
			for _, set := range o.Properties {
				if set.ID == property {
					found = set.Value
				}
			}
		}
	}
	return found
}

func isMoney(t *testing.T, p grafana.Panel, column string) bool {
	t.Helper()
	unit, _ := settings(t, p, column, "unit").(string)
	return strings.HasPrefix(unit, "currency")
}

func jsonText(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	require.NoError(t, err)
	return string(text)
}

func names(rows []row, column string) (all []string) {
	for _, r := range rows {
		name, _ := r[column].(string)
		all = append(all, name)
	}
	return all
}

// called inserts a call at each moment "at" of what follows it.
func called(from, dollars, model, apiType, status string) string {
	return `INSERT INTO public.api_usage (timestamp, usage_dollars, api_type, model, provider, service, tokens_used, input_tokens, output_tokens, pricing_status, pricing_reason)
		SELECT at, ` + dollars + `, '` + apiType + `', ` + model + `, 'openai', 'chat', 10, 8, 2, '` + status + `', ` + map[bool]string{true: "'unknown_model'", false: "NULL"}[status == "unpriced"] + `
		FROM ` + from + `;`
}

// every is a series of moments for called.
func every(step, from, until string) string {
	return "generate_series(timestamptz '" + from + "', timestamptz '" + until + "' - interval '1 second', interval '" + step + "') AS at"
}

func inZone(t *testing.T, name, at string) time.Time {
	t.Helper()
	zone, err := time.LoadLocation(name)
	require.NoError(t, err)
	moment, err := time.ParseInLocation("2006-01-02 15:04", at, zone)
	require.NoError(t, err)
	return moment
}

// timesOf are the different moments of the rows of a series.
func timesOf(rows []row, metric string) (all []time.Time) {
	for _, r := range rows {
		if r["metric"] == metric || r[metric] != nil {
			all = append(all, r["time"].(time.Time))
		}
	}
	slices.SortFunc(all, time.Time.Compare)
	return slices.CompactFunc(all, time.Time.Equal)
}

func annotation(t *testing.T, name string) string {
	t.Helper()
	for _, a := range boardsOfFiles(t)[summary+".json"].Annotations.List {
		if a.Name == name {
			return a.Target.RawSQL
		}
	}
	t.Fatalf("no annotation %q", name)
	return ""
}
