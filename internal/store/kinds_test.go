package store_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
	"github.com/otelcol-usage/otelcol-usage/internal/store/upkeep"
	"github.com/otelcol-usage/otelcol-usage/internal/store/write"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// The column of cache writes holds every lifetime but an hour, so that sums over
// it are all writes; the parts are read back as they were.
func TestCacheWritesOfEveryLifetimeReadBack(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	c := call(1)
	c.Quantities = usage.Quantities{
		usage.InputTextTokens: 1, usage.CacheWrite5mTokens: 20, usage.CacheWrite30mTokens: 300, usage.CacheWrite1hTokens: 4000, usage.CacheWrite12hTokens: 50_000,
	}
	writeAll(t, newWriter(t, db, write.Options{}), []usage.Record{c})
	assert.Equal(t, "50320|4000|54321", db.Text(`SELECT cache_write_5m_tokens, cache_write_1h_tokens, input_tokens FROM public.api_usage`))
	assert.Equal(t, "54320", db.Text(`SELECT cache_write_tokens FROM public.usage_day`))
	found, err := upkeep.Find(t.Context(), db.Pool, c.ID.String())
	require.NoError(t, err)
	require.NoError(t, found.Fault)
	assert.Equal(t, c.Quantities, found.Quantities)
}
