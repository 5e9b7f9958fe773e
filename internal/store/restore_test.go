package store_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pgserver"
	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
	"github.com/otelcol-usage/otelcol-usage/internal/store/write"
)

// TestARestoredDatabaseTakesTheQueueAgain: the database is lost after its dump.
// It is restored elsewhere, and the collectors send again what they still hold,
// of which some was stored before the dump and some after it.
func TestARestoredDatabaseTakesTheQueueAgain(t *testing.T) {
	t.Parallel()
	binaries, err := pgserver.Find()
	if err != nil {
		t.Skip("no programs of PostgreSQL on this machine to dump with: ", err)
	}
	dump, restore := filepath.Join(binaries, "pg_dump"), filepath.Join(binaries, "pg_restore")
	for _, program := range []string{dump, restore} {
		if _, err := os.Stat(program); err != nil {
			t.Skip(program, " is not installed")
		}
	}
	lost := pgtest.New(t)
	lost.Exec(`UPDATE public.usage_name_limit SET names = 5`)
	w := newWriter(t, lost, write.Options{})
	writeAll(t, w, namedCalls(0, 600))
	file := filepath.Join(t.TempDir(), "usage.dump")
	run(t, dump, "--format=custom", "--file="+file, lost.DSN)
	writeAll(t, w, namedCalls(600, 900))

	found := pgtest.NewEmpty(t)
	run(t, restore, "--exit-on-error", "--dbname="+found.DSN, file)
	requireProvable(t, found, "after the restore")
	assert.Equal(t, "600", found.Text(`SELECT count(*) FROM public.api_usage`))

	again := newWriter(t, found, write.Options{})
	result := writeAll(t, again, namedCalls(400, 900))
	assert.Equal(t, 300, result.Inserted, "calls that were stored after the dump")
	assert.Equal(t, 200, result.Duplicates, "calls that the dump has")
	requireProvable(t, found, "after the queue was sent again")
	assert.Equal(t, "900|900", found.Text(`SELECT count(*), count(DISTINCT id) FROM public.api_usage`))
	assert.Equal(t, lost.Text(`SELECT sum(usage_dollars) FROM public.api_usage`), found.Text(`SELECT sum(usage_dollars) FROM public.usage_half_month`))
}

func run(t *testing.T, program string, args ...string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput()
	require.NoError(t, err, "%s: %s", program, out)
}
