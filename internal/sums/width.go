package sums

import (
	"fmt"
	"time"
)

// Width is the length of a level's buckets. All buckets start in UTC.
type Width uint8

// Widths, from shortest to longest.
const (
	Instant   Width = iota // no bucket: the time itself
	Quarter                // a quarter of an hour
	Day                    // a day
	HalfMonth              // starts on the 1st and the 16th
)

// of returns the SQL expression for the start of the bucket that contains a time.
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

// Floor returns the start of the bucket that contains t.
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

// Ceil returns the start of the first bucket that starts at or after t.
func (w Width) Ceil(t time.Time) time.Time {
	f := w.Floor(t)
	if f.Equal(t) {
		return f
	}
	return w.next(f)
}

// next returns the start of the bucket after the one that starts at f.
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
