package once

import (
	"cmp"
	"hash/maphash"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// Report is what one observer says about one call, as far as it helps to recognise the call
// in another report. Texts are stored as hashes, see [Hash]; 0 means that the report does
// not say.
type Report struct {
	Observer uint64 // the instrumentation scope that reports
	Service  uint64
	// Environment is the deployment environment of the service.
	Environment uint64
	// Session is the conversation to which the call belongs.
	Session uint64
	User    uint64
	// Key is the id under which the provider answered, Space the namespace in which it is
	// unique: keys can be compared only within one space.
	Space, Key uint64
	// Model is equal for all names of one model.
	Model uint64
	Type  usage.APIType

	Trace        [16]byte
	Span, Parent [8]byte
	Start, End   int64 // nanoseconds since 1970; End is 0 when unknown

	Counts
	Usage    bool // it reports at least one quantity
	Unsure   bool // it says itself that its quantities may differ from the bill
	Estimate bool // ... because the observer counted on its own

	// ID is the id of the row for the call.
	ID usage.ID

	// Unclaimed: nothing says whether the span is a call or a wrapper of calls. It is a
	// wrapper when a call lies inside it.
	Unclaimed bool

	// Sum: it stands for the calls of an agent, and gives way to any of them.
	Sum bool

	// Matched: another report, of the span MatchedBy, was dropped because it is about the
	// same call.
	Matched   bool
	MatchedBy [8]byte
}

// Match records that the other report was dropped in favour of r.
func (r *Report) Match(dropped *Report) { r.Matched, r.MatchedBy = true, dropped.Span }

// seed makes the hashes of outside texts unpredictable.
var seed = maphash.MakeSeed()

// Hash returns the hash of a text, 0 for the empty text.
func Hash(text string) uint64 {
	if text == "" {
		return 0
	}
	return maphash.String(seed, text) | 1
}

// comparable reports whether the report has enough to compare: tokens on the input side,
// and on the output side where the API has one.
func (r *Report) comparable() bool {
	return r.Input > 0 && (r.Output > 0 || r.Type == usage.APITypeEmbedding)
}

// Counts are the part of the consumption that all observers count alike: the tokens of each
// side, however they are split, and everything else.
type Counts struct {
	Input, Output int64
	Units         *Units // nil when there are none, as for most calls
}

// Units are the quantities that are not tokens. They do not change once they are part of a
// report.
type Units [usage.QuantityKindCount - usage.AudioSeconds]int64

var noUnits Units

// CountsOf sums quantities up.
func CountsOf(q *usage.Quantities) (c Counts) {
	c.Input, c.Output = q.InputTokens(), q.OutputTokens()
	if units := (*Units)(q[usage.AudioSeconds:]); *units != noUnits {
		own := *units
		c.Units = &own
	}
	return c
}

// against reports whether any count is smaller than that of o, and whether any is larger.
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

// sameTokens compares the totals; observers differ in how they split them.
func (r *Report) sameTokens(o *Report) bool {
	return r.Input == o.Input && r.Output == o.Output
}

// silent reports whether the report of a client has no usage, no id and no parent: it may
// belong below a framework that opened a trace of its own.
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
