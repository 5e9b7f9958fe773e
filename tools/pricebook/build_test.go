package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pricing/book"
)

// sourceOf makes a source of what a price file says, at a day.
func sourceOf(t *testing.T, name, day, file string) source {
	t.Helper()
	files, _, err := book.Decode(name, []byte(file))
	require.NoError(t, err)
	at, err := time.Parse(time.DateOnly, day)
	require.NoError(t, err)
	s := source{name: name, origin: name, day: at, rows: map[string]map[string]book.Row{}, history: map[string]map[string][]book.Row{}}
	for _, f := range files {
		for _, row := range f.Rows {
			s.add(f.Provider, row)
		}
	}
	return s
}

func TestResearchedRowsStandAboveAllSources(t *testing.T) {
	t.Parallel()
	files, _, err := book.Decode("curated", []byte("provider: p\nrows:\n  - {model: m, per_1m_tokens: {input: 2}, source: page}\n"))
	require.NoError(t, err)
	const three = "provider: p\nrows:\n  - {model: m, per_1m_tokens: {input: 3}}\n"
	r := build([]source{sourceOf(t, "a", "2026-08-01", three), sourceOf(t, "b", "2026-08-01", three)}, nil, map[string]*book.File{"p": files[0]})
	require.Len(t, r.files, 1)
	require.Len(t, r.files[0].Rows, 1)
	assert.Equal(t, "2", r.files[0].Rows[0].Prices[0].Amount.String())
	assert.Equal(t, []omission{
		{"p", "m", "researched price 2 of input, where a has 3"},
		{"p", "m", "researched price 2 of input, where b has 3"},
	}, r.leftOut)
}

// rowsOf builds a book and writes its rows as "model span input confidence".
func rowsOf(t *testing.T, r *result, provider string) (rows []string) {
	t.Helper()
	for _, f := range r.files {
		for _, row := range f.Rows {
			if f.Provider == provider {
				p, _ := book.Find(row.Prices, book.Input)
				rows = append(rows, row.Model+" "+row.Span.String()+" "+p.Amount.String()+" "+row.Confidence)
			}
		}
	}
	return rows
}

func TestHistoryIsTakenFromASourceThatAgreesAboutToday(t *testing.T) {
	t.Parallel()
	dated := sourceOf(t, "dated", "2026-08-01", `
provider: p
rows:
  - {model: m, until: 2026-03-13, per_1m_tokens: {input: 4, output: 8}}
  - {model: m, from: 2026-03-13, until: 2026-09-01, per_1m_tokens: {input: 2, output: 4}}
  - {model: m, from: 2026-09-01, per_1m_tokens: {input: 9, output: 9}}
`)
	agrees := sourceOf(t, "agrees", "2026-08-01", "provider: p\nrows:\n  - {model: m, per_1m_tokens: {input: 2, output: 4}}\n")
	assert.Equal(t, []string{"m until 2026-03-13 4 medium", "m from 2026-03-13 2 high"},
		rowsOf(t, build([]source{dated, agrees}, nil, nil), "p"), "what was announced for later is not believed")
}

func TestASourceAloneIsConfirmedByTheSamePriceOfTheSameModel(t *testing.T) {
	t.Parallel()
	a := sourceOf(t, "a", "2026-08-01", `
provider: anthropic
rows:
  - {model: claude-x-20250101, per_1m_tokens: {input: 3, output: 15}}
  - {model: claude-y, per_1m_tokens: {input: 3, output: 15}}
  - {model: claude-x-20250101-fast, per_1m_tokens: {input: 30, output: 150}}
---
provider: aws.bedrock
rows:
  - {model: "anthropic.claude-x-20250101-v1:0", per_1m_tokens: {input: 3, output: 15}}
  - {model: "anthropic.claude-y-v1:0", per_1m_tokens: {input: 3.3, output: 16.5}}
`)
	b := sourceOf(t, "b", "2026-08-01", "provider: anthropic\nrows:\n  - {model: claude-x-latest, per_1m_tokens: {input: 3, output: 15}}\n")
	r := build([]source{a, b}, nil, nil)
	assert.Equal(t, []string{
		"claude-x-20250101 always 3 medium", "claude-x-20250101-fast always 30 low", "claude-x-latest always 3 medium", "claude-y always 3 low",
	}, rowsOf(t, r, "anthropic"))
	assert.Equal(t, []string{"anthropic.claude-x-20250101-v1:0 always 3 medium", "anthropic.claude-y-v1:0 always 3.3 low"}, rowsOf(t, r, "aws.bedrock"))
}

