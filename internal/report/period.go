package report

import (
	"fmt"
	"sort"
	"strings"
	"time"
	_ "time/tzdata" // embeds the zones, for images without zoneinfo
)

// defaultDays is how many calendar days an answer covers when the question has no start,
// including the last one.
const defaultDays = 30

// maxDays is the longest allowed period: ten years.
const maxDays = 3660

// The allowed range of dates. No call outside it is stored.
var (
	minInstant = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	maxInstant = time.Date(2101, 1, 1, 0, 0, 0, 0, time.UTC)
)

// Period is a half-open interval, From included and To excluded, with its calendar days in
// a time zone.
type Period struct {
	From, To time.Time
	// Days lists the calendar days in order. The period may contain only part of the first
	// and the last.
	Days []Day
}

// Day is the part of one calendar day that lies in a period.
type Day struct {
	// Date is formatted as "2026-01-31".
	Date string
	// From and To bound that part. They are equal for a date that the time zone skipped.
	From, To time.Time
}

// Span is a period, the period of equal length just before it, and the time zone of the
// days.
type Span struct {
	Current, Previous Period
	Zone              *time.Location
}

// ParamError reports a parameter with an invalid value.
type ParamError struct {
	// Param is the parameter's name, Found its value, and Allowed describes valid values.
	Param, Found, Allowed string
}

func (e *ParamError) Error() string {
	return fmt.Sprintf("%s: found %q, must be %s", e.Param, e.Found, e.Allowed)
}

// ParseSpan parses the parameters startDate, endDate and timezone, each of which may be "".
//
// A date as start means the first moment of that day. A date as end includes that whole
// day: a question for the 1st to the 31st means the 31st too. An instant (RFC 3339) is used
// as it is; as end it is excluded. The default end is the end of today, and the default
// start gives defaultDays days.
func ParseSpan(start, end, zone string, now time.Time) (Span, error) {
	loc, err := parseZone(zone)
	if err != nil {
		return Span{}, err
	}
	var from, to time.Time
	if end == "" {
		to = startOfDay(loc, dateOf(now, loc).next(1))
	} else if to, err = ParseBound("endDate", end, loc, true); err != nil {
		return Span{}, err
	}
	if start == "" {
		from = before(to, loc, defaultDays)
	} else if from, err = ParseBound("startDate", start, loc, false); err != nil {
		return Span{}, err
	}
	if !from.Before(to) {
		if start == "" {
			return Span{}, &ParamError{"endDate", end, "a later time"}
		}
		if end == "" {
			return Span{}, &ParamError{"startDate", start, "a time before the end of today, " + to.In(loc).Format(time.RFC3339)}
		}
		return Span{}, &ParamError{"startDate", start, "a time before the end of the period, endDate " + end}
	}
	if days := dateOf(from, loc).daysUntil(dateOf(to, loc)); days > maxDays {
		name, found := "startDate", start
		if start == "" {
			name, found = "endDate", end
		}
		return Span{}, &ParamError{name, found, fmt.Sprintf("a period of at most %d days", maxDays)}
	}
	return newSpan(from, to, loc), nil
}

// LastDays returns the first and last date of the given number of days, of which the last
// is today in the zone. The zone may be "" for UTC.
func LastDays(days int, zone string, now time.Time) (first, last string, err error) {
	loc, err := parseZone(zone)
	if err != nil {
		return "", "", err
	}
	today := dateOf(now, loc)
	return today.next(1 - days).String(), today.String(), nil
}

func newSpan(from, to time.Time, loc *time.Location) Span {
	var previous time.Time
	if isMidnight(from, loc) && isMidnight(to, loc) {
		// Whole days are compared with the same number of whole days, even if the clock
		// changed in between.
		previous = before(from, loc, dateOf(from, loc).daysUntil(dateOf(to, loc)))
	} else {
		previous = from.Add(-to.Sub(from))
	}
	return Span{
		Current:  newPeriod(from, to, loc),
		Previous: newPeriod(previous, from, loc),
		Zone:     loc,
	}
}

