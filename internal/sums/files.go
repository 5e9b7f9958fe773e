package sums

import (
	"fmt"
	"strings"
)

// Texts returns the SQL that this package writes into the files of migrations/, by the name
// in the markers; see [Replace].
func Texts() map[string]string {
	return map[string]string{
		"tables of sums":             tables(),
		"tables of names":            nameTables(),
		"functions that decide":      decide(),
		"drop tables of sums":        "DROP TABLE " + wrapped(names(reversed(Levels)), "  ") + ";",
		"functions of triggers":      functions(),
		"reader sees sums":           grant("GRANT SELECT ON", Levels, "TO usage_reader"),
		"reader sees no sums":        grant("REVOKE ALL ON", Levels, "FROM usage_writer, usage_reader"),
		"own sums":                   ownViews(),
		"pricer sees sums":           grant("GRANT SELECT ON", Levels, "TO usage_pricer"),
		"pricer sees no sums":        grant("REVOKE ALL ON", Levels, "FROM usage_pricer"),
		"writer folds":               grant("GRANT SELECT, INSERT, UPDATE ON", Levels, "TO usage_writer, usage_pricer"),
		"triggers fold":              grant("REVOKE INSERT, UPDATE ON", Levels, "FROM usage_writer, usage_pricer") + "\n" + grant("REVOKE SELECT ON", Levels, "FROM usage_writer"),
		"forget the calls of a user": forget(),
		"views of sums":              views(),
		"spend":                      spend(),
		"spend by user":              spendByUser(),
		"what single users used":     userDetail(),
	}
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

func tables() string {
	var b strings.Builder
	for i, l := range Levels {
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
			fmt.Fprintf(&b, "-- Serves: %s.\nCREATE INDEX %s_by_%s ON %s (%s);\n", l.IndexServes, l.Name, strings.TrimSuffix(strings.Split(l.Index, ",")[0], "_id"), l.Table(), l.Index)
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// ownViews returns the views that show users their own sums.
func ownViews() string {
	var b strings.Builder
	for _, l := range withUsers() {
		if l.OwnView != "" {
			fmt.Fprintf(&b, `CREATE VIEW %s WITH (security_barrier) AS
  SELECT %s
  FROM %s
  -- The nil UUID stands for calls without a user: those are nobody's own.
  WHERE user_id = nullif(nullif(current_setting('usage.user_id', true), ''), '00000000-0000-0000-0000-000000000000')::uuid;
`, l.OwnView, commas(append(l.keyNames(), l.measureNames()...)), l.Table())
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// functions returns the trigger functions.
func functions() string {
	columns := commas(Columns(Levels))
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
		fmt.Fprintf(&b, "CREATE FUNCTION public.%s() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $fold$\n"+
			"BEGIN\n%s%s\n  RETURN NULL;\nEND $fold$;\nREVOKE ALL ON FUNCTION public.%s() FROM PUBLIC;\n",
			f.name, f.guard, indent(foldInFunction(Levels, f.rows), "  "), f.name)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// forget returns the statement that moves a user's calls out of everybody's sums and counts
// them.
func forget() string {
	columns := commas(Columns(Levels))
	parts := append([]string{
		"del AS (\n  DELETE FROM public.api_usage WHERE user_id = forgotten\n  RETURNING " + columns + "\n)",
		"gone AS (\n  SELECT -1 AS sign, " + columns + " FROM del\n)",
	}, Fold(withoutUsers(), Rows{From: "gone", Signed: true})...)
	text := With(parts, "SELECT count(*) INTO deleted FROM del;")
	for _, l := range withUsers() {
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
