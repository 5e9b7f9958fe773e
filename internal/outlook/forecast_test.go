package outlook_test

import (
	"bytes"
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"text/template"
	"time"

	"github.com/shopspring/decimal"

	"github.com/otelcol-usage/otelcol-usage/internal/golden"
	"github.com/otelcol-usage/otelcol-usage/internal/outlook"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

var firstDay = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func day(n int) time.Time { return firstDay.AddDate(0, 0, n) }

func dollars(t testing.TB, text string) usage.Sum {
	t.Helper()
	s, err := usage.ParseSum(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// cents makes a sum of whole cents.
func cents(n int) usage.Sum {
	s, err := usage.ParseSum(decimal.New(int64(n), -2).String())
	if err != nil {
		panic(err)
	}
	return s
}

// madeUp is a series of days that is hard to forecast in one way.
type madeUp struct {
	name, is string
	days     int
	// cents is what a day costs without noise.
	cents   func(day int) int
	changes []int
	// noise of a day: four draws below it raise its cost and four lower it, in percent; 0 is 25.
	noise int
	// atMost is how large the error may be, in percent of the straight line's.
	atMost int
}

// working days cost more than the days at the end of a week.
var weekdays = [7]int{10000, 11000, 10500, 11000, 9000, 2000, 1500}

var series = []madeUp{
	{name: "weekly season", is: "weekends cost a sixth", days: 300, atMost: 80,
		cents: func(day int) int { return weekdays[day%7] }},
	{name: "closed weekends", is: "weekends cost nothing", days: 300, atMost: 80,
		cents: func(day int) int { return weekdays[day%7] / 3000 * 3000 }},
	{name: "level shift", is: "from one day on two and a half times as much", days: 300, atMost: 105,
		cents: func(day int) int {
			if day >= 150 {
				return weekdays[day%7] * 5 / 2
			}
			return weekdays[day%7]
		}},
	{name: "one-off jobs", is: "every six weeks a day that costs ten days more", days: 300, atMost: 105,
		cents: func(day int) int {
			if day%41 == 17 {
				return weekdays[day%7] + 90000
			}
			return weekdays[day%7]
		}},
	{name: "level shift of even days", is: "every day the same, from one day on twice as much", days: 200, noise: 8, atMost: 105,
		cents: func(day int) int {
			if day >= 100 {
				return 20000
			}
			return 10000
		}},
	{name: "early level shift", is: "the same after two months, three times as much", days: 150, noise: 8, atMost: 105,
		cents: func(day int) int {
			if day >= 60 {
				return 30000
			}
			return 10000
		}},
	{name: "ramp", is: "as much again every two months", days: 300, atMost: 105,
		cents: func(day int) int { return weekdays[day%7] * (60 + day) / 60 }},
	{name: "steady ramp", is: "every day two dollars more, with little noise", days: 200, noise: 8, atMost: 60,
		cents: func(day int) int { return 1000 + 200*day }},
	{name: "price cut", is: "from a known day on two fifths", days: 300, changes: []int{200}, atMost: 105,
		cents: func(day int) int {
			if day >= 200 {
				return weekdays[day%7] * 2 / 5
			}
			return weekdays[day%7]
		}},
	{name: "no season", is: "all days alike", days: 300, atMost: 105,
		cents: func(int) int { return 10000 }},
	{name: "rare days", is: "two days in thirteen cost something, not always the same", days: 300, atMost: 105,
		cents: func(day int) int {
			if day*day*7%13 == day/13%13 || day*5%13 == day/26%13 {
				return 10000
			}
			return 0
		}},
	{name: "few days", is: "thirteen days of history", days: 45, atMost: 100,
		cents: func(day int) int {
			if day < 32 {
				return 0
			}
			return weekdays[day%7]
		}},
	{name: "all zero", is: "nothing", days: 300, atMost: 100,
		cents: func(int) int { return 0 }},
}

// costs adds noise: with 25, a day costs between half and double, most of them near what they
// should.
func (m madeUp) costs(seed uint64) []usage.Sum {
	noise := cmp.Or(m.noise, 25)
	r := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // made-up days, the same on every run
	list := make([]usage.Sum, m.days)
	for i := range list {
		up, down := 100, 100
		for range 4 {
			up += r.IntN(noise)
			down += r.IntN(noise)
		}
		list[i] = cents(m.cents(i) * up / down)
	}
	return list
}

// graded is how the forecasts of a series did.
type graded struct {
	missed, line, came decimal.Decimal
	forecasts, banded  int
	covered            map[string]int
}

// grade forecasts the rest of each month of thirty days on every fifth day.
func (m madeUp) grade(t *testing.T) graded {
	t.Helper()
	g := graded{covered: map[string]int{}}
	var changes []time.Time
	for _, c := range m.changes {
		changes = append(changes, day(c))
	}
	for seed := uint64(1); seed <= 3; seed++ {
		costs := m.costs(seed)
		for now := min(84, m.days-5); now < m.days; now += 5 {
			to := min(now-now%30+30, m.days)
			q := outlook.Question{
				First: firstDay, Costs: costs[:now], From: day(now - now%30), To: day(to), PriceChanges: changes,
			}
			f, err := outlook.Of(q)
			if err != nil {
				t.Fatal(err)
			}
			var came, lastWeek usage.Sum
			for _, c := range costs[now:to] {
				came = came.Plus(c)
			}
			for _, c := range costs[now-7 : now] {
				lastWeek = lastWeek.Plus(c)
			}
			rest := f.Expected.Minus(f.Spent).Decimal()
			line := lastWeek.Decimal().Mul(decimal.NewFromInt(int64(to - now))).Div(decimal.NewFromInt(7))
			g.missed = g.missed.Add(rest.Sub(came.Decimal()).Abs())
			g.line = g.line.Add(line.Sub(came.Decimal()).Abs())
			g.came = g.came.Add(came.Decimal())
			g.forecasts++
			if f.Bands == nil {
				continue
			}
			g.banded++
			for percent, b := range f.Bands {
				whole := f.Spent.Plus(came)
				if b[0].Cmp(whole) <= 0 && whole.Cmp(b[1]) <= 0 {
					g.covered[percent]++
				}
			}
		}
	}
	return g
}

// TestForecastsAreGraded holds how good the forecasts of hard series are, and writes
// docs/forecast.md.
func TestForecastsAreGraded(t *testing.T) {
	t.Parallel()
	var table strings.Builder
	table.WriteString("| series | error | error of the straight line | in the range of 80 % | of 50 % | of 95 % |\n| --- | --- | --- | --- | --- | --- |\n")
	percent := func(part, whole decimal.Decimal) string {
		if whole.IsZero() {
			return "0 %"
		}
		return part.Mul(decimal.NewFromInt(100)).DivRound(whole, 1).String() + " %"
	}
	for _, m := range series {
		g := m.grade(t)
		if hundred := decimal.NewFromInt(100); g.missed.Mul(hundred).Cmp(g.line.Mul(decimal.NewFromInt(int64(m.atMost)))) > 0 {
			t.Errorf("%s: the error is %s of the straight line's, at most %d %% are allowed", m.name, percent(g.missed, g.line), m.atMost)
		}
		row := []string{m.name + ": " + m.is, percent(g.missed, g.came), percent(g.line, g.came)}
		for _, p := range []string{"80", "50", "95"} {
			if g.banded == 0 {
				row = append(row, "no range")
				continue
			}
			row = append(row, fmt.Sprintf("%d %%", 100*g.covered[p]/g.banded))
		}
		if g.came.IsZero() || g.banded == 0 {
			// A range of nothing is no range: it holds nothing, always.
		} else if c := 100 * g.covered["80"] / g.banded; c < 70 || c > 90 {
			t.Errorf("%s: %d %% of the outcomes lie in the range of 80 %%, 70 to 90 are allowed", m.name, c)
		}
		fmt.Fprintf(&table, "| %s |\n", strings.Join(row, " | "))
	}
	text, err := os.ReadFile("testdata/forecast.md.tmpl")
	if err != nil {
		t.Fatal(err)
	}
	var page bytes.Buffer
	if err := template.Must(template.New("").Parse(string(text))).Execute(&page, table.String()); err != nil {
		t.Fatal(err)
	}
	golden.Equal(t, "../../docs/forecast.md", page.String())
}