func TestWhatSourcesDisagreeAboutIsSettledByTheSameModelUnderAnotherName(t *testing.T) {
	t.Parallel()
	a := sourceOf(t, "a", "2026-08-01", "provider: p\nrows:\n  - {model: [m, m-2026-01-01], per_1m_tokens: {input: 2}}\n")
	b := sourceOf(t, "b", "2026-08-01", "provider: p\nrows:\n  - {model: m, per_1m_tokens: {input: 2}}\n  - {model: [m-2026-01-01, n], per_1m_tokens: {input: 3}}\n")
	c := sourceOf(t, "c", "2026-08-01", "provider: p\nrows:\n  - {model: n, per_1m_tokens: {input: 3.001}}\n")
	r := build([]source{a, b, c}, nil, nil)
	assert.Equal(t, []string{"m always 2 high", "m-2026-01-01 always 2 medium", "n always 3 high"}, rowsOf(t, r, "p"))
	assert.Equal(t, []omission{
		{"p", "m-2026-01-01", "sources disagree: input: a 2, b 3"},
		{"p", "m-2026-01-01", "taken as the price of m, which a shares"},
	}, r.leftOut)
}

func TestARegionalUpliftDecidesOverSourcesThatDoNotKnowIt(t *testing.T) {
	t.Parallel()
	const base = "provider: aws.bedrock\nrows:\n  - {model: anthropic.claude-opus-4-6-v1, per_1m_tokens: {input: 5, output: 25}}\n"
	knows := sourceOf(t, "knows", "2026-08-01", base+"  - {model: us.anthropic.claude-opus-4-6-v1, per_1m_tokens: {input: 5.5, output: 27.5}}\n")
	ignores := sourceOf(t, "ignores", "2026-08-01", base+"  - {model: us.anthropic.claude-opus-4-6-v1, per_1m_tokens: {input: 5, output: 25}}\n")
	r := build([]source{knows, ignores}, nil, nil)
	require.Equal(t, []string{"anthropic.claude-opus-4-6-v1 always 5.5 high", "global.anthropic.claude-opus-4-6-v1 always 5 high"}, rowsOf(t, r, "aws.bedrock"))
	regions := r.files[0].Rows[0].Regions
	require.Len(t, regions, 6)
	assert.Equal(t, "us", regions[4].Name)
	assert.Equal(t, "1", regions[4].Times.String(), "a region costs what a name without region does")
	assert.Empty(t, r.files[0].Rows[1].Regions, "the global price holds wherever it is called from")
	assert.Equal(t, "aws.bedrock\tus.anthropic.claude-opus-4-6-v1\ttaken as 5.5 of input (a name without region and regional inference profiles cost a tenth more than the global one, GovCloud a fifth), where ignores has 5",
		r.leftOut[0].String())
}

// A name that means a researched model must follow its history: a download knows
// the prices of its own day.
func TestASpellingFollowsTheHistoryOfItsModel(t *testing.T) {
	t.Parallel()
	files, _, err := book.Decode("p", []byte(`
provider: p
rows:
  - {model: m-1.5, from: 2026-07-09, until: 2026-08-21, per_1m_tokens: {input: 5}, source: s, confidence: high}
  - {model: m-1.5, from: 2026-08-21, per_1m_tokens: {input: 4}, source: s, confidence: high}
  - {model: always, per_1m_tokens: {input: 1}, source: s, confidence: high}
`))
	require.NoError(t, err)
	for name, want := range map[string]string{
		"m-1-5":             "m-1.5",
		"m-1.5-2026-07-09":  "m-1.5",
		"m-1-5-2026-07-09":  "m-1.5",
		"m-1.5-2026-08-21":  "", // a snapshot that came out later may have a price of its own
		"m-1.5-mini":        "",
		"m-1.5-latest":      "", // may have moved on to another model
		"always-2026-07-09": "", // nothing is known about its time
	} {
		assert.Equal(t, want, spelled(name, files[0].Rows), name)
	}
}

// TestAWitnessConfirmsAndNeverContradicts: catwalk was read before the price changed.
func TestAWitnessConfirmsAndNeverContradicts(t *testing.T) {
	t.Parallel()
	witness := sourceOf(t, "catwalk 2026-10-28", "2026-10-28", "provider: p\nrows:\n  - {model: m, per_1m_tokens: {input: 4, output: 20}}\n  - {model: n, per_1m_tokens: {input: 9, output: 20}}\n")
	witness.witness, witness.origin = true, catwalk.Origin()
	first := sourceOf(t, "a 2026-10-01", "2026-10-01", "provider: p\nrows:\n  - {model: m, per_1m_tokens: {input: 4, output: 20}}\n")
	then := sourceOf(t, "a 2026-11-01", "2026-11-01", "provider: p\nrows:\n  - {model: m, per_1m_tokens: {input: 2, output: 10}}\n  - {model: n, per_1m_tokens: {input: 1, output: 5}}\n")
	odd := sourceOf(t, "a 2026-11-20", "2026-11-20", "provider: p\nrows:\n  - {model: m, per_1m_tokens: {input: 0.1, output: 10}}\n")
	for _, s := range []*source{&first, &then, &odd} {
		s.origin = "a"
	}
	r := build([]source{first}, []source{witness, then, odd}, nil)
	assert.Equal(t, []string{"m until 2026-11-01 4 low", "m from 2026-11-01 2 low", "n always 1 low"}, rowsOf(t, r, "p"),
		"what one source says and looks like no price list ends no price that does")
	assert.Contains(t, r.leftOut, omission{"p", "m", "kept as input 2, where input 0.1: output is 100 times the price of input; 0.5 to 20 is usual (if it is right, say why in `checked`)"})
}
