package report

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// The names of models and tags are what an app sends.
func TestKeysOfAnyTextAreWrittenAsJSON(t *testing.T) {
	t.Parallel()
	sum, err := usage.ParseSum("0.000000000001")
	require.NoError(t, err)
	for _, key := range []string{"", "gpt-5.1", "a b/c_d", `"`, `\`, "a\nb", "<é>", "\x00", "日本", "\xff"} {
		text, err := json.Marshal(Costs{{Key: key, Cost: sum}})
		require.NoError(t, err)
		plain, err := json.Marshal(map[string]json.RawMessage{key: json.RawMessage("0.000000000001")})
		require.NoError(t, err)
		assert.Equal(t, string(plain), string(text))
		text, err = json.Marshal(Numbers{{Key: key, Count: -7}})
		require.NoError(t, err)
		plain, err = json.Marshal(map[string]int{key: -7})
		require.NoError(t, err)
		assert.Equal(t, string(plain), string(text))
	}
}
