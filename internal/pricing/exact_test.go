package pricing_test

import (
	"fmt"
	"maps"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// unitSizes are the headings of price files, and how many of a quantity one
// price pays for; seconds count in nanoseconds, storage in megabyte days.
var unitSizes = map[string]int64{
	"per_1m_tokens": 1e6, "per_1k_tokens": 1e3, "per_token": 1,
	"per_hour": 3600e9, "per_minute": 60e9, "per_second": 1e9,
	"per_1m_characters": 1e6, "per_1k_characters": 1e3, "per_character": 1,
	"per_1k_images": 1e3, "per_image": 1,
	"per_gigapixel": 1e9, "per_megapixel": 1e6, "per_pixel": 1,
	"per_1k_pages": 1e3, "per_page": 1, "per_1k_calls": 1e3, "per_call": 1,
	"per_1k_requests": 1e3, "per_request": 1, "per_gb_day": 1e3,
}

// itemsOf are the kinds of quantities, as price files name them, by what they
// are counted in. The request itself is no kind: request stands for it.
var itemsOf = []struct {
	units []string
	fee   bool // not touched by tiers, regions and hours
	names map[string]usage.QuantityKind
}{
	{[]string{"per_1m_tokens", "per_1k_tokens", "per_token"}, false, map[string]usage.QuantityKind{
		"input": usage.InputTextTokens, "cache_read": usage.CacheReadTokens, "cache_write_5m": usage.CacheWrite5mTokens,
		"cache_write_1h": usage.CacheWrite1hTokens, "cache_write_30m": usage.CacheWrite30mTokens, "cache_write_12h": usage.CacheWrite12hTokens, "input_audio": usage.InputAudioTokens, "input_image": usage.InputImageTokens,
		"input_video": usage.InputVideoTokens, "cache_read_audio": usage.CacheReadAudioTokens, "cache_read_image": usage.CacheReadImageTokens,
		"output": usage.OutputTextTokens, "reasoning": usage.OutputReasoningTokens, "output_audio": usage.OutputAudioTokens,
		"output_image": usage.OutputImageTokens, "citation": usage.CitationTokens,
	}},
	{[]string{"per_hour", "per_minute", "per_second"}, false, map[string]usage.QuantityKind{"audio": usage.AudioSeconds, "video": usage.VideoSeconds}},
	{[]string{"per_1m_characters", "per_1k_characters", "per_character"}, false, map[string]usage.QuantityKind{"characters": usage.Characters}},
	{[]string{"per_1k_images", "per_image"}, false, map[string]usage.QuantityKind{"images": usage.Images}},
	{[]string{"per_gigapixel", "per_megapixel", "per_pixel"}, false, map[string]usage.QuantityKind{"pixels": usage.Pixels}},
	{[]string{"per_1k_pages", "per_page"}, false, map[string]usage.QuantityKind{"pages": usage.Pages}},
	{[]string{"per_1k_calls", "per_call"}, false, map[string]usage.QuantityKind{"search_unit": usage.SearchUnits}},
	{[]string{"per_1k_calls", "per_call"}, true, map[string]usage.QuantityKind{
		"web_search": usage.WebSearches, "file_search": usage.FileSearches, "code_session": usage.CodeSessions,
	}},
	{[]string{"per_gb_day"}, true, map[string]usage.QuantityKind{"storage": usage.StorageMBDays}},
	{[]string{"per_1k_requests", "per_request"}, true, map[string]usage.QuantityKind{"request": request}},
}

const request = usage.QuantityKindCount

// randomPrices is a price for every item, of a random number of digits in a
// random unit.
type randomPrices [request + 1]struct {
	price *big.Rat // for one of the quantity
	fee   bool
}

// write draws prices for the items counted in the first n kinds of units and
// writes them as a price file does.
func (p *randomPrices) write(r *rand.Rand, n int, indent string) string {
	byUnit := map[string][]string{}
	for _, of := range itemsOf[:n] {
		for _, name := range slices.Sorted(maps.Keys(of.names)) {
			unit, text := of.units[r.IntN(len(of.units))], randomPrice(r)
			byUnit[unit] = append(byUnit[unit], name+": "+text)
			p[of.names[name]].price = new(big.Rat).Quo(mustRat(text), big.NewRat(unitSizes[unit], 1))
			p[of.names[name]].fee = of.fee
		}
	}
	var file strings.Builder
	for _, unit := range slices.Sorted(maps.Keys(byUnit)) {
		fmt.Fprintf(&file, "%s%s: {%s}\n", indent, unit, strings.Join(byUnit[unit], ", "))
	}
	return file.String()
}

// TestCostEqualsRationalArithmetic compares with a calculation of its own that
// knows nothing of the engine: Σ quantity × price ÷ size, × what tier, region
// and hour multiply, discount, margin, fee, rounded once to picodollars, half
// away from zero. Every kind of row is drawn.
func TestCostEqualsRationalArithmetic(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(20261123, 4))
	inRange, rounded := 0, 0
	for range 120 {
		var prices, long randomPrices
		var file strings.Builder
		file.WriteString("provider: p\nrows:\n  - model: m\n")
		file.WriteString(prices.write(r, len(itemsOf), "    "))
		// A context tier moves tokens; strict or not.
		threshold, condition := 1+r.Int64N(1<<r.IntN(16)), "at_least"
		reached := threshold
		if r.IntN(2) == 0 {
			condition, reached = "above", threshold+1
		}
		fmt.Fprintf(&file, "    context_tiers:\n      - %s: %d\n%s", condition, threshold, long.write(r, 1, "        "))
		graduated := r.IntN(4) == 0
		if graduated {
			file.WriteString("    graduated: true\n")
		}
		batch, eu, night := randomFactor(r), randomFactor(r), randomFactor(r)
		fmt.Fprintf(&file, "    service_tiers: {batch: {times: %s}}\n    regions: {eu: {times: %s}}\n    hours: {\"22:00-06:00\": {times: %s}}\n", batch, eu, night)
		discount, margin, perRequest := fmt.Sprintf("0.%02d", r.IntN(100)), randomFactor(r), randomPrice(r)
		adjusted := r.IntN(2) == 0
		if adjusted {
			fmt.Fprintf(&file, "adjustments: [{discount: %s, margin: %s, per_request: %s}]\n", discount, margin, perRequest)
		}
		book, err := pricing.Parse("random.yaml", []byte(file.String()))
		require.NoError(t, err, file.String())

		for i := range 20 {
			// Mostly amounts that a call can have, sometimes absurd ones.
			limit := 12
			if i%5 == 0 {
				limit = 62
			}
			c := pricing.Call{Provider: "p", Model: "m", At: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)}
			times := big.NewRat(1, 1)
			if r.IntN(2) == 0 {
				c.ServiceTier = "batch"
				times.Mul(times, mustRat(batch))
			}
			if r.IntN(2) == 0 {
				c.Region = "eu-west-1"
				times.Mul(times, mustRat(eu))
			}
			if r.IntN(2) == 0 {
				c.At = c.At.Add(11 * time.Hour)
				times.Mul(times, mustRat(night))
			}
			for k := range c.Quantities {
				if r.IntN(3) > 0 {
					c.Quantities[k] = r.Int64N(1 << r.IntN(limit))
				}
			}
			sum := new(big.Rat).Set(prices[request].price)
			for k, n := range c.Quantities {
				base, above := prices[k], long[k]
				below := n
				switch {
				case above.price == nil: // no token
				case graduated:
					below = min(n, reached-1)
				case c.Quantities.InputTokens() >= reached:
					below = 0
				}
				if above.price == nil {
					above = base
				}
				line := new(big.Rat).Mul(base.price, big.NewRat(below, 1))
				line.Add(line, new(big.Rat).Mul(above.price, big.NewRat(n-below, 1)))
				if !base.fee {
					line.Mul(line, times)
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
			require.Equal(t, usage.StatusPriced, got.Status, file.String())
		}
	}
	require.Greater(t, inRange, 1000, "most random calls cost too much to say anything")
	require.Greater(t, rounded, 500, "hardly any random call had to be rounded")
}

// randomFactor is a multiplier that files may name: more than 0, at most 100.
func randomFactor(r *rand.Rand) string {
	return fmt.Sprintf("%d.%0*d", r.IntN(3), 1+r.IntN(6), 1+r.IntN(9))
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
