package cli

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
)

func TestOldCallsGoAndTheirSumsStay(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`INSERT INTO public.api_usage (timestamp, usage_dollars, api_type) SELECT now() - i * interval '1 day', 1, 'text' FROM generate_series(0, 49) i`)
	out, err := on(t, db.DSN, "retention", "--keep=30d", "--batch=3")
	require.NoError(t, err)
	assert.Contains(t, out, "19 calls before ")
	assert.Equal(t, "31|50", db.Text(`SELECT (SELECT count(*) FROM public.api_usage), (SELECT sum(calls) FROM public.usage_day)`))
}

func TestTheAgeIsReadStrictly(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "--keep must be set", "30": "a number of days such as 400d", "3w": "a number of days", "6d": "at least 7d", "-9d": "at least 7d", "99999999999999d": "a number of days",
	} {
		_, err := on(t, "postgres://nowhere/x", "retention", "--keep="+text)
		assert.ErrorContains(t, err, want, text)
	}
	_, err := on(t, "postgres://nowhere/x", "retention", "--keep=30d", "--batch=0")
	assert.ErrorContains(t, err, "--batch must be at least 1")
}
