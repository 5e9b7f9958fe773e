package pricing_test

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// priced are the items of the random book below: the name in the file, the
// quantity, and how many of it one price pays for.
var priced = []struct {
	heading, item string
	kind          usage.QuantityKind
	size          int64
}{
	{"per_1m_tokens", "input", usage.InputTextTokens, 1e6},
	{"per_1m_tokens", "cache_read", usage.CacheReadTokens, 1e6},
	{"per_1m_tokens", "cache_write_5m", usage.CacheWrite5mTokens, 1e6},
	{"per_1k_tokens", "cache_write_1h", usage.CacheWrite1hTokens, 1e3},
	{"per_token", "input_audio", usage.InputAudioTokens, 1},
	{"per_1m_tokens", "output", usage.OutputTextTokens, 1e6},
	{"per_1m_tokens", "reasoning", usage.OutputReasoningTokens, 1e6},
	{"per_hour", "audio", usage.AudioSeconds, 3600e9},
	{"per_minute", "video", usage.VideoSeconds, 60e9},
	{"per_1k_characters", "characters", usage.Characters, 1e3},
	{"per_image", "images", usage.Images, 1},
	{"per_1k_calls", "web_search", usage.WebSearches, 1e3},
	{"per_1k_pages", "pages", usage.Pages, 1e3},
	{"per_gigapixel", "pixels", usage.Pixels, 1e9},
}

// TestCostEqualsRationalArithmetic compares with a calculation of its own that
// knows nothing of the engine: Σ quantity × price ÷ size, × multipliers, rounded
// once to picodollars, half away from zero.
func TestCostEqualsRationalArithmetic(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(20261123, 4))
	inRange, rounded := 0, 0
	for range 400 {
		prices := make([]string, len(priced))
		var file strings.Builder
		file.WriteString("provider: p\nrows:\n  - model: m\n")
		for _, heading := range []string{"per_1m_tokens", "per_1k_tokens", "per_token", "per_hour", "per_minute", "per_1k_calls"} {
			file.WriteString("    " + heading + ":\n")
			for i, p := range priced {
				if p.heading == heading {
					prices[i] = randomPrice(r)
					fmt.Fprintf(&file, "      %s: %s\n", p.item, prices[i])
				}
			}
		}
		for i, p := range priced {
			if prices[i] == "" {
				prices[i] = randomPrice(r)
				fmt.Fprintf(&file, "    %s: %s\n", p.heading, prices[i])
			}
		}
		times, discount, margin, perRequest := randomPrice(r), fmt.Sprintf("0.%02d", r.IntN(100)), randomPrice(r), randomPrice(r)
		if mustRat(times).Sign() == 0 || mustRat(times).Cmp(big.NewRat(100, 1)) > 0 {
			times = "0.5"
		}
		if mustRat(margin).Cmp(big.NewRat(100, 1)) > 0 {
			margin = "0.1"
		}
		fmt.Fprintf(&file, "    service_tiers: {batch: {times: %s}}\n", times)
		adjusted := r.IntN(2) == 0
		if adjusted {
			fmt.Fprintf(&file, "adjustments: [{discount: %s, margin: %s, per_request: %s}]\n", discount, margin, perRequest)
		}
		book, err := pricing.Parse("random.yaml", []byte(file.String()))
		require.NoError(t, err, file.String())

		for i := range 20 {
			// Mostly amounts that a call can have, sometimes absurd ones.
			limit := 30
			if i%5 == 0 {
				limit = 62
			}
			c := pricing.Call{Provider: "p", Model: "m", At: time.Unix(1e9, 0)}
			if r.IntN(2) == 0 {
				c.ServiceTier = "batch"
			}
			sum := new(big.Rat)
			for i, p := range priced {
				if r.IntN(3) == 0 {
					continue
				}
				n := r.Int64N(1 << r.IntN(limit))
				c.Quantities[p.kind] = n
				line := new(big.Rat).Mul(mustRat(prices[i]), big.NewRat(n, p.size))
				if c.ServiceTier == "batch" && p.item != "web_search" {
					line.Mul(line, mustRat(times))
				}
				sum.Add(sum, line)
			}
			if adjusted {
				one := big.NewRat(1, 1)
				sum.Mul(sum, new(big.Rat).Sub(one, mustRat(discount)))
				sum.Mul(sum, new(big.Rat).Add(one, mustRat(margin)))
				sum.Add(sum, mustRat(perRequest))
			}
			want := sum.FloatString(12) // rounds half away from zero
			got := book.Price(&c)
			if sum.Cmp(big.NewRat(1_000_000, 1)) >= 0 || want == "1000000.000000000000" {
				require.Equal(t, usage.ReasonCostOutOfRange, got.Reason, "%s\n%v", file.String(), c.Quantities)
				continue
			}
			inRange++
			if !new(big.Rat).Mul(sum, mustRat("1000000000000")).IsInt() {
				rounded++
			}
			require.Equal(t, trimZeros(want), got.Cost.String(), "%s\n%v", file.String(), c.Quantities)
		}
	}
	require.Greater(t, inRange, 1000, "most random calls cost too much to say anything")
	require.Greater(t, rounded, 500, "hardly any random call had to be rounded")
}

// randomPrice has up to twelve decimal places and no binary noise.
func randomPrice(r *rand.Rand) string {
	places := r.IntN(13)
	digits := fmt.Sprintf("%0*d", places+1, r.IntN(1_000_000))
	if places == 0 {
		return digits
	}
	return digits[:len(digits)-places] + "." + digits[len(digits)-places:]
}

func mustRat(text string) *big.Rat {
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		panic(text)
	}
	return r
}

func trimZeros(text string) string {
	return strings.TrimRight(strings.TrimRight(text, "0"), ".")
}

// TestGraduatedTiersPriceEachPart compares with sums done by hand.
func TestGraduatedTiersPriceEachPart(t *testing.T) {
	t.Parallel()
	const rows = `
provider: p
rows:
  - model: whole
    per_1m_tokens: {input: 0.05, output: 0.40}
    context_tiers: [{above: 256000, per_1m_tokens: {input: 0.25, output: 2}}]
  - model: parts
    graduated: true
    per_1m_tokens: {input: 0.05, output: 0.40}
    context_tiers: [{above: 256000, per_1m_tokens: {input: 0.25, output: 2}}]
`
	book, err := pricing.Parse("tiers.yaml", []byte(rows))
	require.NoError(t, err)
	c := pricing.Call{Provider: "p", Quantities: usage.Quantities{usage.InputTextTokens: 300_000, usage.OutputTextTokens: 300_000}}
	c.Model = "whole"
	require.Equal(t, "0.675", book.Price(&c).Cost.String())
	c.Model = "parts" // 256000 × 0.05 + 44000 × 0.25, 256000 × 0.40 + 44000 × 2, per million
	require.Equal(t, "0.2142", book.Price(&c).Cost.String())
	require.Equal(t, "0.2142", book.Explain(&c).Sum)
}
