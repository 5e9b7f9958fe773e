package store

import "time"

// level is a relation that calls can be added up from, by the length of its
// buckets.
type level uint8

const (
	rawCalls      level = iota // the calls themselves: any instant
	quarterHour                // public.usage_quarter_hour: every key but the user
	quarterType                // public.usage_quarter_type: API type
	wholeDay                   // public.usage_day: UTC day, every key but the user
	wholeDayType               // public.usage_day_type: UTC day and API type
	wholeDayUser               // public.usage_day_user: UTC day, user and API type
	halfMonth                  // public.usage_half_month: from the 1st and the 16th UTC, every key but the user
	halfMonthUser              // public.usage_half_month_user: the same, user
)

// piece is a part of a period that is read from one level. One that counts as
// minus is taken away from a coarser piece that reaches too far.
type piece struct {
	level    level
	from, to time.Time
	minus    bool
}

// extent is what is known of the calls before a period is cut.
type extent struct {
	retained time.Time // calls before it were deleted, see [RetainedFrom]
	newest   time.Time // about the end of all calls; only the speed depends on it
	onShards bool      // Citus spreads the calls over its workers
}

// cut divides a period among levels, given from the longest buckets to the
// shortest. The inside comes from the first, from the border next to each end;
// what is missing to the ends or too much comes from the next levels. The last
// must be rawCalls unless the ends fit.
func (e extent) cut(from, to time.Time, levels ...level) []piece {
	if !from.Before(to) || len(levels) == 0 {
		return nil
	}
	l, finer := levels[0], levels[1:]
	first, last := e.start(l, from), e.end(l, to)
	if !first.Before(last) || e.length(from, first)+e.length(last, to) > e.length(from, to) {
		return e.cut(from, to, finer...)
	}
	pieces := append(e.edge(from, first, finer), piece{level: l, from: first, to: last})
	return append(pieces, e.edge(last, to, finer)...)
}

// edge is the signed sum from one instant to another: taken away where they
// stand in the wrong order.
func (e extent) edge(from, to time.Time, levels []level) []piece {
	if !to.Before(from) {
		return e.cut(from, to, levels...)
	}
	pieces := e.cut(to, from, levels...)
	for i := range pieces {
		pieces[i].minus = !pieces[i].minus
	}
	return pieces
}

// start and end give the border of a bucket that fewest calls lie between and
// t, an end of a period. Outside the period it must not lie before or among
// deleted calls: what they cost cannot be taken away.
func (e extent) start(l level, t time.Time) time.Time {
	inside, outside := l.ceil(t), l.floor(t)
	if !outside.Before(e.retained) && e.length(outside, t) < e.length(t, inside) {
		return outside
	}
	return inside
}

func (e extent) end(l level, t time.Time) time.Time {
	inside, outside := l.floor(t), l.ceil(t)
	if !t.Before(e.retained) && e.length(t, outside) < e.length(inside, t) {
		return outside
	}
	return inside
}

// length is the time between two instants in which there may be calls.
func (e extent) length(a, b time.Time) time.Duration {
	if b.Before(a) {
		a, b = b, a
	}
	if b.After(e.newest) {
		b = e.newest
	}
	return max(0, b.Sub(a))
}

// floor is the start of the bucket that t lies in.
func (l level) floor(t time.Time) time.Time {
	t = t.UTC()
	switch l {
	case quarterHour, quarterType:
		return t.Truncate(15 * time.Minute)
	case wholeDay, wholeDayType, wholeDayUser:
		return t.Truncate(24 * time.Hour)
	case halfMonth, halfMonthUser:
		if t.Day() < 16 {
			return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
		}
		return time.Date(t.Year(), t.Month(), 16, 0, 0, 0, 0, time.UTC)
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
	case quarterHour, quarterType:
		return f.Add(15 * time.Minute)
	case wholeDay, wholeDayType, wholeDayUser:
		return f.Add(24 * time.Hour)
	case halfMonth, halfMonthUser:
		if f.Day() == 1 {
			return f.AddDate(0, 0, 15)
		}
		return time.Date(f.Year(), f.Month()+1, 1, 0, 0, 0, 0, time.UTC)
	}
	return f
}
