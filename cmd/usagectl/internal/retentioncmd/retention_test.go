package retentioncmd_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/cmd/usagectl/internal/retentioncmd"
	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
)

func run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	cmd := retentioncmd.New()
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(t.Context())
	return out.String(), err
}

func TestOldCallsGoAndTheirSumsStay(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`INSERT INTO public.api_usage (timestamp, usage_dollars, api_type) SELECT now() - i * interval '1 day', 1, 'text' FROM generate_series(0, 49) i`)
	out, err := run(t, "--dsn="+db.DSN, "--keep=30d", "--batch=3")
	require.NoError(t, err)
	assert.Contains(t, out, "19 calls before ")
	assert.Equal(t, "31|50", db.Text(`SELECT (SELECT count(*) FROM public.api_usage), (SELECT sum(calls) FROM public.usage_day)`))
}

func TestTheAgeIsReadStrictly(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "--keep must be set", "30": "a number of days such as 400d", "3w": "a number of days", "6d": "at least 7d", "-9d": "at least 7d", "99999999999999d": "a number of days",
	} {
		_, err := run(t, "--dsn=postgres://nowhere/x", "--keep="+text)
		assert.ErrorContains(t, err, want, text)
	}
	_, err := run(t, "--dsn=postgres://nowhere/x", "--keep=30d", "--batch=0")
	assert.ErrorContains(t, err, "--batch must be at least 1")
}
