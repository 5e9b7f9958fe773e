package write

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/otelcol-usage/otelcol-usage/internal/store"
)

const (
	// probeRows is how many rows are probed at once. They are stored and parked before the
	// next ones, so an attempt that ends early still makes progress.
	probeRows = 2000
	// maxUnforeseen is how many rows a database may refuse, while accepting none, for
	// reasons that no rule of ours covers. Beyond it the database is at fault, not the
	// rows.
	maxUnforeseen = 8
)

// handRows passes the rows to the block below in a setting, because a DO block has no
// parameters. The setting is local to the transaction.
var handRows = `SELECT set_config('usage.probe', (SELECT jsonb_agg(to_jsonb(p)) FROM (` + selectRows + `) AS p)::text, true)`

// probeSQL inserts every row and rolls it back: several together, and one by one where
// those are refused. All of it runs in the server, so many bad rows need neither round
// trips nor lines in its log. The refused rows are left in a setting. %s is the conflict
// target.
//
// Updating the sums for a single row costs thirty times as much as the row. So each tried
// statement ends with a row of a user who does not exist. When the error is that row's
// foreign key, all rows before it have passed every rule, and no statement trigger has run.
// After any other error the rows are tried one by one, unless the server names the row.
var probeSQL = `DO $probe$
DECLARE
  refused text[] := '{}';
  nobody  uuid := '00000000-0000-4000-8000-75736167653a';
  last    jsonb := jsonb_build_object('id', nobody, 'user_id', nobody);
  few     public.api_usage[];
  one     public.api_usage;
  alone   boolean;
  state   text; said text; name text; col text; detail text;
BEGIN
  SET CONSTRAINTS ALL IMMEDIATE;
  FOR few IN
    SELECT array_agg(jsonb_populate_record(NULL::public.api_usage, value) ORDER BY ordinality)
    FROM jsonb_array_elements(current_setting('usage.probe')::jsonb) WITH ORDINALITY
    GROUP BY ordinality / 25 ORDER BY ordinality / 25
  LOOP
    BEGIN
      INSERT INTO public.api_usage (` + columnNames + `)
      SELECT ` + columnNames + ` FROM unnest(few || jsonb_populate_record(few[1], last))
      ON CONFLICT (%[1]s) DO NOTHING;
      RAISE SQLSTATE 'USAGE';
    EXCEPTION
      WHEN SQLSTATE 'USAGE' THEN CONTINUE;
      WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
        CONTINUE WHEN SQLSTATE = '23503' AND strpos(detail, nobody::text) > 0;
    END;
    FOREACH one IN ARRAY few LOOP
      FOREACH alone IN ARRAY '{f,t}'::boolean[] LOOP
        BEGIN
          INSERT INTO public.api_usage (` + columnNames + `)
          SELECT ` + columnNames + ` FROM unnest(CASE WHEN alone THEN ARRAY[one] ELSE ARRAY[one, jsonb_populate_record(one, last)] END)
          ON CONFLICT (%[1]s) DO NOTHING;
          RAISE SQLSTATE 'USAGE';
        EXCEPTION
          WHEN SQLSTATE 'USAGE' THEN EXIT;
          WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, said = MESSAGE_TEXT, name = CONSTRAINT_NAME, col = COLUMN_NAME, detail = PG_EXCEPTION_DETAIL;
        END;
        EXIT WHEN state = '23503' AND strpos(detail, nobody::text) > 0;
        -- The added row has the same keys but its user: a missing one is missing for both.
        IF alone OR state = '23503' OR strpos(detail, one.id::text) > 0 THEN
          refused := array_append(refused, json_build_object('id', one.id, 'state', state, 'message', said, 'constraint', name, 'column', col)::text);
          EXIT;
        END IF;
      END LOOP;
    END LOOP;
  END LOOP;
  PERFORM set_config('usage.probe', '[' || array_to_string(refused, ',') || ']', true);
END $probe$`

var (
	probe            = fmt.Sprintf(probeSQL, "id")
	probePartitioned = fmt.Sprintf(probeSQL, "id, timestamp")
)

// refused is a row that the server refuses, and the server's error.
type refused struct {
	row *row
	err error
}

// probe asks the server which rows it accepts, and changes nothing. It does not find rows
// that are refused only in combination. An error concerns the batch as a whole.
func (w *Writer) probe(ctx context.Context, db *database, rows []row, isolateUnknown bool) (bad []refused, err error) {
	tx, err := w.pool.BeginTx(ctx, w.begin)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback(context.WithoutCancel(ctx)) //nolint:errcheck // nothing was written
	if _, err := tx.Exec(ctx, handRows, columnArrays(rows)...); err != nil {
		return nil, err
	}
	block := probe
	if db.partitioned {
		block = probePartitioned
	}
	if _, err := tx.Exec(ctx, block, pgx.QueryExecModeSimpleProtocol); err != nil {
		return nil, err
	}
	var text string
	if err := tx.QueryRow(ctx, `SELECT current_setting('usage.probe')`).Scan(&text); err != nil {
		return nil, err
	}
	var list []struct{ ID, State, Message, Constraint, Column string }
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return nil, fmt.Errorf("read what was refused: %w", err)
	}
	byID := make(map[string]*row, len(rows))
	for i := range rows {
		byID[rows[i].ID.String()] = &rows[i]
	}
	for _, l := range list {
		fault := &pgconn.PgError{Severity: "ERROR", Code: l.State, Message: l.Message, ConstraintName: l.Constraint, ColumnName: l.Column}
		switch class := store.Classify(fault); {
		case l.State == "23503" && isUserKey(fault):
			return nil, errUserVanished
		case class == store.ClassBadRow || class == store.ClassUnknown && isolateUnknown:
			bad = append(bad, refused{byID[l.ID], fault})
		default:
			return nil, fault
		}
	}
	return bad, nil
}
