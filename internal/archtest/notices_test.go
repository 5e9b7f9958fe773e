package archtest

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// noticeLine is the line of a module in THIRD_PARTY_NOTICES.
var noticeLine = regexp.MustCompile(`(?m)^(\S+/\S+) (v\S+) (\S+)$`)

// TestEveryLinkedModuleHasItsNotice: what the programs link here stands in
// THIRD_PARTY_NOTICES with that version, and with licences that tools/notices allows.
// The file itself is compared by `make generated`.
func TestEveryLinkedModuleHasItsNotice(t *testing.T) {
	t.Parallel()
	list := regexp.MustCompile(`(?m)^var allowed = \[\]string\{(.*)\}$`).FindStringSubmatch(readFile(t, "tools/notices/main.go"))
	if list == nil {
		t.Fatal("tools/notices has no list of licences")
	}
	allowed := map[string]bool{}
	for _, licence := range strings.Split(list[1], ", ") {
		if allowed[strings.Trim(licence, `"`)] = true; regexp.MustCompile(`GPL|SSPL|BUSL|Commons`).MatchString(licence) {
			t.Errorf("tools/notices allows %s, which reaches our own code or forbids use", licence)
		}
	}
	heads, _, _ := strings.Cut(readFile(t, "THIRD_PARTY_NOTICES"), "\n---")
	noted := map[string]bool{}
	for _, m := range noticeLine.FindAllStringSubmatch(heads, -1) {
		noted[m[1]+" "+m[2]] = true
		for _, licence := range strings.Split(m[3], "+") {
			if !allowed[licence] {
				t.Errorf("%s %s has the licence %s, which tools/notices does not allow", m[1], m[2], licence)
			}
		}
	}
	if len(noted) < 100 {
		t.Fatalf("THIRD_PARTY_NOTICES names %d modules", len(noted))
	}
	for _, program := range []struct{ module, pkg string }{{"distribution", "."}, {".", "./cmd/usagectl"}} {
		cmd := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{with or .Replace .}}{{.Path}} {{.Version}}{{end}}{{end}}{{end}}", program.pkg)
		cmd.Dir = root + "/" + program.module
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("go list in %s: %v", program.module, err)
		}
		for line := range strings.Lines(string(out)) {
			module := strings.TrimSpace(line) // without a version it is ours
			if strings.Contains(module, " ") && !noted[module] {
				t.Errorf("%s is linked and not in THIRD_PARTY_NOTICES: run make notices", module)
			}
		}
	}
}
