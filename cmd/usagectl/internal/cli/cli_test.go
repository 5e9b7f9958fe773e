package cli

import (
	"bytes"
	"slices"
	"testing"
)

// run runs usagectl with these arguments and returns all it printed.
func run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	root := New()
	var out bytes.Buffer
	root.SetOut(&out)
	root.SetErr(&out)
	root.SetArgs(args)
	err := root.ExecuteContext(t.Context())
	return out.String(), err
}

// on is [run] for a command that works on a database.
func on(t *testing.T, dsn string, args ...string) (string, error) {
	t.Helper()
	return run(t, append(slices.Clone(args), "--dsn="+dsn)...)
}
