package outlook

import "slices"

// Method is how a forecast was made.
type Method string

const (
	// RunRate continues the mean of the last seven days as a straight line.
	RunRate Method = "run_rate"
	// Weekday repeats the weekdays of the last eight weeks, scaled to the level of the last
	// seven days. Single outliers do not count.
	Weekday Method = "weekday"
	// WeekdaySteady is like [Weekday], scaled to the level of the last four weeks.
	WeekdaySteady Method = "weekday_steady"
	// WeekdayTrend is like [Weekday], with a level that continues to change as it did in the
	// last eight weeks.
	WeekdayTrend Method = "weekday_trend"
)

// methods in order of preference among equally good ones.
var methods = []Method{RunRate, Weekday, WeekdaySteady, WeekdayTrend}

const (
	week        = 7
	seasonWeeks = 8
	steadyWeeks = 4
	// shortest is the minimum history in days for distinguishing weekdays.
	shortest = 2 * week
	// wholeWeek is the scale of the shares of a week.
	wholeWeek = 1_000_000_000
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
	var perWeek micro
	if m == WeekdayTrend {
		perWeek = h.trend()
	}
	for i := range expected {
		// The level is that of the middle of the last week.
		then := max(level+perWeek/week*micro(i+week/2+1), 0)
		expected[i] = min(scale(then, season[(n+i)%week], wholeWeek), mostPerDay)
	}
	return expected
}

// season returns the share of a week's cost that falls on each weekday, in parts of
// [wholeWeek]: the middle of the last eight weeks. It uses shares, because in medians of costs
// a new level would appear on one weekday after another.
func (h history) season() (season [week]int64) {
	n := len(h.costs)
	var shares [week][]int64
	for end := n; end >= week && end > n-seasonWeeks*week; end -= week {
		cost := total(h.costs[end-week : end])
		if cost == 0 {
			continue
		}
		for day := end - week; day < end; day++ {
			shares[day%week] = append(shares[day%week], scale(h.costs[day], wholeWeek, cost))
		}
	}
	for weekday := range season {
		season[weekday] = middle(shares[weekday])
	}
	return season
}

// trend returns how much the cost of a week grows from each week to the next, according to
// the last eight weeks. The median of single steps ignores a level that changed once, and the
// median of steps over half of the weeks reduces the noise; the smaller one is used, and none
// if they disagree about the direction.
func (h history) trend() micro {
	weeks := min(len(h.costs)/week, seasonWeeks)
	costs := make([]micro, weeks) // newest first
	for i := range costs {
		end := len(h.costs) - i*week
		costs[i] = total(h.costs[end-week : end])
	}
	half := weeks / 2
	var single, long []micro
	for i := range weeks - 1 {
		single = append(single, costs[i]-costs[i+1])
		if i < half {
			long = append(long, (costs[i]-costs[i+half])/micro(half))
		}
	}
	step, slope := median(single), median(long)
	switch {
	case step > 0 && slope > 0:
		return min(step, slope)
	case step < 0 && slope < 0:
		return max(step, slope)
	}
	return 0
}

// level returns the cost of a week at the current level: what the last days cost, each
// divided by its weekday's share.
func (h history) level(season [week]int64, m Method) micro {
	days := week
	if m == WeekdaySteady {
		days = steadyWeeks * week
	}
	// Days with earlier prices say nothing about the current level.
	if since := h.sinceChange(); since > 0 {
		days = min(days, since)
	}
	n := len(h.costs)
	var weeks []micro // newest first
	for day := n - 1; day >= max(n-days, 0); day-- {
		if of := season[day%week]; of > 0 {
			weeks = append(weeks, min(scale(h.costs[day], wholeWeek, of), week*mostPerDay))
		}
	}
	for _, newest := range []int{week, 2 * week} {
		if moved(weeks, newest) {
			weeks = weeks[:newest]
			break
		}
	}
	return middle(weeks)
}

// moved reports whether the level has changed: the median of the newest values lies outside
// the range of the middle 80 % of the others.
func moved(values []int64, newest int) bool {
	if len(values) < 2*newest {
		return false
	}
	now := median(slices.Clone(values[:newest]))
	before := slices.Sorted(slices.Values(values[newest:]))
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

// middle returns the mean of the middle half of the values: almost as exact as the mean, and
// almost as robust as the median. It sorts values.
func middle(values []int64) int64 {
	slices.Sort(values)
	out := len(values) / 4
	return mean(values[out : len(values)-out])
}
