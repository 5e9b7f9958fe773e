package book_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pricing/book"
)

// everything has each thing a file can say.
const everything = `provider: p
also: [p-one, "2"]
defaults:
  per_call: {code_session: 0.03}
  service_tiers:
    batch: {times: 0.5}
rows:
  - model: [m, "m:free", "llama-*"]
    from: 2024-05-13
    until: 2024-10-02T16:30:00Z
    per_1m_tokens: {input: 2.50, cache_read: input, output: 10, input_audio: 40}
    per_1k_calls: {web_search: 10}
    context_tiers:
      - {above: 200000, per_1m_tokens: {input: 5}}
      - {at_least: 500000, per_1m_tokens: {input: 6}}
    variants:
      hd/1024x1792: {per_image: 0.12}
    service_tiers:
      priority:
        per_1m_tokens: {input: 4.25}
        context_tiers:
          - {above: 200000, per_1m_tokens: {input: 8}}
    regions:
      eu: {times: 1.1}
    hours:
      "mon-fri 01:00-04:00": {times: 2}
      "16:30-00:30": {times: 0.5, per_1m_tokens: {output: 1.125}}
    source: "somewhere: a \"page\" & more"
    confidence: high
    note: true story
  - model: k
    inherit: true
    times: 0.9
    checked: it is so
  - model: g
    graduated: true
    per_1k_characters: 0.015
    context_tiers:
      - {above: 1, per_1m_tokens: {input: 5}}
aliases:
  - {name: a, model: m, from: 2024-06-01, until: 2024-07-01}
adjustments:
  - {model: [m, k], discount: 0.05, margin: 0.1, per_request: 0.0005, from: 2024-06-01, source: contract}
`

func TestEncodeWritesWhatDecodeReads(t *testing.T) {
	t.Parallel()
	files, _, err := book.Decode("everything.yaml", []byte(everything))
	require.NoError(t, err)
	assert.Equal(t, everything, string(book.Encode(files...)))
}

func TestFilesKeepTheirMeaningWhenWritten(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("../books/*/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, names)
	for _, name := range append(names, "../testdata/cases/published.yaml", "../testdata/all_kinds.yaml") {
		content, err := os.ReadFile(name)
		require.NoError(t, err)
		files, _, err := book.Decode(name, content)
		require.NoError(t, err)
		written := book.Encode(files...)
		again, _, err := book.Decode(name, written)
		require.NoError(t, err, string(written))
		require.Len(t, again, len(files))
		for i := range files {
			assert.Equal(t, len(files[i].Rows), len(again[i].Rows))
			for k := range files[i].Rows {
				assert.True(t, book.Equal(files[i].Rows[k], again[i].Rows[k]), "%s: %s", name, files[i].Rows[k].Model)
			}
			assert.Equal(t, string(written), string(book.Encode(again...)))
		}
	}
}
