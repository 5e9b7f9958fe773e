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
	// probeRows are looked through at once: what is found of them is stored and
	// parked before the next, so that a try that ends early was not for nothing.
	probeRows = 2000
	// maxUnforeseen is how many rows a database may refuse for reasons that none of
	// our rules foresees while it takes none: then the fault is its own.
	maxUnforeseen = 8
)

// handRows leaves the rows where the block below finds them; they are settings
// because a block has no parameters, and local to the transaction.
const handRows = `SELECT set_config('usage.probe', (SELECT jsonb_agg(to_jsonb(p)) FROM (` + selectRows + `) AS p)::text, true)`

// probeSQL tries every row and takes it back again, a few together and one by one
// only where those are refused. All of it happens in the server, so many bad rows
// cost no way to it, and no line of its log. It leaves what was refused in a
// setting. %s is the target of the conflict.
const probeSQL = `DO $probe$
DECLARE
  refused text[] := '{}';
  few     jsonb[];
  one     jsonb;
  said    text; name text; col text;
BEGIN
  SET CONSTRAINTS ALL IMMEDIATE;
  FOR few IN
    SELECT array_agg(value) FROM jsonb_array_elements(current_setting('usage.probe')::jsonb) WITH ORDINALITY
    GROUP BY ordinality / 25 ORDER BY ordinality / 25
  LOOP
    BEGIN
      INSERT INTO public.api_usage (` + columnNames + `)
      SELECT ` + columnNames + ` FROM unnest(few) AS h (one), jsonb_populate_record(NULL::public.api_usage, h.one)
      ON CONFLICT (%[1]s) DO NOTHING;
      RAISE SQLSTATE 'USAGE';
    EXCEPTION
      WHEN SQLSTATE 'USAGE' THEN CONTINUE;
      WHEN OTHERS THEN NULL;
    END;
    FOREACH one IN ARRAY few LOOP
      BEGIN
        INSERT INTO public.api_usage (` + columnNames + `)
        SELECT ` + columnNames + ` FROM jsonb_populate_record(NULL::public.api_usage, one)
        ON CONFLICT (%[1]s) DO NOTHING;
        RAISE SQLSTATE 'USAGE';
      EXCEPTION
        WHEN SQLSTATE 'USAGE' THEN NULL;
        WHEN OTHERS THEN
          GET STACKED DIAGNOSTICS said = MESSAGE_TEXT, name = CONSTRAINT_NAME, col = COLUMN_NAME;
          refused := array_append(refused, json_build_object('id', one -> 'id', 'state', SQLSTATE, 'message', said, 'constraint', name, 'column', col)::text);
      END;
    END LOOP;
  END LOOP;
  PERFORM set_config('usage.probe', '[' || array_to_string(refused, ',') || ']', true);
END $probe$`

var (
	probe            = fmt.Sprintf(probeSQL, "id")
	probePartitioned = fmt.Sprintf(probeSQL, "id, timestamp")
)

// refused is a row that the server does not take, and what it said.
type refused struct {
	row *row
	err error
}

// probe asks the server which of the rows it takes, and changes nothing. Rows
// that only together are refused are not found. Its error is one of the batch as
// a whole.
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
