package explain

import (
	"slices"
)

// target is what the owners of unseen calls must add up to.
type target struct {
	requests    int64
	hasRequests bool
	counts      *amounts
	// exact means that the counts must be equal; otherwise they must not exceed the target.
	exact bool
}

// A search for owners may take maxSearched steps, which find four of thirty owners in a few
// milliseconds. All searches of a provider together may take mostSearched.
const (
	maxSearched  = 1 << 15
	mostSearched = 1 << 20
)

// find returns the set of owners that add up to the target, or nil unless there is exactly
// one such set. It also returns nil when the search takes too long.
func (c *comparison) find(t target) []*share {
	allowed := min(maxSearched, c.out.p.searches)
	s := search{target: t, steps: allowed}
	for k := range t.counts {
		if !t.counts[k].IsZero() || slices.ContainsFunc(c.owners, func(o *share) bool { return !o.counts[k].IsZero() }) {
			s.kinds = append(s.kinds, k)
		}
	}
	for _, o := range c.owners {
		if s.isWithin(o, t.requests, t.counts) {
			s.owners = append(s.owners, o)
		}
	}
	// Large owners first: they rule out most.
	slices.SortStableFunc(s.owners, func(a, b *share) int { return b.counts.tokens().Cmp(a.counts.tokens()) })
	s.rest = make([]share, len(s.owners)+1)
	for i, o := range slices.Backward(s.owners) {
		s.rest[i] = share{requests: s.rest[i+1].requests + o.requests, counts: s.rest[i+1].counts}
		s.rest[i].counts.addAll(&o.counts)
	}
	s.from(0, t.requests, *t.counts)
	c.out.p.searches -= allowed - s.steps
	if s.steps == 0 || len(s.found) != 1 {
		return nil
	}
	// In the order of the owners, so that the same bill always gives the same answer.
	return slices.DeleteFunc(slices.Clone(c.owners), func(o *share) bool { return !slices.Contains(s.found[0], o) })
}

// search tries sets of owners, and skips those that can no longer add up to the target.
type search struct {
	target
	kinds  []int // that the target or an owner has
	owners []*share
	rest   []share // sums of the owners from each on
	chosen []*share
	found  [][]*share // stops after the second
	steps  int
}

// from tries the owners from i on. requests and counts are what remains of the target.
func (s *search) from(i int, requests int64, counts amounts) {
	if s.steps == 0 || len(s.found) > 1 || !s.canBeReached(i, requests, &counts) {
		return
	}
	s.steps--
	if i == len(s.owners) {
		if slices.ContainsFunc(s.chosen, func(o *share) bool { return !o.counts.isZero() }) {
			s.found = append(s.found, slices.Clone(s.chosen))
		}
		return
	}
	if o := s.owners[i]; s.isWithin(o, requests, &counts) {
		left := counts
		for _, k := range s.kinds {
			left[k] = counts[k].Sub(o.counts[k])
		}
		s.chosen = append(s.chosen, o)
		s.from(i+1, requests-o.requests, left)
		s.chosen = s.chosen[:len(s.chosen)-1]
	}
	s.from(i+1, requests, counts)
}

// isWithin reports whether an owner has no more than what remains.
func (s *search) isWithin(o *share, requests int64, counts *amounts) bool {
	return (!s.hasRequests || o.requests <= requests) &&
		!slices.ContainsFunc(s.kinds, func(k int) bool { return o.counts[k].IsPositive() && o.counts[k].Cmp(counts[k]) > 0 })
}

// canBeReached reports whether the owners from i on have enough for what remains.
func (s *search) canBeReached(i int, requests int64, counts *amounts) bool {
	return (!s.hasRequests || s.rest[i].requests >= requests) &&
		(!s.exact || !slices.ContainsFunc(s.kinds, func(k int) bool { return s.rest[i].counts[k].Cmp(counts[k]) < 0 }))
}