func newPeriod(from, to time.Time, loc *time.Location) Period {
	p := Period{From: from, To: to}
	last := dateOf(to.Add(-1), loc)
	for d := dateOf(from, loc); d.daysUntil(last) >= 0; d = d.next(1) {
		p.Days = append(p.Days, Day{
			Date: d.String(),
			From: clamp(startOfDay(loc, d), from, to),
			To:   clamp(startOfDay(loc, d.next(1)), from, to),
		})
	}
	return p
}

func clamp(t, from, to time.Time) time.Time {
	if t.Before(from) {
		return from
	}
	if t.After(to) {
		return to
	}
	return t
}

// before returns the time that is the given number of calendar days earlier: the first
// moment of that day if t is the first moment of its day, and otherwise that many times 24
// hours earlier.
func before(t time.Time, loc *time.Location, days int) time.Time {
	if isMidnight(t, loc) {
		return startOfDay(loc, dateOf(t, loc).next(-days))
	}
	return t.Add(-time.Duration(days) * 24 * time.Hour)
}

const allowedBound = `a date such as "2026-01-31" or an RFC 3339 instant with offset such as "2026-01-31T00:00:00Z", from 2000 to 2100`

// ParseBound parses one end of a period, or a moment: a date in the zone or an instant (RFC
// 3339). A date means the first moment of its day. As the end of a period, which is
// excluded, it means the first moment of the next day.
func ParseBound(param, text string, loc *time.Location, end bool) (time.Time, error) {
	addDays := 0
	if end {
		addDays = 1
	}
	t, err := time.Parse(time.DateOnly, text)
	if err == nil {
		t = startOfDay(loc, dateOf(t, time.UTC).next(addDays))
	} else if t, err = time.Parse(time.RFC3339, text); err == nil {
		t = t.Truncate(time.Microsecond) // the resolution of the table
	}
	if err != nil || t.Before(minInstant) || t.After(maxInstant) {
		return time.Time{}, &ParamError{param, text, allowedBound}
	}
	return t.UTC(), nil
}

const allowedZone = `an IANA time zone such as "Europe/Berlin" or "UTC"`

func parseZone(name string) (*time.Location, error) {
	if name == "" {
		return time.UTC, nil
	}
	// "Local" would be the time zone of the collector's machine.
	if strings.EqualFold(name, "local") {
		return nil, &ParamError{"timezone", name, allowedZone}
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, &ParamError{"timezone", name, allowedZone}
	}
	return loc, nil
}

// date is a calendar day, counted from 1970-01-01.
type date int

func dateOf(t time.Time, loc *time.Location) date {
	y, m, d := t.In(loc).Date()
	return date(floorDiv(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix(), 86400))
}

func floorDiv(a, b int64) int64 {
	if a%b >= 0 {
		return a / b
	}
	return a/b - 1
}

func (d date) next(days int) date       { return d + date(days) }
func (d date) daysUntil(other date) int { return int(other - d) }
func (d date) midnightUTC() time.Time   { return time.Unix(int64(d)*86400, 0).UTC() }
func (d date) String() string           { return d.midnightUTC().Format(time.DateOnly) }
func isMidnight(t time.Time, loc *time.Location) bool {
	return t.Equal(startOfDay(loc, dateOf(t, loc)))
}

// startOfDay returns the first instant whose local date is d or later. It is not always
// 00:00: some zones change the clock at midnight (Cairo, Beirut, Santiago), and some
// skipped a whole date (Apia, 2011-12-30), which then has no length. It is searched for,
// because time.Date makes no promise about local times that do not exist. Zones change on
// whole seconds.
func startOfDay(loc *time.Location, d date) time.Time {
	const reach = 26 * 3600 // no zone was ever further from UTC
	begin := d.midnightUTC().Add(-reach * time.Second)
	seconds := sort.Search(2*reach, func(s int) bool {
		return dateOf(begin.Add(time.Duration(s)*time.Second), loc) >= d
	})
	return begin.Add(time.Duration(seconds) * time.Second)
}
