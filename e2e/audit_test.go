package e2e

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
)

// TestEveryReadOfAnAdministratorIsInTheLog: the collector samples its log by
// message, ten in ten seconds and then each hundredth.
func TestEveryReadOfAnAdministratorIsInTheLog(t *testing.T) {
	t.Parallel()
	dsn := "DATABASE_URL=" + pgtest.New(t).DSN
	c := start(t, configuration{}.String(), dsn)
	const reads = 300
	for range reads {
		status, _ := c.get("/api/admin/usage?detail=basic", "")
		require.Equal(t, 200, status)
	}
	c.stop()
	assert.Equal(t, reads, strings.Count(c.log.String(), "An administrator read usage"))
}
