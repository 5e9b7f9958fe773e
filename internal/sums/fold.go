package sums

import (
	"fmt"
	"strings"
)

// Rows is the source of the calls that a fold adds.
type Rows struct {
	// From is a relation with the columns of [Columns]: the name of a CTE, or a subquery
	// with an alias.
	From string
	// Signed means that the relation has a column sign: 1 for an added call and -1 for a
	// removed one. Without it every call is added.
	Signed bool
	// InSlot means that the sums go into the slot mine, a variable of the trigger function.
	InSlot bool
}

// Fold returns the CTEs that add the calls of rows to the levels: first the sums, each
// computed from those of its parent level, then one INSERT per level. PostgreSQL executes
// the INSERTs of a statement from last to first, so the first level comes last.
//
// Each CTE returns something and none is nested, because Citus does not find a CTE that is
// referenced only in another one's RETURNING.
func Fold(levels []*Level, rows Rows) []string {
	parts := make([]string, 0, 2*len(levels))
	for _, l := range levels {
		if isParent(levels, l) {
			parts = append(parts, "of_"+l.Name+" AS MATERIALIZED (\n"+indent(l.toAdd(levels, rows), "  ")+"\n)")
		}
	}
	for i := len(levels) - 1; i >= 0; i-- {
		l := levels[i]
		parts = append(parts, "into_"+l.Name+" AS (\n"+indent(l.insert(levels, rows), "  ")+"\n  RETURNING 1\n)")
	}
	return parts
}

// With joins CTEs and a final query into a statement.
func With(parts []string, last string) string {
	return "WITH " + strings.Join(parts, ", ") + "\n" + last
}

// AndFoldChange returns a statement that executes an UPDATE of public.api_usage AS u and
// adjusts the sums, for tables without triggers. It works because all parts of a statement
// see the rows as they were before it. where selects the rows that update changes. The
// statement returns the number of rows changed. If that differs from the number that where
// selects, the sums are wrong and the transaction must be rolled back.
func AndFoldChange(update, where string) string {
	columns := Columns(Levels)
	list, updated := strings.Join(columns, ", "), "u."+strings.Join(columns, ", u.")
	return With(append([]string{
		"before AS MATERIALIZED (\n  SELECT " + list + "\n  FROM public.api_usage\n  " + where + "\n)",
		"after AS (\n" + update + "\nRETURNING " + updated + "\n)",
		"changed AS (\n  SELECT -1 AS sign, " + list + " FROM before\n  UNION ALL\n  SELECT 1, " + list + " FROM after\n)",
	}, Fold(Levels, Rows{From: "changed", Signed: true})...), "SELECT count(*) FROM after")
}

// foldInFunction returns the statement of a trigger function. Its main query is the last
// INSERT.
func foldInFunction(levels []*Level, rows Rows) string {
	parts := Fold(levels, rows)
	return With(parts[:len(parts)-1], levels[0].insert(levels, rows)) + ";"
}

// insert returns the INSERT that adds the rows to one level, or to their slot of it.
func (l *Level) insert(levels []*Level, rows Rows) string {
	added := l.toAdd(levels, rows)
	if isParent(levels, l) {
		added = fmt.Sprintf("SELECT %s,\n  %s\nFROM of_%s", commas(l.keyNames()), commas(l.measureNames()), l.Name)
	}
	if rows.InSlot {
		return l.add(l.slotTable(), append(l.keyNames(), "slot"), "SELECT added.*, mine\nFROM (\n"+indent(added, "  ")+"\n) AS added")
	}
	return l.add(l.Table(), l.keyNames(), added)
}

// add returns the INSERT of sums into a table, which adds them where the key has some.
func (l *Level) add(table string, key []string, added string) string {
	columns := l.measureNames()
	if table != l.Table() {
		columns = append(columns, "slot")
	}
	adds := make([]string, len(l.Measures))
	for i, m := range l.Measures {
		adds[i] = fmt.Sprintf("%[1]s = r.%[1]s + EXCLUDED.%[1]s", m.Name)
	}
	return fmt.Sprintf("INSERT INTO %s AS r (%s,\n  %s)\n%s\nORDER BY %s\nON CONFLICT (%s) DO UPDATE SET\n  %s",
		table, commas(l.keyNames()), commas(columns), added, numbered(len(l.Keys)+1), commas(key), strings.Join(adds, ",\n  "))
}

// toAdd returns the query for what the rows add to a level.
func (l *Level) toAdd(levels []*Level, rows Rows) string {
	if l.Of != nil && isIn(levels, l.Of) {
		return l.FromParent("of_"+l.Of.Name, "")
	}
	return l.fromCalls(rows, "")
}

// FromCalls returns a query for the sums of a level, computed from calls. where is "" or
// begins with WHERE.
func (l *Level) FromCalls(from, where string) string { return l.fromCalls(Rows{From: from}, where) }

