package archtest

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestProgramsForWindowsLinkNothingOfUnixAlone: a release is built for systems that no test
// runs on, and packages that run processes as other users do not compile there.
func TestProgramsForWindowsLinkNothingOfUnixAlone(t *testing.T) {
	t.Parallel()
	for module, program := range map[string]string{root: "./cmd/usagectl", root + "/distribution": "."} {
		list := exec.CommandContext(t.Context(), "go", "list", "-deps", program)
		list.Dir = module
		list.Env = append(os.Environ(), "GOOS=windows", "GOARCH=amd64", "CGO_ENABLED=0")
		out, err := list.Output()
		require.NoError(t, err)
		linked := strings.Fields(string(out))
		require.Contains(t, linked, "github.com/otelcol-usage/otelcol-usage/internal/pricing", program)
		for _, alone := range []string{"internal/pgserver", "internal/collectorproc", "cmd/usagectl/internal/demo"} {
			assert.NotContains(t, linked, "github.com/otelcol-usage/otelcol-usage/"+alone, program)
		}
	}
}
