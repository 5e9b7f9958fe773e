package dbmigrate_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/golden"
	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
)

// TestEveryColumnThatPeopleReadIsDescribed writes docs/columns.md of the comments in a
// migrated database.
func TestEveryColumnThatPeopleReadIsDescribed(t *testing.T) {
	t.Parallel()
	type column struct{ Relation, About, Name, Type, Says string }
	rows, err := pgtest.New(t).Pool.Query(t.Context(), `
		SELECT CASE WHEN n.nspname = 'public' THEN c.relname::text ELSE n.nspname || '.' || c.relname END,
		       coalesce(obj_description(c.oid), ''), a.attname::text, format_type(a.atttypid, a.atttypmod), coalesce(col_description(c.oid, a.attnum), '')
		FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
		JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
		WHERE (n.nspname = 'usage_report' AND c.relkind IN ('v', 'm', 'r', 'p')) OR c.oid = 'public.api_usage'::regclass
		ORDER BY n.nspname, c.relname, a.attnum`)
	require.NoError(t, err)
	columns, err := pgx.CollectRows(rows, pgx.RowToStructByPos[column])
	require.NoError(t, err)
	var page strings.Builder
	page.WriteString(`# Columns

What the columns of ` + "`api_usage` and of the views of `usage_report`" + ` mean. The text is the comments
of the database, which ` + "`\\d+ api_usage`" + ` of psql shows too; it is written by
` + "`make golden PKG=./internal/dbmigrate`" + `. The views are for people and boards: they are read with the role
` + "`usage_reader` or `usage_grafana`" + `.
`)
	relation := ""
	for _, c := range columns {
		assert.NotEmpty(t, c.About, "%s has no COMMENT; write one into the migration that creates it", c.Relation)
		assert.NotEmpty(t, c.Says, "%s.%s has no COMMENT; write one into the migration that creates it", c.Relation, c.Name)
		if c.Relation != relation {
			relation = c.Relation
			page.WriteString("\n## " + relation + "\n\n" + c.About + ".\n\n| column | type | meaning |\n| --- | --- | --- |\n")
		}
		page.WriteString("| `" + c.Name + "` | " + c.Type + " | " + strings.ReplaceAll(c.Says, "|", `\|`) + " |\n")
	}
	golden.Equal(t, "../../docs/columns.md", page.String())
}