func (l *Level) fromCalls(rows Rows, where string) string {
	list := []string{l.Width.of("timestamp") + " AS bucket"}
	unnest := l.unnest()
	if unnest == nil {
		for _, k := range l.Keys {
			list = append(list, as(k.inSums(), k.Name))
		}
		for _, m := range l.Measures {
			list = append(list, as(m.sum(rows.Signed), m.Name))
		}
		return l.selected(list, rows.From, where)
	}
	// What has the same sets and other keys first, then each of the sets apart.
	for _, s := range unnest.sets() {
		list = append(list, as(s.Of, s.Name))
	}
	others := []string{"bucket"}
	for _, k := range l.Keys {
		if Single.Has(k.Name) {
			list, others = append(list, as(k.inSums(), k.Name)), append(others, k.Name)
		}
	}
	groups := numbered(len(list))
	var again []string
	for _, m := range l.Measures {
		list, again = append(list, as(m.sum(rows.Signed), m.Name)), append(again, "sum("+m.Name+") AS "+m.Name)
	}
	if where == "" {
		where = "WHERE " + unnest.When
	} else {
		where += " AND " + unnest.When
	}
	from := "(\n" + indent("SELECT "+strings.Join(list, ",\n  ")+"\nFROM "+rows.From+"\n"+where+"\nGROUP BY "+groups, "  ") + "\n) AS sets " + unnest.Join
	keys := []string{"bucket"}
	for _, k := range l.Keys {
		if Single.Has(k.Name) {
			keys = append(keys, k.Name)
		} else {
			keys = append(keys, as(k.inSums(), k.Name))
		}
	}
	if unnest.Lines == "" {
		return l.selected(append(keys, again...), from, "WHERE "+unnest.Keep)
	}
	// A line is one combination of keys, which are read of it once.
	lines := "SELECT " + strings.Join(append(append([]string{"line"}, others...), again...), ",\n  ") + "\nFROM " + from + "\nGROUP BY " + numbered(len(others)+1)
	return "SELECT " + strings.Join(append(keys, l.measureNames()...), ",\n  ") + "\nFROM (\n" + indent(lines, "  ") + "\n) AS lines\nWHERE " + unnest.Keep
}

// FromParent returns a query for the sums of a level, computed from those of its parent,
// which are in from. where is "" or begins with WHERE.
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

// sum returns the aggregate expression of a measure over calls.
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

// isParent reports whether any of the levels is computed from l.
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

// filter returns the elements for which keep is true.
func filter[T any](all []T, keep func(T) bool) (list []T) {
	for _, one := range all {
		if keep(one) {
			list = append(list, one)
		}
	}
	return list
}

// CountDifferences returns a statement that compares the level with the calls of [$1, $2).
// It returns the number of keys whose sums differ, and the difference in dollars.
func (l *Level) CountDifferences() string {
	truth, kept := make([]string, len(l.Measures)), make([]string, len(l.Measures))
	added, some := make([]string, len(l.Measures)), make([]string, len(l.Measures))
	for i, m := range l.Measures {
		truth[i], kept[i] = "t."+m.Name, "k."+m.Name
		added[i], some[i] = "sum("+m.Name+") AS "+m.Name, "sum("+m.Name+") <> 0"
		if m.Since > 0 {
			added[i] = "CASE WHEN count(" + m.Name + ") = count(*) THEN sum(" + m.Name + ") END AS " + m.Name
		}
	}
	key := commas(l.keyNames())
	return `WITH t AS (
` + indent(l.FromCalls(Single.Table(), "WHERE timestamp >= $1 AND timestamp < $2"), "  ") + `
), k AS (
  SELECT ` + key + `, ` + commas(added) + ` FROM ` + l.Table() + `
  WHERE bucket >= $1 AND bucket < $2
  GROUP BY ` + key + ` HAVING ` + strings.Join(some, " OR ") + `
)
SELECT count(*), coalesce(sum(abs(coalesce(t.usage_dollars, 0) - coalesce(k.usage_dollars, 0))), 0)::text
FROM t FULL JOIN k USING (` + key + `)
WHERE (` + commas(truth) + `) IS DISTINCT FROM (` + commas(kept) + `)`
}

// Fill returns a statement that fills the empty period [$1, $2) of the level, from its
// parent or, when fromParent is false, from the calls.
func (l *Level) Fill(fromParent bool) string {
	made := ""
	if fromParent {
		made = l.FromParent(l.Of.Table(), "WHERE bucket >= $1 AND bucket < $2")
	} else {
		made = l.FromCalls(Single.Table(), "WHERE timestamp >= $1 AND timestamp < $2")
	}
	return "INSERT INTO " + l.Table() + " (" + commas(append(l.keyNames(), l.measureNames()...)) + ")\n" + made
}
