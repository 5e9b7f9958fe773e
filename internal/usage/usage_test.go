package usage_test

import (
	"encoding/hex"
	"encoding/json"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

func TestMoneyTextIsExactBothWays(t *testing.T) {
	for text, pico := range map[string]usage.Money{
		"0":                     0,
		"0.000000000001":        1,
		"0.00425":               4_250_000_000,
		"12":                    12 * usage.Dollar,
		"999999.999999999999":   usage.MaxCallCost,
		"9223372.036854775807":  math.MaxInt64,
		"-0.5":                  -usage.Dollar / 2,
		"-9223372.036854775808": math.MinInt64,
	} {
		got, err := usage.ParseMoney(text)
		require.NoError(t, err, text)
		assert.Equal(t, pico, got, text)
		assert.Equal(t, text, pico.String())
		encoded, err := json.Marshal(pico)
		require.NoError(t, err)
		assert.Equal(t, text, string(encoded), "money is a JSON number with all digits")
	}
}

func TestParseMoneyRoundsHalfAwayFromZeroAsPostgreSQL(t *testing.T) {
	for text, want := range map[string]string{
		"0.0000000000005":     "0.000000000001",
		"0.00000000000049":    "0",
		"-0.0000000000005":    "-0.000000000001",
		"1.5e-7":              "0.00000015",
		"00000000000000000.1": "0.1",
	} {
		got, err := usage.ParseMoney(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got.String(), text)
	}
}

func TestParseMoneyRefuses(t *testing.T) {
	for _, text := range []string{"", "NaN", "Infinity", "1.2.3", "abc", "$1", "10000000", "1e30", "1e999999999", "1e-999999999", strings.Repeat("1", 65)} {
		_, err := usage.ParseMoney(text)
		assert.Error(t, err, text)
	}
}

func TestMoneyEqualsDecimalArithmetic(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		d := decimal.New(r.Int64N(math.MaxInt64), -int32(r.IntN(20)+6))
		m, err := usage.ParseMoney(d.String())
		if d.Abs().GreaterThan(decimal.New(math.MaxInt64, -12)) {
			require.Error(t, err)
			continue
		}
		require.NoError(t, err, d)
		require.True(t, d.Round(usage.MoneyScale).Equal(m.Decimal()), "%s became %s", d, m)
	}
}

func TestQuantityNamesAreUniqueAndReadBack(t *testing.T) {
	for k := range usage.QuantityKindCount {
		got, err := usage.ParseQuantityKind(k.String())
		require.NoError(t, err)
		assert.Equal(t, k, got)
		assert.NotEmpty(t, k.Unit())
	}
	_, err := usage.ParseQuantityKind("tokens")
	assert.ErrorContains(t, err, "known are input_text, ")
}

func TestQuantityTextRoundTrip(t *testing.T) {
	for _, c := range []struct {
		kind usage.QuantityKind
		text string
		want int64
	}{
		{usage.InputTextTokens, "1306", 1306},
		{usage.AudioSeconds, "12.5", 12_500_000_000},
		{usage.AudioSeconds, "0.000000001", 1},
		{usage.VideoSeconds, "8", 8_000_000_000},
	} {
		got, err := usage.ParseQuantity(c.kind, c.text)
		require.NoError(t, err, c.text)
		assert.Equal(t, c.want, got)
		assert.Equal(t, c.text, string(usage.AppendQuantity(nil, c.kind, got)))
	}
	for _, c := range []struct {
		kind usage.QuantityKind
		text string
	}{
		{usage.InputTextTokens, "-1"}, {usage.InputTextTokens, "1.5"}, {usage.InputTextTokens, ""},
		{usage.InputTextTokens, "9223372036854775808"}, {usage.AudioSeconds, "1."},
		{usage.AudioSeconds, "1.0000000001"}, {usage.AudioSeconds, "9300000000"}, {usage.AudioSeconds, "1.-5"},
	} {
		_, err := usage.ParseQuantity(c.kind, c.text)
		assert.Error(t, err, c.text)
	}
}

func TestSecondsToQuantityKeepsWhatTheLibraryWrote(t *testing.T) {
	for seconds, want := range map[float64]int64{12.1: 12_100_000_000, 0: 0, 8.470000267028809: 8_470_000_267, 3600: 3600_000_000_000} {
		got, ok := usage.SecondsToQuantity(seconds)
		assert.True(t, ok)
		assert.Equal(t, want, got)
	}
	for _, seconds := range []float64{-1, math.NaN(), math.Inf(1), 1e9} {
		_, ok := usage.SecondsToQuantity(seconds)
		assert.False(t, ok, seconds)
	}
}

func TestTotalsStopAtTheGreatestNumber(t *testing.T) {
	q := usage.Quantities{usage.InputTextTokens: math.MaxInt64, usage.CacheReadTokens: 1, usage.OutputTextTokens: 7}
	assert.Equal(t, int64(math.MaxInt64), q.InputTokens())
	assert.Equal(t, int64(math.MaxInt64), q.TotalTokens())
	assert.Equal(t, int64(7), q.OutputTokens())
}

