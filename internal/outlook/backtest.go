package outlook

import "slices"

const (
	// gradedDays is how many past forecasts are used to choose and grade a method.
	gradedDays = 8 * week
	// bandDays is how many past forecasts are used to compute a band.
	bandDays = 52 * week
	// fewest is the minimum number of past forecasts for choosing a method or giving a
	// band.
	fewest = 14
)

// backtest holds, for each past day, what each method would have forecast for the days that
// followed, and what these days did cost.
type backtest struct {
	days  int // length of each forecast in days
	first int // day of the first forecast
	came  []micro
	said  map[Method][]micro
}

// test recomputes the past forecasts of the given length in days.
func (h history) test(days int) backtest {
	n := len(h.costs)
	b := backtest{days: days, first: max(shortest, n-days-bandDays-gradedDays), said: map[Method][]micro{}}
	for day := b.first; day+days <= n; day++ {
		known := h.before(day)
		b.came = append(b.came, total(h.costs[day:day+days]))
		for _, m := range methods {
			b.said[m] = append(b.said[m], total(known.next(m, days)))
		}
	}
	return b
}

// known returns the number of past forecasts whose days were complete at the start of day.
func (b backtest) known(day int) int { return min(max(day-b.days-b.first+1, 0), len(b.came)) }

// missed sums the absolute errors of a method over the past forecasts [from, to).
func (b backtest) missed(m Method, from, to int) (sum micro) {
	for i := from; i < to; i++ {
		sum = plus(sum, distance(b.said[m][i], b.came[i]))
	}
	return sum
}

// best returns the method with the smallest error over the last gradedDays forecasts that
// were complete at the start of day.
func (b backtest) best(day int) Method {
	known := b.known(day)
	if known < fewest {
		return RunRate
	}
	from := max(known-gradedDays, 0)
	return slices.MinFunc(methods, func(x, y Method) int {
		mx, my := b.missed(x, from, known), b.missed(y, from, known)
		switch {
		case mx < my:
			return -1
		case mx > my:
			return 1
		}
		return 0
	})
}

// outcomes returns, in ascending order, what the forecast said would become if it were off
// by the same ratio as each past forecast. The first ones knew no more than two or three
// weeks; they are left out as soon as there are three times as many others.
func (b backtest) outcomes(m Method, day int, said micro) []micro {
	known := b.known(day)
	var list []micro
	for i := max(known-bandDays, min(known/4, shortest)); i < known; i++ {
		if before := b.said[m][i]; before > 0 {
			list = append(list, scale(said, b.came[i], before))
		} else {
			list = append(list, plus(said, b.came[i]))
		}
	}
	slices.Sort(list)
	return list
}

// band returns the range of the middle percent of outcomes. Forecasts of overlapping days
// have similar errors, so the outcomes count as only three independent ones per forecast
// length, and a band from few of these is wider.
func band(outcomes []micro, percent, days int) (low, high micro) {
	n := len(outcomes)
	out := max((3*n*(100-percent)-min(days, 2*n)*(100+percent))/600, 0)
	return outcomes[out], outcomes[n-1-out]
}

// central is the percent of outcomes, around their median, into which a forecast is moved.
const central = 40

// within returns what a method said, or the nearest edge of the central outcomes: where such
// forecasts came out too low again and again, the next one is moved up. It matters most where
// the median day costs nothing, and some do.
func within(said micro, outcomes []micro, days int) micro {
	if len(outcomes) < fewest {
		return said
	}
	low, high := band(outcomes, central, days)
	return min(max(said, low), high)
}

// asSaid moves nothing.
func asSaid(said micro, _ []micro, _ int) micro { return said }

// spread changes the costs of days so that they add up to sum.
func spread(days []micro, sum micro) {
	before := total(days)
	for i := range days {
		part, whole := days[i], before
		if before == 0 {
			part, whole = 1, int64(len(days))
		}
		days[i] = scale(sum, part, whole)
	}
	days[len(days)-1] += sum - total(days) // what the division lost
}

// grade measures past forecasts that were made in the same way as the current one.
type grade struct {
	// missed, lineMissed and came are of the last gradedDays forecasts.
	missed, lineMissed, came micro
	forecasts                int
	// Of all past forecasts, banded had a band of 80 %, and covered of those had their
	// outcome in it.
	covered, banded int
}

// grade recomputes, for each past day, the method that would have been chosen and its
// forecast. move says how what the method said becomes the forecast.
func (b backtest) grade(choose func(day int) Method, move func(said micro, outcomes []micro, days int) micro) (g grade) {
	for i := range b.came {
		day := b.first + i
		m := choose(day)
		outcomes := b.outcomes(m, day, b.said[m][i])
		if len(outcomes) >= fewest {
			g.banded++
			if low, high := band(outcomes, 80, b.days); low <= b.came[i] && b.came[i] <= high {
				g.covered++
			}
		}
		if i < len(b.came)-gradedDays {
			continue
		}
		g.forecasts++
		g.missed = plus(g.missed, distance(move(b.said[m][i], outcomes, b.days), b.came[i]))
		g.lineMissed = plus(g.lineMissed, distance(b.said[RunRate][i], b.came[i]))
		g.came = plus(g.came, b.came[i])
	}
	return g
}

func distance(a, b micro) micro {
	if a > b {
		return a - b
	}
	return b - a
}
