package once

import (
	"encoding/binary"
	"iter"
	"sync"
	"time"
)

// Window remembers the calls of recent payloads, to recognise a second report of a call
// that arrives in another payload. It is bounded in number and time, holds no text, and is
// safe for concurrent use.
//
// It must not lose a call: a payload that could not be delivered is sent again, and then
// the same reports must get the same decision. The window therefore knows each report by
// its span; a report that passed before passes again, and one that was refused is refused
// again.
type Window struct {
	mu    sync.Mutex
	keep  time.Duration
	now   func() time.Time
	epoch time.Time
	at    time.Duration // of the current payload, since epoch
	ring  []entry
	links [][indexCount]link // by position in the ring: the reports before this one
	next  int32              // the position that is written next
	taken int32              // the number of positions in use
	count uint32             // of the reports that passed; it may wrap around
	// expected means nothing: it keeps the reads of Expect.
	expected uint32
	// observer is the only observer so far; an observer reports a call once.
	observer uint64
	several  bool
	// Whether any report was an estimate, or silent.
	estimates, silent bool

	indexes [indexCount]index
	// kept says which ways have an index: most windows never need those by tokens or time.
	kept [ways]bool
}

// entry is a report that passed.
type entry struct {
	Report
	seen time.Duration // since the epoch of the window
}

// The indexes: one for each [way], and two for the tree of spans.
const (
	bySpan     = int(ways) + iota
	byParent   // of the spans that have one parent
	indexCount // not an index: the number of indexes
)

// NewWindow returns a window for limit calls, each remembered for the duration keep.
func NewWindow(limit int, keep time.Duration, now func() time.Time) *Window {
	w := &Window{keep: keep, now: now, epoch: now(), ring: make([]entry, limit), links: make([][indexCount]link, limit)}
	w.count = uint32(limit) + 1 // so that the zero link belongs to a report that is forgotten
	for i := range w.indexes {
		w.indexes[i] = newIndex(limit, few)
	}
	// Both are searched for the same hashes one after the other.
	spans := make([]link, 2*len(w.indexes[bySpan].latest))
	w.indexes[bySpan].latest, w.indexes[bySpan].stride = spans, 2
	w.indexes[byParent] = index{latest: spans, stride: 2, first: 1, most: many}
	w.kept[byID] = true
	return w
}

// Begin locks the window for one payload, End unlocks it.
func (w *Window) Begin() {
	now := w.now()
	w.mu.Lock()
	w.at = now.Sub(w.epoch)
}

// End unlocks the window.
func (w *Window) End() { w.mu.Unlock() }

// Expect reads the heads that [Window.Decide] will ask for, of all reports of a payload.
// The window does not fit into the fastest cache: heads that are asked for one by one are
// waited for one by one, and all together they come together.
func (w *Window) Expect(all Reports) {
	spans, parents, ids := &w.indexes[bySpan], &w.indexes[byParent], &w.indexes[byID]
	for i := range all.Len() {
		if r := all.At(i); r != nil {
			w.expected += spans.head(spanHash(r.Trace, r.Span)).when + parents.head(spanHash(r.Trace, r.Parent)).when + ids.head(r.Key).when
		}
	}
}

// Decision is the window's answer about a report.
type Decision uint8

// The decisions.
const (
	// New: nobody reported this call before.
	New Decision = iota
	// Again: this span reported it before and passed.
	Again
	// Corrects: the call was reported before with smaller counts. The report has to use the
	// ID of the first one.
	Corrects
	// Repeats: another report of this call passed.
	Repeats
)

