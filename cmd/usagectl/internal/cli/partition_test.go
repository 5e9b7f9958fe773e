package cli

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
)

func TestTheTableIsConvertedOnceAndMonthsAreAddedAfterwards(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`INSERT INTO public.api_usage (timestamp, usage_dollars, api_type) VALUES ('2026-03-05Z', 1, 'text')`)
	_, err := on(t, db.DSN, "partition")
	require.ErrorContains(t, err, "not partitioned; add --convert")
	assert.Equal(t, "r", db.Text(`SELECT relkind::text FROM pg_class WHERE oid = 'public.api_usage'::regclass`))

	out, err := on(t, db.DSN, "partition", "--convert")
	require.NoError(t, err)
	assert.Contains(t, out, "public.api_usage is partitioned by month, in ")
	assert.Contains(t, out, "4 partitions added")
	out, err = on(t, db.DSN, "partition", "--convert", "--ahead=5")
	require.NoError(t, err)
	assert.Equal(t, "2 partitions added, there is one for each of the next 5 months\n", out)
	db.Exec(`INSERT INTO public.api_usage (timestamp, usage_dollars, api_type) VALUES ('2025-03-05Z', 1, 'text')`)
	out, err = on(t, db.DSN, "partition")
	require.NoError(t, err)
	assert.Contains(t, out, "1 partitions added")
	assert.Equal(t, "1", db.Text(`SELECT count(*) FROM public.api_usage_2025_03`))
}

func TestTheMonthsAheadAreBounded(t *testing.T) {
	t.Parallel()
	for _, ahead := range []string{"0", "-1", "25"} {
		_, err := on(t, "postgres://nowhere/x", "partition", "--ahead="+ahead)
		assert.ErrorContains(t, err, "--ahead must be from 1 to 24", ahead)
	}
	_, err := on(t, pgtest.NewEmpty(t).DSN, "partition")
	assert.ErrorContains(t, err, "usagectl migrate up")
}
