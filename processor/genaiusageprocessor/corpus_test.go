package genaiusageprocessor

import (
	"bufio"
	"encoding/json"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// corpus holds what real libraries sent, <library>/<case>.json, beside what the
// provider answered, <case>.truth.json.
const corpus = "../../internal/genai/testdata/corpus"

// TestACallOfTheCorpusThatIsPricedCostsWhatTheProviderBills works the dollars
// out from the provider's own answer and the prices of testdata/corpus_prices.txt,
// with neither our reader nor our price engine, and compares them with every
// record that claims to be priced.
func TestACallOfTheCorpusThatIsPricedCostsWhatTheProviderBills(t *testing.T) {
	t.Parallel()
	prices := corpusPrices(t)
	files, err := filepath.Glob(filepath.Join(corpus, "*", "*.truth.json"))
	require.NoError(t, err)
	priced := 0
	for _, file := range files {
		input := strings.TrimSuffix(file, ".truth.json") + ".json"
		if _, err := os.Stat(input); err != nil {
			continue // the library sent nothing
		}
		bills, ids := corpusBills(t, file, prices)
		var records []usage.Record
		for _, span := range process(t, createDefaultConfig().(*Config), readTraces(t, input)) {
			if r, ok := recordOf(t, span); ok {
				records = append(records, r)
			}
		}
		slices.SortStableFunc(records, func(a, b usage.Record) int { return a.Time.Compare(b.Time) })
		if len(bills) == 0 {
			continue // no provider was asked
		}
		require.Len(t, records, len(bills), input)
		// Where all report the provider's id, calls at the same time are distinguished.
		answered := func(r usage.Record) int { return slices.Index(ids, r.RequestID) }
		if !slices.ContainsFunc(records, func(r usage.Record) bool { return answered(r) < 0 }) {
			slices.SortFunc(records, func(a, b usage.Record) int { return answered(a) - answered(b) })
		}
		for i, r := range records {
			if r.Status == usage.StatusPriced && bills[i] != nothingReported {
				priced++
				assert.NotEmpty(t, bills[i], "%s: no price of %s %s in testdata/corpus_prices.txt", input, r.Provider, r.Model)
				assert.Equal(t, bills[i], r.Cost.String(), "%s, call %d, %s %s", input, i+1, r.Provider, r.Model)
			}
		}
	}
	require.GreaterOrEqual(t, priced, 523, "calls that were priced before are not any more")
}

// corpusPrices reads dollars for a million tokens, or for a second.
func corpusPrices(t *testing.T) map[string]map[string]*big.Rat {
	file, err := os.Open("testdata/corpus_prices.txt")
	require.NoError(t, err)
	defer file.Close() //nolint:errcheck // only read
	prices := map[string]map[string]*big.Rat{}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		of := map[string]*big.Rat{}
		for _, field := range fields[2:] {
			kind, amount, _ := strings.Cut(field, "=")
			price, ok := new(big.Rat).SetString(amount)
			require.True(t, ok, lines.Text())
			of[kind] = price
		}
		prices[fields[0]+" "+fields[1]] = of
	}
	return prices
}

// nothingReported is the bill of a provider who answers without quantities, as for
// speech made from text.
const nothingReported = "nothing reported"

// corpusBills gives the dollars of each billable call, "" where the file has no
// price for it, and the provider's ids of the calls.
func corpusBills(t *testing.T, file string, prices map[string]map[string]*big.Rat) (bills, ids []string) {
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	var truth struct {
		HTTPCalls int `json:"http_calls"`
		Calls     []struct {
			Provider       string
			Billable       bool
			Usage          map[string]any
			ModelRequested string `json:"model_requested"`
			ModelReturned  string `json:"model_returned"`
			ResponseID     string `json:"response_id"`
		}
	}
	require.NoError(t, json.Unmarshal(content, &truth), file)
	for _, call := range truth.Calls {
		if !call.Billable || truth.HTTPCalls == 0 {
			continue
		}
		of := prices[call.Provider+" "+call.ModelReturned]
		if of == nil {
			of = prices[call.Provider+" "+call.ModelRequested]
		}
		bill := ""
		switch {
		case len(call.Usage) == 0:
			bill = nothingReported
		case of != nil:
			bill = dollars(t, file, consumed(call.Provider, call.Usage), of)
		}
		bills, ids = append(bills, bill), append(ids, call.ResponseID)
	}
	return bills, ids
}

// consumed splits a provider's usage object, by its documentation, into kinds
// that do not overlap.
func consumed(provider string, answer map[string]any) map[string]int64 {
	n := func(path ...string) int64 {
		var at any = answer
		for _, key := range path {
			object, _ := at.(map[string]any)
			at = object[key]
		}
		number, _ := at.(float64)
		return int64(number)
	}
	switch provider {
	case "anthropic":
		return map[string]int64{
			"input": n("input_tokens"), "cache_read": n("cache_read_input_tokens"), "output": n("output_tokens"),
			"write_5m": n("cache_creation", "ephemeral_5m_input_tokens"), "write_1h": n("cache_creation", "ephemeral_1h_input_tokens"),
		}
	case "aws.bedrock":
		if answer["cache_creation"] != nil { // Anthropic's API through InvokeModel
			return consumed("anthropic", answer)
		}
		return map[string]int64{
			"input": n("inputTokens"), "cache_read": n("cacheReadInputTokens"), "write_5m": n("cacheWriteInputTokens"), "output": n("outputTokens"),
		}
	case "gcp.gemini":
		return map[string]int64{
			"input":      n("promptTokenCount") - n("cachedContentTokenCount"),
			"cache_read": n("cachedContentTokenCount"), "output": n("candidatesTokenCount") + n("thoughtsTokenCount"),
		}
	}
	if provider == "cohere" {
		return map[string]int64{"input": n("billed_units", "input_tokens"), "output": n("billed_units", "output_tokens")}
	}
	beside := int64(0)
	if provider == "x_ai" { // reasoning is not in the completion
		beside = n("completion_tokens_details", "reasoning_tokens")
	}
	cached := n("prompt_tokens_details", "cached_tokens") + n("input_tokens_details", "cached_tokens")
	audioIn := n("prompt_tokens_details", "audio_tokens") + n("input_token_details", "audio_tokens")
	audioOut := n("completion_tokens_details", "audio_tokens")
	return map[string]int64{
		"input":      n("prompt_tokens") + n("input_tokens") - cached - audioIn,
		"cache_read": cached, "audio_input": audioIn, "audio_output": audioOut,
		"output": n("completion_tokens") + n("output_tokens") + beside - audioOut, "second": n("seconds"),
	}
}

func dollars(t *testing.T, file string, consumed map[string]int64, prices map[string]*big.Rat) string {
	sum := new(big.Rat)
	for kind, n := range consumed {
		if n == 0 {
			continue
		}
		price, ok := prices[kind]
		if !ok {
			return ""
		}
		part := new(big.Rat).Mul(price, new(big.Rat).SetInt64(n))
		if kind != "second" {
			part.Quo(part, new(big.Rat).SetInt64(1_000_000))
		}
		sum.Add(sum, part)
	}
	money, err := usage.ParseMoney(sum.FloatString(usage.MoneyScale))
	require.NoError(t, err, file)
	return money.String()
}
