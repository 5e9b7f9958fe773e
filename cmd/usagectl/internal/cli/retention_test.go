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
	_, err := on(t, db.DSN, "retention", "--keep=30d")
	require.ErrorContains(t, err, "19 calls before ")
	require.ErrorContains(t, err, "add --yes")
	out, err := on(t, db.DSN, "retention", "--keep=30d", "--dry-run")
	require.NoError(t, err)
	assert.Contains(t, out, "dry run: 19 calls before ")
	assert.Equal(t, "50|-", db.Text(`SELECT (SELECT count(*) FROM public.api_usage), (SELECT value FROM public.usage_setting WHERE name = 'retained_from')`))
	out, err = on(t, db.DSN, "retention", "--keep=30d", "--batch=3", "--yes")
	require.NoError(t, err)
	assert.Contains(t, out, "19 calls before ")
	assert.Equal(t, "31|50", db.Text(`SELECT (SELECT count(*) FROM public.api_usage), (SELECT sum(calls) FROM public.usage_day)`))
}

func TestTheMarkIsSetOnlyWhereSomethingIsDeletedAndCanBeMovedBack(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	mark := func() string {
		return db.Text(`SELECT coalesce((SELECT (value::timestamptz AT TIME ZONE 'UTC')::date - (now() AT TIME ZONE 'UTC')::date FROM public.usage_setting WHERE name = 'retained_from')::text, 'none')`)
	}
	out, err := on(t, db.DSN, "retention", "--keep=7d", "--yes")
	require.NoError(t, err)
	assert.Contains(t, out, "nothing to delete: no call is before ")
	assert.Equal(t, "none", mark(), "a backfill is still possible")

	db.Exec(`INSERT INTO public.api_usage (timestamp, usage_dollars, api_type) VALUES (now() - interval '20 days', 1, 'text')`)
	_, err = on(t, db.DSN, "retention", "--keep=7d", "--yes")
	require.NoError(t, err)
	assert.Equal(t, "-7", mark())
	out, err = on(t, db.DSN, "retention", "--keep=30d", "--yes")
	require.NoError(t, err)
	assert.Contains(t, out, "add --move-back")
	assert.Equal(t, "-7", mark())
	_, err = on(t, db.DSN, "retention", "--keep=30d", "--move-back")
	require.ErrorContains(t, err, "1 call is kept as sums for that time, and one that comes again would be counted twice; nothing was changed: add --yes")
	_, err = on(t, db.DSN, "retention", "--keep=30d", "--move-back", "--yes")
	require.NoError(t, err)
	assert.Equal(t, "-30", mark())
	_, err = on(t, db.DSN, "retention", "--keep=40d", "--move-back")
	require.ErrorContains(t, err, "of that time no call was deleted")
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
