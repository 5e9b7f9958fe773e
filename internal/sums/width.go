package sums

import (
	"fmt"
	"time"
)

// Width is how long the buckets of a level are. All of them begin in UTC.
type Width uint8

// The widths, from the shortest to the longest.
const (
	Instant   Width = iota // no bucket: the time itself
	Quarter                // a quarter hour
	Day                    // a day
	HalfMonth              // from the 1st and from the 16th
)

// of is the start of the bucket that a time lies in, as an expression.
func (w Width) of(at string) string {
	switch w {
	case Quarter:
		return "date_bin('15 minutes', " + at + ", '2000-01-01 00:00:00Z')"
	case Day:
		return "date_bin('1 day', " + at + ", '2000-01-01 00:00:00Z')"
	case HalfMonth:
		return fmt.Sprintf("date_trunc('month', %[1]s, 'UTC') + interval '360 hours' * (extract(day FROM %[1]s AT TIME ZONE 'UTC') > 15)::integer", at)
	}
	return at
}

// Floor is the start of the bucket that t lies in.
func (w Width) Floor(t time.Time) time.Time {
	t = t.UTC()
	switch w {
	case Quarter:
		return t.Truncate(15 * time.Minute)
	case Day:
		return t.Truncate(24 * time.Hour)
	case HalfMonth:
		if t.Day() < 16 {
			return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
		}
		return time.Date(t.Year(), t.Month(), 16, 0, 0, 0, 0, time.UTC)
	}
	return t
}

// Ceil is the start of the first bucket at t or after it.
func (w Width) Ceil(t time.Time) time.Time {
	f := w.Floor(t)
	if f.Equal(t) {
		return f
	}
	return w.next(f)
}

// next is the start of the bucket after the one that begins at f.
func (w Width) next(f time.Time) time.Time {
	switch w {
	case Quarter:
		return f.Add(15 * time.Minute)
	case Day:
		return f.Add(24 * time.Hour)
	case HalfMonth:
		if f.Day() == 1 {
			return f.AddDate(0, 0, 15)
		}
		return time.Date(f.Year(), f.Month()+1, 1, 0, 0, 0, 0, time.UTC)
	}
	return f
}
