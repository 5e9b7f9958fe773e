package sums

import (
	"fmt"
	"strings"
)

// Writers that store calls at the same time do not wait for each other's sums. Each takes a
// slot, a lock that it never waits for and that ends with its transaction. Who gets the
// first one, as a lone writer always does, adds to the tables of the levels. The others add
// to rows of their slot in a table beside each, [Level.slotTable], which inherits from it:
// whoever reads a level reads both and adds up, and a key has several rows until
// public.usage_fold_slots has moved them together.
//
// Only inserted calls have slots. What is changed or deleted is subtracted from the tables of
// the levels, where a row may therefore be negative, or have no calls and other amounts.
const (
	slotsSince = 28 // the migration that adds slots
	slots      = 32 // writers at the same time; more of them wait for each other
)

// The locks of the slots. Number 0 is the level itself, and -1 is held by whoever moves or
// rebuilds sums.
const slotLock = "'public.usage_day_type'::regclass::oid::integer"

// HoldSlots is a statement that keeps public.usage_fold_slots away until the transaction
// ends, which would wait for rows that a rebuild deletes, and the rebuild for its rows. It
// comes first in its transaction, before other locks.
const HoldSlots = "SELECT pg_advisory_xact_lock(" + slotLock + ", -1)"

func (l *Level) slotTable() string { return l.Table() + "_slot" }

// inSlots adds the texts of the migration that adds slots.
func inSlots(texts map[string]string, levels []*Level, detail *Level) {
	for name, text := range map[string]string{
		"tables of slots":             slotTables(levels),
		"drop tables of slots":        dropSlotTables(levels),
		"function of slots":           foldSlots(levels),
		"sums to analyze":             "ANALYZE " + wrapped(names(levels), "  ") + ";",
		"triggers":                    functions("CREATE OR REPLACE", levels, true),
		"triggers before":             functions("CREATE OR REPLACE", levels, false),
		"views of sums":               views("CREATE OR REPLACE", levels, true),
		"views of sums before":        views("CREATE OR REPLACE", levels, false),
		"what single users used":      detail.detailReaders("CREATE OR REPLACE", true),
		"what single users used then": detail.detailReaders("CREATE OR REPLACE", false),
	} {
		texts[fmt.Sprintf("%04d: %s", slotsSince, name)] = text
	}
	texts["triggers need slots"] = slotTables(levels)
	texts["Citus has no slots"] = dropSlotTables(levels)
}

// takeSlot is the part of a trigger function that takes the first free slot, mine, and adds
// the rows there when it is not that of the levels.
func takeSlot(levels []*Level, rows Rows) string {
	rows.InSlot = true
	return fmt.Sprintf(`  -- The first slot that no writer has; this never waits.
  FOR free IN 0..%d LOOP
    IF pg_try_advisory_xact_lock(%s, free) THEN
      mine := free;
      EXIT;
    END IF;
  END LOOP;
  IF mine > 0 THEN
%s
    RETURN NULL;
  END IF;
`, slots-1, slotLock, indent(foldInFunction(levels, rows), "    "))
}

// leaveSlot lets writers that come meanwhile take other slots than 0.
const leaveSlot = "  PERFORM pg_try_advisory_xact_lock(" + slotLock + ", 0);\n"

// slotTables returns the tables of the slots.
func slotTables(levels []*Level) string {
	var b strings.Builder
	for _, l := range levels {
		fmt.Fprintf(&b, "CREATE TABLE IF NOT EXISTS %[1]s (\n  slot smallint NOT NULL,\n  CONSTRAINT %[2]s_slot_pkey PRIMARY KEY (%[3]s, slot)\n) INHERITS (%[4]s) WITH (fillfactor = %[5]d);\n",
			l.slotTable(), l.Name, commas(l.keyNames()), l.Table(), l.Fillfactor)
		if l.Index != "" {
			fmt.Fprintf(&b, "CREATE INDEX IF NOT EXISTS %s_slot_by_%s ON %s (%s);\n", l.Name, l.indexed(), l.slotTable(), l.Index)
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func dropSlotTables(levels []*Level) string {
	list := make([]string, len(levels))
	for i, l := range reversed(levels) {
		list[i] = l.slotTable()
	}
	return "DROP TABLE IF EXISTS " + wrapped(list, "  ") + ";"
}

// foldSlots returns the function that moves the sums of slots into the levels.
func foldSlots(levels []*Level) string {
	var used, moves []string
	for _, l := range levels {
		used = append(used, "SELECT slot FROM "+l.slotTable())
		list := commas(append(l.keyNames(), l.measureNames()...))
		moves = append(moves, `  WITH gone AS (
    DELETE FROM `+l.slotTable()+`
    WHERE ctid = ANY (ARRAY(SELECT ctid FROM `+l.slotTable()+` WHERE slot = mine LIMIT most))
    RETURNING `+list+`
  )
`+indent(l.add(l.Table(), l.keyNames(), "SELECT "+list+"\nFROM gone"), "  ")+`;
  GET DIAGNOSTICS moved = ROW_COUNT;
  IF moved = most THEN RETURN mine - 1; END IF;
`)
	}
	return `-- Moves the sums of the next slot after the given one into the tables of the levels, at
-- most so many rows of each. It says after which slot to go on, and NULL when there is
-- none, or when somebody else is at it.
CREATE OR REPLACE FUNCTION public.usage_fold_slots(after integer, most integer) RETURNS integer
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $fold$
DECLARE
  mine  integer;
  moved bigint;
BEGIN
  -- Citus has no such tables.
  IF to_regclass('` + levels[0].slotTable() + `') IS NULL OR NOT pg_try_advisory_xact_lock(` + slotLock + `, -1) THEN
    RETURN NULL;
  END IF;
  SELECT min(slot) INTO mine FROM (
` + indent(strings.Join(used, "\nUNION ALL "), "    ") + `
  ) AS used WHERE slot > after;
  IF mine IS NULL THEN RETURN NULL; END IF;
  -- Waits for the writer that has the slot, while nobody waits for this transaction. From
  -- then on no writer takes it, and no row of it is changed. In the levels it adds as a
  -- writer does, in the same order.
  PERFORM pg_advisory_xact_lock(` + slotLock + `, mine);
` + leaveSlot + `  LOCK TABLE ` + wrapped(names(levels), "    ") + ` IN ROW EXCLUSIVE MODE;
` + strings.Join(moves, "") + `  RETURN mine;
END $fold$;
REVOKE ALL ON FUNCTION public.usage_fold_slots(integer, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.usage_fold_slots(integer, integer) TO usage_writer;`
}
