package sums

import (
	"fmt"
	"slices"
	"strings"
)

// Texts returns the SQL that this package writes into the files of migrations/, by the name
// in the markers; see [Replace]. The released migrations keep the levels and measures of
// their time. Each later migration that adds some has texts of its own, with its number.
func Texts() map[string]string { return textsOf(Levels, Single, UserDetail) }

func textsOf(levels []*Level, single, detail *Level) map[string]string {
	first := upTo(levels, 0)
	texts := map[string]string{
		"tables of sums":                tables(first),
		"tables of names":               nameTables(),
		"functions that decide":         decide(),
		"drop tables of sums":           drop(first),
		"functions of triggers":         functions("CREATE", first, false),
		"reader sees sums":              grant("GRANT SELECT ON", first, "TO usage_reader"),
		"reader sees no sums":           grant("REVOKE ALL ON", first, "FROM usage_writer, usage_reader"),
		"own sums":                      ownViews("CREATE", first),
		"pricer sees sums":              grant("GRANT SELECT ON", first, "TO usage_pricer"),
		"pricer sees no sums":           grant("REVOKE ALL ON", first, "FROM usage_pricer"),
		"writer folds":                  grant("GRANT SELECT, INSERT, UPDATE ON", levels, "TO usage_writer, usage_pricer"),
		"triggers fold":                 grant("REVOKE INSERT, UPDATE ON", levels, "FROM usage_writer, usage_pricer") + "\n" + grant("REVOKE SELECT ON", levels, "FROM usage_writer"),
		"forget the calls of a user":    forget(levels),
		"views of sums":                 views("CREATE", append(slices.Clone(first), single.upTo(0)), false),
		"spend":                         spend(),
		"spend by user":                 spendByUser(),
		"what single users used":        detail.upTo(detail.Since).userDetail(false),
		"quarter hours of single users": userQuarters(),
		"functions that decide tags":    decideTags(),
		"decide names without tags":     decideNames("CREATE OR REPLACE", anyLimit),
	}
	inSlots(texts, upTo(levels, slotsSince), detail.upTo(slotsSince))
	for _, number := range slices.Concat(migrationsOf(append(slices.Clone(levels), single)), changesOf(levels)) {
		before, after := upTo(levels, number-1), upTo(levels, number)
		created := filter(after, func(l *Level) bool { return l.Since == number })
		grown := filter(append(slices.Clone(after), single.upTo(number)), func(l *Level) bool { return l.grows(number) })
		add := func(name, text string) {
			if text != "" {
				texts[fmt.Sprintf("%04d: %s", number, name)] = text
			}
		}
		add("triggers", functions("CREATE OR REPLACE", after, number >= slotsSince))
		add("triggers before", functions("CREATE OR REPLACE", before, number > slotsSince))
		if number > slotsSince && len(created)+len(grown) > 0 {
			add("function of slots", foldSlots(after))
			add("function of slots before", foldSlots(before))
		}
		if forget(after) != forget(before) {
			add("forget a user", forget(after))
			add("forget a user before", forget(before))
		}
		if len(created)+len(grown) > 0 {
			add("sums to fill", toFill(number))
			add("no sums to fill", fmt.Sprintf("DELETE FROM public.usage_setting WHERE name = '%s';", Unfilled(number)))
		}
		add("views of sums", joined(views("CREATE", created, number > slotsSince), views("CREATE OR REPLACE", grown, number > slotsSince), ownViews("CREATE OR REPLACE", grown)))
		if len(created) > 0 {
			add("tables of sums", tables(created))
			if number > slotsSince {
				add("tables of slots", slotTables(created))
				add("drop tables of slots", dropSlotTables(created))
			}
			add("drop tables of sums", drop(created))
			add("reader sees sums", grant("GRANT SELECT ON", created, "TO usage_reader, usage_pricer"))
			add("writer folds", indent(grant("GRANT SELECT, INSERT, UPDATE ON", created, "TO usage_writer, usage_pricer"), "    "))
		}
		if len(grown) > 0 {
			add("columns of sums", addColumns(grown, number))
			add("drop columns of sums", dropColumns(grown, number))
		}
		if detail.grows(number) {
			add("what single users used", detail.upTo(number).remakeUserDetail(number > slotsSince))
			add("what single users used before", detail.upTo(number-1).remakeUserDetail(number > slotsSince))
		}
	}
	return texts
}

// migrationsOf are the numbers of the migrations after the first that make levels or add
// measures to them.
func migrationsOf(levels []*Level) (list []int) {
	for _, l := range levels {
		numbers := []int{l.Since}
		for _, m := range l.Measures {
			numbers = append(numbers, m.Since)
		}
		for _, n := range numbers {
			if n > 0 && !slices.Contains(list, n) {
				list = append(list, n)
			}
		}
	}
	return list
}

// changesOf are the numbers of the migrations since which levels are computed another way.
func changesOf(levels []*Level) (list []int) {
	for _, l := range levels {
		if l.Changed > 0 && !slices.Contains(list, l.Changed) {
			list = append(list, l.Changed)
		}
	}
	return list
}

func drop(levels []*Level) string {
	return "DROP TABLE " + wrapped(names(reversed(levels)), "  ") + ";"
}

func markers(name string) (begin, end string) {
	return "-- Made by internal/sums: " + name + ".\n", "-- End of what internal/sums made.\n"
}

