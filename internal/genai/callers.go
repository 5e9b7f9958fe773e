package genai

import (
	"sync"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// callerMemory remembers the calls below which a library ran functions that
// the model had asked for: it asked the model again, under the same span. Such
// a function ends before its call and may arrive in an earlier payload.
type callerMemory struct {
	mu   sync.Mutex
	all  map[pcommon.SpanID]struct{}
	ring [1024]pcommon.SpanID // in the order of arrival, the oldest is forgotten first
	next int
}

func (m *callerMemory) put(caller pcommon.SpanID) {
	if caller.IsEmpty() {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.all == nil {
		m.all = make(map[pcommon.SpanID]struct{}, len(m.ring))
	}
	if _, known := m.all[caller]; known {
		return
	}
	delete(m.all, m.ring[m.next])
	m.ring[m.next] = caller
	m.next = (m.next + 1) % len(m.ring)
	m.all[caller] = struct{}{}
}

func (m *callerMemory) has(caller pcommon.SpanID) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, ok := m.all[caller]
	return ok
}
