package outlook_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/outlook"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// days is a history of days that cost these cents.
func days(list ...int) (costs []usage.Sum) {
	for _, c := range list {
		costs = append(costs, cents(c))
	}
	return costs
}

func repeated(times int, list ...int) (costs []usage.Sum) {
	for range times {
		costs = append(costs, days(list...)...)
	}
	return costs
}

// TestForecastOfExactDays reckons forecasts by hand.
func TestForecastOfExactDays(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		question outlook.Question
		want     string // as JSON
	}{
		{"without a history nothing is expected", outlook.Question{From: day(0), To: day(30)},
			`{"spent":0,"expected":0,"method":"run_rate","shortHistory":true}`},
		{"the first day costs what it has cost", outlook.Question{From: day(0), To: day(1), Running: dollars(t, "0.000000000007")},
			`{"spent":0.000000000007,"expected":0,"method":"run_rate","shortHistory":true}`},
		{"three days go on", outlook.Question{Costs: days(100, 200, 300), From: day(0), To: day(10)},
			`{"spent":6,"expected":20,"method":"run_rate","shortHistory":true}`},
		{"the line is of seven days", outlook.Question{Costs: days(9900, 100, 100, 100, 100, 100, 100, 100), From: day(0), To: day(10)},
			`{"spent":106,"expected":108,"method":"run_rate","shortHistory":true}`},
		{"days before the period are not in it", outlook.Question{Costs: days(100, 100, 100, 100), From: day(3), To: day(6)},
			`{"spent":1,"expected":3,"method":"run_rate","shortHistory":true}`},
		{"a running day that costs more than expected counts", outlook.Question{Costs: days(100, 100), From: day(0), To: day(4), Running: cents(500)},
			`{"spent":7,"expected":8,"method":"run_rate","shortHistory":true}`},
		{"days before the first cost are no history", outlook.Question{Costs: days(0, 0, 0, 100, 200), From: day(0), To: day(7)},
			`{"spent":3,"expected":6,"method":"run_rate","shortHistory":true}`},
		{"a limit that holds", outlook.Question{Costs: days(100, 100), From: day(0), To: day(4), Limit: limit("4")},
			`{"spent":2,"expected":4,"method":"run_rate","shortHistory":true,"budget":{"limit":4}}`},
		{"a limit that will not hold", outlook.Question{Costs: days(100, 100), From: day(0), To: day(6), Limit: limit("3.5")},
			`{"spent":2,"expected":6,"method":"run_rate","shortHistory":true,"budget":{"limit":3.5,"exhausted":"2026-01-04"}}`},
		{"a limit that is passed", outlook.Question{Costs: days(100, 100), From: day(0), To: day(6), Limit: limit("1.5")},
			`{"spent":2,"expected":6,"method":"run_rate","shortHistory":true,"budget":{"limit":1.5,"exceeds":1,"exhausted":"2026-01-02"}}`},
		// Twelve even weeks: each method was always right, and every range is one amount.
		{"an even week goes on", outlook.Question{Costs: repeated(12, 140, 140, 140, 140, 140, 0, 0), From: day(77), To: day(98), Limit: limit("20.99")},
			`{"spent":7,"expected":21,"bands":{"50":[21,21],"80":[21,21],"95":[21,21]},"method":"run_rate","pastError":0,"lineError":0,"coverage":1,"forecasts":56,"budget":{"limit":20.99,"exceeds":1,"exhausted":"2026-04-08"}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.question.First = day(0)
			f, err := outlook.Of(c.question)
			if err != nil {
				t.Fatal(err)
			}
			got, err := json.Marshal(f)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func limit(text string) *usage.Sum {
	s, err := usage.ParseSum(text)
	if err != nil {
		panic(err)
	}
	return &s
}

func TestARunningDayOutsideThePeriodIsRefused(t *testing.T) {
	t.Parallel()
	for _, period := range [][2]time.Time{{day(5), day(30)}, {day(0), day(4)}} {
		_, err := outlook.Of(outlook.Question{First: day(0), Costs: days(1, 2, 3, 4), From: period[0], To: period[1]})
		if err == nil || !strings.Contains(err.Error(), "the running day 2026-01-05 is not in the period") {
			t.Errorf("period %v: got the error %v", period, err)
		}
	}
}

// TestNoAmountOverflows forecasts years of the greatest amounts that a database can have.
func TestNoAmountOverflows(t *testing.T) {
	t.Parallel()
	costs := make([]usage.Sum, 800)
	for i := range costs {
		costs[i] = dollars(t, "99999999999999999999")
	}
	f, err := outlook.Of(outlook.Question{First: day(0), Costs: costs, From: day(700), To: day(1065), Limit: limit("1")})
	if err != nil {
		t.Fatal(err)
	}
	if f.Expected.Cmp(f.Spent) < 0 {
		t.Errorf("%s are spent and only %s expected", f.Spent, f.Expected)
	}
}
