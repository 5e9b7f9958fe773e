package once

// Verdict says what happens to a report whose id another report already has.
type Verdict uint8

// The verdicts.
const (
	// Duplicate: it adds nothing and is refused.
	Duplicate Verdict = iota
	// Correction: it is the same call, reported again with larger counts, which the row
	// takes over.
	Correction
	// Reused: it is another call under an id that was taken; it gets a row of its own.
	Reused
)

// Judge decides about two reports with the same id:
//
//	equal counts                                                         Duplicate
//	same service, user, model and start (or span), no count smaller      Correction
//	any other difference                                                 Reused
//
// A report with fewer counts than its correction is the same call as that, and
// came late: a duplicate. So is one without usage, and what another observer
// counts otherwise, more here and less there. No report of one service ever
// corrects another's. Reports of one span are of one start: an event of a span tells
// when the call ended, and may not say when it began.
func Judge(known, r *Report) Verdict {
	smaller, larger := r.Counts.against(&known.Counts)
	switch {
	case !smaller && !larger, !r.Usage:
		return Duplicate
	case !sameCall(known, r):
		return Reused
	case !smaller && (known.Unsure || !r.Unsure || known.Observer == r.Observer):
		return Correction
	case !larger, known.Observer != r.Observer, known.Unsure, r.Unsure:
		return Duplicate
	}
	return Reused
}

// sameCall reports whether two reports with the same id can be about the same call.
func sameCall(a, b *Report) bool {
	return a.Service == b.Service && a.Environment == b.Environment && sameModel(a, b) && (a.atOnce(b) || a.sameSpan(b)) &&
		(a.User == 0 || b.User == 0 || a.User == b.User)
}

// sameSpan reports whether both come from one span, or one is an event that points to the
// span of the other.
func (r *Report) sameSpan(o *Report) bool {
	return r.Span != [8]byte{} && r.Span == o.Span && r.Trace == o.Trace
}
