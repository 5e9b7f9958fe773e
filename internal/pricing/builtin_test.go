package pricing_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing/book"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// TestFilesOfBuiltinBooksAreRight holds what lets them be read late: each is of one provider,
// says so before its rows, and has neither faults nor warnings.
func TestFilesOfBuiltinBooksAreRight(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("books/*/*.yaml")
	require.NoError(t, err)
	require.Greater(t, len(files), 150)
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		parts, warnings, err := book.Decode(file, content)
		require.NoError(t, err)
		assert.Empty(t, warnings)
		require.Len(t, parts, 1, file)
		head, err := book.Head(file, content)
		require.NoError(t, err)
		assert.Equal(t, book.File{Name: file, Line: parts[0].Line, Provider: parts[0].Provider, AsOf: parts[0].AsOf, Also: parts[0].Also}, *head)
	}
}

// contracts are files over the built-in book that reach into it in every way: prices, inherited
// prices, discounts, aliases, other names of a provider.
var contracts = map[string]string{
	"nothing":  "",
	"discount": "provider: OpenAI\nadjustments:\n  - {model: gpt-4o, discount: 5%}\n",
	"gateway":  "provider: bedrock\nadjustments:\n  - {discount: 10%}\n",
	"inherit":  "provider: x-ai\nrows:\n  - {model: grok-4, inherit: true, times: 0.9}\n",
	"alias":    "provider: anthropic\naliases:\n  - {name: ours, model: claude-sonnet-4-5}\n",
	"also":     "provider: our-proxy\nalso: gcp.gen_ai\nrows:\n  - {model: own, per_1m_tokens: {input: 1, output: 2}}\n",
	"unknown":  "provider: acme\nrows:\n  - {model: claude-sonnet-4-5, per_1m_tokens: {input: 1, output: 2}}\n",
}

func TestABookReadLateIsTheBookReadAtOnce(t *testing.T) {
	t.Parallel()
	for name, content := range contracts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, builtin := range pricing.BuiltinNames() {
				cfg := pricing.Config{Builtin: builtin}
				if content != "" {
					cfg.Files = []string{filepath.Join(t.TempDir(), "contract.yaml")}
					require.NoError(t, os.WriteFile(cfg.Files[0], []byte(content), 0o600))
				}
				want, wantErr := pricing.AtOnce(cfg)
				got, err := pricing.Load(cfg)
				if wantErr != nil {
					require.EqualError(t, err, wantErr.Error())
					continue
				}
				require.NoError(t, err)
				assert.Equal(t, want.Version(), got.Version())
				assert.Equal(t, want.AsOf(), got.AsOf())
				assert.Equal(t, texts(want.Warnings()), texts(got.Warnings()))
				rows := want.Rows()
				for i := range rows { // each by itself first, then the list, which reads all
					c := pricing.Call{Provider: rows[i].Provider, Model: rows[i].Name, At: at, Quantities: usage.Quantities{usage.InputTextTokens: 12345, usage.OutputTextTokens: 777}}
					require.Equal(t, want.Price(&c), got.Price(&c), "%s %s", c.Provider, c.Model)
				}
				require.True(t, assert.ObjectsAreEqual(rows, got.Rows()), "the lists of rows differ")
			}
		})
	}
}

func texts(errs []error) (list []string) {
	for _, err := range errs {
		list = append(list, err.Error())
	}
	return list
}

func TestRowsOfAProviderAreReadWhenACallNeedsThem(t *testing.T) {
	t.Parallel()
	b, err := pricing.Load(pricing.Config{})
	require.NoError(t, err)
	assert.Empty(t, b.Read())
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			c := pricing.Call{Provider: "OpenAI", Model: "gpt-4o-mini", At: at, Quantities: usage.Quantities{usage.InputTextTokens: 1000}}
			assert.Equal(t, usage.StatusPriced, b.Price(&c).Status)
		})
	}
	callers.Wait()
	assert.Equal(t, []string{"openai"}, b.Read())
	b.Price(&pricing.Call{Provider: strings.Repeat("nobody", 3), Model: "gpt-4o-mini", At: at})
	assert.Equal(t, []string{"openai"}, b.Read())
}
