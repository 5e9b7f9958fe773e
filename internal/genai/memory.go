package genai

import (
	"encoding/binary"
	"strings"
	"sync/atomic"

	lru "github.com/hashicorp/golang-lru/v2"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// rootUser is the user that an agent or root span named. Agents set the user only on their
// root span, and its children may arrive in later payloads.
type rootUser struct{ user, session string }

// rememberUser remembers the user of a trace. The first one named stays.
func (r *Reader) rememberUser(trace pcommon.TraceID, user, session string) {
	if r.roots == nil || user == "" || trace.IsEmpty() || len(user) > usage.MaxTextBytes || len(session) > usage.MaxTextBytes {
		return
	}
	if !r.roots.Contains(trace) {
		r.roots.ContainsOrAdd(trace, rootUser{strings.Clone(user), strings.Clone(session)})
	}
}

// namedTrace is a trace as seen by one service.
type namedTrace struct {
	trace   pcommon.TraceID
	service uint64
}

// isEntry reports whether a span without GenAI attributes can name the user of the trace:
// the first span of the trace, or of a service in it. Most such spans end after the calls
// below them.
func (r *Reader) isEntry(span ptrace.Span) bool {
	if r.roots == nil {
		return false
	}
	switch span.Kind() {
	case ptrace.SpanKindServer, ptrace.SpanKindConsumer:
		return true
	}
	return span.ParentSpanID().IsEmpty()
}

// readEntry reads a span without GenAI attributes that names the user of its trace.
func (r *reading) readEntry(span ptrace.Span) {
	r.attrs.read(r.names, span.Attributes())
	r.touched.join(&r.attrs.present)
	r.nameUser(span, r.userOf(&r.attrs, nil), r.attrs.firstText(namesSession), r.resource.service, r.resource.serviceHash)
}

// nameUser remembers the user for later calls and reports it for calls that came before.
func (r *reading) nameUser(span ptrace.Span, user, session, service string, serviceHash uint64) {
	trace := span.TraceID()
	if user == "" || trace.IsEmpty() {
		return
	}
	r.rememberUser(trace, user, session)
	if r.config.NamedUser == nil || r.named == nil {
		return
	}
	first, known, _ := r.named.PeekOrAdd(namedTrace{trace, serviceHash}, span.SpanID())
	if !known || first == span.SpanID() {
		r.config.NamedUser(span, user, service)
	}
}

// recallUser returns the user of a trace, empty when none was named.
func (r *Reader) recallUser(trace pcommon.TraceID) (u rootUser) {
	if r.roots != nil {
		u, _ = r.roots.Peek(trace)
	}
	return u
}

// maxCallers is how many calls are remembered below which a library ran functions that the
// model requested: it then asked the model again under the same span. Such a function ends
// before its call and may arrive in an earlier payload.
const maxCallers = 1024

func (r *Reader) rememberCaller(caller pcommon.SpanID) {
	if !caller.IsEmpty() {
		r.callers.Add(caller, struct{}{})
	}
}

// bounded returns a cache of a fixed size above 0.
func bounded[K comparable, V any](size int) *lru.Cache[K, V] {
	memory, err := lru.New[K, V](size)
	if err != nil {
		panic(err) // an error is possible only for a size below 1
	}
	return memory
}

// traceNotes remembers recent traces: a new one replaces an older one with the same hash.
type traceNotes [1 << 12]atomic.Uint64

// spanInTrace makes one id of a span and its trace.
func spanInTrace(trace pcommon.TraceID, span pcommon.SpanID) (id pcommon.TraceID) {
	copy(id[:8], trace[8:])
	copy(id[8:], span[:])
	return id
}

func (n *traceNotes) slot(trace pcommon.TraceID) (*atomic.Uint64, uint64) {
	half := binary.LittleEndian.Uint64(trace[8:]) ^ binary.LittleEndian.Uint64(trace[:8])*0x9E3779B97F4A7C15
	return &n[half%uint64(len(n))], half
}

func (n *traceNotes) note(trace pcommon.TraceID) {
	slot, half := n.slot(trace)
	slot.Store(half)
}

func (n *traceNotes) noted(trace pcommon.TraceID) bool {
	slot, half := n.slot(trace)
	return slot.Load() == half && !trace.IsEmpty()
}
