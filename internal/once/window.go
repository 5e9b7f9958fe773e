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
	epoch time.Time
	at    time.Duration // of the current payload, since epoch
	ring  []entry
	links []links // by place in the ring
	next  int32
	count uint32 // of the reports that were let pass; it may run over
	// observer is that of all reports, as long as there is one only: it reports a
	// call once.
	observer uint64
	several  bool
	// Whether some report was an estimate, or silent.
	estimates, silent bool

	indexes [indexCount]index
	// kept says which ways have an index that is kept up: most windows never need
	// those by tokens or time.
	kept [ways]bool
}

// entry is a report that was let pass.
type entry struct {
	Report
	seen time.Duration // since the epoch of the window
}

// links are what the indexes know of a place, together: they are written at once.
type links struct {
	when  uint32 // the count of the window when the report of this place came
	taken bool
	by    [indexCount]link
}

// The indexes: one for each [way], and those of the tree of spans.
const (
	bySpan     = int(ways) + iota
	byParent   // of the spans that have one parent
	indexCount // not an index: how many there are
)

// NewWindow makes a window for limit calls, each remembered for keep.
func NewWindow(limit int, keep time.Duration, now func() time.Time) *Window {
	w := &Window{keep: keep, now: now, epoch: now(), ring: make([]entry, limit), links: make([]links, limit)}
	for i := range w.indexes {
		w.indexes[i] = newIndex(limit, few)
	}
	// Both are asked for the same hashes, one after the other.
	spans := make([]int32, 2*len(w.indexes[bySpan].latest))
	w.indexes[bySpan].latest, w.indexes[bySpan].stride = spans, 2
	w.indexes[byParent] = index{latest: spans, stride: 2, first: 1, most: many}
	w.kept[byID] = true
	return w
}

// Begin takes the window for one payload, End gives it back.
func (w *Window) Begin() {
	now := w.now()
	w.mu.Lock()
	w.at = now.Sub(w.epoch)
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

// prepare makes the indexes by tokens and time that finding r or by r may need: one
// observer reports a call once, only an estimate has other tokens than the same
// call, and only one without usage lies in the time of another.
func (w *Window) prepare(r *Report) {
	w.several = w.several || w.count > 0 && r.Observer != w.observer
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

// keepUp starts an index with all that is remembered.
func (w *Window) keepUp(way way) {
	if w.kept[way] {
		return
	}
	w.kept[way] = true
	size := int32(len(w.ring))
	for i := range size {
		at := (w.next + i) % size // the oldest first
		if w.links[at].taken {
			w.putWay(way, at)
		}
	}
}

func (w *Window) putWay(way way, at int32) {
	if hash, _ := way.hashes(&w.ring[at].Report); hash != 0 {
		w.put(int(way), hash, at)
	}
}

// remember keeps a report that was let pass.
func (w *Window) remember(r *Report, span, siblings uint64) {
	w.observer = r.Observer
	at := w.next
	w.next = (w.next + 1) % int32(len(w.ring))
	w.ring[at] = entry{Report: *r, seen: w.at}
	w.links[at] = links{when: w.count, taken: true}
	w.count++
	w.put(bySpan, span, at)
	if r.Trace != [16]byte{} {
		w.put(byParent, siblings, at)
	}
	for way := range ways {
		if w.kept[way] {
			w.putWay(way, at)
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

// spanHash stands for a span.
func spanHash(trace [16]byte, span [8]byte) uint64 {
	return mix(mix(binary.LittleEndian.Uint64(span[:]))^binary.LittleEndian.Uint64(trace[8:])^binary.LittleEndian.Uint64(trace[:8])*0x9E3779B97F4A7C15) | 1
}

// under gives the remembered reports that may have the hash, newest first.
func (w *Window) under(by int, hash uint64) iter.Seq[*entry] {
	return func(yield func(*entry) bool) {
		if hash == 0 {
			return
		}
		x := &w.indexes[by]
		at, age := *x.head(hash), uint32(0)
		for range x.most {
			if at == 0 {
				return
			}
			l := &w.links[at-1]
			older := w.count - l.when
			if older <= age {
				return
			}
			age = older
			if l.by[by].tag == uint32(hash) {
				if e := &w.ring[at-1]; w.at-e.seen <= w.keep && !yield(e) {
					return
				}
			}
			at = l.by[by].at
		}
	}
}

// put enters a place into an index.
func (w *Window) put(by int, hash uint64, at int32) {
	first := w.indexes[by].head(hash)
	w.links[at].by[by] = link{uint32(hash), *first}
	*first = at + 1
}

// index finds places in the ring by hash: the latest place of each hash, and
// [links] those before it. A place that was taken again is later than those
// that lead to it, and ends the way.
type index struct {
	latest []int32 // by hash; a place plus 1, 0 for none
	// Two indexes can share a list: those of this one begin at first.
	stride, first uint64
	most          int
}

// head is the latest place of a hash.
func (x *index) head(hash uint64) *int32 {
	return &x.latest[(hash>>32*x.stride+x.first)&uint64(len(x.latest)-1)]
}

// link is what an index knows of a place.
type link struct {
	tag uint32
	at  int32 // the place before it plus 1, 0 for none
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
	return index{latest: make([]int32, hashes), stride: 1, most: most}
}
