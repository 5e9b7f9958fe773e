package archtest

import (
	"bytes"
	"go/format"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestGoFilesAreFormatted(t *testing.T) {
	t.Parallel()
	for _, f := range ourTextFiles(t) {
		if !strings.HasSuffix(f.path, ".go") {
			continue
		}
		formatted, err := format.Source([]byte(f.text))
		if err != nil {
			t.Errorf("%s: %v", f.path, err)
		} else if !bytes.Equal(formatted, []byte(f.text)) {
			t.Errorf("%s is not formatted: run gofmt -w %[1]s", f.path)
		}
	}
}

// unwantedText stands in no file.
type unwantedText struct {
	pattern *regexp.Regexp
	because string
	// except are folders and files where such a text is data, or not a mistake.
	except []string
}

// The patterns are written so that this file does not match them.
var unwanted = []unwantedText{
	{
		regexp.MustCompile(`(?:^|[\s"'=(:` + "`" + `])/(?:work|farm|root|home|Users)/[\w.]`),
		"a path of one machine: write it relative to the repository",
		[]string{"Dockerfile", "internal/replay/captures", "internal/genai/testdata"},
	},
	{
		regexp.MustCompile(`\b(?:TO` + `DO|FIX` + `ME|X` + `XX)\b`),
		"unfinished work belongs into an issue: do it or take the mark out",
		[]string{"internal/replay/captures", "internal/genai/testdata"},
	},
	{
		regexp.MustCompile(`(?m)^(?:<{7} |={7}$|>{7} )`),
		"a conflict mark that nobody resolved",
		nil,
	},
	{
		regexp.MustCompile(`\b(?:sk-(?:proj|ant|live)-[\w-]{16,}|AKIA[0-9A-Z]{16}|ghp_\w{36}|AIza[\w-]{35})\b`),
		"looks like a secret: take it out and revoke it",
		nil,
	},
}

func TestNoFileContainsWhatMustNotBeThere(t *testing.T) {
	t.Parallel()
	for _, f := range ourTextFiles(t) {
		for _, u := range unwanted {
			if slices.ContainsFunc(u.except, func(folder string) bool { return within(f.path, folder) }) {
				continue
			}
			if at := u.pattern.FindStringIndex(f.text); at != nil {
				t.Errorf("%s:%d: %q: %s", f.path, lineOf(f.text, at[1]), strings.TrimSpace(f.text[at[0]:at[1]]), u.because)
			}
		}
	}
}

func TestUnwantedTextsAreFound(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		want bool
	}{
		{"dir: /ho" + "me/anna/project", true},
		{`open("/ro` + `ot/x")`, true},
		{"see /usr/lib/postgresql and ./home/x", false},
		{"// TO" + "DO: later", true},
		{"MASTODON", false},
		{"<<<<<" + "<< HEAD", true},
		{"key: sk-ant-" + "abcdefghijklmnop1234", true},
		{"a risk-ant-like thing", false},
	} {
		found := slices.ContainsFunc(unwanted, func(u unwantedText) bool { return u.pattern.MatchString(c.text) })
		if found != c.want {
			t.Errorf("%q: found %t, want %t", c.text, found, c.want)
		}
	}
}

var (
	markdownLink = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	codeFence    = regexp.MustCompile("(?s)```.*?```")
	makeCommand  = regexp.MustCompile("(?:^|[`\\s$])make ([a-z][a-z0-9-]*)")
	door         = regexp.MustCompile(`(?m)^([a-z][a-z0-9-]*):[^=\n]*?(## .+)?$`)
)

// TestLinksInDocumentsLeadSomewhere follows the links to files of ours.
func TestLinksInDocumentsLeadSomewhere(t *testing.T) {
	t.Parallel()
	for _, f := range ourTextFiles(t) {
		if !strings.HasSuffix(f.path, ".md") {
			continue
		}
		text := codeFence.ReplaceAllString(f.text, "")
		for _, m := range markdownLink.FindAllStringSubmatch(text, -1) {
			target, _, _ := strings.Cut(m[1], "#")
			if target == "" || strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(path.Join(path.Dir(f.path), target)))); err != nil {
				t.Errorf("%s links to %s, which does not exist", f.path, m[1])
			}
		}
	}
}

// TestDoorsExistAndSayWhatTheyDo: `make` alone prints the doors, and each
// `make x` that a document names is one of them.
func TestDoorsExistAndSayWhatTheyDo(t *testing.T) {
	t.Parallel()
	doors := map[string]bool{}
	for _, m := range door.FindAllStringSubmatch(readFile(t, "Makefile"), -1) {
		doors[m[1]] = true
		if m[2] == "" {
			t.Errorf("Makefile: %s does not say what it does: add ## and a sentence", m[1])
		}
	}
	for _, want := range []string{"build", "demo", "test"} {
		if !doors[want] {
			t.Errorf("Makefile has no door %s", want)
		}
	}
	for _, f := range ourTextFiles(t) {
		if !strings.HasSuffix(f.path, ".md") {
			continue
		}
		for _, code := range inCode(f.text) {
			for _, m := range makeCommand.FindAllStringSubmatch(code, -1) {
				if !doors[m[1]] {
					t.Errorf("%s names `make %s`, which the Makefile does not have", f.path, m[1])
				}
			}
		}
	}
}

var inlineCode = regexp.MustCompile("`[^`\n]+`")

// inCode gives the parts of a document that are code.
func inCode(text string) []string {
	return append(codeFence.FindAllString(text, -1), inlineCode.FindAllString(codeFence.ReplaceAllString(text, ""), -1)...)
}

// maxFileBytes keeps what a build leaves behind out of every clone: once a
// binary of 80 MB stood in the history.
const maxFileBytes = 1 << 20

func TestNoFileIsTheResultOfABuild(t *testing.T) {
	t.Parallel()
	paths, err := filePaths()
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		info, err := os.Lstat(filepath.Join(root, filepath.FromSlash(path)))
		if err == nil && info.Size() > maxFileBytes {
			t.Errorf("%s has %d bytes, more than %d: remove it, or enter it in .gitignore when it is built", path, info.Size(), maxFileBytes)
		}
	}
}
