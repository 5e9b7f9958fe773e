package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The collector's modules are released together: the unstable ones as v0.N,
// the stable ones as v1.(N-94). A build that mixes releases of the core compiles
// and then fails in ways that nobody can explain. docs/decisions/0002 says why
// some modules of contrib, and mdatagen, are older.
var collectorReleases = map[string][]string{
	"go.mod":              {"v0.165.0", "v1.71.0"},
	"tools/builder.mod":   {"v0.165.0", "v1.71.0"},
	"builder-config.yaml": {"v0.165.0", "v1.71.0"},
	"distribution/go.mod": {"v0.165.0", "v1.71.0"},
	"tools/mdatagen.mod":  {"v0.161.0", "v1.67.0"},
}

// contribReleases are those of contrib, whose modules go by their own number.
var contribReleases = []string{"v0.165.1", "v0.161.0"}

var collectorModule = regexp.MustCompile(`(go\.opentelemetry\.io/collector|github\.com/open-telemetry/opentelemetry-collector-contrib)((?:/[\w.-]+)*) (v\d+\.\d+\.\d+\S*)`)

func TestCollectorModulesAreOfOneRelease(t *testing.T) {
	t.Parallel()
	for name, releases := range collectorReleases {
		found := 0
		for line := range strings.Lines(readFile(t, name)) {
			if strings.Contains(line, "=>") {
				continue // a replacement says why in the line above
			}
			for _, m := range collectorModule.FindAllStringSubmatch(line, -1) {
				found++
				allowed := releases
				if strings.HasPrefix(m[1], "github.com/") {
					allowed = contribReleases
				}
				if !slices.Contains(allowed, m[3]) {
					t.Errorf("%s: %s is at %s, allowed are %v: raise all of them in one commit", name, m[1]+m[2], m[3], allowed)
				}
			}
		}
		if found == 0 {
			t.Errorf("%s names no module of the collector", name)
		}
	}
}

// TestOurModuleReplacesNothing: a replace line works only in the main module,
// so whoever builds a collector with our components would not have it.
func TestOurModuleReplacesNothing(t *testing.T) {
	t.Parallel()
	for i, line := range strings.Split(readFile(t, "go.mod"), "\n") {
		if word, _, _ := strings.Cut(strings.TrimSpace(line), " "); word == "replace" || strings.Contains(line, "=>") {
			t.Errorf("go.mod:%d: %q belongs into builder-config.yaml, where it concerns our binary alone", i+1, strings.TrimSpace(line))
		}
	}
}

// TestTheDistributionUsesTheVersionsOfOurModule: our tests prove what the binary
// does only when both are built with the same version of what our code imports.
func TestTheDistributionUsesTheVersionsOfOurModule(t *testing.T) {
	t.Parallel()
	ours, theirs := requires(readFile(t, "go.mod"), false), requires(readFile(t, "distribution/go.mod"), true)
	shared := 0
	for path, version := range theirs {
		want, both := ours[path]
		if !both {
			continue
		}
		shared++
		if version != want {
			t.Errorf("%s: %s in distribution/go.mod, %s in go.mod: raise the older one, then run make generate", path, version, want)
		}
	}
	if shared == 0 {
		t.Error("distribution/go.mod and go.mod share no module")
	}
}

var requireLine = regexp.MustCompile(`(?m)^(?:require )?\t?([\w.-]+\.[\w.-]+/\S+) (v\S+)( // indirect)?`)

// requires reads the required versions of a go.mod file: those of modules that
// its code imports, and on request the others too.
func requires(text string, indirect bool) map[string]string {
	versions := map[string]string{}
	for _, m := range requireLine.FindAllStringSubmatch(text, -1) {
		if indirect || m[3] == "" {
			versions[m[1]] = m[2]
		}
	}
	return versions
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
