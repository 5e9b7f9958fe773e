package once

import "time"

// Same reports whether a and b are one call. inside says that the span of b
// lies inside the span of a in their trace. Three things give the second report
// away, in this order of strength:
//
//  1. the same id of the provider's answer;
//  2. one span lies inside the other;
//  3. two observers of one process, trace or session report equal calls, the
//     time of one inside the time of the other.
//
// Two real calls that only look alike must both stay. What protects them is
// that one observer reports a call once: reports of one instrumentation scope
// are never one call by 3, and by 2 only when the outer one adds nothing. Where
// two observers each report two equal, parallel calls, every report is matched
// with at most one of the other observer, so two remain; that is up to who asks,
// see [Table] and [Window]. The sum of an agent is not one of its calls: whoever
// stores them withdraws it.
func Same(a, b *Report, inside bool) bool {
	switch {
	case a.Sum != b.Sum && a.Service == b.Service && a.Environment == b.Environment:
		return false // the sum gives way to the call, and not the other way round
	case a.sameID(b):
		return Judge(a, b) != Reused
	case inside:
		return nested(a, b)
	}
	return apart(a, b)
}

// nested is [Same] for a call inside another one.
func nested(outer, inner *Report) bool {
	oneObserver := outer.Observer == inner.Observer
	switch {
	case oneObserver && outer.otherKey(inner):
		return false // one observer and two answers: two calls
	case !sameModel(outer, inner), outer.Type != inner.Type:
		return false
	case outer.Usage && inner.Usage:
		// Where the numbers differ, one of two observers may be wrong, and says so. If
		// there is only one observer, both numbers are right unless one leaves something
		// out.
		unsure := outer.Unsure || inner.Unsure
		return outer.sameTokens(inner) || unsure && (!oneObserver || outer.Input == inner.Input)
	case inner.Usage:
		return true // a wrapper that reports no usage itself
	case outer.Usage:
		return !oneObserver
	}
	return !oneObserver || outer.Key == 0
}

// firstEvent is the greatest number of output tokens in the first event of one of
// Anthropic's streams. LangChain adds them to those of the last event, which already
// includes them.
const firstEvent = 16

// apart is [Same] for calls neither of which lies inside the other.
func apart(a, b *Report) bool {
	if !oneSource(a, b) {
		return false
	}
	around, inside := a.around(b), b.around(a)
	switch {
	case !around && !inside:
		return false
	case a.comparable() && b.comparable():
		return a.sameTokens(b) || a.exceeds(b) || b.exceeds(a)
	case a.silent() && b.silent():
		return false
	}
	// The silent one started inside the call of the framework and ended before it.
	return a.Trace != b.Trace && (around && b.silent() || inside && a.silent())
}

// oneSource reports whether two observers may report the same call: they watch one process,
// or a trace or session that spans several.
func oneSource(a, b *Report) bool {
	return a.Observer != b.Observer && !a.otherKey(b) && a.Type == b.Type && sameModel(a, b) &&
		(a.User == 0 || b.User == 0 || a.User == b.User) &&
		(a.Service == b.Service && a.Environment == b.Environment ||
			a.Trace == b.Trace && a.Trace != [16]byte{} || a.Session == b.Session && a.Session != 0)
}

// otherKey reports whether the provider answered twice. Ids of two spaces, such as request
// ids and response ids, cannot be compared.
func (r *Report) otherKey(o *Report) bool {
	return r.Key != 0 && o.Key != 0 && r.Space == o.Space && r.Key != o.Key
}

// exceeds reports whether r counts what b counts plus the tokens of a stream's first event.
func (r *Report) exceeds(b *Report) bool {
	more := r.Output - b.Output
	return r.Estimate && !b.Estimate && r.Input == b.Input && more > 0 && more <= firstEvent
}

// sameID reports whether both have the same id: that of the provider's answer where they
// have one, otherwise that of the span.
func (r *Report) sameID(o *Report) bool {
	if r.Key == 0 && o.Key == 0 {
		return r.Span == o.Span && r.Trace == o.Trace && r.Trace != [16]byte{}
	}
	return r.Key == o.Key && r.Space == o.Space
}

// sameModel reports whether two names can mean one model.
func sameModel(a, b *Report) bool { return a.Model == b.Model || a.Model == 0 || b.Model == 0 }

// tolerance is by how much the times of two reports of one call may overlap the wrong way:
// their clocks are read one after the other.
const tolerance = int64(5 * time.Millisecond)

// around reports whether the time of inner lies inside that of r.
func (r *Report) around(inner *Report) bool {
	return inner.Start >= r.Start-tolerance && inner.End <= r.End+tolerance
}

// atOnce reports whether both report the same time. Where only the start is known, the
// other observer's may be a second away.
func (r *Report) atOnce(o *Report) bool {
	if r.End == 0 || o.End == 0 {
		apart := max(r.Start-o.Start, o.Start-r.Start)
		return apart <= tolerance || r.Observer != o.Observer && apart <= int64(time.Second)
	}
	return r.Start <= o.End+tolerance && o.Start <= r.End+tolerance
}
