package genai

import (
	"strings"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// rootMemory remembers which user the agent and root spans of recent traces
// named. Agents put the user on their root span only, and its children may
// arrive in later payloads.
type rootMemory struct {
	size  atomic.Int32
	mu    sync.Mutex
	users map[pcommon.TraceID]rootUser
	ring  []pcommon.TraceID // in the order of arrival, the oldest is forgotten first
	next  int
}

type rootUser struct{ user, session string }

func newRootMemory(limit int) *rootMemory {
	return &rootMemory{users: make(map[pcommon.TraceID]rootUser), ring: make([]pcommon.TraceID, limit)}
}

// put remembers the user of a trace. The first one that names itself stays.
func (m *rootMemory) put(trace pcommon.TraceID, user, session string) {
	if trace.IsEmpty() || len(user) > usage.MaxTextBytes || len(session) > usage.MaxTextBytes {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, known := m.users[trace]; known {
		return
	}
	if old := m.ring[m.next]; !old.IsEmpty() {
		delete(m.users, old)
	}
	m.ring[m.next] = trace
	m.next = (m.next + 1) % len(m.ring)
	m.users[trace] = rootUser{strings.Clone(user), strings.Clone(session)}
	m.size.Store(int32(len(m.users)))
}

func (m *rootMemory) get(trace pcommon.TraceID) (rootUser, bool) {
	if m.size.Load() == 0 {
		return rootUser{}, false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	u, ok := m.users[trace]
	return u, ok
}
