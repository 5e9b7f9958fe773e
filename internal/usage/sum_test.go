package usage_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

func TestSumIsExactBeyondTheRangeOfMoney(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"0.004250000000":            "0.00425",
		"0.000000000000":            "0",
		"123456789012.000000000001": "123456789012.000000000001",
		"-1.50":                     "-1.5",
	} {
		s, err := usage.ParseSum(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, s.String())

		encoded, err := json.Marshal(s)
		require.NoError(t, err)
		assert.Equal(t, want, string(encoded), "a JSON number with all digits")
		var back usage.Sum
		require.NoError(t, json.Unmarshal(encoded, &back))
		assert.Zero(t, s.Cmp(back))
	}
	big, err := usage.ParseSum("99999999999.999999999999")
	require.NoError(t, err)
	assert.Equal(t, "100000000000", big.Plus(usage.SumOf(1)).String())
	assert.Equal(t, "99999999999.999999999998", big.Minus(usage.SumOf(1)).String())
	assert.True(t, usage.Sum{}.IsZero())
	assert.Equal(t, "0", usage.Sum{}.String())
}

func TestParseSumRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "NaN", "Infinity", "1e99", `"1"`, "null"} {
		_, err := usage.ParseSum(text)
		assert.Error(t, err, text)
	}
}
