package outlook

import "slices"

const (
	// gradedDays is over how many past forecasts a method is chosen and graded.
	gradedDays = 8 * week
	// bandDays is from how many past forecasts a band is read.
	bandDays = 52 * week
	// fewest is how many past forecasts it takes to choose or to give a band.
	fewest = 14
)

// backtest has what each method would have said at each past day of the next
// days, and what came.
type backtest struct {
	days  int // how many the forecasts are of
	first int // the day of the first forecast
	came  []micro
	said  map[Method][]micro
}

// test recomputes the past forecasts of so many days.
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

// known are the past forecasts whose days were over at the beginning of a day.
func (b backtest) known(day int) int { return min(max(day-b.days-b.first+1, 0), len(b.came)) }

// missed is the sum of the differences between what a method said and what came.
func (b backtest) missed(m Method, from, to int) (sum micro) {
	for i := from; i < to; i++ {
		sum = plus(sum, distance(b.said[m][i], b.came[i]))
	}
	return sum
}

// best is the method with the smallest error among the last graded forecasts that
// were known at the beginning of a day.
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

// outcomes gives, rising, what a forecast would become if each of the past
// forecasts missed again as it did, in proportion.
func (b backtest) outcomes(m Method, day int, said micro) []micro {
	known := b.known(day)
	var list []micro
	for i := max(known-bandDays, 0); i < known; i++ {
		if before := b.said[m][i]; before > 0 {
			list = append(list, scale(said, b.came[i], before))
		} else {
			list = append(list, plus(said, b.came[i]))
		}
	}
	slices.Sort(list)
	return list
}

// band reads from outcomes the range of the middle share, in percent. Forecasts of
// overlapping days miss alike: so many outcomes say as much as two for each time
// that the days fit into theirs would, and with few the range is wider.
func band(outcomes []micro, percent, days int) (low, high micro) {
	n := len(outcomes)
	out := max((2*n*(100-percent)-min(days, 2*n)*(100+percent))/400, 0)
	return outcomes[out], outcomes[n-1-out]
}

// grade is how the last forecasts did, each made as this one is.
type grade struct {
	missed, lineMissed, came micro
	// covered of the banded forecasts had an outcome in their band of 80 %.
	covered, banded, forecasts int
}

// grade recomputes, for each of the last days, which method would have been taken
// and what it would have said.
func (b backtest) grade(choose func(day int) Method) (g grade) {
	for i := max(len(b.came)-gradedDays, 0); i < len(b.came); i++ {
		day := b.first + i
		m := choose(day)
		g.forecasts++
		g.missed = plus(g.missed, distance(b.said[m][i], b.came[i]))
		g.lineMissed = plus(g.lineMissed, distance(b.said[RunRate][i], b.came[i]))
		g.came = plus(g.came, b.came[i])
		if outcomes := b.outcomes(m, day, b.said[m][i]); len(outcomes) >= fewest {
			g.banded++
			if low, high := band(outcomes, 80, b.days); low <= b.came[i] && b.came[i] <= high {
				g.covered++
			}
		}
	}
	return g
}

func distance(a, b micro) micro {
	if a > b {
		return a - b
	}
	return b - a
}
