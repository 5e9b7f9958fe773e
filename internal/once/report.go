package once

import (
	"cmp"
	"hash/maphash"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// Report is what one observer says of one call, as far as it helps to recognise
// the call in another report. Texts are hashes, see [Hash]; 0 means that the
// report does not say.
type Report struct {
	Observer uint64 // who reports: the instrumentation scope
	Service  uint64
	// Environment is the deployment environment of the service.
	Environment uint64
	// Session is the conversation that the call belongs to.
	Session uint64
	User    uint64
	// Key is the id under which the provider answered, Space whose ids are
	// unique: two keys can be compared in one space only.
	Space, Key uint64
	// Model is equal for all names of one model.
	Model uint64
	Type  usage.APIType

	Trace        [16]byte
	Span, Parent [8]byte
	Start, End   int64 // nanoseconds since 1970; End is 0 where it is not known

	Counts
	Usage    bool // it reports some quantity
	Unsure   bool // it says itself that its quantities may differ from the bill
	Estimate bool // ... because the observer counted on its own

	// ID is the id of the row that the call becomes.
	ID usage.ID

	// Unclaimed: nothing says that it is a call and no wrapper of calls. It is a
	// wrapper when a call lies inside it.
	Unclaimed bool

	// Matched: another report, of the span MatchedBy, was dropped because it
	// is one call with this one.
	Matched   bool
	MatchedBy [8]byte
}

// Match notes that the other report was dropped because of r.
func (r *Report) Match(dropped *Report) { r.Matched, r.MatchedBy = true, dropped.Span }

// seed makes the hashes of foreign texts unpredictable.
var seed = maphash.MakeSeed()

// Hash stands for a text, 0 for the empty one.
func Hash(text string) uint64 {
	if text == "" {
		return 0
	}
	return maphash.String(seed, text) | 1
}

// comparable reports whether the report has enough to be compared by: tokens on
// the input side, and on the output side where there is one.
func (r *Report) comparable() bool {
	return r.Input > 0 && (r.Output > 0 || r.Type == usage.APITypeEmbedding)
}

// Counts are what a call consumed, as far as all observers count alike: the
// tokens of each side, however they are split, and everything else.
type Counts struct {
	Input, Output int64
	Units         *Units // nil for none, as most calls have
}

// Units are the quantities that are no tokens of a side. They do not change once
// they are part of a report.
type Units [usage.QuantityKindCount - usage.AudioSeconds]int64

var noUnits Units

// CountsOf adds quantities up.
func CountsOf(q *usage.Quantities) (c Counts) {
	c.Input, c.Output = q.InputTokens(), q.OutputTokens()
	if units := (*Units)(q[usage.AudioSeconds:]); *units != noUnits {
		own := *units
		c.Units = &own
	}
	return c
}

// against reports whether some count is smaller than that of o, and whether some
// is larger.
func (c *Counts) against(o *Counts) (smaller, larger bool) {
	compare := func(a, b int64) {
		smaller, larger = smaller || a < b, larger || a > b
	}
	compare(c.Input, o.Input)
	compare(c.Output, o.Output)
	if c.Units != o.Units {
		a, b := cmp.Or(c.Units, &noUnits), cmp.Or(o.Units, &noUnits)
		for i := range a {
			compare(a[i], b[i])
		}
	}
	return smaller, larger
}

// sameTokens compares the totals: how they are split is what observers differ
// in.
func (r *Report) sameTokens(o *Report) bool {
	return r.Input == o.Input && r.Output == o.Output
}

// silent reports whether a client reports no usage, no id and no parent: it may
// lie below a framework that opened a trace of its own.
func (r *Report) silent() bool {
	return r.Model != 0 && !r.Usage && r.Key == 0 && r.Parent == [8]byte{}
}

// mix spreads the bits of a hash over the word.
func mix(hash uint64) uint64 {
	hash ^= hash >> 32
	hash *= 0xD6E8FEB86659FD93
	hash ^= hash >> 32
	return hash
}
