package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestWrongConfigurationFailsAtStartAndSaysTheWayOut runs every file of
// testdata/bad_configs. The lines of its head that begin with "# want:" are
// texts that the error has to contain. A new file is a new case.
func TestWrongConfigurationFailsAtStartAndSaysTheWayOut(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/bad_configs/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			config, err := os.ReadFile(file)
			require.NoError(t, err)
			var wants []string
			for line := range strings.Lines(string(config)) {
				if want, ok := strings.CutPrefix(line, "# want: "); ok {
					wants = append(wants, strings.TrimSpace(want))
				}
			}
			require.NotEmpty(t, wants, "the file names no text that the error has to contain")
			env := []string{"GRPC=" + freeAddress(t), "HTTP=" + freeAddress(t), "API=" + freeAddress(t)}
			for _, command := range [][]string{{"validate", "--config", file}, {"--config", file}} {
				out, err := runBinary(t, env, command...)
				require.Error(t, err, "%s accepted the configuration", command[0])
				for _, want := range wants {
					assert.Contains(t, out, want, command[0])
				}
			}
		})
	}
}

func TestAnEmptyEnvironmentVariableMeansTheDefault(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "config.yaml")
	config := strings.NewReplacer("<GRPC>", "127.0.0.1:1", "<HTTP>", "127.0.0.1:2", "<API>", "127.0.0.1:3").Replace(configuration{}.String())
	require.NoError(t, os.WriteFile(file, []byte(config), 0o600))
	for _, value := range []string{"", "true", "false"} {
		out, err := runBinary(t, []string{"DATABASE_URL=postgres://127.0.0.1/x", "USER_AUTH=" + value, "DEBUG_USAGE=" + value}, "validate", "--config", file)
		assert.NoError(t, err, "USER_AUTH=%q: %s", value, out)
	}
	out, err := runBinary(t, []string{"DATABASE_URL=postgres://127.0.0.1/x", "USER_AUTH=maybe"}, "validate", "--config", file)
	require.Error(t, err)
	assert.Contains(t, out, "track_users` must be true or false, found maybe (USER_AUTH")
}
