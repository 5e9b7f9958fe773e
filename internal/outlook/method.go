package outlook

import "slices"

// Method is how a forecast was made.
type Method string

const (
	// RunRate continues the mean of the last seven days as a straight line.
	RunRate Method = "run_rate"
	// Weekday repeats the median weekdays of the last eight weeks, scaled to the level of
	// the last seven days. Single outliers do not count.
	Weekday Method = "weekday"
	// WeekdaySteady is like [Weekday], scaled to the level of the last four weeks.
	WeekdaySteady Method = "weekday_steady"
)

// methods in order of preference among equally good ones.
var methods = []Method{RunRate, Weekday, WeekdaySteady}

const (
	week        = 7
	seasonWeeks = 8
	steadyWeeks = 4
	// shortest is the minimum history in days for distinguishing weekdays.
	shortest = 2 * week
)

// history holds the cost of each day, oldest first. Day 0 counts as weekday 0, because only
// which days share a weekday matters.
type history struct {
	costs []micro
	// changes are the days, in ascending order, on which prices changed.
	changes []int
}

// before returns the history as it was known at the start of day.
func (h history) before(day int) history {
	known, _ := slices.BinarySearch(h.changes, day+1)
	return history{h.costs[:day], h.changes[:known]}
}

// sinceChange returns how many of the last days have the current prices.
func (h history) sinceChange() int {
	n := len(h.costs)
	if len(h.changes) == 0 {
		return n
	}
	return n - min(h.changes[len(h.changes)-1], n)
}

// next returns the expected cost of each of the next days.
func (h history) next(m Method, days int) []micro {
	expected := make([]micro, days)
	switch {
	case len(h.costs) == 0:
		return expected
	case m == RunRate || len(h.costs) < shortest:
		rate := mean(last(h.costs, week))
		for i := range expected {
			expected[i] = rate
		}
		return expected
	}
	season := h.season()
	level := h.level(season, m)
	n := len(h.costs)
	for i := range expected {
		expected[i] = min(scale(season[(n+i)%week], level, perMillion), mostPerDay)
	}
	return expected
}

// season returns the median cost of each weekday over the last eight weeks.
func (h history) season() (season [week]micro) {
	n := len(h.costs)
	for weekday := range season {
		var same []micro
		for day := n - 1; day >= 0 && day >= n-seasonWeeks*week; day-- {
			if day%week == weekday {
				same = append(same, h.costs[day])
			}
		}
		season[weekday] = median(same)
	}
	return season
}

// level returns the ratio of the last days to their weekdays' medians, in millionths.
func (h history) level(season [week]micro, m Method) int64 {
	days := week
	if m == WeekdaySteady {
		days = steadyWeeks * week
	}
	// Days with earlier prices say nothing about the current level.
	if since := h.sinceChange(); since > 0 {
		days = min(days, since)
	}
	n := len(h.costs)
	var ratios []int64 // newest first
	for day := n - 1; day >= max(n-days, 0); day-- {
		if of := season[day%week]; of > 0 {
			ratios = append(ratios, scale(h.costs[day], perMillion, of))
		}
	}
	if len(ratios) == 0 {
		return perMillion
	}
	if newest := min(week, len(ratios)); moved(ratios, newest) {
		ratios = ratios[:newest]
	}
	return median(ratios)
}

// moved reports whether the level has changed: the median of the newest ratios lies outside
// the range of the middle 80 % of the others.
func moved(ratios []int64, newest int) bool {
	if len(ratios) < 2*newest {
		return false
	}
	now := median(slices.Clone(ratios[:newest]))
	before := slices.Sorted(slices.Values(ratios[newest:]))
	out := len(before) / 10
	return now < before[out] || now > before[len(before)-1-out]
}

func last(costs []micro, days int) []micro { return costs[max(len(costs)-days, 0):] }

func mean(costs []micro) micro {
	if len(costs) == 0 {
		return 0
	}
	return total(costs) / micro(len(costs))
}

func total(costs []micro) (sum micro) {
	for _, c := range costs {
		sum = plus(sum, c)
	}
	return sum
}

// median returns the median; for an even number of values, the mean of the two in the
// middle. It sorts values.
func median(values []int64) int64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	middle := len(values) / 2
	if len(values)%2 == 1 {
		return values[middle]
	}
	low, high := values[middle-1], values[middle]
	return low + (high-low)/2
}
