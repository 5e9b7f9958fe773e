package e2e

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
)

// priceOf is a file with the price of the model that honest calls use: 0.15 and 0.60
// dollars for a million tokens, as the built-in book has it.
const priceOf = `provider: openai
rows:
  - model: gpt-4o-mini
    per_1m_tokens: {input: 0.15, output: 0.60}
    checked: an attempt
`

// oddPriceFiles are files that a running collector finds in place of a good one.
// None may be taken over, and none may keep it from answering or ending.
var oddPriceFiles = map[string]string{
	"nothing":                 "",
	"half a row":              strings.TrimSuffix(priceOf, ".60}\n    checked: an attempt\n"),
	"aliases of aliases":      "a: &a [x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e]\nrows: [*f,*f,*f,*f,*f,*f,*f,*f]\n",
	"lists in lists":          strings.Repeat("[", 100_000),
	"a price below zero":      strings.Replace(priceOf, "0.15", "-0.15", 1),
	"a price that is none":    strings.Replace(priceOf, "0.15", ".nan", 1),
	"a price without end":     strings.Replace(priceOf, "0.15", ".inf", 1),
	"a price of 40 digits":    strings.Replace(priceOf, "0.15", strings.Repeat("9", 40), 1),
	"a price with exponent":   strings.Replace(priceOf, "0.15", "1e300", 1),
	"a pattern that explodes": strings.Replace(priceOf, "model: gpt-4o-mini", "model: '(a+)+$'", 1) + "  - nonsense\n",
	"bytes":                   "\x00\xff\xfe" + priceOf,
	"two documents":           priceOf + "---\n" + priceOf,
	"20,000 equal rows":       "provider: openai\nrows:\n" + strings.Repeat(strings.SplitAfterN(priceOf, "rows:\n", 2)[1], 20_000),
	"40,000 equal aliases":    priceOf + "aliases:\n" + strings.Repeat("  - {name: x, model: gpt-4o-mini}\n", 40_000),
}

// TestAttackPriceFiles reads mutated price files: each is a book or an error that
// comes in time.
func TestAttackPriceFiles(t *testing.T) {
	t.Parallel()
	seeds := [][]byte{[]byte(priceOf)}
	for _, pattern := range []string{"../internal/pricing/testdata/*.yaml", "../internal/pricing/testdata/cases/*.yaml"} {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		require.NotEmpty(t, files)
		for _, file := range files {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			seeds = append(seeds, text)
		}
	}
	for n := range rounds(300, 20_000) {
		random := rand.New(rand.NewPCG(uint64(n), 23)) //nolint:gosec // to be repeated by its number
		attempt(t, fmt.Sprintf("mutation %d of TestAttackPriceFiles", n), parsed(mutate(random, seeds[random.IntN(len(seeds))])))
	}
	for name, text := range oddPriceFiles {
		attempt(t, fmt.Sprintf("a price file with %s: %.200q", name, text), parsed([]byte(text)))
	}
}

// parsed reads a price file in memory and says whether that went as it must.
func parsed(content []byte) error {
	done := make(chan error, 1)
	go func() {
		defer func() {
			if r := recover(); r != nil {
				done <- fmt.Errorf("panic: %v", r)
			}
		}()
		if _, err := pricing.Parse("attempt.yaml", content); err != nil && strings.TrimSpace(err.Error()) == "" {
			done <- errors.New("refused without a word")
		}
		done <- nil
	}()
	select {
	case err := <-done:
		return err
	case <-time.After(30 * time.Second):
		return errors.New("not read within 30 s")
	}
}

// TestAttackReload puts odd files in the place of a price file of the running
// collector: calls keep their price, a good file is still taken over afterwards,
// and the collector ends on its signal.
func TestAttackReload(t *testing.T) {
	t.Parallel()
	db := migratedDatabase(t)
	file := filepath.Join(t.TempDir(), "prices.yaml")
	put := func(text string) error {
		next := file + ".next"
		return errors.Join(os.WriteFile(next, []byte(text), 0o600), os.Rename(next, file))
	}
	require.NoError(t, put(priceOf))
	c := start(t, configuration{processor: "    prices: {builtin: none, files: [" + file + "]}"}.String(), "DATABASE_URL="+db.DSN)
	calls := 0
	for _, name := range slices.Sorted(maps.Keys(oddPriceFiles))[:rounds(2, len(oddPriceFiles))] {
		text := oddPriceFiles[name]
		refusals := strings.Count(c.log.String(), "price")
		require.NoError(t, put(text))
		eventually(t, "the collector looks at a file with "+name, func() error {
			if strings.Count(c.log.String(), "price") == refusals {
				return errors.New("the log has no word of it")
			}
			return nil
		})
		calls++
		attempt(t, "TestAttackReload: a call while the price file has "+name, c.sendHTTP(honest(calls)))
	}
	requireHonest(t, db, calls)
	require.NoError(t, put(priceOf+"  - {model: another, per_1m_tokens: {input: 1}, checked: x}\n"))
	eventually(t, "a good file is taken over", func() error {
		if strings.Count(c.log.String(), "price book") < 2 {
			return errors.New("not yet")
		}
		return nil
	})
	var err error
	if !c.process.Stop(time.Minute) {
		err = errors.New("it did not end within 20 s")
	}
	attempt(t, "TestAttackReload: end the collector", err)
}
