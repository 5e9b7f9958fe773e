// Package golden compares the output of a test with a file that holds the expected output,
// and rewrites the file on request.
//
// It owns the comparison and the rewriting; it does not own the files, which are in the
// testdata folder of each test. Only tests import it.
package golden

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// UpdateVariable is the environment variable that rewrites golden files instead of
// comparing: `UPDATE_GOLDEN=1 go test ./...`, or `make golden`. It is refused in CI, where
// the variable CI is set, because rewriting there would only hide the change.
const UpdateVariable = "UPDATE_GOLDEN"

// Updating reports whether golden files are being rewritten.
func Updating(t testing.TB) bool {
	t.Helper()
	if os.Getenv(UpdateVariable) == "" {
		return false
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("%s is set in CI: rewrite golden files on your machine and commit them", UpdateVariable)
	}
	return true
}

// Equal fails the test at the first line in which got differs from the file.
func Equal(t testing.TB, file, got string) {
	t.Helper()
	if Updating(t) {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil { //nolint:gosec // a folder of the work tree
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil { //nolint:gosec // a file of the work tree
			t.Fatal(err)
		}
		return
	}
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v: write it with %s=1 go test ./..., then read what it says", err, UpdateVariable)
	}
	if line, is, want, same := firstDifference(got, string(content)); !same {
		t.Errorf("%s:%d differs\nfile: %s\n now: %s\nIf the change is meant, run %s=1 go test on this package and commit the file.",
			file, line, want, is, UpdateVariable)
	}
}

// firstDifference returns the first line, counted from 1, in which the texts differ, and
// its content in each.
func firstDifference(got, want string) (line int, is, should string, same bool) {
	if got == want {
		return 0, "", "", true
	}
	const end = "(end of text)"
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for line = 0; line < len(g) && line < len(w) && g[line] == w[line]; line++ {
	}
	is, should = end, end
	if line < len(g) {
		is = g[line]
	}
	if line < len(w) {
		should = w[line]
	}
	return line + 1, is, should, false
}
