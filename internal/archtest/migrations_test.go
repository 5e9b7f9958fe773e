package archtest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// releasedList holds the checksums of the migrations that a release contained,
// in the form of sha256sum, each block under a comment that names the release.
// Databases have applied those files: an edit would never reach them.
const releasedList = "internal/archtest/testdata/released_migrations.sha256"

func TestReleasedMigrationsAreNotEdited(t *testing.T) {
	t.Parallel()
	sums, versions := map[string]string{}, releases(readFile(t, "CHANGELOG.md"))
	for _, f := range ourTextFiles(t) {
		if strings.HasPrefix(f.path, "migrations/") && strings.HasSuffix(f.path, ".sql") {
			sum := sha256.Sum256([]byte(f.text))
			sums[f.path] = hex.EncodeToString(sum[:])
		}
	}
	for _, fault := range releaseFaults(readFile(t, releasedList), sums, versions) {
		t.Error(fault)
	}
}

func TestEditedMigrationsAreFound(t *testing.T) {
	t.Parallel()
	const first, second = "migrations/0001_create.up.sql", "migrations/0002_add.up.sql"
	list := "# 0.1.0\n11aa  " + first + "\n"
	for _, c := range []struct {
		name     string
		list     string
		sums     map[string]string
		versions []string
		want     string
	}{
		{"nothing released", "", map[string]string{first: "11aa"}, nil, ""},
		{"untouched", list, map[string]string{first: "11aa", second: "22bb"}, []string{"0.1.0"}, ""},
		{"edited", list, map[string]string{first: "33cc"}, []string{"0.1.0"}, first + " was changed after its release"},
		{"removed", list, nil, []string{"0.1.0"}, first + " was changed after its release"},
		{"release without its block", list, map[string]string{first: "11aa"}, []string{"0.2.0", "0.1.0"}, "release 0.2.0 has no block"},
		{"slipped in before a released one", "# 0.1.0\n22bb  " + second + "\n", map[string]string{first: "11aa", second: "22bb"}, []string{"0.1.0"}, first + " sorts before"},
		{"unreadable", "# 0.1.0\nnonsense\n", nil, []string{"0.1.0"}, "line 2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := strings.Join(releaseFaults(c.list, c.sums, c.versions), "\n")
			if c.want == "" && got != "" || !strings.Contains(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

var releaseHeading = regexp.MustCompile(`(?m)^## \[(\d+\.\d+\.\d+)\]`)

// releases reads the versions from a changelog.
func releases(changelog string) (versions []string) {
	for _, m := range releaseHeading.FindAllStringSubmatch(changelog, -1) {
		versions = append(versions, m[1])
	}
	return versions
}

// releaseFaults compares the list of released migrations with the sums of the
// files that are there now.
func releaseFaults(list string, sums map[string]string, versions []string) []string {
	var faults []string
	blocks, released := map[string]bool{}, map[string]bool{}
	last := ""
	for i, line := range strings.Split(list, "\n") {
		if version, isHeading := strings.CutPrefix(line, "# "); isHeading {
			blocks[version] = true
			continue
		}
		if strings.TrimSpace(line) == "" {
			continue
		}
		sum, path, found := strings.Cut(line, "  ")
		if !found {
			faults = append(faults, fmt.Sprintf("%s line %d: %q is neither a comment nor a line of sha256sum", releasedList, i+1, line))
			continue
		}
		released[path] = true
		last = max(last, path)
		if sums[path] != sum {
			faults = append(faults, fmt.Sprintf("%s was changed after its release: undo that and write the next migration", path))
		}
	}
	for _, version := range versions {
		if !blocks[version] {
			faults = append(faults, fmt.Sprintf("release %s has no block in %s: add \"# %s\" and the sha256sum lines of its migrations", version, releasedList, version))
		}
	}
	for _, path := range slices.Sorted(maps.Keys(sums)) {
		if !released[path] && path < last {
			faults = append(faults, fmt.Sprintf("%s sorts before the released %s: databases that have that one would never apply it; take the next number", path, last))
		}
	}
	return faults
}

// TestEveryFunctionHasAFixedSearchPath: a function of ours finds what it names in
// the server's own catalog and nowhere else. A body that is bound when the
// function is created (BEGIN ATOMIC, RETURN) cannot be led elsewhere later, and
// the migrator, which binds it, has a fixed path too.
func TestEveryFunctionHasAFixedSearchPath(t *testing.T) {
	t.Parallel()
	const fixed = "SET search_path = pg_catalog, pg_temp"
	functions := 0
	for _, f := range ourTextFiles(t) {
		if !strings.HasPrefix(f.path, "migrations/") || !strings.HasSuffix(f.path, ".sql") {
			continue
		}
		for _, m := range createFunction.FindAllStringSubmatch(f.text, -1) {
			functions++
			if m[3] == "AS" && !strings.Contains(m[2], fixed) {
				t.Errorf("%s: %s has no fixed search_path: add %q", f.path, m[1], fixed)
			}
		}
	}
	if functions < 15 {
		t.Errorf("%d functions were found in migrations/: the pattern is out of date", functions)
	}
	if !strings.Contains(readFile(t, "internal/dbmigrate/migrate.go"), "SET LOCAL search_path = pg_catalog, pg_temp") {
		t.Error("the migrator runs files with the search_path of its role")
	}
}

// createFunction finds the name of a function, what it declares, and how its body
// begins.
var createFunction = regexp.MustCompile(`(?s)CREATE (?:OR REPLACE )?FUNCTION (\S+?)\((.*?)\s(AS|BEGIN ATOMIC|RETURN)\s`)
