package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"
)

// mayBeOneCall are the types that stand for a call. A function that takes two
// of one of them and answers with a bool decides whether they are one call.
var mayBeOneCall = map[string]bool{"Report": true, "entry": true, "found": true, "Call": true}

func TestOnePlaceSaysWhichReportsAreOneCall(t *testing.T) {
	t.Parallel()
	rules := 0
	for _, f := range ourTextFiles(t) {
		if !strings.HasSuffix(f.path, ".go") || strings.HasSuffix(f.path, "_test.go") {
			continue
		}
		for _, name := range saysSame(t, f.text) {
			if within(f.path, "internal/once") {
				rules++
				continue
			}
			t.Errorf("%s: %s compares two reports of a call: that is internal/once's to decide", f.path, name)
		}
	}
	if rules == 0 {
		t.Error("internal/once compares nothing: mayBeOneCall is out of date")
	}
}

func TestAComparisonOfTwoReportsIsFound(t *testing.T) {
	t.Parallel()
	const code = `package p
func (f *found) alike(g *found) bool { return true }
func same(a, b *once.Report, inside bool) bool { return true }
func (c *Call) has(n int) bool { return true }
func merge(a, b *found) {}`
	found := saysSame(t, code)
	if len(found) != 2 || found[0] != "alike" || found[1] != "same" {
		t.Errorf("found %q", found)
	}
}

// saysSame lists the functions of a file that compare two of mayBeOneCall.
func saysSame(t *testing.T, code string) (names []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "", code, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	for _, declaration := range file.Decls {
		f, ok := declaration.(*ast.FuncDecl)
		if !ok || f.Type.Results == nil {
			continue
		}
		taken := map[string]int{}
		for _, list := range []*ast.FieldList{f.Recv, f.Type.Params} {
			if list == nil {
				continue
			}
			for _, field := range list.List {
				taken[calledType(field.Type)] += max(1, len(field.Names))
			}
		}
		for _, result := range f.Type.Results.List {
			for name, n := range taken {
				if calledType(result.Type) == "bool" && n > 1 && mayBeOneCall[name] {
					names = append(names, f.Name.Name)
				}
			}
		}
	}
	return names
}

// calledType is the last part of a type's name: "Report" of *once.Report.
func calledType(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return calledType(e.X)
	case *ast.SelectorExpr:
		return e.Sel.Name
	case *ast.Ident:
		return e.Name
	}
	return ""
}
