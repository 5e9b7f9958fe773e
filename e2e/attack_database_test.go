package e2e

import (
	"errors"
	"os"
	"os/exec"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAttackDatabase changes the database in every way of tools/chaos while calls are
// stored: closed logins, locks, time-outs, other names. What is counted there (lost,
// double, parked, sums that differ) is zero. In continuous integration the test of
// tools/chaos does this.
func TestAttackDatabase(t *testing.T) {
	t.Parallel()
	chaos := os.Getenv("CHAOS_BINARY")
	if !attacking() || chaos == "" {
		t.Skip("the test of tools/chaos does this; make attack does it here")
	}
	out, err := exec.CommandContext(t.Context(), chaos, "-collector", binary, "-only", "changed: ").CombinedOutput()
	lines := regexp.MustCompile(`(?m)^(changed: .*?) {2,}\d+ +\d+ +(\d+ +\d+ +\d+ +\d+ +\d+) `).FindAllStringSubmatch(string(out), -1)
	require.NotEmpty(t, lines, "%s", out)
	exact := regexp.MustCompile(`^0( +0)*$`)
	for _, line := range lines {
		var broken error
		if !exact.MatchString(line[2]) {
			broken = errors.New("lost, double, parked, no user, rollup: " + line[2])
		}
		attempt(t, "bin/chaos -only '"+line[1]+"'", broken)
	}
	require.NoError(t, err, "%s", out)
}
