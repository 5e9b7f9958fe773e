package genai

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheShareOfSampledTracesIsReadInEveryDialect(t *testing.T) {
	t.Parallel()
	everyDialect(t, func(t *testing.T, d *dialect) {
		for state, want := range map[string]string{
			"": "", "vendor=x": "", "ot=th:0": "", "ot=th:8": "0.5", "vendor=x,ot=rv:1234;th:c": "0.25", "ot=th:e8": "0.09375", "ot=p:3;r:5": "0.125",
			"ot=p:63": "", "ot=th:zz": "", "ot=th:123456789abcdef": "", "ot=th:": "",
		} {
			td := written(d, "openai", "gpt-5.5", twoSides, nil)
			td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).TraceState().FromRaw(state)
			require.Equal(t, want, onlyCall(t, td).Sampled, state)
		}
		for name, c := range map[string]struct {
			value any
			want  string
		}{
			"SampleRate": {int64(4), "0.25"}, "_MS.sampleRate": {12.5, "0.125"}, "microsoft.sample_rate": {100.0, ""}, "sentry.sample_rate": {0.2, "0.2"},
			"_dd.rule_psr": {0.5, "0.5"}, "sampling.probability": {"0.1", "0.1"},
		} {
			require.Equal(t, c.want, onlyCall(t, written(d, "openai", "gpt-5.5", twoSides, map[string]any{name: c.value})).Sampled, name)
		}
		require.Equal(t, "0.01", onlyCall(t, written(d, "openai", "gpt-5.5", twoSides, map[string]any{"sampler.type": "probabilistic", "sampler.param": 0.01})).Sampled)
		require.Empty(t, onlyCall(t, written(d, "openai", "gpt-5.5", twoSides, map[string]any{"sampler.type": "const", "sampler.param": 1.0})).Sampled)
	})
}
