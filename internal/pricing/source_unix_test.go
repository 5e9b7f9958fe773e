//go:build unix

package pricing_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
)

// TestOnlyRegularFilesAreRead: a named pipe would hold start, reload and stop.
func TestOnlyRegularFilesAreRead(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	pipe, device, file := filepath.Join(folder, "pipe.yaml"), filepath.Join(folder, "zero.yaml"), filepath.Join(folder, "ours.yaml")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	require.NoError(t, os.Symlink("/dev/zero", device))
	for _, name := range []string{pipe, device} {
		_, err := pricing.Load(pricing.Config{Builtin: "none", Files: []string{name}})
		assert.ErrorContains(t, err, "is not a regular file")
	}

	require.NoError(t, os.WriteFile(file, []byte(priceOf1), 0o600))
	var o observed
	options := o.options()
	options.Poll = 5 * time.Millisecond
	s, err := pricing.NewSource(pricing.Config{Builtin: "none", Files: []string{file}}, options)
	require.NoError(t, err)
	s.Start()
	defer s.Close()
	require.NoError(t, os.Rename(pipe, file))
	eventually(t, "the fault", func() bool { _, failed := o.counts(); return failed == 1 })
	assert.Equal(t, "1", costOf(s))
	require.NoError(t, os.WriteFile(file+"~", []byte(priceOf1+"# again\n"), 0o600))
	require.NoError(t, os.Rename(file+"~", file))
	eventually(t, "the next good file", func() bool { reloaded, _ := o.counts(); return reloaded == 1 })
}
