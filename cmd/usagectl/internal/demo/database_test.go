package demo

import (
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
)

func TestADatabaseThatDoesNotAnswerIsSaidAtOnceAndOneWithCallsIsRefused(t *testing.T) {
	db, empty := pgtest.New(t), pgtest.NewEmpty(t) // before DATABASE_URL names another server
	began := time.Now()
	t.Setenv("DATABASE_URL", "postgres://user:hunter2@127.0.0.1:1/x")
	_, _, err := database(t.Context(), io.Discard, false)
	require.ErrorContains(t, err, "is the server running at that address")
	assert.NotContains(t, err.Error(), "hunter2")
	assert.Less(t, time.Since(began), time.Minute)

	t.Setenv("DATABASE_URL", db.DSN)
	_, _, err = database(t.Context(), io.Discard, false)
	require.NoError(t, err)
	db.Exec(`INSERT INTO public.api_usage (timestamp, usage_dollars, api_type) VALUES (now(), 1, 'text')`)
	_, _, err = database(t.Context(), io.Discard, false)
	require.ErrorContains(t, err, "the database of DATABASE_URL holds calls, and the demo's are invented")
	_, _, err = database(t.Context(), io.Discard, true)
	require.NoError(t, err)
	t.Setenv("DATABASE_URL", empty.DSN)
	_, _, err = database(t.Context(), io.Discard, false)
	require.NoError(t, err, "a database without our tables is empty")
}
