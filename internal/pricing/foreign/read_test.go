package foreign_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/golden"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing/book"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing/foreign"
)

// TestForeignFilesBecomeBooks reads testdata/*.json and compares with what
// stands beside each: the book in our form, and as comments what could not be
// taken over.
func TestForeignFilesBecomeBooks(t *testing.T) {
	t.Parallel()
	for file, format := range map[string]foreign.Format{
		"testdata/litellm.json":      foreign.LiteLLM,
		"testdata/genai-prices.json": foreign.GenAIPrices,
		"testdata/models.dev.json":   foreign.ModelsDev,
		"testdata/portkey/x-ai.json": foreign.Portkey,
	} {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		result, err := foreign.Read(file, content, "")
		require.NoError(t, err)
		assert.Equal(t, format, result.Format, "the form is found out")
		var text strings.Builder
		for _, i := range result.Issues {
			text.WriteString("# " + i.Key + ": " + i.Text + "\n")
		}
		text.Write(book.Encode(result.Files...))
		golden.Equal(t, strings.TrimSuffix(file, ".json")+".golden.yaml", text.String())

		// What was read is a valid book.
		_, _, err = book.Decode(file, []byte(text.String()))
		assert.NoError(t, err)
	}
}

func TestForeignFilesThatAreNone(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]string{
		`provider: p`:     "x.json: not JSON",
		`{"a": {"b": 1}}`: "x.json: none of the known formats (LiteLLM, genai-prices, models.dev, Portkey, pi-ai)",
		`[]`:              "x.json: none of the known formats",
		`{"m": {"litellm_provider": "openai", "input_cost_per_token": "cheap"}}`: "x.json: no usable price in the form of litellm",
	} {
		_, err := foreign.Read("x.json", []byte(content), "")
		assert.ErrorContains(t, err, want)
	}
	_, err := foreign.ParseFormat("excel")
	assert.EqualError(t, err, `unknown format "excel"; known are litellm, genai-prices, models.dev, portkey and pi-ai`)
}

func FuzzRead(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.json")
	for _, file := range append(files, "testdata/portkey/x-ai.json") {
		content, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		result, err := foreign.Read("fuzz.json", content, "")
		if err != nil {
			return
		}
		written := book.Encode(result.Files...)
		if _, _, err := book.Decode("written.yaml", written); err != nil {
			t.Fatalf("%v\n%s", err, written)
		}
	})
}

func TestAMessageShowsNoLongNameWhole(t *testing.T) {
	t.Parallel()
	name := strings.Repeat("é", 1<<19)
	_, err := foreign.Read("x.json", []byte(`{"`+name+`": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 1e-6}}`), foreign.LiteLLM)
	require.Error(t, err)
	assert.Less(t, len(err.Error()), 1000)
}
