package pricing_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// TestCases prices every line of testdata/cases/*.txt; README.md there says how
// to add one.
func TestCases(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/cases/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	total := 0
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		var book *pricing.Book
		count := 0
		for i, line := range strings.Split(string(content), "\n") {
			line = strings.TrimSpace(line)
			if line == "" || strings.HasPrefix(line, "#") {
				continue
			}
			place := fmt.Sprintf("%s:%d: %s", file, i+1, line)
			if names, ok := strings.CutPrefix(line, "book "); ok {
				book = loadCaseBook(t, names)
				continue
			}
			require.NotNil(t, book, "%s: name the book in a line above, such as \"book current\"", place)
			c, want, err := parseCase(line)
			require.NoError(t, err, place)
			count++
			got := book.Price(&c)
			if !assert.Equal(t, want, caseResult(got, want), place) {
				t.Log(book.Explain(&c).String())
			}
			explained := book.Explain(&c)
			assumed, _ := usage.ParseAssumptions(strings.Join(explained.Assumed, "+"))
			assert.Equal(t, got, pricing.Price{
				Assumptions: assumed,
				Cost:        explained.Cost, Status: explained.Status, Reason: explained.Reason,
				PriceID: explained.PriceID, Model: explained.Model,
			}, "the explanation has another price: %s", place)
			if got.Status != usage.StatusUnpriced {
				sum, err := usage.ParseMoney(strings.TrimSuffix(explained.Sum, "…"))
				require.NoError(t, err, place)
				assert.Equal(t, got.Cost, sum, "the lines of the explanation add up to something else: %s", place)
			}
		}
		assert.NotZero(t, count, file)
		total += count
	}
	t.Logf("%d cases in %d files", total, len(files))
}

// loadCaseBook reads "current", "none ours.yaml", "current a.yaml b.yaml".
func loadCaseBook(t *testing.T, names string) *pricing.Book {
	t.Helper()
	words := strings.Fields(names)
	cfg := pricing.Config{Builtin: words[0]}
	for _, file := range words[1:] {
		cfg.Files = append(cfg.Files, filepath.Join("testdata/cases", file))
	}
	book, err := pricing.Load(cfg)
	require.NoError(t, err)
	return book
}

// parseCase reads "provider model key=value … -> result".
func parseCase(line string) (c pricing.Call, want string, err error) {
	left, want, ok := strings.Cut(line, "->")
	if !ok {
		return c, "", fmt.Errorf("no -> in the line")
	}
	words := strings.Fields(left)
	if len(words) < 2 {
		return c, "", fmt.Errorf("a line begins with provider and model")
	}
	c = pricing.Call{Provider: words[0], Model: words[1], At: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)}
	if c.Model == "-" {
		c.Model = ""
	}
	for _, word := range words[2:] {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "at":
			if c.At, err = time.Parse(time.RFC3339, value); err != nil {
				c.At, err = time.Parse(time.DateOnly, value)
			}
		case "requested":
			c.RequestModel = value
		case "tier":
			c.ServiceTier = value
		case "region":
			c.Region = value
		case "variant":
			c.Variant = value
		default:
			var kind usage.QuantityKind
			if kind, err = usage.ParseQuantityKind(key); err == nil {
				c.Quantities[kind], err = usage.ParseQuantity(kind, value)
			}
		}
		if err != nil {
			return c, "", err
		}
	}
	return c, strings.Join(strings.Fields(want), " "), nil
}

// caseResult writes a price with as many details as the line asks for: the
// cost alone says "priced".
func caseResult(p pricing.Price, want string) string {
	text := p.Cost.String()
	switch p.Status {
	case usage.StatusPriced:
	case usage.StatusUnpriced:
		text = "unpriced " + string(p.Reason)
	default:
		text += " " + string(p.Status) + " " + string(p.Reason)
	}
	if strings.Contains(want, " by ") {
		text += " by " + p.PriceID
	}
	return text
}
