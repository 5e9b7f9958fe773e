package usage_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

func TestMissingDetailsReadBackAsTheyWere(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "cache+audio", (usage.MissingCache | usage.MissingAudio).String())
	for m := range usage.MissingTime << 1 {
		got, unknown := usage.ParseMissing(m.String())
		assert.Equal(t, m, got)
		assert.Empty(t, unknown)
	}
}

func TestAssumptionsReadBackAsTheyWere(t *testing.T) {
	t.Parallel()
	all := usage.AssumptionNames()
	for a := range usage.Assumptions(1) << len(all) {
		got, unknown := usage.ParseAssumptions(a.String())
		require.Equal(t, a, got)
		require.Empty(t, unknown)
	}
	assert.Equal(t, []string{"service_tier", "model_version"}, (usage.AssumedServiceTier | usage.AssumedModelVersion).Names())
	assert.Empty(t, usage.Assumptions(0).Names())
	assert.Equal(t, []string{"speed", "tools"}, slices.Collect((usage.AssumedTools | usage.AssumedSpeed).All()))
}

func TestWordsOfANewerBuildComeBackBesideTheKnownOnes(t *testing.T) {
	t.Parallel()
	missing, unknown := usage.ParseMissing("smell+cache+colour")
	assert.Equal(t, usage.MissingCache, missing)
	assert.Equal(t, "smell+colour", unknown)
	assumed, unknown := usage.ParseAssumptions("weather+region")
	assert.Equal(t, usage.AssumedRegion, assumed)
	assert.Equal(t, "weather", unknown)
}
