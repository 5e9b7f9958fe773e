package sums

import (
	"fmt"
	"slices"
	"strings"
)

// views returns the reporting views of the sums, and of the calls in the same form. They
// show '(none)' for an unknown name, so that a filter never meets NULL or an empty text.
// Keys without calls are left out.
func views(create string, levels []*Level, inSlots bool) string {
	var b strings.Builder
	for _, l := range levels {
		view, where := l.View, "\n  WHERE calls <> 0"
		if inSlots {
			// A row without calls may take amounts from another row of its key.
			where = "\n  WHERE (" + commas(l.measureNames()) + ") <> (0" + strings.Repeat(", 0", len(l.Measures)-1) + ")"
		}
		if l.IsCalls() {
			view, where = oneCall, ""
		}
		if l.IsCalls() && create == "CREATE" {
			b.WriteString("-- The calls in the form of the sums: the time is their bucket, and NULL the user\n-- of a call that has none.\n")
		}
		if view == "" {
			continue
		}
		list := []string{as(l.Column("at"), "bucket")}
		for _, k := range l.Keys {
			switch {
			case k.None != "":
				of := l.Column(k.Name)
				list = append(list, fmt.Sprintf("CASE WHEN %[1]s = '' THEN '%[2]s' ELSE %[1]s END AS %[3]s", of, k.None, k.Name))
			default:
				list = append(list, k.Name)
			}
		}
		for _, m := range l.Measures {
			list = append(list, as(l.Column(m.Name), m.Name))
		}
		fmt.Fprintf(&b, "%s VIEW usage_report.%s AS\n  SELECT %s\n  FROM %s%s;\n\n", create, view, strings.Join(list, ",\n         "), l.Table(), where)
	}
	return strings.TrimSuffix(b.String(), "\n\n")
}

// oneCall is the name of the view of single calls in the form of the sums.
const oneCall = "one_call"

// branch is a SELECT of the UNION ALL in a function of the boards.
type branch struct {
	comment string // precedes the SELECT
	first   string // expressions before the measures
	sign    string // precedes each measure: "", "-" or "s.sign * "
	level   *Level // whose measures are available
	from    string
	where   []string
}

// unionAll selects every measure in each branch, NULL where its level lacks it.
func unionAll(measures []Measure, branches []branch) string {
	list := make([]string, len(branches))
	for i, br := range branches {
		values := make([]string, len(measures))
		for j, m := range measures {
			values[j] = "NULL::" + m.Type()
			if br.level.upTo(0).keeps(m.Name) {
				values[j] = br.sign + "r." + m.Name
			}
		}
		comment := br.comment
		if comment != "" {
			comment = "-- " + comment + "\n"
		}
		list[i] = comment + "SELECT " + br.first + ",\n       " + commas(values) + "\nFROM " + br.from + "\nWHERE " + strings.Join(br.where, "\n  AND ")
	}
	return strings.Join(list, "\nUNION ALL\n")
}

// columnsOf declares the measures in a function's result.
func columnsOf(measures []Measure) string {
	list := make([]string, len(measures))
	for i, m := range measures {
		list[i] = m.Name + " " + m.Type()
	}
	return commas(list)
}

// keysOf lists the keys that the functions of the boards return, NULL where the level lacks
// them.
func keysOf(l *Level) string {
	list := make([]string, len(allKeys))
	for i, k := range allKeys {
		list[i] = "NULL::text"
		if l.Has(k.Name) {
			list[i] = "r." + k.Name
		}
	}
	return commas(list)
}

// SQL conditions of the functions below, and the ends of their period.
const (
	everybody  = "'__all' = ANY (users)"
	named      = "'__all' <> ALL (users)"
	ofNamed    = "r.user_id = ANY (usage_report.user_ids(users))"
	ofNamedRaw = "(r.user_id = ANY (usage_report.user_ids(users)) OR '00000000-0000-0000-0000-000000000000' = ANY (users) AND r.user_id IS NULL)"
	since      = "usage_report.quarter(from_time)"
	until      = "usage_report.quarter(to_time)"
	firstDay   = "usage_report.utc_day(" + since + ")"
	lastDay    = "usage_report.utc_day(" + until + ")"
)

// dayOf returns the day of a bucket in the time zone of the report. UTC has a branch of its
// own that avoids a zone lookup per row.
const dayOf = "CASE zone WHEN 'UTC' THEN date_bin('1 day', r.bucket, '2000-01-01 00:00:00Z') ELSE date_trunc('day', r.bucket, zone) END"

func between(from, to string) string { return "r.bucket >= " + from + " AND r.bucket < " + to }

