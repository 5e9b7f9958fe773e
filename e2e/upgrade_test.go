package e2e

import (
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestAQueueOfAnOlderCollectorDrains starts on a disk queue that a build on
// collector core v0.161.0 left behind when it was killed while its database was
// down: three calls, of which one had been handed to the exporter.
func TestAQueueOfAnOlderCollectorDrains(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	const queue = "exporter_usage_postgres__traces"
	packed, err := os.Open(filepath.Join("testdata", "queue_v0.161", queue+".gz"))
	require.NoError(t, err)
	defer packed.Close()
	reader, err := gzip.NewReader(packed)
	require.NoError(t, err)
	content, err := io.ReadAll(reader)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(directory, queue), content, 0o600))

	pool, dsn := newDatabase(t)
	c := start(t, configuration{
		exporter:   "    sending_queue: {storage: file_storage}",
		extensions: "  file_storage: {directory: " + directory + ", fsync: true}",
		extNames:   ", file_storage",
	}.String(), dsn)
	waitForRows(t, pool, 3)
	c.stop()
	assert.Equal(t, "0.001694760000", readTotals(t, pool).Dollars)
	requireRollupsEqualRows(t, pool)
}
