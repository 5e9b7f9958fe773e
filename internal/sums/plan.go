package sums

import (
	"slices"
	"time"
)

// Need is what a question has to know of the calls.
type Need struct {
	// Keys that it narrows or groups by.
	Keys []string
	// Measures that it asks for.
	Measures []string
	// Own says that one user asks, who sees only what shows them their own.
	Own bool
	// Longest is the longest bucket that can be used: a question about single
	// days has no use for half months.
	Longest Width
}

// LevelsFor gives the levels that know every call of a question, from the longest
// buckets to the shortest, and the calls themselves in the end. Of each width it
// takes the level with the fewest keys, which has the fewest rows; a longer
// bucket is no gain when it comes with a key that the shorter one does without.
//
// A level that makes several rows of a call answers only a question that names a
// key that it makes.
func LevelsFor(n Need) []*Level { return levelsFor(Levels, n) }

func levelsFor(all []*Level, n Need) []*Level {
	list := []*Level{Single}
	for width := Quarter; width <= n.Longest; width++ {
		var best *Level
		for _, l := range all {
			finer := list[len(list)-1]
			if l.Width == width && l.answers(n) && (finer == Single || l.isWithin(finer)) && (best == nil || len(l.Keys) < len(best.Keys)) {
				best = l
			}
		}
		if best != nil {
			list = append(list, best)
		}
	}
	slices.Reverse(list)
	return list
}

// isWithin reports whether other has every key of l.
func (l *Level) isWithin(other *Level) bool {
	return !slices.ContainsFunc(l.Keys, func(k Key) bool { return !other.Has(k.Name) })
}

func (l *Level) answers(n Need) bool {
	if n.Own && l.OwnView == "" {
		return false
	}
	for _, key := range n.Keys {
		if !l.Has(key) {
			return false
		}
	}
	for _, measure := range n.Measures {
		if !l.keeps(measure) {
			return false
		}
	}
	return l.unnest() == "" || slices.ContainsFunc(l.Keys, func(k Key) bool { return !Single.Has(k.Name) && slices.Contains(n.Keys, k.Name) })
}

// Piece is a part of a period that is read from one level. One that counts as
// minus is taken away from a longer piece that reaches too far.
type Piece struct {
	Level    *Level
	From, To time.Time
	Minus    bool
}

// Extent is what is known of the calls before a period is cut.
type Extent struct {
	Retained time.Time // calls before it were deleted and only their sums are left
	Newest   time.Time // about the end of all calls; only the speed depends on it
}

// Cut divides a period among levels as [LevelsFor] gives them. The inside comes
// from the first, from the border next to each end; what is missing to the ends
// or too much comes from the next levels.
func (e Extent) Cut(from, to time.Time, levels ...*Level) []Piece {
	if !from.Before(to) || len(levels) == 0 {
		return nil
	}
	l, finer := levels[0], levels[1:]
	first, last := e.start(l, from), e.end(l, to)
	if !first.Before(last) || e.length(from, first)+e.length(last, to) > e.length(from, to) {
		return e.Cut(from, to, finer...)
	}
	pieces := append(e.edge(from, first, finer), Piece{Level: l, From: first, To: last})
	return append(pieces, e.edge(last, to, finer)...)
}

// edge is the signed sum from one instant to another: taken away where they
// stand in the wrong order.
func (e Extent) edge(from, to time.Time, levels []*Level) []Piece {
	if !to.Before(from) {
		return e.Cut(from, to, levels...)
	}
	pieces := e.Cut(to, from, levels...)
	for i := range pieces {
		pieces[i].Minus = !pieces[i].Minus
	}
	return pieces
}

// start and end give the border of a bucket that fewest calls lie between and
// t, an end of a period. Outside the period it must not lie before or among
// deleted calls: what they cost cannot be taken away.
func (e Extent) start(l *Level, t time.Time) time.Time {
	inside, outside := l.Width.Ceil(t), l.Width.Floor(t)
	if !outside.Before(e.Retained) && e.length(outside, t) < e.length(t, inside) {
		return outside
	}
	return inside
}

func (e Extent) end(l *Level, t time.Time) time.Time {
	inside, outside := l.Width.Floor(t), l.Width.Ceil(t)
	if !t.Before(e.Retained) && e.length(t, outside) < e.length(inside, t) {
		return outside
	}
	return inside
}

// length is the time between two instants in which there may be calls.
func (e Extent) length(a, b time.Time) time.Duration {
	if b.Before(a) {
		a, b = b, a
	}
	if b.After(e.Newest) {
		b = e.Newest
	}
	return max(0, b.Sub(a))
}
