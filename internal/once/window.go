package once

import (
	"encoding/binary"
	"iter"
	"sync"
	"time"
)

// Window remembers the calls of recent payloads, to recognise the second report
// of a call that arrives in another payload. It is bounded in number and time,
// holds no text, and is safe for concurrent use.
//
// It must not lose a call: a payload that could not be delivered is sent again,
// and then the same reports must meet the same decision. So the window knows
// each report by its span, lets the one that it let pass before pass again, and
// refuses again the one that it refused.
type Window struct {
	mu   sync.Mutex
	keep time.Duration
	now  func() time.Time
	at   time.Time // of the payload at hand
	ring []entry
	next int

	bySpan, byParent index
	ways             [ways]index
}

// entry is a report that was let pass.
type entry struct {
	Report
	seen time.Time
}

// NewWindow makes a window for limit calls, each remembered for keep.
func NewWindow(limit int, keep time.Duration, now func() time.Time) *Window {
	w := &Window{keep: keep, now: now, ring: make([]entry, limit), bySpan: newIndex(limit, narrow), byParent: newIndex(limit, wide)}
	for i := range w.ways {
		w.ways[i] = newIndex(limit, narrow)
	}
	return w
}

// Begin takes the window for one payload, End gives it back.
func (w *Window) Begin() {
	now := w.now()
	w.mu.Lock()
	w.at = now
}

// End gives the window back.
func (w *Window) End() { w.mu.Unlock() }

// Decision is what the window says of a report.
type Decision uint8

// The decisions.
const (
	// New: nobody reported this call before.
	New Decision = iota
	// Again: this span reported it before, and was let pass.
	Again
	// Corrects: the call was reported before, with less. The report has to go
	// under the ID that the first one had.
	Corrects
	// Repeats: another report of this call was let pass.
	Repeats
)

// Decide says whether a call was reported before, and remembers it when not. It
// is called between [Window.Begin] and [Window.End]. A report that was let pass
// before keeps the ID that it had then.
func (w *Window) Decide(r *Report) Decision {
	span, siblings := spanHash(r.Trace, r.Span), spanHash(r.Trace, r.Parent)
	for known := range w.under(&w.bySpan, span) {
		if known.Span != r.Span || known.Trace != r.Trace {
			continue
		}
		if verdict := Judge(&known.Report, r); verdict == Duplicate {
			r.ID = known.ID
			return Again
		} else if verdict == Correction {
			return known.correct(r)
		}
	}
	if known := w.reported(r, span, siblings); known != nil {
		known.Match(r)
		if known.covers(r) {
			return Repeats
		}
		return known.correct(r)
	}
	if w.sums(r, span, siblings) {
		return Repeats
	}
	at := int32(w.next)
	w.next = (w.next + 1) % len(w.ring)
	w.ring[at] = entry{Report: *r, seen: w.at}
	w.bySpan.put(span, at)
	if r.Trace != [16]byte{} {
		w.byParent.put(siblings, at)
	}
	for way := range ways {
		if put, _ := way.hashes(r); put != 0 {
			w.ways[way].put(put, at)
		}
	}
	return New
}

// correct takes what r reports for what is known from now on.
func (known *entry) correct(r *Report) Decision {
	known.Counts, known.Usage, known.Unsure, known.Estimate = r.Counts, r.Usage, r.Unsure, r.Estimate
	r.ID = known.ID
	return Corrects
}

// covers reports whether what is known stands for r: it does not where r has
// more counts of the same call.
func (known *entry) covers(r *Report) bool {
	if known.sameID(r) {
		return Judge(&known.Report, r) == Duplicate
	}
	return known.Usage || !r.Usage
}

// reported looks for another report of the same call.
func (w *Window) reported(r *Report, span, parent uint64) *entry {
	// Children end first, and so they mostly arrive first.
	for known := range w.under(&w.byParent, span) {
		if known.Parent == r.Span && known.Trace == r.Trace && Same(r, &known.Report, true) {
			return known
		}
	}
	if r.Parent != [8]byte{} {
		for known := range w.under(&w.bySpan, parent) {
			if known.Span == r.Parent && known.Trace == r.Trace && Same(&known.Report, r, true) {
				return known
			}
		}
	}
	for way := range ways {
		_, look := way.hashes(r)
		for _, hash := range look {
			for known := range w.under(&w.ways[way], hash) {
				if known.matches(r, way) {
					return known
				}
			}
		}
	}
	return nil
}

// matches reports whether r is one call with a known report that does not lie
// around it or inside it in the trace.
func (known *entry) matches(r *Report, way way) bool {
	if known.Matched && known.MatchedBy == r.Span {
		return true // matched before, sent again
	}
	return (way == byID || !known.Matched && !r.Matched) && way.matches(&known.Report, r)
}

// sums reports whether r repeats the sum of calls inside it or beside it.
func (w *Window) sums(r *Report, span, siblings uint64) bool {
	var inside, beside Sum
	for known := range w.under(&w.byParent, span) {
		if known.Parent == r.Span && known.Trace == r.Trace {
			inside.Inside(&known.Report)
		}
	}
	for known := range w.under(&w.byParent, siblings) {
		beside.Beside(r, &known.Report)
	}
	return inside.Is(r) || beside.Is(r) || r.Unclaimed && inside.calls > 0
}

// spanHash stands for a span.
func spanHash(trace [16]byte, span [8]byte) uint64 {
	return mix(mix(binary.LittleEndian.Uint64(span[:]))^binary.LittleEndian.Uint64(trace[8:])^binary.LittleEndian.Uint64(trace[:8])*0x9E3779B97F4A7C15) | 1
}

// under gives the remembered reports that may have the hash, newest first.
func (w *Window) under(x *index, hash uint64) iter.Seq[*entry] {
	return func(yield func(*entry) bool) {
		if hash == 0 {
			return
		}
		for _, slot := range x.bucket(hash) {
			if slot.at == 0 || slot.tag != uint32(hash) {
				continue
			}
			if e := &w.ring[slot.at-1]; w.at.Sub(e.seen) <= w.keep && !yield(e) {
				return
			}
		}
	}
}

// index finds places in the ring by hash. Each bucket holds the latest of its
// hashes and forgets the rest: what is forgotten is counted twice at worst, and
// never lost. A place may hold another report by now.
type index struct {
	slots []slot
	width uint64
	mask  uint64
}

type slot struct {
	tag uint32
	at  int32 // place in the ring plus 1, 0 for a free slot
}

// The widths of buckets: how many reports can be found by one hash.
const (
	narrow = 8
	wide   = 64 // a turn of an agent has so many calls
)

func newIndex(limit int, width uint64) index {
	buckets := uint64(1)
	for buckets*width < 2*uint64(limit) {
		buckets *= 2
	}
	return index{slots: make([]slot, buckets*width), width: width, mask: buckets - 1}
}

func (x *index) bucket(hash uint64) []slot {
	at := (hash >> 32 & x.mask) * x.width
	return x.slots[at : at+x.width]
}

func (x *index) put(hash uint64, at int32) {
	if hash == 0 {
		return
	}
	b := x.bucket(hash)
	copy(b[1:], b)
	b[0] = slot{uint32(hash), at + 1}
}
