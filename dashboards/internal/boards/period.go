package boards

// Ends of the selected period. A period is [from, to); the sums cover the quarter hours
// that begin in it.
const (
	from = "$__timeFrom()::timestamptz"
	to   = "$__timeTo()::timestamptz"
)

// Time zones.
const (
	viewer = "'${__timezone}'" // that of the viewer
	utc    = "'UTC'"           // for sums over a whole period, which need no days; UTC days are the cheapest
)

// Days in the viewer's time zone that the period overlaps.
const (
	firstDay = "(" + from + " AT TIME ZONE " + viewer + ")::date"
	lastDay  = "(" + to + " AT TIME ZONE " + viewer + " - interval '1 microsecond')::date"
	dayCount = "(" + lastDay + " - " + firstDay + " + 1)"
)

// shift is the distance in days to the previous period. It includes an unfinished day, so
// that equal hours are compared. From a week on it is a multiple of seven days, so that
// equal weekdays are compared.
const shift = "make_interval(days => CASE WHEN " + dayCount + " >= 7 THEN (" + dayCount + " + 6) / 7 * 7 ELSE " + dayCount + " END)"

// The previous period. It does not always end where the selected one begins.
const (
	beforeFrom = "((" + from + " AT TIME ZONE " + viewer + " - " + shift + ") AT TIME ZONE " + viewer + ")"
	beforeTo   = "((" + to + " AT TIME ZONE " + viewer + " - " + shift + ") AT TIME ZONE " + viewer + ")"
)

// firstCall is the time at which recording began.
const firstCall = "(SELECT min(bucket) FROM usage_report.quarter_type)"

// recorded is true when calls were recorded before the start of the previous period, so
// that it can be compared.
const recorded = firstCall + " < " + beforeFrom

// hourly is true for periods so short that daily bars would be only one or two.
const hourly = "(" + to + " - " + from + " <= interval '49 hours')"

// bucket returns the start of the bar that contains a time: hours for periods of up to two
// days, days up to 120, weeks from the first day up to 400, and otherwise months.
func bucket(at string) string {
	local := "(" + at + " AT TIME ZONE " + viewer + ")"
	return `CASE
         WHEN ` + hourly + ` THEN date_trunc('hour', ` + at + `, ` + viewer + `)
         WHEN ` + dayCount + ` <= 120 THEN date_trunc('day', ` + at + `, ` + viewer + `)
         WHEN ` + dayCount + ` <= 400 THEN (` + firstDay + ` + (` + local + `::date - ` + firstDay + `) / 7 * 7)::timestamp AT TIME ZONE ` + viewer + `
         ELSE date_trunc('month', ` + at + `, ` + viewer + `)
       END`
}

// laterBars generates the starts of the second and later bars of weeks or months, in the
// viewer's time.
const laterBars = `generate_series(
    CASE WHEN ` + dayCount + ` <= 400 THEN ` + firstDay + ` + interval '7 days' ELSE date_trunc('month', ` + firstDay + `::timestamp) + interval '1 month' END,
    ` + to + ` AT TIME ZONE ` + viewer + `,
    CASE WHEN ` + dayCount + ` <= 400 THEN interval '7 days' ELSE interval '1 month' END)`

// quarter returns the start of the quarter hour that contains a time.
func quarter(at string) string {
	return "date_bin('15 minutes', " + at + ", '2000-01-01 00:00:00Z')"
}

// moved maps a time in the previous period to the corresponding time in the selected one.
func moved(at string) string {
	return "((" + at + " AT TIME ZONE " + viewer + " + " + shift + ") AT TIME ZONE " + viewer + ")"
}

// unfinished marks the bar of the current time.
var unfinished = `SELECT ` + bucket("now()") + ` AS "time",
       ` + to + ` AS "timeend",
       ` + to + ` AS "timeEnd",
       'not over yet' AS "text"
WHERE ` + from + ` < now() AND ` + to + ` > now() - interval '15 minutes'`

// localDays selects the viewer's days that the period overlaps, and those in the interval
// extra before them.
func localDays(extra string) string {
	return `(SELECT d AT TIME ZONE ` + viewer + ` AS day
FROM generate_series(
  date_trunc('day', ` + from + ` AT TIME ZONE ` + viewer + `) - interval '` + extra + `',
  date_trunc('day', (` + to + ` - interval '1 microsecond') AT TIME ZONE ` + viewer + `),
  interval '1 day') AS d)`
}

// localMidnight returns the last midnight in the viewer's time zone before a time, moved
// back by whole days.
func localMidnight(at, back string) string {
	return "((date_trunc('day', " + at + " AT TIME ZONE " + viewer + ") - interval '" + back + "') AT TIME ZONE " + viewer + ")"
}
