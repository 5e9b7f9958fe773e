package e2e

import (
	"context"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestTheDemoEndsByItselfAndShowsTheTotals runs what `make demo ONCE=1` runs,
// over fewer days, with a database of its own that it starts and removes.
func TestTheDemoEndsByItselfAndShowsTheTotals(t *testing.T) {
	t.Parallel()
	usagectl := filepath.Join(t.TempDir(), "usagectl")
	out, err := exec.Command("go", "build", "-o", usagectl, "../cmd/usagectl").CombinedOutput()
	require.NoError(t, err, "%s", out)

	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	demo := exec.CommandContext(ctx, usagectl, "demo", "--once", "--days", "9", "--calls-per-day", "40", "--collector", binary)
	demo.Env = environmentWithout("DATABASE_URL")
	out, err = demo.CombinedOutput()
	require.NoError(t, err, "%s", out)
	for _, want := range []string{"each once", "Total cost", "By API type", "By user", "maria.santos@northwind.example", "unpriced", "By day", "this month ", "saves a month ", "what if ", "Stopping the collector"} {
		assert.Contains(t, string(out), want)
	}
	assert.NotContains(t, string(out), "curl", "nothing is there to be asked any more")
}
