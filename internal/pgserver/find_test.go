package pgserver

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestADirectoryWithoutProgramsIsNamed(t *testing.T) {
	t.Setenv(binDirVariable, "/nowhere")
	_, err := Find()
	require.EqualError(t, err, "PG_BINDIR = /nowhere must contain the programs of PostgreSQL 14 or newer, found none")
}
