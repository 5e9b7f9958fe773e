package genai

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

func TestPayloadsAreReadConcurrently(t *testing.T) {
	t.Parallel()
	reader, err := NewReader(Config{TrackUsers: true, DuplicateCalls: 32, RootMemory: 4})
	require.NoError(t, err)
	var group sync.WaitGroup
	calls := make([]int, 8)
	for worker := range calls {
		group.Go(func() {
			for i := range 40 {
				n := worker*1000 + i
				td := payloadOf(
					reportOf{scope: scopeUnknown, trace: byte(n), span: 1, start: n, end: n + 300, operation: "invoke_agent", user: fmt.Sprint("u", n), noUsage: true},
					reportOf{scope: scopeOpenAI, trace: byte(n), span: 2, parent: 1, start: n + 1, end: n + 2, id: fmt.Sprintf("chatcmpl-abcdefghijkm%06d", n), in: int64(n + 1), out: 1},
				)
				reader.Read(td, func(c *Call, span ptrace.Span) {
					calls[worker]++
					span.Attributes().PutStr("usage.id", c.User)
				}, func(string, SkipReason) {})
			}
		})
	}
	group.Wait()
	for _, n := range calls {
		require.Equal(t, 40, n)
	}
}

// What emit keeps must stay as it was when the reader goes on.
func TestACallThatIsCopiedStaysAsItWas(t *testing.T) {
	t.Parallel()
	reader, err := NewReader(Config{TrackUsers: true, Tags: []Tag{{"team", []string{"team"}}}})
	require.NoError(t, err)
	read := func(n int) Call {
		td := payloadOf(reportOf{scope: scopeOpenAI, trace: byte(n), span: 1, start: n, end: n + 1, in: int64(n), out: 1, user: fmt.Sprint("u", n)})
		td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes().PutStr("team", fmt.Sprint("t", n))
		calls, _ := readWith(reader, td)
		require.Len(t, calls, 1)
		return calls[0]
	}
	first := read(1)
	for n := range 50 {
		read(n + 2)
	}
	require.Equal(t, "u1", first.User)
	require.Equal(t, "t1", first.Tags[0].Value)
	require.Equal(t, int64(1), first.Quantities.InputTokens())
}
