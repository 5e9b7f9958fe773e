package usage_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

func TestMissingDetailsReadBackAsTheyWere(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "cache+audio", (usage.MissingCache | usage.MissingAudio).String())
	for m := range usage.MissingTime << 1 {
		got, err := usage.ParseMissing(m.String())
		require.NoError(t, err)
		assert.Equal(t, m, got)
	}
	for _, text := range []string{"cash", "cash+cache", "+", "cache,audio"} {
		_, err := usage.ParseMissing(text)
		assert.Error(t, err, text)
	}
}