func TestIDsAreVersion5AndStable(t *testing.T) {
	// These values are a promise to every database in use: never change them.
	assert.Equal(t, "f3e60760-fa25-5d69-b7e8-2e56452d2a4e", usage.IDFromResponse("openai", "chatcmpl-1").String())
	assert.Equal(t, "0b726fa6-c946-5765-a6e2-99975864dca2", usage.UserID("ada@example.com").String())
	assert.Equal(t, "0b7c1e9e-5f0a-4f0e-9d3c-1a2b3c4d5e6f", usage.UserID("0B7C1E9E-5F0A-4F0E-9D3C-1A2B3C4D5E6F").String())

	a := usage.IDFromResponse("openai", "x")
	assert.Equal(t, byte(5), a[6]>>4)
	assert.NotEqual(t, a, usage.IDFromResponse("azure.ai.openai", "x"))
	assert.NotEqual(t, usage.IDFromSpan([16]byte{1}, [8]byte{2}), usage.IDFromSpan([16]byte{1}, [8]byte{3}))
}

func TestHexadecimalDigitsAreThoseOfTheStandardLibrary(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 2000 {
		var id usage.ID
		for i := range id {
			id[i] = byte(r.Uint32())
		}
		text := hex.EncodeToString(id[:])
		assert.Equal(t, text, string(usage.AppendHex(nil, id[:])))
		assert.Equal(t, text[:8]+"-"+text[8:12]+"-"+text[12:16]+"-"+text[16:20]+"-"+text[20:], id.String())
	}
}

func TestParseIDRefusesWhatIsNoUUID(t *testing.T) {
	for _, text := range []string{"", "0b7c1e9e5f0a4f0e9d3c1a2b3c4d5e6f", "0b7c1e9e-5f0a-4f0e-9d3c-1a2b3c4d5e6g", strings.Repeat("-", 36)} {
		_, ok := usage.ParseID(text)
		assert.False(t, ok, text)
	}
}

func TestCleanText(t *testing.T) {
	assert.Equal(t, "gpt\uFFFD4", usage.CleanText("gpt\x004", 256))
	assert.Equal(t, "a\uFFFDb", usage.CleanText("a\xff\xfeb", 256))
	assert.Equal(t, "ää", usage.CleanText("äää", 5), "cut at a character, not inside one")
	assert.LessOrEqual(t, len(usage.CleanText(strings.Repeat("\x00", 300), 256)), 256)
	assert.Zero(t, testing.AllocsPerRun(10, func() { usage.CleanText("gpt-4o-mini", 256) }))
}

func TestANameThatDoesNotFitIsLeftOutAndItsUserStays(t *testing.T) {
	for _, name := range []string{strings.Repeat("x", usage.MaxTextBytes+1), "a\x00b", "a\xff"} {
		r := usage.Record{UserID: usage.UserID(name), UserExternalID: name}
		r.Clean()
		assert.Empty(t, r.UserExternalID)
		assert.Equal(t, usage.UserID(name), r.UserID)
	}
	r := usage.Record{UserID: usage.UserID("ada"), UserExternalID: "ada"}
	r.Clean()
	assert.Equal(t, "ada", r.UserExternalID)
}

func TestValidateNamesEveryFault(t *testing.T) {
	good := usage.Record{ID: usage.ID{1}, Time: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), APIType: usage.APITypeText, Status: usage.StatusPriced}
	require.NoError(t, good.Validate())

	bad := usage.Record{Cost: -1, Status: usage.StatusUnpriced, APIType: "Text!", Quantities: usage.Quantities{usage.Images: -3}}
	err := bad.Validate()
	for _, fault := range []string{"id: missing", "timestamp: 0001-01-01T00:00:00Z", "api_type: not a word", "usage_dollars:", "pricing_reason: missing", "images: -3 is negative"} {
		assert.ErrorContains(t, err, fault)
	}
}

func FuzzParseMoney(f *testing.F) {
	f.Add("0.00425")
	f.Add("1e-7")
	f.Fuzz(func(t *testing.T, text string) {
		m, err := usage.ParseMoney(text)
		if err != nil {
			return
		}
		again, err := usage.ParseMoney(m.String())
		if err != nil || again != m {
			t.Fatalf("%q became %s became %s (%v)", text, m, again, err)
		}
	})
}

func FuzzCleanText(f *testing.F) {
	f.Add("a\x00b")
	f.Fuzz(func(t *testing.T, text string) {
		got := usage.CleanText(text, 16)
		if len(got) > 16 || strings.ContainsRune(got, 0) || strings.ToValidUTF8(got, "") != got {
			t.Fatalf("%q became %q", text, got)
		}
	})
}

// TestOnlyAWholeUUIDIsOne puts every odd byte at every place of one: what is no UUID
// is refused, wherever the mistake stands.
func TestOnlyAWholeUUIDIsOne(t *testing.T) {
	t.Parallel()
	const good = "6b1f0d5e-8c21-4b53-9d0a-2f641c7e9001"
	id, ok := usage.ParseID(good)
	require.True(t, ok)
	require.Equal(t, good, id.String())
	for i := range good {
		for _, c := range []byte{'-', 'g', 'A', '0', 0, 0xff} {
			text := good[:i] + string([]byte{c}) + good[i+1:]
			_, ok := usage.ParseID(text)
			isDash, isDigit := good[i] == '-', c == 'A' || c == '0'
			assert.Equal(t, isDash && c == '-' || !isDash && isDigit, ok, "%q", text)
		}
		_, ok := usage.ParseID(good[:i])
		assert.False(t, ok, good[:i])
	}
}