// spend returns the function usage_report.spend; the migration documents it. A function
// cannot get more columns while others call it, so that a measure with Since is not in it:
// boards read such a measure from the views.
func spend() string {
	var branches []branch
	for _, family := range []struct {
		comment, detail string
		day, quarter    *Level
	}{
		{"Everybody, by API type.", "NOT detail", DayType, QuarterType},
		{"Everybody, by all keys.", "detail", DayKeys, QuarterHour},
	} {
		keys := keysOf(family.day)
		branches = append(branches, branch{
			comment: family.comment, first: "d.day, " + keys, level: family.day,
			from:  "usage_report.utc_days(from_time, to_time, zone) AS d\nJOIN usage_report." + family.day.View + " AS r ON r.bucket = d.utc_day",
			where: []string{everybody, family.detail, between(firstDay, lastDay)},
		}, branch{
			first: "CASE s.sign WHEN 1 THEN date_trunc('day', r.bucket, zone) ELSE d.day END, " + keys, sign: "s.sign * ", level: family.quarter,
			from: "usage_report.utc_days(from_time, to_time, zone) AS d\n" +
				"CROSS JOIN LATERAL (VALUES (d.utc_day, d.day), (d.day_end, d.utc_day + interval '24 hours')) AS moved (since, until)\n" +
				"CROSS JOIN LATERAL (SELECT q.* FROM usage_report." + family.quarter.View + " AS q WHERE q.bucket >= moved.since AND q.bucket < moved.until OFFSET 0) AS r\n" +
				"CROSS JOIN (VALUES (1), (-1)) AS s (sign)",
			where: []string{everybody, family.detail, "zone <> 'UTC'", "r.bucket < " + until},
		}, branch{
			first: dayOf + ", " + keys, level: family.quarter, from: "usage_report." + family.quarter.View + " AS r",
			where: []string{everybody, family.detail, between(since, "least("+firstDay+", "+until+")")},
		}, branch{
			first: "usage_report.day_of_utc_day(" + lastDay + " - interval '24 hours', to_time, zone), " + keys, sign: "-", level: family.quarter,
			from:  "usage_report." + family.quarter.View + " AS r",
			where: []string{everybody, family.detail, between("greatest("+until+", "+firstDay+")", lastDay)},
		})
	}
	plain := []string{named, "NOT detail", "zone = 'UTC'"}
	branches = append(branches, branch{
		comment: "Named users, plain sums in UTC.", first: "r.bucket, " + keysOf(DayType), level: DayUser,
		from: "usage_report." + DayUser.View + " AS r", where: append(slices.Clone(plain), ofNamed, between(firstDay, lastDay)),
	}, branch{
		first: "date_trunc('day', r.bucket, 'UTC'), " + keysOf(DayType), level: DayUser,
		from: "usage_report." + oneCall + " AS r", where: append(slices.Clone(plain), ofNamedRaw, between(since, firstDay)),
	}, branch{
		first: "date_trunc('day', r.bucket, 'UTC'), " + keysOf(DayType), sign: "-", level: DayUser,
		from: "usage_report." + oneCall + " AS r", where: append(slices.Clone(plain), ofNamedRaw, between(until, lastDay)),
	}, branch{
		comment: "Named users, everything else.", first: dayOf + ", " + keysOf(Single), level: Single,
		from: "usage_report." + oneCall + " AS r", where: []string{named, "(detail OR zone <> 'UTC')", ofNamedRaw, between(since, until)},
	})
	measures := Single.upTo(0).Measures
	return "CREATE FUNCTION usage_report.spend(from_time timestamptz, to_time timestamptz, zone text, users text[], detail boolean)\n" +
		"  RETURNS TABLE (day timestamptz, api_type text, provider text, model text, service text, environment text,\n    " + columnsOf(measures) + ")\n" +
		"  LANGUAGE sql STABLE PARALLEL SAFE\nBEGIN ATOMIC\n" + indent(unionAll(measures, branches), "  ") + ";\nEND;"
}

// spendByUser returns the function usage_report.spend_by_user; the migration documents it.
func spendByUser() string {
	const (
		firstHalf = "usage_report.utc_half_month(" + since + ")"
		lastHalf  = "usage_report.utc_half_month(" + until + ")"
		user      = "coalesce(r.user_id, '00000000-0000-0000-0000-000000000000'::uuid), "
		wanted    = "(" + everybody + " OR " + ofNamed + ")"
		wantedRaw = "(" + everybody + " OR " + ofNamedRaw + ")"
	)
	days, calls := "usage_report."+DayUser.View+" AS r", "usage_report."+oneCall+" AS r"
	branches := []branch{
		{
			first: "r.user_id, " + keysOf(HalfMonthUser), level: HalfMonthUser, from: "usage_report." + HalfMonthUser.View + " AS r",
			where: []string{"NOT detail", "NOT by_type", wanted, between(firstHalf, lastHalf)},
		},
		{first: "r.user_id, " + keysOf(DayUser), level: DayUser, from: days, where: []string{"NOT detail", "NOT by_type", wanted, between(firstDay, firstHalf)}},
		{first: "r.user_id, " + keysOf(DayUser), sign: "-", level: DayUser, from: days, where: []string{"NOT detail", "NOT by_type", wanted, between(lastDay, lastHalf)}},
		{first: "r.user_id, " + keysOf(DayUser), level: DayUser, from: days, where: []string{"NOT detail", "by_type", wanted, between(firstDay, lastDay)}},
		{first: user + keysOf(DayUser), level: DayUser, from: calls, where: []string{"NOT detail", wantedRaw, between(since, firstDay)}},
		{first: user + keysOf(DayUser), sign: "-", level: DayUser, from: calls, where: []string{"NOT detail", wantedRaw, between(until, lastDay)}},
		{first: user + keysOf(Single), level: DayUser, from: calls, where: []string{"detail", named, ofNamedRaw, between(since, until)}},
		{
			first: "'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid, " + keysOf(Single), level: DayUser,
			from: "usage_report.spend(from_time, to_time, 'UTC', users, true) AS r", where: []string{"detail", everybody},
		},
	}
	return "CREATE FUNCTION usage_report.spend_by_user(from_time timestamptz, to_time timestamptz, users text[], by_type boolean, detail boolean)\n" +
		"  RETURNS TABLE (user_id uuid, api_type text, provider text, model text, service text, environment text,\n    " + columnsOf(basicMeasures) + ")\n" +
		"  LANGUAGE sql STABLE PARALLEL SAFE\nBEGIN ATOMIC\n" + indent(unionAll(basicMeasures, branches), "  ") + ";\nEND;"
}
