package macro

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var chosen = Values{
	From:     time.Date(2026, 3, 1, 0, 0, 0, 0, time.FixedZone("CET", 3600)),
	To:       time.Date(2026, 3, 2, 12, 30, 0, 5e6, time.UTC),
	TimeZone: "Europe/Berlin",
	Vars:     map[string][]string{"one": {"O'Reilly"}, "two": {"a", "b'c"}, "none": {}, "odd": {`O'Hare & "x"`}},
	All:      map[string]string{"every": "'__all'"},
}

func TestExpandWritesWhatGrafanaSends(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string]string{
		"$__timeFrom()::timestamptz":        "'2026-02-28T23:00:00Z'::timestamptz",
		"$__timeTo()":                       "'2026-03-02T12:30:00.005Z'",
		"$__timeFilter(c.at)":               "c.at BETWEEN '2026-02-28T23:00:00Z' AND '2026-03-02T12:30:00.005Z'",
		"$__timeGroup(at,'1d')":             "floor(extract(epoch from at)/86400)*86400",
		"$__timeGroupAlias(at, '15m', 0)":   `floor(extract(epoch from at)/900)*900 AS "time"`,
		"'${__timezone}'":                   "'Europe/Berlin'",
		"x = '${one}' OR $two OR [[one]]":   "x = 'O'Reilly' OR 'a','b''c' OR O'Reilly",
		"${one:sqlstring} ${two:sqlstring}": "'O''Reilly' 'a','b''c'",
		"${odd:sqlstring}":                  `'O''Hare & \"x\"'`,
		"(${every:sqlstring}, $every)":      "('__all', '__all')",
		"(${none:sqlstring})":               "()",
		"100 $ for 5$":                      "100 $ for 5$",
	} {
		got, err := Expand(sql, chosen)
		require.NoError(t, err, sql)
		assert.Equal(t, want, got)
	}
}

func TestExpandRefusesWhatGrafanaDoesNotKnow(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string]string{
		"$missing":                     `unknown variable "missing"`,
		"${two:singlequote}":           `format "singlequote"`,
		"$__timeRange(c)":              `unknown macro "$__timeRange"`,
		"$__timeGroup(c)":              "needs a column and an interval",
		"$__timeGroup(c, 'day')":       "is not an interval",
		"$__timeFilter()":              "needs a column",
		"$__timeFrom":                  "unexpanded macro",
		"$__timeFilter(lower(c) || d)": "", // a macro ends at the first ")": broken SQL, which the database refuses
	} {
		got, err := Expand(sql, chosen)
		if want == "" {
			assert.NoError(t, err)
			assert.Contains(t, got, "lower(c BETWEEN")
			continue
		}
		assert.ErrorContains(t, err, want, sql)
	}
}
