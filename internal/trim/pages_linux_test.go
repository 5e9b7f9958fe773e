package trim

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const smaps = `00400000-0222e000 r-xp 00000000 fe:00 123                        /opt/otelcol usage
Size:              30904 kB
Rss:               21292 kB
Anonymous:             0 kB
VmFlags: rd ex mr mw me sd
0222e000-0488a000 r--p 01e2e000 fe:00 123                        /opt/otelcol usage
Rss:               21360 kB
Anonymous:             0 kB
0488a000-04a00000 r--p 0448a000 fe:00 123                        /opt/otelcol usage
Anonymous:             4 kB
04a00000-04a58000 rw-p 0448a000 fe:00 123                        /opt/otelcol usage
Anonymous:             0 kB
c000000000-c000400000 rw-p 00000000 00:00 0
Anonymous:             0 kB
7f0000000000-7f0000001000 r--s 00000000 fe:00 124                /var/lib/queue
Anonymous:             0 kB
`

func TestOnlyUnchangedPagesOfTheProgramAreDropped(t *testing.T) {
	t.Parallel()
	assert.Equal(t, []mapping{{0x400000, 0x222e000}, {0x222e000, 0x488a000}}, unchanged(smaps, "/opt/otelcol usage"))
	assert.Empty(t, unchanged(smaps, "/opt/other"))
	assert.Empty(t, unchanged("nonsense\n\n", ""))
}

func TestThisProgramHasPagesToDropAndRunsOn(t *testing.T) {
	t.Parallel()
	program, err := os.Readlink("/proc/self/exe")
	require.NoError(t, err)
	mappings, err := os.ReadFile("/proc/self/smaps")
	require.NoError(t, err)
	require.NotEmpty(t, unchanged(string(mappings), program))
	for range 3 {
		dropPages()
	}
}
