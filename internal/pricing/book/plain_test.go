package book

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// priceFiles are the built-in books, the curated rows, and the files of tests.
func priceFiles(t testing.TB) (files []string) {
	t.Helper()
	for _, folder := range []string{"../books/*", "../../../tools/pricebook/curated", "testdata/*", "../testdata", "../testdata/*"} {
		found, err := filepath.Glob(folder + "/*.yaml")
		require.NoError(t, err)
		files = append(files, found...)
	}
	require.Greater(t, len(files), 200)
	return files
}

func TestPlainTreeIsThatOfTheYAMLLibrary(t *testing.T) {
	t.Parallel()
	for _, file := range priceFiles(t) {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		plain := sameTree(t, content)
		if strings.Contains(file, "/books/current/") {
			assert.True(t, plain, "%s is read by the YAML library, which is slower", file)
		}
	}
}

func TestWhatIsNotPlainIsLeftToTheYAMLLibrary(t *testing.T) {
	t.Parallel()
	for _, content := range []string{
		"", "# nothing", "a", "- a", "a:", "a: null", "a: ~", "a: *b", "a: &b c", "a: |\n  b", "a: >\n  b", "a: 'b'", `a: "b\n"`,
		"a: b # c", "a: b\n  c", "a: b\n  c: d", "a:\nb: c", "a:\n- b", "a: [b\n, c]", "a: {b: c,}", "a: {b}", "a: {b: }", "a: [b,c]", "a: {}", "a: []",
		"a: b: c", "a: b:c", "a: b:", "a: b:c:", "a: b:c: d", "- a:b", "- a:b: c", "a: ü", "a: b\r\nc: d\r\n", "a:\tb", "---\na: b", "a: b\n---\nc: d", "<<: b", "a: -b", "a: .5", "- - a", "-\n  a: b",
		"a:\n    b: c\n  d: e", "a:\n  b: c\n d: e", "  a: b\nc: d", "a:b", "a : b", "? a", "a: \x01", "# \x01\na: b", "a: b ", "a: {b: c } ", "a: Null", "a: {b: NULL}",
		strings.Repeat("a", 2000) + ": b", strings.Repeat("{a: ", 40) + "b" + strings.Repeat("}", 40),
	} {
		sameTree(t, []byte(content))
	}
}

// FuzzPlainTree compares with the YAML library.
func FuzzPlainTree(f *testing.F) {
	for _, file := range priceFiles(f) {
		content, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(content[:min(len(content), 4096)])
	}
	f.Fuzz(func(t *testing.T, content []byte) { sameTree(t, content) })
}

// sameTree reports whether a text is plain; then the library must read the same.
func sameTree(t *testing.T, content []byte) bool {
	t.Helper()
	root, ok := plainTree(content)
	if !ok {
		return false
	}
	var doc yaml.Node
	require.NoError(t, yaml.Unmarshal(content, &doc), "%q", content)
	require.Len(t, doc.Content, 1, "%q", content)
	compare(t, doc.Content[0], root, content)
	return true
}

func compare(t *testing.T, want, got *yaml.Node, content []byte) {
	t.Helper()
	require.Equal(t, want.Kind, got.Kind, "%q", content)
	require.Equal(t, want.Line, got.Line, "%q", content)
	require.Equal(t, strings.TrimSpace(want.Value), strings.TrimSpace(got.Value), "%q", content)
	require.NotEqual(t, "!!null", want.Tag, "%q", content)
	require.Len(t, got.Content, len(want.Content), "%q", content)
	for i := range want.Content {
		compare(t, want.Content[i], got.Content[i], content)
	}
}
