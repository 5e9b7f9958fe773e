package store

import "time"

// level is a relation that calls can be added up from, by the length of its
// buckets.
type level uint8

const (
	rawCalls       level = iota // the calls themselves: any instant
	quarterHour                 // public.usage_quarter_hour: every key but the user
	quarterTotal                // public.usage_quarter_total: no key at all
	wholeDay                    // public.usage_day: UTC day, every key but the user
	wholeDayUser                // public.usage_day_user: UTC day, user and API type
	wholeMonthUser              // public.usage_month_user: UTC month and user
)

// piece is a part of a period that is read from one level.
type piece struct {
	level    level
	from, to time.Time
}

// cut divides a period among levels, given from the longest buckets to the
// shortest: the inside comes from the first, what is left at the edges from
// the next. The last must be rawCalls unless the edges fit.
func cut(from, to time.Time, levels ...level) []piece {
	if !from.Before(to) || len(levels) == 0 {
		return nil
	}
	l := levels[0]
	first, last := l.ceil(from), l.floor(to)
	if !first.Before(last) {
		return cut(from, to, levels[1:]...)
	}
	pieces := cut(from, first, levels[1:]...)
	pieces = append(pieces, piece{l, first, last})
	return append(pieces, cut(last, to, levels[1:]...)...)
}

// floor is the start of the bucket that t lies in.
func (l level) floor(t time.Time) time.Time {
	t = t.UTC()
	switch l {
	case quarterHour, quarterTotal:
		return t.Truncate(15 * time.Minute)
	case wholeDay, wholeDayUser:
		return t.Truncate(24 * time.Hour)
	case wholeMonthUser:
		return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
	}
	return t
}

// ceil is the start of the first bucket at t or after it.
func (l level) ceil(t time.Time) time.Time {
	f := l.floor(t)
	if f.Equal(t) {
		return f
	}
	switch l {
	case quarterHour, quarterTotal:
		return f.Add(15 * time.Minute)
	case wholeDay, wholeDayUser:
		return f.Add(24 * time.Hour)
	case wholeMonthUser:
		return f.AddDate(0, 1, 0)
	}
	return f
}

// aligned reports whether all the instants are borders of the level's buckets.
func (l level) aligned(instants []time.Time) bool {
	for _, t := range instants {
		if !l.floor(t).Equal(t) {
			return false
		}
	}
	return true
}
