package sums

import (
	"slices"
	"time"
)

// Need is what a level has to keep to answer a question.
type Need struct {
	// Keys by which the question filters or groups.
	Keys []string
	// Measures that the question asks for.
	Measures []string
	// Own means that a user asks for their own usage, so only levels with an own-usage view
	// can be used.
	Own bool
	// Longest is the longest usable bucket: a question about single days cannot use half
	// months.
	Longest Width
}

// LevelsFor returns the levels that can answer a question, from the longest buckets to the
// shortest, with the calls themselves last. Of each width it takes the level with the
// fewest keys, because that has the fewest rows. It skips a longer bucket that has a key
// which the shorter one lacks.
//
// A level with several rows per call answers only a question that names one of the keys
// that distinguish these rows.
func LevelsFor(n Need) []*Level { return levelsFor(Levels, n) }

func levelsFor(all []*Level, n Need) []*Level {
	calls := Single
	if slices.ContainsFunc(n.Keys, func(key string) bool { return !Single.Has(key) && Tagged.Has(key) }) {
		calls = Tagged
	}
	list := []*Level{calls}
	for width := Quarter; width <= n.Longest; width++ {
		var best *Level
		for _, l := range all {
			finer := list[len(list)-1]
			if l.Width == width && l.answers(n) && (finer.IsCalls() || l.isWithin(finer)) && (best == nil || len(l.Keys) < len(best.Keys)) {
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
	return l.unnest() == nil || slices.ContainsFunc(l.Keys, func(k Key) bool { return !Single.Has(k.Name) && slices.Contains(n.Keys, k.Name) })
}

// Piece is a part of a period that is read from one level. If Minus is true it is
// subtracted, because a longer piece reaches beyond the period.
type Piece struct {
	Level    *Level
	From, To time.Time
	Minus    bool
}

// Extent describes when there are calls.
type Extent struct {
	Retained time.Time // calls before it were deleted; only their sums are left
	Newest   time.Time // approximate time of the newest call; affects only the speed
}

// Cut divides a period among the levels that [LevelsFor] returns. The first level covers
// the period up to the bucket boundary nearest to each end. What it lacks or exceeds at the
// ends is added or subtracted by the next levels.
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

// edge returns the pieces between two times. They are subtracted when to is before from.
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

// start and end return a bucket boundary near t, an end of the period: the one with the
// shorter time that can contain calls between it and t. A boundary outside the period is
// not used among or before deleted calls, because their cost cannot be subtracted.
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

// length returns the time between two instants in which there can be calls.
func (e Extent) length(a, b time.Time) time.Duration {
	if b.Before(a) {
		a, b = b, a
	}
	if b.After(e.Newest) {
		b = e.Newest
	}
	return max(0, b.Sub(a))
}
