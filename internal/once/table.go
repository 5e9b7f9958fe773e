package once

// Table finds the reports of one payload by hash; several reports may share a hash. It is
// reused for every payload without allocating. The zero value is ready after [Table.Reset].
type Table struct {
	hashes []uint64
	items  []int32 // index plus 1, 0 for a free slot
	mask   uint64

	// the current search
	hash   uint64
	slot   uint64
	probes int
}

// Reset empties the table and makes room for n items.
func (t *Table) Reset(n int) {
	size := 16
	for size < 2*n {
		size *= 2
	}
	if size > len(t.items) {
		t.hashes, t.items = make([]uint64, size), make([]int32, size)
	} else {
		clear(t.items[:size])
	}
	t.mask = uint64(size - 1)
}

// maxProbes bounds every search. Ids come from outside: a payload in which all are equal
// must not cost quadratic time. An item that finds no slot is not found again, which can
// cost a duplicate but never loses a call.
const maxProbes = 64

// Put adds an item, an index of the caller's, under a hash. It reports whether the hash has
// another item already.
func (t *Table) Put(hash uint64, item int32) (another bool) {
	slot := mix(hash) & t.mask
	for range maxProbes {
		if t.items[slot] == 0 {
			t.hashes[slot], t.items[slot] = hash, item+1
			return another
		}
		another = another || t.hashes[slot] == hash
		slot = (slot + 1) & t.mask
	}
	return another
}

// First returns the first item with the hash, -1 for none; Next returns the following ones.
func (t *Table) First(hash uint64) int32 {
	t.hash, t.probes = hash, 0
	t.slot = mix(hash) & t.mask
	return t.scan()
}

// Next continues the search of the last [Table.First].
func (t *Table) Next() int32 {
	t.slot = (t.slot + 1) & t.mask
	return t.scan()
}

func (t *Table) scan() int32 {
	for ; t.items[t.slot] != 0 && t.probes < maxProbes; t.probes++ {
		if t.hashes[t.slot] == t.hash {
			return t.items[t.slot] - 1
		}
		t.slot = (t.slot + 1) & t.mask
	}
	return -1
}

// Reports are the reports of one payload.
type Reports interface {
	Len() int
	// At returns a report, nil for one that was dropped.
	At(i int) *Report
	// Merge makes one call of two reports: it keeps the better one and drops the other. Of
	// equals it keeps the first.
	Merge(i, j int)
	// Drop drops a report without another in its place.
	Drop(i int)
}

// Match merges the reports that are one call although neither lies inside the other: first
// by id, then by equal and by nearly equal tokens, and finally by time alone.
func (t *Table) Match(all Reports) {
	t.match(all, byID)
	observer, several, estimates, silent := uint64(0), false, false, false
	for i := range all.Len() {
		if r := all.At(i); r != nil {
			several = several || observer != 0 && r.Observer != observer
			observer = r.Observer
			estimates = estimates || r.Estimate
			silent = silent || r.silent()
		}
	}
	if !several { // one observer reports a call once
		return
	}
	t.match(all, byTokens)
	if silent {
		t.match(all, byTime)
	}
	if estimates {
		t.match(all, byInput)
	}
}

// match merges each report with the first earlier one that is the same call.
func (t *Table) match(all Reports, way way) {
	t.Reset(all.Len())
	for i := range all.Len() {
		r := all.At(i)
		if r == nil || way != byID && r.Matched {
			continue
		}
		put, look := way.hashes(r)
		t.look(all, way, i, look)
		if put != 0 && all.At(i) != nil {
			t.Put(put, int32(i))
		}
	}
}

func (t *Table) look(all Reports, way way, i int, look [2]uint64) {
	for _, hash := range look {
		if hash == 0 {
			continue
		}
		for j := t.First(hash); j >= 0; j = t.Next() {
			r, other := all.At(i), all.At(int(j))
			if other == nil || way != byID && other.Matched || !way.matches(other, r) {
				continue
			}
			all.Merge(int(j), i)
			if way != byID || all.At(i) == nil {
				return
			}
		}
	}
}

// DropSums drops the reports that repeat the sum of calls beside them.
func (t *Table) DropSums(all Reports) {
	t.Reset(all.Len())
	beside := false
	for i := range all.Len() {
		if r := all.At(i); r != nil && t.Put(spanHash(r.Trace, r.Parent), int32(i)) {
			beside = true
		}
	}
	if !beside { // no call is beside another, as where each has a trace of its own
		return
	}
	for i := range all.Len() {
		r, sum := all.At(i), Sum{}
		if r == nil {
			continue
		}
		for j := t.First(spanHash(r.Trace, r.Parent)); j >= 0; j = t.Next() {
			if part := all.At(int(j)); part != nil {
				sum.Beside(r, part)
			}
		}
		if sum.Is(r) {
			all.Drop(i)
		}
	}
}
