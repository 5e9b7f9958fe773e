package archtest

import (
	"regexp"
	"strings"
	"testing"
)

// retired are words that this project once had for itself, each with the one of
// the field. CONTRIBUTING.md has the glossary of those that it keeps.
var retired = []struct {
	word    string // a regular expression, without upper case
	instead string
}{
	{`\b(?:he|him|his|himself)\b`, "they, them, their: users are people of any kind"},
	{`\btellings?\b`, "report: a span reports a call"},
	{`\btwins?\b`, "duplicate: two reports of one call match, one of them is a duplicate"},
	{`\broof\b`, "parent: the parent of a span"},
	{`\bsift(?:s|ed|ing)?\b`, "filter, select"},
	{`\blikeness\b`, "similarity, resemblance"},
	{`\bnewcomers?\b`, "new user"},
	{`\bgrav(?:er|est)\b`, "more serious"},
	{`\bdearer\b`, "more expensive"},
	{`\banew\b`, "again"},
	{`\bfor ever\b`, "forever, without limit"},
	{`\bis away\b`, "is down, is unreachable"},
	{`\bwhence\b`, "from where"},
	{`\bin silence\b`, "silently"},
	{`\bbe it\b`, "even if it is, whether"},
	{`\btold\b|\bretold`, "reported, replayed; distinguished; called with"},
	{`\btells? of\b|\btells? \w+ apart\b`, "report; distinguish"},
	{`\bdear(?:er|est)?\b`, "expensive"},
	{`\bmend(?:s|ed|ing)?\b`, "correct, repair, fix"},
	{`\bbetrays?\b`, "shows"},
	{`\bat hand\b`, "current"},
	{`\bhears? of\b`, "get, be notified of"},
	{`\bretell`, "replay"},
}

// closedMigration are migrations that databases have: their comments, of which
// docs/columns.md is made, stay as they are.
var closedMigration = regexp.MustCompile(`^migrations/00(?:0[1-9]|1[0-3])_`)

// TestWordsThatWeGaveUpStayAway reads what we wrote: code with its comments and
// messages, statements, documents. Names of tests and of their data are not searched.
func TestWordsThatWeGaveUpStayAway(t *testing.T) {
	t.Parallel()
	patterns := make([]*regexp.Regexp, len(retired))
	for i, r := range retired {
		patterns[i] = regexp.MustCompile(r.word)
	}
	for _, f := range ourTextFiles(t) {
		if f.path == "internal/archtest/words_test.go" || strings.Contains(f.path, "testdata/") || strings.Contains(f.path, "/captures/") ||
			within(f.path, "internal/pricing/books") || strings.HasSuffix(f.path, ".json") ||
			closedMigration.MatchString(f.path) || f.path == "docs/columns.md" {
			continue
		}
		text := strings.ToLower(f.text)
		for i, pattern := range patterns {
			for _, at := range pattern.FindAllStringIndex(text, -1) {
				t.Errorf("%s:%d: %q is retired: %s", f.path, lineOf(text, at[1]), text[at[0]:at[1]], retired[i].instead)
			}
		}
	}
}
