package boards

// Moments of the chosen period. A period is [from, to); the sums cover the
// quarter hours that begin in it.
const (
	from = "$__timeFrom()::timestamptz"
	to   = "$__timeTo()::timestamptz"
)

// Time zones.
const (
	viewer = "'${__timezone}'" // the viewer's
	utc    = "'UTC'"           // sums by period need no days, and UTC days are the cheapest
)

// Days of the viewer that the period touches.
const (
	firstDay = "(" + from + " AT TIME ZONE " + viewer + ")::date"
	lastDay  = "(" + to + " AT TIME ZONE " + viewer + " - interval '1 microsecond')::date"
	dayCount = "(" + lastDay + " - " + firstDay + " + 1)"
)

// shift is by how many days the period is compared: all that it touches, the one
// that is not over too, so that the same hours are compared with one another; and
// from a week on whole weeks, so that the same weekdays are.
const shift = "make_interval(days => CASE WHEN " + dayCount + " >= 7 THEN (" + dayCount + " + 6) / 7 * 7 ELSE " + dayCount + " END)"

// The period before. It does not always end where this one begins.
const (
	beforeFrom = "((" + from + " AT TIME ZONE " + viewer + " - " + shift + ") AT TIME ZONE " + viewer + ")"
	beforeTo   = "((" + to + " AT TIME ZONE " + viewer + " - " + shift + ") AT TIME ZONE " + viewer + ")"
)

// firstCall is when recording began.
const firstCall = "(SELECT min(bucket) FROM usage_report.quarter_type)"

// recorded is true when the period before can be compared with: when calls were
// recorded before its begin.
const recorded = firstCall + " < " + beforeFrom

// hourly is true for periods so short that days would be one bar or two.
const hourly = "(" + to + " - " + from + " <= interval '49 hours')"

// bucket is where the bar begins that a moment belongs to: hours up to two days,
// days up to 120, then weeks from the first day on, and months from 400 days on.
func bucket(at string) string {
	local := "(" + at + " AT TIME ZONE " + viewer + ")"
	return `CASE
         WHEN ` + hourly + ` THEN date_trunc('hour', ` + at + `, ` + viewer + `)
         WHEN ` + dayCount + ` <= 120 THEN date_trunc('day', ` + at + `, ` + viewer + `)
         WHEN ` + dayCount + ` <= 400 THEN (` + firstDay + ` + (` + local + `::date - ` + firstDay + `) / 7 * 7)::timestamp AT TIME ZONE ` + viewer + `
         ELSE date_trunc('month', ` + at + `, ` + viewer + `)
       END`
}

// laterBars is where the second bar of weeks or months begins and those after it, in
// the viewer's time.
const laterBars = `generate_series(
    CASE WHEN ` + dayCount + ` <= 400 THEN ` + firstDay + ` + interval '7 days' ELSE date_trunc('month', ` + firstDay + `::timestamp) + interval '1 month' END,
    ` + to + ` AT TIME ZONE ` + viewer + `,
    CASE WHEN ` + dayCount + ` <= 400 THEN interval '7 days' ELSE interval '1 month' END)`

// quarter is where the quarter hour of a moment begins.
func quarter(at string) string {
	return "date_bin('15 minutes', " + at + ", '2000-01-01 00:00:00Z')"
}

// moved is a moment of the period before at its place in this one.
func moved(at string) string {
	return "((" + at + " AT TIME ZONE " + viewer + " + " + shift + ") AT TIME ZONE " + viewer + ")"
}

// unfinished marks the bar that is not over yet.
var unfinished = `SELECT ` + bucket("now()") + ` AS "time",
       ` + to + ` AS "timeend",
       ` + to + ` AS "timeEnd",
       'not over yet' AS "text"
WHERE ` + from + ` < now() AND ` + to + ` > now() - interval '15 minutes'`

// localDays are the days of the viewer that the period touches, and some before.
func localDays(extra string) string {
	return `(SELECT d AT TIME ZONE ` + viewer + ` AS day
FROM generate_series(
  date_trunc('day', ` + from + ` AT TIME ZONE ` + viewer + `) - interval '` + extra + `',
  date_trunc('day', (` + to + ` - interval '1 microsecond') AT TIME ZONE ` + viewer + `),
  interval '1 day') AS d)`
}

// localMidnight is the midnight in the viewer's zone before a moment, moved by
// whole days.
func localMidnight(at, back string) string {
	return "((date_trunc('day', " + at + " AT TIME ZONE " + viewer + ") - interval '" + back + "') AT TIME ZONE " + viewer + ")"
}
