package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestOnePlaceFoldsAndOnePlans holds that what adds calls to the sums, and what
// cuts a period into pieces of them, is written in internal/sums alone, and in
// migrations/ only between its markers.
func TestOnePlaceFoldsAndOnePlans(t *testing.T) {
	t.Parallel()
	rules := []struct{ what, rule string }{
		{"adds to a table of sums", `= r\.\w+ \+ EXCLUDED\.`},
		{"says which bucket a call belongs to", `date_bin\('(15 minutes|1 day)', timestamp`},
		{"takes away what a longer bucket has too much", `-r\.(calls|tokens|usage_dollars)\b`},
		{"cuts a period into pieces", `\) Cut\(`},
	}
	made := regexp.MustCompile(`(?s)-- Made by internal/sums: .*?-- End of what internal/sums made\.`)
	files, err := filepath.Glob(filepath.Join(root, "migrations", "*.sql"))
	if err != nil {
		t.Fatal(err)
	}
	optional, err := filepath.Glob(filepath.Join(root, "migrations", "optional", "*.sql"))
	if err != nil {
		t.Fatal(err)
	}
	files = append(files, optional...)
	files = slices.DeleteFunc(files, func(f string) bool {
		return filepath.Base(f) == "citus_4_functions.sql" // made of the migrations; internal/dbmigrate compares it
	})
	for _, p := range ourPackages(t) {
		if p.folder() == "internal/sums" {
			continue
		}
		for _, name := range p.GoFiles {
			files = append(files, filepath.Join(p.Dir, name))
		}
	}
	found := map[string]bool{}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rules {
			rule := regexp.MustCompile(r.rule)
			found[r.what] = found[r.what] || rule.Match(content)
			if at := rule.FindIndex(made.ReplaceAll(content, nil)); at != nil {
				t.Errorf("%s %s; that is internal/sums' to write (`make golden PKG=./internal/sums`)", strings.TrimPrefix(file, root+"/"), r.what)
			}
		}
	}
	for _, r := range rules[:3] {
		if !found[r.what] {
			t.Errorf("no migration %s: the rule %q is out of date", r.what, r.rule)
		}
	}
}
