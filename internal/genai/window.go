package genai

import (
	"sync"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// window remembers the recent calls, to recognise the second telling of a
// call that arrives in another payload. It is bounded in number and time and
// holds no text but those of our own.
//
// It must not lose a call: a payload that could not be delivered is sent
// again, and then the same spans must meet the same decision. So the window
// knows each telling by its span, lets the one it let pass before pass again,
// and refuses again the one it refused.
type window struct {
	mu     sync.Mutex
	keep   time.Duration
	now    func() time.Time
	ring   []entry
	next   int
	bySpan hashIndex
	byKey  hashIndex
	byLike hashIndex
	byRoof hashIndex // the span that the call is inside of

	// the hashes of the last texts: a payload repeats few of them
	lastScope, lastService text
}

type text struct {
	text string
	hash uint64
}

func (t *text) hashOf(s string) uint64 {
	if s != t.text || t.hash == 0 {
		t.text, t.hash = s, hashText(s)
	}
	return t.hash
}

// entry is one telling that was let pass.
type entry struct {
	key, like  uint64 // hashes, 0 for none
	roof       uint64 // hash of trace and parent span, 0 for none
	input      int64  // tokens
	output     int64
	apiType    usage.APIType
	seen       time.Time
	start, end time.Time
	scope      uint64
	model      uint64 // modelInfo.base
	user       uint64
	trace      pcommon.TraceID
	span       pcommon.SpanID
	met        bool           // a second telling was refused because of this one, namely
	twin       pcommon.SpanID // this one
}

func newWindow(limit int, keep time.Duration, now func() time.Time) *window {
	return &window{
		keep: keep, now: now, ring: make([]entry, limit),
		bySpan: newHashIndex(limit), byKey: newHashIndex(limit), byLike: newHashIndex(limit), byRoof: newHashIndex(limit),
	}
}

// sift marks the calls as dropped of which another payload told before, and
// remembers the others.
func (w *window) sift(calls []found) {
	now := w.now()
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range calls {
		if f := &calls[i]; !f.dropped && !w.pass(f, now) {
			f.dropped = true
		}
	}
	w.lastScope, w.lastService = text{}, text{} // they point into the payload
}

// pass decides about one call and remembers it when it may pass.
func (w *window) pass(f *found, now time.Time) bool {
	c := &f.call
	e := entry{
		seen: now, start: c.Start, end: c.End,
		scope: w.lastScope.hashOf(f.scope), model: f.model,
		trace: c.TraceID, span: c.SpanID, met: f.met, twin: f.twin, key: f.keyHash,
	}
	if c.hasTokens() {
		e.like = mix(w.lastService.hashOf(c.Service)^c.likeness()) | 1
	}
	if c.User != "" {
		e.user = hashText(c.User)
	}
	e.input, e.output, e.apiType = c.Quantities.InputTokens(), c.Quantities.OutputTokens(), c.APIType
	if parent := f.span.ParentSpanID(); !parent.IsEmpty() {
		e.roof = roofHash(e.trace, parent)
	}
	itself := roofHash(e.trace, e.span)
	for at := range w.bySpan.find(itself) {
		if old := w.at(at, now); old != nil && old.span == e.span && old.trace == e.trace {
			c.SentAgain = true
			return true
		}
	}
	if e.key != 0 {
		for at := range w.byKey.find(e.key) {
			if old := w.at(at, now); old != nil && old.key == e.key {
				if old.overlaps(&e) {
					old.met, old.twin = true, e.span
					return false
				}
			}
		}
	}
	if e.like != 0 {
		for at := range w.byLike.find(e.like) {
			old := w.at(at, now)
			if old == nil || old.like != e.like {
				continue
			}
			if old.met && old.twin == e.span {
				return false // refused before, sent again
			}
			if !old.met && !e.met && old.alike(&e) {
				old.met, old.twin = true, e.span
				return false
			}
		}
	}
	for at := range w.byRoof.find(itself) {
		if old := w.at(at, now); old != nil && old.roof == itself && old.isInside(&e, f) {
			return false
		}
	}
	at := int32(w.next)
	w.next = (w.next + 1) % len(w.ring)
	w.ring[at] = e
	w.bySpan.put(itself, at)
	w.byKey.put(e.key, at)
	w.byLike.put(e.like, at)
	w.byRoof.put(e.roof, at)
	return true
}

// roofHash stands for a span as the parent of others.
func roofHash(trace pcommon.TraceID, span pcommon.SpanID) uint64 {
	return mix(mix(spanHash(span))^spanHash(pcommon.SpanID(trace[8:]))) | 1
}

// isInside reports whether the remembered call, whose parent is the span at
// hand, is what this span tells of: a wrapper that tells nothing itself, or
// the same numbers. Children end first and so arrive first.
func (e *entry) isInside(outer *entry, f *found) bool {
	if e.apiType != outer.apiType || !sameModel(e.model, outer.model) || e.key != 0 && outer.key != 0 && e.key != outer.key && e.scope == outer.scope {
		return false
	}
	if !f.call.hasUsage() {
		return f.call.Key == "" && e.input+e.output > 0
	}
	return f.call.hasTokens() && e.input == outer.input && e.output == outer.output
}

// at gives a remembered telling, nil when it is too old.
func (w *window) at(i int32, now time.Time) *entry {
	if e := &w.ring[i]; now.Sub(e.seen) <= w.keep {
		return e
	}
	return nil
}

// overlaps reports whether both tell of the same time. Equal response ids at
// different times are a recorded answer played again.
func (e *entry) overlaps(o *entry) bool {
	return !e.start.After(o.end.Add(timeTolerance)) && !o.start.After(e.end.Add(timeTolerance))
}

// alike is [alike] on what the window remembers.
func (e *entry) alike(o *entry) bool {
	return e.scope != o.scope && (e.key == 0 || o.key == 0) && sameModel(e.model, o.model) &&
		(within(e.start, e.end, o.start, o.end) || within(o.start, o.end, e.start, e.end)) &&
		(e.user == 0 || o.user == 0 || e.user == o.user)
}

// hashIndex finds ring positions by hash. Each bucket holds the latest
// bucketSize of its hashes and forgets the rest: what is forgotten is counted
// twice at worst, and never lost.
type hashIndex struct {
	slots []hashSlot
	mask  uint64
}

type hashSlot struct {
	tag uint32
	at  int32 // ring position plus 1, 0 for a free slot
}

const bucketSize = 8

func newHashIndex(limit int) hashIndex {
	buckets := 1
	for buckets*bucketSize < 2*limit {
		buckets *= 2
	}
	return hashIndex{slots: make([]hashSlot, buckets*bucketSize), mask: uint64(buckets - 1)}
}

func (x *hashIndex) bucket(hash uint64) []hashSlot {
	at := (hash >> 32 & x.mask) * bucketSize
	return x.slots[at : at+bucketSize]
}

// find gives the ring positions that may have the hash, newest first. The
// caller compares the whole hash.
func (x *hashIndex) find(hash uint64) func(yield func(int32) bool) {
	return func(yield func(int32) bool) {
		for _, slot := range x.bucket(hash) {
			if slot.at != 0 && slot.tag == uint32(hash) && !yield(slot.at-1) {
				return
			}
		}
	}
}

func (x *hashIndex) put(hash uint64, at int32) {
	if hash == 0 {
		return
	}
	b := x.bucket(hash)
	copy(b[1:], b)
	b[0] = hashSlot{uint32(hash), at + 1}
}
