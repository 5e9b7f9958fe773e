package messages

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/golden"
)

// speaking are the functions and methods whose texts people read.
var speaking = map[string]bool{
	"New": true, "Errorf": true, "Fault": true, "newProblem": true, "unavailable": true, "paramProblem": true, // errors and problems
	"Debug": true, "Info": true, "Warn": true, "Error": true, // log lines
	"Print": true, "Printf": true, "Println": true, "PrintErrf": true, "PrintErrln": true, "Fprint": true, "Fprintf": true, "Fprintln": true, "line": true, // terminal
	"fault": true, "look": true, "fine": true, // usagectl doctor
}

// rooms are the folders of the products; what tools print is for us.
var rooms = []string{"cmd", "distribution", "exporter", "extension", "internal", "processor"}

// TestTheListOfMessages writes each text that a program of ours can say.
func TestTheListOfMessages(t *testing.T) {
	t.Parallel()
	var lines []string
	for _, room := range rooms {
		root := filepath.Join("../..", room)
		require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case entry.IsDir() && (entry.Name() == "testdata" || strings.HasPrefix(entry.Name(), "metadata")):
				return fs.SkipDir
			case entry.IsDir() && slices.Contains([]string{"archtest", "golden", "pgtest", "pglab"}, entry.Name()):
				return fs.SkipDir // for tests
			case !strings.HasSuffix(path, ".go"), strings.HasSuffix(path, "_test.go"), strings.HasPrefix(entry.Name(), "generated_"):
				return nil
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			folder := strings.TrimPrefix(filepath.ToSlash(filepath.Dir(path)), "../../")
			for _, text := range texts(file) {
				lines = append(lines, folder+"  "+text)
			}
			return nil
		}))
	}
	slices.Sort(lines)
	lines = slices.Compact(lines)
	assert.Greater(t, len(lines), 300)
	golden.Equal(t, "testdata/messages.golden", strings.Join(lines, "\n")+"\n")
}

// texts gives the literals in the arguments of calls that speak, one for each call.
func texts(file *ast.File) (found []string) {
	ast.Inspect(file, func(node ast.Node) bool {
		call, ok := node.(*ast.CallExpr)
		if !ok || !speaking[calledName(call.Fun)] {
			return true
		}
		var parts []string
		for _, argument := range call.Args {
			parts = append(parts, literals(argument)...)
		}
		if text := strings.Join(parts, " … "); strings.ContainsFunc(text, func(r rune) bool { return r >= 'a' && r <= 'z' }) && strings.Contains(text, " ") {
			found = append(found, fmt.Sprintf("%q", text))
		}
		return true
	})
	return found
}

func calledName(fun ast.Expr) string {
	switch f := fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return f.Sel.Name
	}
	return ""
}

// literals are the texts of an argument: of a literal, of parts that are put together,
// and of calls that speak not by themselves.
func literals(argument ast.Expr) (parts []string) {
	ast.Inspect(argument, func(node ast.Node) bool {
		switch n := node.(type) {
		case *ast.FuncLit:
			return false
		case *ast.CallExpr:
			return !speaking[calledName(n.Fun)]
		case *ast.BasicLit:
			if text, err := strconv.Unquote(n.Value); n.Kind == token.STRING && err == nil {
				parts = append(parts, text)
			}
		}
		return true
	})
	return parts
}
