package genai

import (
	"hash/maphash"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// One call is often told twice: by the provider's own SDK and by an
// instrumentation of it, by a framework and by the client it uses. Three things
// give the second telling away, in this order of strength:
//
//  1. the same response id;
//  2. one span lies inside the other in the trace;
//  3. two observers of one process tell of equal calls, the time of one inside
//     the time of the other (window.go looks across payloads in the same way).
//
// Two real calls that only look alike must both stay. What protects them is
// that one observer tells of a call once: spans of the same instrumentation
// scope are never held for one call by 3, and by 2 only when the outer one adds
// nothing. Where two observers each tell of two equal, parallel calls, every
// telling is matched with at most one of the other observer, so two remain.

// finish settles all calls of the payload and emits them.
func (r *reading) finish(emit func(*Call, ptrace.Span)) {
	for i := range r.calls {
		f := &r.calls[i]
		if r.needsAncestors(f) {
			r.inherit(f)
		}
		if f.pending != 0 {
			numbers := &r.pending[f.pending-1]
			if f.wrapped {
				r.learnWrapped(numbers)
			}
			r.quantify(f, numbers)
		}
		if len(r.userNames) > 0 && f.call.User == "" {
			if root, ok := r.recall(f.call.TraceID); ok {
				f.call.User = root.user
				if f.call.SessionID == "" {
					f.call.SessionID = root.session
				}
			}
		}
	}
	for i := range r.calls {
		r.calls[i].hashKey()
	}
	if len(r.calls) > 1 {
		r.mergeNested()
		r.mergeByKey()
		r.mergeAlike()
	}
	if r.window != nil {
		r.window.sift(r.calls)
	}
	for i := range r.calls {
		f := &r.calls[i]
		if f.dropped {
			r.skip(f.call.Dialect, SkipDuplicate)
			continue
		}
		if f.call.User == "" {
			f.call.User = f.user
		}
		emit(&f.call, f.span)
	}
}

func (r *reading) recall(trace pcommon.TraceID) (rootUser, bool) {
	if r.roots == nil {
		return rootUser{}, false
	}
	return r.roots.get(trace)
}

// mergeNested finds calls inside calls.
func (r *reading) mergeNested() {
	nested := false
	for i := range r.calls {
		nested = nested || !r.calls[i].span.ParentSpanID().IsEmpty()
	}
	if !nested {
		return
	}
	r.buildTree()
	summed := false
	for i := range r.calls {
		inner := &r.calls[i]
		at := r.tree.find(inner.call.TraceID, inner.span.ParentSpanID())
		for depth := 0; at >= 0 && depth < maxDepth; depth++ {
			if c := r.tree.nodes[at].call; c != 0 && int(c-1) != i {
				outer := &r.calls[c-1]
				outer.inner++
				outer.innerIn += min(inner.call.Quantities.InputTokens(), maxCount)
				outer.innerOut += min(inner.call.Quantities.OutputTokens(), maxCount)
				summed = summed || outer.inner > 1
				if !outer.dropped && !inner.dropped && sameNested(outer, inner) {
					merge(outer, inner)
				}
				break
			}
			at = r.tree.parentOf(at)
		}
	}
	if !summed {
		return
	}
	// A wrapper around several calls that repeats their sum.
	for i := range r.calls {
		outer := &r.calls[i]
		if outer.inner > 1 && !outer.dropped && outer.call.hasTokens() &&
			outer.call.Quantities.InputTokens() == outer.innerIn && outer.call.Quantities.OutputTokens() == outer.innerOut {
			outer.dropped = true
		}
	}
}

// sameNested decides whether a call inside another is the same call.
func sameNested(outer, inner *found) bool {
	a, b := &outer.call, &inner.call
	oneScope := outer.scope == inner.scope
	switch {
	case a.Key != "" && b.Key != "" && outer.keyHash == inner.keyHash:
		return true
	case a.Key != "" && b.Key != "" && oneScope:
		return false // one observer, two answers: two calls
	case !sameModel(outer.model, inner.model), a.APIType != b.APIType:
		return false
	}
	hasA, hasB := a.hasUsage(), b.hasUsage()
	switch {
	case hasA && hasB:
		if a.sameTokens(b) {
			return true
		}
		// The numbers differ. Of two observers one may be wrong, and says so;
		// of one observer both are right, unless it left something out of one.
		unsure := a.Reason != "" || b.Reason != ""
		return unsure && (!oneScope || a.Quantities.InputTokens() == b.Quantities.InputTokens())
	case hasB:
		return true // a wrapper that tells nothing itself
	case hasA:
		return !oneScope
	}
	return !oneScope || a.Key == ""
}

// mergeByKey finds calls with the same response id.
func (r *reading) mergeByKey() {
	r.ids.reset(len(r.calls))
	for i := range r.calls {
		f := &r.calls[i]
		if f.dropped || f.call.Key == "" {
			continue
		}
		hash := f.keyHash
		twin := false
		for j := r.ids.first(hash); j >= 0; j = r.ids.next() {
			other := &r.calls[j]
			if !other.dropped && other.call.Key == f.call.Key && other.call.KeySpace == f.call.KeySpace {
				merge(other, f)
				if twin = f.dropped; twin {
					break
				}
			}
		}
		if !twin {
			r.ids.put(hash, int32(i))
		}
	}
}

// mergeAlike finds equal calls that two observers tell of without a common id.
func (r *reading) mergeAlike() {
	scope, several := "", false
	for i := range r.calls {
		if f := &r.calls[i]; !f.dropped {
			several = several || scope != "" && f.scope != scope
			scope = f.scope
		}
	}
	if !several {
		return
	}
	r.ids.reset(len(r.calls))
	for i := range r.calls {
		f := &r.calls[i]
		if f.dropped || !f.call.hasTokens() {
			continue
		}
		hash := f.call.likeness()
		twin := false
		for j := r.ids.first(hash); j >= 0; j = r.ids.next() {
			other := &r.calls[j]
			if !other.dropped && !other.met && alike(other, f) {
				merge(other, f)
				twin = f.dropped
				break
			}
		}
		if !twin {
			r.ids.put(hash, int32(i))
		}
	}
	r.mergeSilent()
	r.mergeEstimates()
}

// firstEvent is the most output tokens that the first event of one of
// Anthropic's streams tells.
const firstEvent = 16

// mergeEstimates finds calls of which one observer tells a few output tokens
// more: LangChain adds those of a stream's first event to those of the last,
// which tells all of them.
func (r *reading) mergeEstimates() {
	estimate := func(f *found) bool {
		return f.call.Reason == usage.ReasonInstrumentationEstimate && !f.dropped && !f.met && f.call.hasTokens()
	}
	some := false
	for i := range r.calls {
		some = some || estimate(&r.calls[i])
	}
	if !some {
		return
	}
	input := func(f *found) uint64 { return mix(uint64(f.call.Quantities.InputTokens())) }
	r.ids.reset(len(r.calls))
	for i := range r.calls {
		if f := &r.calls[i]; !f.dropped && !f.met && !estimate(f) && f.call.hasTokens() {
			r.ids.put(input(f), int32(i))
		}
	}
	for i := range r.calls {
		f := &r.calls[i]
		if !estimate(f) {
			continue
		}
		for j := r.ids.first(input(f)); j >= 0; j = r.ids.next() {
			other := &r.calls[j]
			a, b := &other.call, &f.call
			more := b.Quantities.OutputTokens() - a.Quantities.OutputTokens()
			if !other.met && sameSource(other, f) && a.Quantities.InputTokens() == b.Quantities.InputTokens() && more > 0 && more <= firstEvent &&
				(within(a.Start, a.End, b.Start, b.End) || within(b.Start, b.End, a.Start, a.End)) {
				merge(other, f)
				break
			}
		}
	}
}

// mergeSilent finds calls that tell no usage and lost their parent, which
// another observer tells of: a client below a framework that opens a trace of
// its own. It started inside the call of the framework and ended before it.
func (r *reading) mergeSilent() {
	silent := func(f *found) bool {
		return !f.dropped && f.model != 0 && !f.call.hasUsage() && f.call.Key == "" && f.span.ParentSpanID().IsEmpty()
	}
	some := false
	for i := range r.calls {
		some = some || silent(&r.calls[i])
	}
	if !some {
		return
	}
	second := func(f *found, ago int64) uint64 { return mix(f.model ^ uint64(f.call.Start.Unix()-ago)) }
	r.ids.reset(len(r.calls))
	for i := range r.calls {
		if f := &r.calls[i]; !f.dropped && !f.met && !silent(f) {
			r.ids.put(second(f, 0), int32(i))
		}
	}
	for i := range r.calls {
		f := &r.calls[i]
		for ago := int64(0); ago < 2 && silent(f); ago++ {
			for j := r.ids.first(second(f, ago)); j >= 0; j = r.ids.next() {
				outer := &r.calls[j]
				if !outer.met && outer.call.TraceID != f.call.TraceID && sameSource(outer, f) &&
					within(outer.call.Start, outer.call.End, f.call.Start, f.call.End) {
					merge(outer, f)
					break
				}
			}
		}
	}
}

// timeTolerance is by how much the times of two tellings of one call may
// overlap the wrong way: clocks are read one after the other.
const timeTolerance = 5 * time.Millisecond

// alike decides whether two tellings by different observers, without a common
// id, are one call.
func alike(f, g *found) bool {
	a, b := &f.call, &g.call
	return sameSource(f, g) && a.sameTokens(b) &&
		(within(a.Start, a.End, b.Start, b.End) || within(b.Start, b.End, a.Start, a.End))
}

// sameSource reports whether two observers may tell of one call of one process.
func sameSource(f, g *found) bool {
	a, b := &f.call, &g.call
	if f.scope == g.scope || a.Key != "" && b.Key != "" {
		return false // one observer, or two answers of the provider
	}
	return a.Service == b.Service && a.Environment == b.Environment && a.APIType == b.APIType && sameModel(f.model, g.model) &&
		(a.User == "" || b.User == "" || a.User == b.User)
}

// within reports whether the time of the inner lies inside that of the outer.
func within(outerStart, outerEnd, innerStart, innerEnd time.Time) bool {
	return !innerStart.Before(outerStart.Add(-timeTolerance)) && !innerEnd.After(outerEnd.Add(timeTolerance))
}

// likeness is equal for calls that are alike.
func (c *Call) likeness() uint64 {
	return mix(uint64(c.Quantities.InputTokens())*0x9E3779B97F4A7C15+uint64(c.Quantities.OutputTokens())) ^ uint64(len(c.APIType))
}

// hasTokens reports whether the call tells enough to be compared: tokens on
// the input side and on the output side where there is one.
func (c *Call) hasTokens() bool {
	return c.Quantities.InputTokens() > 0 && (c.Quantities.OutputTokens() > 0 || c.APIType == usage.APITypeEmbedding)
}

// hasUsage reports whether the call tells any quantity.
func (c *Call) hasUsage() bool { return !c.Quantities.IsZero() }

// sameTokens compares the totals: how they are split is what observers differ
// in.
func (c *Call) sameTokens(o *Call) bool {
	return c.Quantities.InputTokens() == o.Quantities.InputTokens() && c.Quantities.OutputTokens() == o.Quantities.OutputTokens()
}

// sameModel reports whether two names, as [modelInfo.base], can mean one model.
func sameModel(a, b uint64) bool { return a == b || a == 0 || b == 0 }

// merge keeps the better telling of one call and gives it what the other one
// knows. The first is kept of equals; of nested ones the inner is the second.
func merge(a, b *found) {
	keep, drop := a, b
	if b.rank() > a.rank() {
		keep, drop = b, a
	}
	drop.dropped, keep.met, keep.twin = true, true, drop.call.SpanID
	k, d := &keep.call, &drop.call
	if k.User == "" {
		k.User = d.User
	}
	if k.SessionID == "" {
		k.SessionID = d.SessionID
	}
	if k.Key == "" {
		k.Key, k.KeySpace, k.ResponseID, keep.keyHash = d.Key, d.KeySpace, d.ResponseID, drop.keyHash
	}
	if k.RequestModel == "" {
		k.RequestModel = d.RequestModel
	}
	if k.ServiceTier == "" {
		k.ServiceTier = d.ServiceTier
	}
	if k.Region == "" {
		k.Region = d.Region
	}
	if !k.HasReportedCost {
		k.ReportedCost, k.HasReportedCost = d.ReportedCost, d.HasReportedCost
	}
	for _, tag := range d.Tags {
		k.addTag(tag)
	}
	k.takeLifetimes(d)
}

// takeLifetimes takes from the other telling how long cache writes live.
func (c *Call) takeLifetimes(from *Call) {
	const short, long = usage.CacheWrite5mTokens, usage.CacheWrite1hTokens
	if c.Reason != usage.ReasonCacheTTLNotReported || from.Missing.Has(MissingCacheTTL) ||
		c.Quantities[short]+c.Quantities[long] != from.Quantities[short]+from.Quantities[long] {
		return
	}
	c.Quantities[short], c.Quantities[long] = from.Quantities[short], from.Quantities[long]
	c.Reason = ""
	c.Missing &^= MissingCacheTTL
}

// rank orders tellings by how much they can be trusted to price the call.
func (f *found) rank() int {
	c, rank := &f.call, 0
	if c.hasUsage() {
		rank += 16
	}
	switch c.Reason {
	case "":
		rank += 8
	case usage.ReasonCacheTTLNotReported, usage.ReasonUnknownDialect:
		rank += 4
	case usage.ReasonInstrumentationEstimate, usage.ReasonInvalidQuantity:
		rank -= 4
	}
	if c.Missing == 0 {
		rank += 2
	}
	if c.Key != "" {
		rank++
	}
	return rank
}

// hashKey hashes the key once for all who look for its like.
func (f *found) hashKey() {
	c := &f.call
	if c.Key == "" {
		return
	}
	f.keyHash = hashText(c.Key) | 1
	if c.KeySpace != "" {
		f.keyHash = mix(f.keyHash^hashText(c.KeySpace)) | 1
	}
}

// hashSeed makes the hashes of foreign texts unpredictable.
var hashSeed = maphash.MakeSeed()

func hashText(text string) uint64 { return maphash.String(hashSeed, text) }
