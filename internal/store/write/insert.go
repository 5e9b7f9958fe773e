package write

import (
	"context"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"

	"github.com/otelcol-usage/otelcol-usage/internal/sums"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// insertRows skips rows that exist already. It names our key, so that a violation of a
// unique constraint of the host application is a fault of the row and not taken for a
// duplicate.
var (
	insertRows = `INSERT INTO public.api_usage (` + columnNames + `)` + selectRows + `
ORDER BY id
ON CONFLICT (id) DO NOTHING`

	// The key of a partitioned table is (id, timestamp); public.api_usage_id holds the ids
	// alone. A call that another writer is storing with another timestamp is not visible
	// here, and public.api_usage_id refuses it.
	insertRowsPartitioned = `INSERT INTO public.api_usage (` + columnNames + `)` + selectRows + `
WHERE NOT EXISTS (SELECT FROM public.api_usage_id AS k WHERE k.id = r.id)
ORDER BY id
ON CONFLICT (id, timestamp) DO NOTHING`
)

// The same statements with the sums of the new rows, for tables without triggers. They
// return the number of new rows. Such texts are long, and made for a collector that needs
// them.
var (
	insertAndFold            = sync.OnceValue(func() string { return andFold(insertRows) })
	insertAndFoldPartitioned = sync.OnceValue(func() string { return andFold(insertRowsPartitioned) })
)

func andFold(insert string) string {
	ins := "ins AS (\n" + insert + "\nRETURNING " + strings.Join(sums.Columns(sums.Levels), ", ") + "\n)"
	return sums.With(append([]string{ins}, sums.Fold(sums.Levels, sums.Rows{From: "ins"})...), "SELECT count(*) FROM ins")
}

// insertBatch stores the rows that are not stored yet and returns their number.
func insertBatch(ctx context.Context, tx pgx.Tx, db *database, rows []row) (int, error) {
	insert, fold := insertRows, insertAndFold
	if db.partitioned {
		insert, fold = insertRowsPartitioned, insertAndFoldPartitioned
	}
	args := columnArrays(rows)
	if db.hasTrigger {
		tag, err := tx.Exec(ctx, insert, args...)
		return int(tag.RowsAffected()), err
	}
	var inserted int
	err := tx.QueryRow(ctx, fold(), args...).Scan(&inserted)
	return inserted, err
}

// audioSeconds formats the seconds of audio as text; nil for none.
func audioSeconds(q *usage.Quantities) *string {
	if q[usage.AudioSeconds] == 0 {
		return nil
	}
	text := secondsText(q[usage.AudioSeconds])
	return &text
}
