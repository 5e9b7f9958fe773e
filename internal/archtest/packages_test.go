package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// TestEveryPackageSaysWhatItOwns reads the doc comment of each package. It has
// to begin as Go's tools expect, and to say in a sentence with "own" what the
// package is responsible for and what it leaves to others: that is how a reader
// finds the room in which something belongs.
func TestEveryPackageSaysWhatItOwns(t *testing.T) {
	t.Parallel()
	for _, p := range ourPackages(t) {
		if isGenerated(p.folder()) {
			continue
		}
		doc, name, err := packageDoc(p)
		if err != nil {
			t.Error(err)
			continue
		}
		if fault := docFault(name, path.Base(p.folder()), doc); fault != "" {
			t.Errorf("%s: %s", p.folder(), fault)
		}
	}
}

func TestDocFaultsAreFound(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		what, name, base, doc string
		fault                 bool
	}{
		{"complete", "usage", "usage", "Package usage holds the words. It owns no input and no output.", false},
		{"a command", "main", "usagectl", "Command usagectl looks after the database. It owns no rule of its own.", false},
		{"none", "usage", "usage", "", true},
		{"another name", "usage", "usage", "Package pricing holds the words. It owns no input.", true},
		{"does not say what it owns", "usage", "usage", "Package usage holds the words of the domain.", true},
		{"says own only inside a word", "usage", "usage", "Package usage holds unknown words brought down.", true},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			if fault := docFault(c.name, c.base, c.doc); (fault != "") != c.fault {
				t.Errorf("got fault %q, want one: %t", fault, c.fault)
			}
		})
	}
}

func docFault(name, base, doc string) string {
	begin := "Package " + name + " "
	if name == "main" {
		begin = "Command " + base + " "
	}
	switch {
	case doc == "":
		return "the package has no doc comment: write doc.go, beginning with \"" + begin + "\""
	case !strings.HasPrefix(doc, begin):
		first, _, _ := strings.Cut(doc, "\n")
		return "the doc comment must begin with \"" + begin + "\", found \"" + first + "\""
	case !hasWord(doc, "own", "owns"):
		return "the doc comment must say what the package owns and what it does not own"
	}
	return ""
}

func hasWord(text string, words ...string) bool {
	for _, field := range strings.FieldsFunc(text, func(r rune) bool { return r < 'A' || r > 'Z' && r < 'a' || r > 'z' }) {
		for _, word := range words {
			if field == word {
				return true
			}
		}
	}
	return false
}

// packageDoc reads the doc comment of a package and its name. A package that
// consists of tests only is documented in one of those.
func packageDoc(p goPackage) (doc, name string, err error) {
	files := p.GoFiles
	if len(files) == 0 {
		files = append(p.TestGoFiles, p.XTestGoFiles...)
	}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, file), nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			return "", "", err
		}
		name = parsed.Name.Name
		if text := parsed.Doc.Text(); text != "" && !ast.IsGenerated(parsed) {
			doc = text
		}
	}
	return doc, name, nil
}

// TestComponentsHaveTheFilesOfTheirKind: whoever has read one component of the
// collector finds their way in each of ours.
func TestComponentsHaveTheFilesOfTheirKind(t *testing.T) {
	t.Parallel()
	for _, component := range components {
		for _, file := range []string{
			"README.md", "config.go", "doc.go", "factory.go", "metadata.yaml",
			"generated_component_test.go", "generated_package_test.go", "testdata/config.yaml",
		} {
			if _, err := os.Stat(filepath.Join(root, component, filepath.FromSlash(file))); err != nil {
				t.Errorf("%s: %v", component, err)
			}
		}
	}
}

// components are the folders of our three collector components.
var components = []string{
	"processor/genaiusageprocessor",
	"exporter/usagepostgresexporter",
	"extension/usageapiextension",
}