// Replace inserts the texts between their markers in a file: a line "-- Made by
// internal/sums: NAME." and a line "-- End of what internal/sums made.". found lists the
// names of the texts that the file has.
func Replace(file string, texts map[string]string) (replaced string, found []string, err error) {
	for name, text := range texts {
		begin, end := markers(name)
		before, rest, ok := strings.Cut(file, begin)
		if !ok {
			continue
		}
		_, after, ok := strings.Cut(rest, end)
		if !ok {
			return "", nil, fmt.Errorf("%q does not end with %q", begin, end)
		}
		file, found = before+begin+text+"\n"+end+after, append(found, name)
	}
	return file, found, nil
}

func tables(levels []*Level) string {
	var b strings.Builder
	for i, l := range levels {
		if i > 0 {
			b.WriteString("\n")
		}
		b.WriteString("-- " + strings.ReplaceAll(l.Comment, "\n", "\n-- ") + "\n")
		fmt.Fprintf(&b, "CREATE TABLE %s (\n", l.Table())
		column := func(name, kind string) { fmt.Fprintf(&b, "  %-18s %-11s NOT NULL,\n", name, kind) }
		column("bucket", "timestamptz")
		for _, k := range l.Keys {
			column(k.Name, k.Type)
		}
		for _, m := range l.Measures {
			column(m.Name, m.Type())
		}
		fmt.Fprintf(&b, "  CONSTRAINT %s_pkey PRIMARY KEY (%s)\n) WITH (fillfactor = %d);\n", l.Name, commas(l.keyNames()), l.Fillfactor)
		if l.Index != "" {
			fmt.Fprintf(&b, "-- Serves: %s.\nCREATE INDEX %s_by_%s ON %s (%s);\n", l.IndexServes, l.Name, l.indexed(), l.Table(), l.Index)
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// indexed is what the second index is called by.
func (l *Level) indexed() string { return strings.TrimSuffix(strings.Split(l.Index, ",")[0], "_id") }

// ownViews returns the views that show users their own sums.
func ownViews(create string, levels []*Level) string {
	var b strings.Builder
	for _, l := range levels {
		if l.OwnView != "" && !l.IsCalls() {
			fmt.Fprintf(&b, `%s VIEW %s WITH (security_barrier) AS
  SELECT %s
  FROM %s
  -- The nil UUID stands for calls without a user: those are nobody's own.
  WHERE user_id = nullif(nullif(current_setting('usage.user_id', true), ''), '00000000-0000-0000-0000-000000000000')::uuid;
`, create, l.OwnView, commas(append(l.keyNames(), l.measureNames()...)), l.Table())
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// functions returns the trigger functions.
func functions(create string, levels []*Level, inSlots bool) string {
	columns := commas(Columns(levels))
	var b strings.Builder
	for i, f := range []struct {
		name, guard string
		rows        Rows
	}{
		{name: "usage_fold_insert", rows: Rows{From: "n"}},
		{name: "usage_fold_update", rows: Rows{
			From:   "(SELECT -1 AS sign, " + columns + " FROM o UNION ALL SELECT 1, " + columns + " FROM n) AS rows",
			Signed: true,
		}},
		{
			name: "usage_fold_delete",
			guard: "  -- Retention removes calls and keeps their sums; the setting is local to its transaction.\n" +
				"  IF current_setting('usage.keep_rollup', true) = 'on' THEN RETURN NULL; END IF;\n",
			rows: Rows{From: "(SELECT -1 AS sign, " + columns + " FROM o) AS rows", Signed: true},
		},
	} {
		if i > 0 {
			b.WriteString("\n")
		}
		declare := ""
		switch {
		case inSlots && !f.rows.Signed:
			declare, f.guard = "DECLARE\n  mine smallint := 0;\n", f.guard+takeSlot(levels, f.rows)
		case inSlots:
			f.guard += leaveSlot
		}
		fmt.Fprintf(&b, "%s FUNCTION public.%s() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $fold$\n"+
			"%sBEGIN\n%s%s\n  RETURN NULL;\nEND $fold$;\nREVOKE ALL ON FUNCTION public.%s() FROM PUBLIC;\n",
			create, f.name, declare, f.guard, indent(foldInFunction(levels, f.rows), "  "), f.name)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// forget returns the statement that moves a user's calls out of everybody's sums and counts
// them.
func forget(levels []*Level) string {
	everybody := filter(levels, func(l *Level) bool { return !l.ByUser() })
	columns := commas(Columns(everybody))
	parts := append([]string{
		"del AS (\n  DELETE FROM public.api_usage WHERE user_id = forgotten\n  RETURNING " + columns + "\n)",
		"gone AS (\n  SELECT -1 AS sign, " + columns + " FROM del\n)",
	}, Fold(everybody, Rows{From: "gone", Signed: true})...)
	text := With(parts, "SELECT count(*) INTO deleted FROM del;")
	for _, l := range filter(levels, (*Level).ByUser) {
		text += "\nDELETE FROM " + l.Table() + " WHERE user_id = forgotten;"
	}
	return indent(text, "  ")
}

func names(levels []*Level) []string {
	list := make([]string, len(levels))
	for i, l := range levels {
		list[i] = l.Table()
	}
	return list
}

func reversed(levels []*Level) []*Level {
	list := make([]*Level, 0, len(levels))
	for i := len(levels) - 1; i >= 0; i-- {
		list = append(list, levels[i])
	}
	return list
}

func grant(what string, levels []*Level, to string) string {
	return what + " " + wrapped(names(levels), "  ") + "\n  " + to + ";"
}

// wrapped joins a list, three entries per line.
func wrapped(list []string, by string) string {
	var b strings.Builder
	for i, name := range list {
		switch {
		case i > 0 && i%3 == 0:
			b.WriteString(",\n" + by)
		case i > 0:
			b.WriteString(", ")
		}
		b.WriteString(name)
	}
	return b.String()
}
