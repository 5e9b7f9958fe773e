package genai

import (
	"encoding/binary"
	"slices"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-usage/otelcol-usage/internal/once"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// tree finds the ancestors of a span in the payload. It is built for the first call that
// needs one, because most payloads need none.
type tree struct {
	traces ptrace.Traces
	built  bool
	table  once.Table
	nodes  []node
}

// node is one span of the payload.
type node struct {
	span ptrace.Span
	call int32 // index into reading.calls plus 1, 0 for none
	read bool  // the texts below have been read
	user string
	// session and model may be on wrapper spans only.
	session, model string
	tags           []usage.Tag
}

// maxDepth bounds how many ancestors are visited: deeper trees are broken, and parents may
// form a loop.
const maxDepth = 64

// buildTree indexes all spans of the payload by their ids.
func (r *reading) buildTree() {
	t := &r.tree
	if t.built {
		return
	}
	t.built = true
	t.table.Reset(t.traces.SpanCount())
	for i, resources := 0, t.traces.ResourceSpans(); i < resources.Len(); i++ {
		for j, scopes := 0, resources.At(i).ScopeSpans(); j < scopes.Len(); j++ {
			for k, spans := 0, scopes.At(j).Spans(); k < spans.Len(); k++ {
				span := spans.At(k)
				t.nodes = append(t.nodes, node{span: span})
				t.table.Put(spanHash(span.SpanID()), int32(len(t.nodes)-1))
			}
		}
	}
	for i := range r.calls {
		if n := t.find(r.calls[i].call.TraceID, r.calls[i].call.SpanID); n >= 0 {
			t.nodes[n].call = int32(i + 1)
		}
	}
}

func (t *tree) release() {
	clear(t.nodes)
	t.nodes = t.nodes[:0]
	t.built = false
	t.traces = ptrace.Traces{}
}

// find returns the index of a span, -1 when it is not in the payload.
func (t *tree) find(trace pcommon.TraceID, id pcommon.SpanID) int32 {
	if id.IsEmpty() {
		return -1
	}
	for i := t.table.First(spanHash(id)); i >= 0; i = t.table.Next() {
		if n := &t.nodes[i]; n.span.SpanID() == id && n.span.TraceID() == trace {
			return i
		}
	}
	return -1
}

// parentOf returns the parent of node i, -1 when it is not in the payload.
func (t *tree) parentOf(i int32) int32 {
	span := t.nodes[i].span
	return t.find(span.TraceID(), span.ParentSpanID())
}

func spanHash(id pcommon.SpanID) uint64 { return binary.LittleEndian.Uint64(id[:]) }

// describe reads what a node can pass on to the calls below it.
func (r *reading) describe(n *node) {
	if n.read {
		return
	}
	n.read = true
	a := &r.others
	a.read(r.names, n.span.Attributes())
	r.touched.join(&a.present)
	n.user = r.userOf(a, nil)
	n.session = a.firstText(namesSession)
	n.model = a.firstText(namesInheritedModel)
	n.tags = r.tagsOf(a)
}

// needsAncestors reports whether an ancestor could report something that the span does not
// report itself.
func (r *reading) needsAncestors(f *found) bool {
	if f.span.ParentSpanID().IsEmpty() {
		return false
	}
	return f.pending != 0 || len(r.userNames) > 0 && f.call.User == "" || len(f.call.Tags) < len(r.tags)
}

// inherit fills what the call lacks from its ancestors, nearest first.
func (r *reading) inherit(f *found) {
	call := &f.call
	r.buildTree()
	at := r.tree.find(call.TraceID, f.span.ParentSpanID())
	for depth := 0; at >= 0 && depth < maxDepth; depth++ {
		n := &r.tree.nodes[at]
		r.describe(n)
		if call.User == "" && len(r.userNames) > 0 {
			call.User = n.user
		}
		if call.SessionID == "" {
			call.SessionID = n.session
		}
		if call.Model == "" {
			call.Model = n.model
		}
		call.addTags(n.tags)
		at = r.tree.parentOf(at)
	}
}

// addTags adds the tags whose names the call does not have.
func (c *Call) addTags(tags []usage.Tag) {
	for _, tag := range tags {
		if !slices.ContainsFunc(c.Tags, func(have usage.Tag) bool { return have.Key == tag.Key }) {
			c.Tags = append(c.Tags, tag)
		}
	}
}
