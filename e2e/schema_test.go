package e2e

import (
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/dbmigrate"
	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
)

func TestAMissingSchemaIsSaidOnceWithItsRepairAndNothingIsLost(t *testing.T) {
	t.Parallel()
	db := pgtest.NewEmpty(t)
	config := strings.Replace(configuration{processor: "    prices: {builtin: openai-2024}"}.String(), "    migrate: true\n", "    migrate: false\n", 1)
	c := start(t, config, "DATABASE_URL="+db.DSN)
	sendOneCallEach(t, c, "ada", "grace")
	eventually(t, "the command that repairs it, in the log", func() error {
		if !strings.Contains(c.log.String(), "usagectl migrate up") {
			return fs.ErrNotExist
		}
		return nil
	})
	status, problem := c.get("/api/admin/usage", "")
	assert.Equal(t, 503, status, problem)

	_, err := dbmigrate.New().Up(t.Context(), db.Pool)
	require.NoError(t, err)
	waitForRows(t, db.Pool, 2)
	eventually(t, "the API answers", func() error {
		if status, _ := c.get("/api/admin/usage", ""); status != 200 {
			return fs.ErrNotExist
		}
		return nil
	})
	c.stop()
	for line := range strings.Lines(c.log.String()) {
		assert.NotContains(t, line, "panic")
	}
}
