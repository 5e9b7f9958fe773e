package sums

import (
	"fmt"
	"strings"
)

// Rows is where a fold takes the calls from.
type Rows struct {
	// From is a relation with the columns of [Columns], as the name of a part
	// of the statement or a subquery with an alias.
	From string
	// Signed says that the relation has a column sign: 1 for a call that
	// appeared and -1 for one that went. Without it every call appeared.
	Signed bool
}

// Fold adds the calls of rows to the levels, as the parts of a WITH: first the
// sums, each made from those of the level it is a sum of, then one INSERT for
// each level. PostgreSQL executes the INSERTs of a statement from the last to
// the first, so the first of the levels comes last.
//
// Each part returns something and is a part of its own, because Citus finds no
// part that is named inside of another's RETURNING.
func Fold(levels []*Level, rows Rows) []string {
	parts := make([]string, 0, 2*len(levels))
	for _, l := range levels {
		if isParent(levels, l) {
			parts = append(parts, "of_"+l.Name+" AS MATERIALIZED (\n"+indent(l.added(levels, rows), "  ")+"\n)")
		}
	}
	for i := len(levels) - 1; i >= 0; i-- {
		l := levels[i]
		parts = append(parts, "into_"+l.Name+" AS (\n"+indent(l.insert(levels, rows), "  ")+"\n  RETURNING 1\n)")
	}
	return parts
}

// With is a statement: the parts, and what it selects in the end.
func With(parts []string, last string) string {
	return "WITH " + strings.Join(parts, ", ") + "\n" + last
}

// AndFoldChange is an UPDATE of public.api_usage AS u with the sums in the same
// statement, for tables without triggers: every part of a statement sees the
// rows as they were before it. where finds the rows that update changes. It
// returns how many were changed; when these are not all that where finds, the
// sums are wrong and the transaction has to end.
func AndFoldChange(update, where string) string {
	columns := Columns(Levels)
	list, updated := strings.Join(columns, ", "), "u."+strings.Join(columns, ", u.")
	return With(append([]string{
		"before AS MATERIALIZED (\n  SELECT " + list + "\n  FROM public.api_usage\n  " + where + "\n)",
		"after AS (\n" + update + "\nRETURNING " + updated + "\n)",
		"changed AS (\n  SELECT -1 AS sign, " + list + " FROM before\n  UNION ALL\n  SELECT 1, " + list + " FROM after\n)",
	}, Fold(Levels, Rows{From: "changed", Signed: true})...), "SELECT count(*) FROM after")
}

// foldInFunction is the statement of a trigger function. Its last INSERT is the
// statement itself.
func foldInFunction(levels []*Level, rows Rows) string {
	parts := Fold(levels, rows)
	return With(parts[:len(parts)-1], levels[0].insert(levels, rows)) + ";"
}

// insert adds to one level.
func (l *Level) insert(levels []*Level, rows Rows) string {
	var b strings.Builder
	fmt.Fprintf(&b, "INSERT INTO %s AS r (%s,\n  %s)\n", l.Table(), commas(l.keyNames()), commas(l.measureNames()))
	if isParent(levels, l) {
		fmt.Fprintf(&b, "SELECT %s,\n  %s\nFROM of_%s\n", commas(l.keyNames()), commas(l.measureNames()), l.Name)
	} else {
		b.WriteString(l.added(levels, rows) + "\n")
	}
	adds := make([]string, len(l.Measures))
	for i, m := range l.Measures {
		adds[i] = fmt.Sprintf("%[1]s = r.%[1]s + EXCLUDED.%[1]s", m.Name)
	}
	fmt.Fprintf(&b, "ORDER BY %s\nON CONFLICT (%s) DO UPDATE SET\n  %s", numbered(len(l.Keys)+1), commas(l.keyNames()), strings.Join(adds, ",\n  "))
	return b.String()
}

// added selects what the rows add to a level.
func (l *Level) added(levels []*Level, rows Rows) string {
	if l.Of != nil && isIn(levels, l.Of) {
		return l.FromParent("of_"+l.Of.Name, "")
	}
	return l.fromCalls(rows, "")
}

// FromCalls selects the sums of a level from calls. where is "" or begins with WHERE.
func (l *Level) FromCalls(from, where string) string { return l.fromCalls(Rows{From: from}, where) }