// Decide says whether a call was reported before, and remembers it when not. It is called
// between [Window.Begin] and [Window.End]. A report that passed before keeps the ID that it
// had then.
func (w *Window) Decide(r *Report) Decision {
	w.prepare(r)
	span, siblings := spanHash(r.Trace, r.Span), spanHash(r.Trace, r.Parent)
	for known := range w.under(bySpan, span) {
		if known.Span != r.Span || known.Trace != r.Trace || known.otherKey(r) {
			continue // the events of several calls can point to one span
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

// prepare builds the indexes by tokens and time that are needed to find r, or to find
// others by r: one observer reports a call once, only an estimate has other tokens than the
// same call, and only a report without usage falls into the time of another.
func (w *Window) prepare(r *Report) {
	w.several = w.several || w.taken > 0 && r.Observer != w.observer
	w.estimates, w.silent = w.estimates || r.Estimate, w.silent || r.silent()
	if !w.several {
		return
	}
	w.keepUp(byTokens)
	if w.estimates {
		w.keepUp(byInput)
	}
	if w.silent {
		w.keepUp(byTime)
	}
}

// keepUp builds an index of everything that is remembered.
func (w *Window) keepUp(way way) {
	if w.kept[way] {
		return
	}
	w.kept[way] = true
	for age := uint32(w.taken); age > 0; age-- { // oldest first
		w.putWay(way, w.count-age)
	}
}

func (w *Window) putWay(way way, when uint32) {
	if hash, _ := way.hashes(&w.ring[w.place(w.count-when)].Report); hash != 0 {
		w.put(int(way), hash, when)
	}
}

// place returns the position of the report with an age; the latest one has age 1.
func (w *Window) place(age uint32) int32 {
	at := w.next - int32(age)
	if at < 0 {
		at += int32(len(w.ring))
	}
	return at
}

// remember stores a report that passed.
func (w *Window) remember(r *Report, span, siblings uint64) {
	w.observer = r.Observer
	e := &w.ring[w.next]
	e.Report, e.seen = *r, w.at
	if w.next++; int(w.next) == len(w.ring) {
		w.next = 0
	}
	w.taken = min(w.taken+1, int32(len(w.ring)))
	when := w.count
	w.count++
	w.put(bySpan, span, when)
	if r.Trace != [16]byte{} {
		w.put(byParent, siblings, when)
	}
	for way := range ways {
		if w.kept[way] {
			w.putWay(way, when)
		}
	}
}

// correct updates the known report with what r reports.
func (known *entry) correct(r *Report) Decision {
	known.Counts, known.Usage, known.Unsure, known.Estimate = r.Counts, r.Usage, r.Unsure, r.Estimate
	r.ID = known.ID
	return Corrects
}

// covers reports whether the known report includes r: it does not when r has larger counts
// of the same call.
func (known *entry) covers(r *Report) bool {
	if known.sameID(r) {
		return Judge(&known.Report, r) == Duplicate
	}
	return known.Usage || !r.Usage
}

// reported finds another report of the same call, nil for none.
func (w *Window) reported(r *Report, span, parent uint64) *entry {
	// Children end first, so they mostly arrive first.
	for known := range w.under(byParent, span) {
		if known.Parent == r.Span && known.Trace == r.Trace && Same(r, &known.Report, true) {
			return known
		}
	}
	if r.Parent != [8]byte{} {
		for known := range w.under(bySpan, parent) {
			if known.Span == r.Parent && known.Trace == r.Trace && Same(&known.Report, r, true) {
				return known
			}
		}
	}
	for way := range ways {
		if !w.kept[way] {
			continue
		}
		_, look := way.hashes(r)
		for _, hash := range look {
			for known := range w.under(int(way), hash) {
				if known.matches(r, way) {
					return known
				}
			}
		}
	}
	return nil
}

// matches reports whether r and a known report are one call although neither lies inside
// the other.
func (known *entry) matches(r *Report, way way) bool {
	if known.Matched && known.MatchedBy == r.Span {
		return true // matched before, sent again
	}
	return (way == byID || !known.Matched && !r.Matched) && way.matches(&known.Report, r)
}

// sums reports whether r repeats the sum of calls inside it or beside it.
func (w *Window) sums(r *Report, span, siblings uint64) bool {
	var inside, beside Sum
	for known := range w.under(byParent, span) {
		if known.Parent == r.Span && known.Trace == r.Trace {
			inside.Inside(&known.Report)
		}
	}
	for known := range w.under(byParent, siblings) {
		beside.Beside(r, &known.Report)
	}
	return inside.Is(r) || beside.Is(r) || r.Unclaimed && inside.calls > 0
}

// spanHash returns the hash of a span's ids.
func spanHash(trace [16]byte, span [8]byte) uint64 {
	return mix(mix(binary.LittleEndian.Uint64(span[:]))^binary.LittleEndian.Uint64(trace[8:])^binary.LittleEndian.Uint64(trace[:8])*0x9E3779B97F4A7C15) | 1
}

// under yields the remembered reports that may have the hash, newest first.
func (w *Window) under(by int, hash uint64) iter.Seq[*entry] {
	return func(yield func(*entry) bool) {
		if hash == 0 {
			return
		}
		x := &w.indexes[by]
		l, age := *x.head(hash), uint32(0)
		for range x.most {
			older := w.count - l.when
			if older <= age || older > uint32(len(w.ring)) {
				return // its position was overwritten
			}
			age = older
			if l.tag|isLast == uint32(hash)|isLast {
				if e := &w.ring[w.place(age)]; w.at-e.seen <= w.keep && !yield(e) {
					return
				}
			}
			if l.tag&isLast != 0 {
				return
			}
			l = w.links[w.place(age)][by]
		}
	}
}

// put adds a report of the ring to an index.
func (w *Window) put(by int, hash uint64, when uint32) {
	head := w.indexes[by].head(hash)
	l := link{tag: uint32(hash) | isLast, when: when}
	if w.count-head.when <= uint32(len(w.ring)) {
		l.tag &^= isLast
		w.links[w.place(w.count-when)][by] = *head
	}
	*head = l
}

// index finds reports in the ring by hash: it has the latest report of each hash, and the
// links of the window lead to earlier ones. The head says enough to reject a report without
// looking at the ring, because most searches find nothing.
type index struct {
	latest []link // by hash
	// Two indexes can share a list; this one starts at first.
	stride, first uint64
	most          int
}

// head returns the latest report of a hash.
func (x *index) head(hash uint64) *link {
	return &x.latest[(hash>>32*x.stride+x.first)&uint64(len(x.latest)-1)]
}

// link is what an index stores of a report.
type link struct {
	tag  uint32 // part of its hash, and the bit isLast
	when uint32 // the window's count when it arrived
}

// isLast says that no earlier report is remembered. Every hash has this bit set.
const isLast = 1

// How many reports can be found by one hash: a report further back is at worst counted
// twice, never lost.
const (
	few  = 8
	many = 64 // as many calls as one turn of an agent has
)

func newIndex(limit, most int) index {
	hashes := 1
	for hashes < 2*limit {
		hashes *= 2
	}
	return index{latest: make([]link, hashes), stride: 1, most: most}
}
