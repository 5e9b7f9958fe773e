package replay_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/replay"
)

var at = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestEveryBuiltinCaptureCanBeRetold(t *testing.T) {
	captures, err := replay.Builtin()
	require.NoError(t, err)
	require.NotEmpty(t, captures)
	for _, c := range captures {
		td, err := c.Replay(replay.Options{At: at, Seed: 1, User: "ada", Service: "shop"})
		require.NoError(t, err)
		require.NotZero(t, td.SpanCount(), "%s/%s", c.Library, c.Case)
		for _, resource := range td.ResourceSpans().All() {
			service, _ := resource.Resource().Attributes().Get("service.name")
			assert.Equal(t, "shop", service.Str())
			for _, scope := range resource.ScopeSpans().All() {
				for _, span := range scope.Spans().All() {
					user, _ := span.Attributes().Get("user.id")
					assert.Equal(t, "ada", user.Str())
					assert.WithinDuration(t, at, span.StartTimestamp().AsTime(), time.Minute)
				}
			}
		}
	}
}

func TestIDsAreNewForEachSeedAndTheSameForTheSameSeed(t *testing.T) {
	captures, err := replay.Builtin()
	require.NoError(t, err)
	ids := func(c *replay.Capture, seed uint64) map[string]bool {
		td, err := c.Replay(replay.Options{At: at, Seed: seed})
		require.NoError(t, err)
		set := map[string]bool{}
		for _, resource := range td.ResourceSpans().All() {
			for _, scope := range resource.ScopeSpans().All() {
				for _, span := range scope.Spans().All() {
					set[span.TraceID().String()+span.SpanID().String()] = true
					if id, ok := span.Attributes().Get("gen_ai.response.id"); ok {
						set[id.Str()] = true
					}
				}
			}
		}
		return set
	}
	for _, c := range captures {
		first := ids(c, 1)
		assert.Equal(t, first, ids(c, 1))
		for id := range ids(c, 2) {
			assert.False(t, first[id], "%s/%s: %s occurs under two seeds", c.Library, c.Case, id)
		}
	}
}

func TestParentsStayParents(t *testing.T) {
	captures, err := replay.Builtin()
	require.NoError(t, err)
	for _, c := range captures {
		td, err := c.Replay(replay.Options{At: at, Seed: 9})
		require.NoError(t, err)
		known := map[string]bool{}
		withParent, found := 0, 0
		for pass := range 2 {
			for _, resource := range td.ResourceSpans().All() {
				for _, scope := range resource.ScopeSpans().All() {
					for _, span := range scope.Spans().All() {
						if pass == 0 {
							known[span.SpanID().String()] = true
						} else if !span.ParentSpanID().IsEmpty() {
							withParent++
							if known[span.ParentSpanID().String()] {
								found++
							}
						}
					}
				}
			}
		}
		assert.Equal(t, withParent, found, "%s/%s", c.Library, c.Case)
	}
}
