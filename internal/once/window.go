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
	mu    sync.Mutex
	keep  time.Duration
	now   func() time.Time
	at    time.Time // of the payload at hand
	ring  []entry
	next  int32
	count uint32 // of the reports that were let pass; it may run over
	// observer is that of all reports, as long as there is one only: it reports a
	// call once.
	observer uint64
	several  bool

	bySpan, byParent index
	ways             [ways]index
}

// entry is a report that was let pass.
type entry struct {
	Report
	seen time.Time
	when uint32 // the count of the window then
}

// NewWindow makes a window for limit calls, each remembered for keep.
func NewWindow(limit int, keep time.Duration, now func() time.Time) *Window {
	w := &Window{keep: keep, now: now, ring: make([]entry, limit), bySpan: newIndex(limit, few), byParent: newIndex(limit, many)}
	for i := range w.ways {
		w.ways[i] = newIndex(limit, few)
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
	w.remember(r, span, siblings)
	return New
}

// remember keeps a report that was let pass.
func (w *Window) remember(r *Report, span, siblings uint64) {
	w.several = w.several || w.count > 0 && r.Observer != w.observer
	w.observer = r.Observer
	at := w.next
	w.next = (w.next + 1) % int32(len(w.ring))
	e := &w.ring[at]
	*e = entry{Report: *r, seen: w.at, when: w.count}
	w.count++
	w.bySpan.put(span, at, e)
	if r.Trace != [16]byte{} {
		w.byParent.put(siblings, at, e)
	}
	for way := range ways {
		if put, _ := way.hashes(r); put != 0 {
			w.ways[way].put(put, at, e)
		}
	}
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
		if way != byID && !w.several && w.observer == r.Observer {
			break
		}
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
		at, age := x.latest[hash>>32&uint64(len(x.latest)-1)], uint32(0)
		for range x.most {
			if at == 0 {
				return
			}
			l := &x.before[at-1]
			older := w.count - l.when
			if older <= age {
				return
			}
			age = older
			if l.tag == uint32(hash) {
				if e := &w.ring[at-1]; e.when == l.when && w.at.Sub(e.seen) <= w.keep && !yield(e) {
					return
				}
			}
			at = l.at
		}
	}
}

// index finds places in the ring by hash: the latest place of each hash, and of
// each place the one before it. A place that was taken again is later than those
// that lead to it, and ends the way.
type index struct {
	latest []int32 // by hash; a place plus 1, 0 for none
	before []link  // by place
	most   int
}

// link is what an index knows of a place.
type link struct {
	tag  uint32
	at   int32 // the place before it plus 1, 0 for none
	when uint32
}

// How many reports can be found by one hash: what is further back is counted
// twice at worst, and never lost.
const (
	few  = 8
	many = 64 // a turn of an agent has so many calls
)

func newIndex(limit, most int) index {
	hashes := 1
	for hashes < 2*limit {
		hashes *= 2
	}
	return index{latest: make([]int32, hashes), before: make([]link, limit), most: most}
}

func (x *index) put(hash uint64, at int32, e *entry) {
	first := &x.latest[hash>>32&uint64(len(x.latest)-1)]
	x.before[at] = link{uint32(hash), *first, e.when}
	*first = at + 1
}
