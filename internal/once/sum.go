package once

// Sum finds a span that repeats the sum of other calls: a wrapper around them, or a span
// beside them that an agent writes at the end of a turn.
type Sum struct {
	calls         int
	input, output int64
}

// maxTokens keeps the sum of many absurd counts within an int64.
const maxTokens = 1 << 40

// Inside adds a call that lies inside the span.
func (s *Sum) Inside(part *Report) {
	s.calls++
	s.input += min(part.Input, maxTokens)
	s.output += min(part.Output, maxTokens)
}

// Beside adds a call that lies beside r, if it can be part of what r sums up: a call of the
// same observer during r.
func (s *Sum) Beside(r, part *Report) {
	if r.Span != part.Span && r.Trace == part.Trace && r.Trace != [16]byte{} && r.Parent == part.Parent && r.Observer == part.Observer && r.around(part) {
		s.Inside(part)
	}
}

// Is reports whether r repeats the sum of at least two calls.
func (s *Sum) Is(r *Report) bool {
	return s.calls > 1 && r.comparable() && r.Input == s.input && r.Output == s.output
}