func (l *Level) fromCalls(rows Rows, where string) string {
	list := []string{l.Width.of("timestamp") + " AS bucket"}
	for _, k := range l.Keys {
		list = append(list, as(k.inSums(), k.Name))
	}
	for _, m := range l.Measures {
		list = append(list, as(m.sum(rows.Signed), m.Name))
	}
	from := rows.From
	if unnest := l.unnest(); unnest != "" {
		from += " " + unnest
	}
	return l.selected(list, from, where)
}

// FromParent selects the sums of a level from those of the level it is a sum
// of, which stand in from. where is "" or begins with WHERE.
func (l *Level) FromParent(from, where string) string {
	bucket := "bucket"
	if l.Width != l.Of.Width {
		bucket = l.Width.of("bucket") + " AS bucket"
	}
	list := []string{bucket}
	for _, k := range l.Keys {
		list = append(list, k.Name)
	}
	for _, m := range l.Measures {
		list = append(list, "sum("+m.Name+") AS "+m.Name)
	}
	return l.selected(list, from, where)
}

func (l *Level) selected(list []string, from, where string) string {
	if where != "" {
		where = "\n" + where
	}
	return "SELECT " + strings.Join(list, ",\n  ") + "\nFROM " + from + where + "\nGROUP BY " + numbered(len(l.Keys)+1)
}

// sum adds a measure up over calls.
func (m Measure) sum(signed bool) string {
	sum := "count(*)"
	switch {
	case m.Amount == "" && signed:
		sum = "sum(sign)"
	case m.Amount != "" && signed:
		sum = "sum(sign * (" + m.Amount + "))"
	case m.Amount != "":
		sum = "sum(" + m.Amount + ")"
	}
	if m.When != "" {
		sum += " FILTER (WHERE " + m.When + ")"
	}
	if m.Amount == "" && (m.When == "" || !signed) {
		return sum // never NULL
	}
	return "coalesce(" + sum + ", 0)"
}

func as(expression, name string) string {
	if expression == name {
		return name
	}
	return expression + " AS " + name
}

// isParent reports whether one of the levels is a sum of l.
func isParent(levels []*Level, l *Level) bool {
	for _, other := range levels {
		if other.Of == l {
			return true
		}
	}
	return false
}

func isIn(levels []*Level, l *Level) bool {
	for _, other := range levels {
		if other == l {
			return true
		}
	}
	return false
}

func indent(text, by string) string { return by + strings.ReplaceAll(text, "\n", "\n"+by) }

// withoutUsers and withUsers divide the levels by whether they have single users' sums.
func withoutUsers() []*Level { return only(func(l *Level) bool { return !l.ByUser() }) }

// withUsers see withoutUsers.
func withUsers() []*Level { return only((*Level).ByUser) }

func only(keep func(*Level) bool) (list []*Level) {
	for _, l := range Levels {
		if keep(l) {
			list = append(list, l)
		}
	}
	return list
}

// CountDifferences is a statement that compares the level with the calls of
// [$1, $2): the number of keys whose sums differ, and by how many dollars.
func (l *Level) CountDifferences() string {
	truth, kept, some := make([]string, len(l.Measures)), make([]string, len(l.Measures)), make([]string, len(l.Measures))
	for i, m := range l.Measures {
		truth[i], kept[i], some[i] = "t."+m.Name, "k."+m.Name, m.Name+" <> 0"
	}
	key := commas(l.keyNames())
	return `WITH t AS (
` + indent(l.FromCalls(Single.Table(), "WHERE timestamp >= $1 AND timestamp < $2"), "  ") + `
), k AS (
  SELECT ` + key + `, ` + commas(l.measureNames()) + ` FROM ` + l.Table() + `
  WHERE bucket >= $1 AND bucket < $2 AND (` + strings.Join(some, " OR ") + `)
)
SELECT count(*), coalesce(sum(abs(coalesce(t.usage_dollars, 0) - coalesce(k.usage_dollars, 0))), 0)::text
FROM t FULL JOIN k USING (` + key + `)
WHERE (` + commas(truth) + `) IS DISTINCT FROM (` + commas(kept) + `)`
}

// Fill is a statement that makes the sums of [$1, $2) of an empty stretch of the
// level, from the calls or else from the level that it is a sum of.
func (l *Level) Fill(fromParent bool) string {
	made := ""
	if fromParent {
		made = l.FromParent(l.Of.Table(), "WHERE bucket >= $1 AND bucket < $2")
	} else {
		made = l.FromCalls(Single.Table(), "WHERE timestamp >= $1 AND timestamp < $2")
	}
	return "INSERT INTO " + l.Table() + " (" + commas(append(l.keyNames(), l.measureNames()...)) + ")\n" + made
}
