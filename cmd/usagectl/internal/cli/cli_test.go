package cli

import (
	"bytes"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// run runs usagectl with these arguments and returns all it printed.
func run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	root := New()
	var out bytes.Buffer
	root.SetOut(&out)
	root.SetErr(&out)
	root.SetIn(nobody(t))
	root.SetArgs(args)
	err := root.ExecuteContext(t.Context())
	return out.String(), err
}

// nobody is a standard input as cron gives it: nobody answers.
func nobody(t *testing.T) *os.File {
	t.Helper()
	read, write, err := os.Pipe()
	require.NoError(t, err)
	require.NoError(t, write.Close())
	t.Cleanup(func() { _ = read.Close() })
	return read
}

// on is [run] for a command that works on a database.
func on(t *testing.T, dsn string, args ...string) (string, error) {
	t.Helper()
	return run(t, append(slices.Clone(args), "--dsn="+dsn)...)
}
