package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing/book"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing/foreign"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// fact is what one model costs according to the data, in dollars per million tokens; the
// tests of the book compare against it.
type fact struct{ source, provider, name, input, output, cacheRead string }

// liteLLMFacts reads the plain token prices of LiteLLM's file by a way of its
// own, so that a mistake of the package foreign shows.
func liteLLMFacts(inputs []input) ([]fact, error) {
	i := slices.IndexFunc(inputs, func(in input) bool { return in.format == foreign.LiteLLM })
	if i < 0 {
		return nil, errors.New("--litellm is missing")
	}
	in := inputs[i]
	content, err := os.ReadFile(in.files[0])
	if err != nil {
		return nil, err
	}
	var entries map[string]struct {
		Provider  string      `json:"litellm_provider"`
		Input     json.Number `json:"input_cost_per_token"`
		Output    json.Number `json:"output_cost_per_token"`
		CacheRead json.Number `json:"cache_read_input_token_cost"`
	}
	if err := json.Unmarshal(content, &entries); err != nil {
		return nil, err
	}
	var facts []fact
	for name, e := range entries {
		f := fact{in.source, catalog.Book(e.Provider), name, perMillion(e.Input), perMillion(e.Output), perMillion(e.CacheRead)}
		if name != "sample_spec" && f.input+f.output != "" {
			facts = append(facts, f)
		}
	}
	return facts, nil
}

// perMillion gives the dollars for a million tokens, empty for none or 0. Ten
// places are more than any price has and less than a binary float's noise.
func perMillion(text json.Number) string {
	d, err := decimal.NewFromString(text.String())
	if err != nil || d.IsZero() {
		return ""
	}
	return d.Shift(6).Round(10).String()
}

// agreedFacts are the models for which two sources agree on input and output and none
// disagrees.
func agreedFacts(sources []source) []fact {
	votes := map[[2]string][]book.Row{}
	names := map[[2]string][]string{}
	for _, s := range sources {
		for provider, models := range s.rows {
			for model, row := range models {
				key := [2]string{provider, model}
				votes[key], names[key] = append(votes[key], row), append(names[key], s.name)
			}
		}
	}
	var facts []fact
	for key, rows := range votes {
		if len(rows) < 2 || slices.ContainsFunc(rows, func(row book.Row) bool { return !sameTokens(rows[0], row) }) {
			continue
		}
		f := fact{source: strings.Join(names[key], ", "), provider: key[0], name: key[1]}
		f.input, f.output = millionOf(rows[0], book.Input), millionOf(rows[0], book.Output)
		if f.input != "" {
			facts = append(facts, f)
		}
	}
	return facts
}

// listedProviders are those whose price list the book must cover.
var listedProviders = []string{
	catalog.OpenAI, catalog.Anthropic, catalog.Gemini, catalog.XAI, catalog.DeepSeek,
	catalog.OpenRouter, catalog.Bedrock, catalog.AzureOpenAI, catalog.Vertex, catalog.Copilot,
}

// listedFacts are the models that the last download of pi-ai lists with a price.
func listedFacts(sources []source) (facts []fact) {
	var last *source
	for i := range sources {
		if s := &sources[i]; strings.HasPrefix(s.name, string(foreign.PiAI)) && (last == nil || s.day.After(last.day)) {
			last = s
		}
	}
	if last == nil {
		return nil
	}
	for _, provider := range listedProviders {
		for name, row := range last.rows[provider] {
			cacheRead := millionOf(row, book.Item(usage.CacheReadTokens))
			facts = append(facts, fact{last.name, provider, name, millionOf(row, book.Input), millionOf(row, book.Output), cacheRead})
		}
	}
	return facts
}

func sameTokens(a, b book.Row) bool {
	return millionOf(a, book.Input) == millionOf(b, book.Input) && millionOf(a, book.Output) == millionOf(b, book.Output)
}

func millionOf(row book.Row, item book.Item) string {
	p, ok := book.Find(row.Prices, item)
	if !ok {
		return ""
	}
	return p.Amount.Mul(decimal.NewFromInt(1_000_000 / p.Unit.Size())).String()
}

func writeFacts(name string, facts []fact) error {
	slices.SortFunc(facts, func(a, b fact) int {
		return cmp.Or(strings.Compare(a.provider, b.provider), strings.Compare(a.name, b.name))
	})
	var text bytes.Buffer
	text.WriteString("# Dollars per million tokens. Made by tools/pricebook.\n# source\tprovider\tname\tinput\toutput\tcache_read\n")
	for _, f := range facts {
		fmt.Fprintf(&text, "%s\t%s\t%s\t%s\t%s\t%s\n", f.source, f.provider, f.name, f.input, f.output, f.cacheRead)
	}
	return os.WriteFile(name, text.Bytes(), 0o644) //nolint:gosec // part of the repository
}
