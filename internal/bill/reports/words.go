package reports

import (
	"strings"

	"github.com/otelcol-usage/otelcol-usage/internal/bill"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// tierWords are service tiers as bills write them.
var tierWords = []string{"batch", "flex", "priority", "standard"}

// tierOf returns the service tier that a text contains.
func tierOf(words string) string {
	for _, w := range tierWords {
		if hasWord(words, w) {
			return w
		}
	}
	return ""
}

// charges maps words of a bill to what they charge for; the first match wins. All words of
// an entry must occur in the lower-case text.
var charges = []struct {
	words    string
	category bill.Category
	kind     usage.QuantityKind
	hasKind  bool
}{
	{words: "fine tuning", category: bill.ForFineTuning},
	{words: "fine-tun", category: bill.ForFineTuning},
	{words: "finetun", category: bill.ForFineTuning},
	{words: "training", category: bill.ForFineTuning},
	{words: "storage", category: bill.ForStorage},
	{words: "session_usage", category: bill.ForSessions},
	{words: "session runtime", category: bill.ForSessions},
	{words: "seat", category: bill.ForSeats},
	{words: "subscription", category: bill.ForSeats},
	{words: "code_execution", category: bill.ForCode},
	{words: "code execution", category: bill.ForCode},
	{words: "code interpreter", category: bill.ForCode},
	{words: "code_interpreter", category: bill.ForCode},
	{words: "web search", kind: usage.WebSearches, hasKind: true},
	{words: "web_search", kind: usage.WebSearches, hasKind: true},
	{words: "file search", kind: usage.FileSearches, hasKind: true},
	{words: "file_search", kind: usage.FileSearches, hasKind: true},

	{words: "cache creat 1h", kind: usage.CacheWrite1hTokens, hasKind: true},
	{words: "cache write 1h", kind: usage.CacheWrite1hTokens, hasKind: true},
	{words: "cache write 12h", kind: usage.CacheWrite12hTokens, hasKind: true},
	{words: "cache write 30m", kind: usage.CacheWrite30mTokens, hasKind: true},
	{words: "cache creat", kind: usage.CacheWrite5mTokens, hasKind: true},
	{words: "cache write", kind: usage.CacheWrite5mTokens, hasKind: true},
	{words: "cache audio", kind: usage.CacheReadAudioTokens, hasKind: true},
	{words: "cache image", kind: usage.CacheReadImageTokens, hasKind: true},
	{words: "cache", kind: usage.CacheReadTokens, hasKind: true},
	{words: "cchd", kind: usage.CacheReadTokens, hasKind: true},
	{words: "audio outp", kind: usage.OutputAudioTokens, hasKind: true},
	{words: "image outp", kind: usage.OutputImageTokens, hasKind: true},
	{words: "reasoning", kind: usage.OutputTextTokens, hasKind: true},
	{words: "outp", kind: usage.OutputTextTokens, hasKind: true},
	{words: "audio inp", kind: usage.InputAudioTokens, hasKind: true},
	{words: "image inp", kind: usage.InputImageTokens, hasKind: true},
	{words: "video inp", kind: usage.InputVideoTokens, hasKind: true},
	{words: "inp", kind: usage.InputTextTokens, hasKind: true},
	{words: "prompt", kind: usage.InputTextTokens, hasKind: true},
	{words: "embedding", kind: usage.InputTextTokens, hasKind: true},
	{words: "character", kind: usage.Characters, hasKind: true},
	{words: "image", kind: usage.Images, hasKind: true},
	{words: "second", kind: usage.AudioSeconds, hasKind: true},
	{words: "minute", kind: usage.AudioSeconds, hasKind: true},
	{words: "transcri", kind: usage.AudioSeconds, hasKind: true},
}

// charge returns what the text of a line item charges for. The words of an entry may occur
// anywhere in the text, in any order.
func charge(text string) (category bill.Category, kind usage.QuantityKind, hasKind bool) {
	text = strings.ToLower(text)
	for _, c := range charges {
		if strings.Contains(text, c.words) || hasAll(text, c.words) {
			return c.category, c.kind, c.hasKind
		}
	}
	return bill.ForCalls, 0, false
}

func hasAll(text, words string) bool {
	for w := range strings.FieldsSeq(words) {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}

// hasWord reports whether text contains word as a separate word.
func hasWord(text, word string) bool {
	for field := range strings.FieldsFuncSeq(strings.ToLower(text), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') }) {
		if field == word {
			return true
		}
	}
	return false
}
