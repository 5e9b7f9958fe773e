package once

// Sum finds a span that repeats the sum of other calls: a wrapper around them, or a span
// beside them that an agent writes at the end of a turn.
type Sum struct {
	parts
	others parts // beside it, of other observers
}

type parts struct {
	calls         int
	input, output int64
}

// maxTokens keeps the sum of many absurd counts within an int64.
const maxTokens = 1 << 40

// Inside adds a call that lies inside the span.
func (p *parts) Inside(part *Report) {
	p.calls++
	p.input += min(part.Input, maxTokens)
	p.output += min(part.Output, maxTokens)
}

// Beside adds a call that lies beside r, if it can be part of what r sums up: a call during
// r. An agent's library also sums up what other observers report, and has no id of an answer.
func (s *Sum) Beside(r, part *Report) {
	if r.Span == part.Span || r.Trace != part.Trace || r.Trace == [16]byte{} || r.Parent != part.Parent || !r.around(part) {
		return
	}
	if r.Observer == part.Observer {
		s.Inside(part)
	} else if r.Key == 0 {
		s.others.Inside(part)
	}
}

// Is reports whether r repeats the sum of at least two calls.
func (s *Sum) Is(r *Report) bool { return s.are(r) || s.others.are(r) }

func (p *parts) are(r *Report) bool {
	return p.calls > 1 && r.comparable() && r.Input == p.input && r.Output == p.output
}
