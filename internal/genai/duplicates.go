package genai

import (
	"encoding/binary"
	"math/bits"

	"github.com/otelcol-usage/otelcol-usage/internal/once"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// settle completes the calls of the payload from its other spans.
func (r *reading) settle() {
	for i := range r.calls {
		f := &r.calls[i]
		if r.needsAncestors(f) {
			r.inherit(f)
		}
		f.call.addTags(f.tags)
		if f.pending != 0 {
			numbers := &r.pending[f.pending-1]
			if f.wrapped {
				r.learnWrapped(numbers)
			}
			r.quantify(f, numbers)
		}
		if len(r.userNames) > 0 && f.call.User == "" {
			root := r.recallUser(f.call.TraceID)
			f.call.User = root.user
			if f.call.SessionID == "" {
				f.call.SessionID = root.session
			}
		}
	}
}

// dropDuplicates drops calls that are reported by another span of this payload or by an
// earlier one. Package once has the rule.
func (r *reading) dropDuplicates() {
	nested := false
	for i := range r.calls {
		r.calls[i].describe()
		nested = nested || r.calls[i].report.Parent != [8]byte{}
	}
	if len(r.calls) > 1 {
		if nested {
			r.mergeNested()
		}
		r.ids.Match(r)
		r.ids.DropSums(r)
	}
	r.dropTools()
	r.dropAgents()
	if r.window != nil {
		r.askWindow()
	}
	for i := range r.calls {
		f := &r.calls[i]
		switch {
		case f.report.dropped && (f.isAgent || f.isTool):
			r.nameUser(f.span, f.call.User, f.call.SessionID, f.call.Service, f.report.Service)
			r.skip(f.call.Dialect, SkipNotACall)
			continue
		case f.report.dropped:
			r.skip(f.call.Dialect, SkipDuplicate)
			continue
		}
		f.call.ID = f.report.ID
		if f.call.User == "" {
			f.call.User = f.user
		}
	}
}

// describe builds the report by which the call is recognised.
func (f *found) describe() {
	c, r := &f.call, &f.report.Report
	r.Space, r.Key = once.Hash(c.KeySpace), once.Hash(c.Key)
	r.User, r.Session = once.Hash(c.User), once.Hash(c.SessionID)
	r.Type = c.APIType
	r.Trace, r.Span = c.TraceID, c.SpanID
	if c.TraceID.IsEmpty() { // an event is recognised by its key
		binary.LittleEndian.PutUint64(r.Span[:], r.Key^bits.RotateLeft64(r.Space, 1)) // of its session
	}
	r.Start, r.End = c.Start.UnixNano(), c.End.UnixNano()
	r.Counts = once.CountsOf(&c.Quantities)
	r.ID = c.id()
	r.Usage = !c.Quantities.IsZero()
	r.Unsure, r.Estimate = c.Reason != "", c.Reason == usage.ReasonInstrumentationEstimate
}

// id returns the id of the row: from the provider's answer where the call has a response id
// that can be unique, otherwise from the span.
func (c *Call) id() usage.ID {
	if c.Key != "" {
		return usage.IDFromResponse(c.KeySpace, c.Key)
	}
	return usage.IDFromSpan(c.TraceID, c.SpanID)
}

// mergeNested finds calls inside calls.
func (r *reading) mergeNested() {
	r.buildTree()
	for i := range r.calls {
		inner := &r.calls[i]
		at := r.tree.find(inner.call.TraceID, inner.report.Parent)
		for depth := 0; at >= 0 && depth < maxDepth; depth++ {
			if c := r.tree.nodes[at].call; c != 0 && int(c-1) != i {
				outer := &r.calls[c-1]
				if inner.report.Unclaimed && !outer.report.Unclaimed {
					inner.report.dropped = true // a part of the call around it
					break
				}
				if outer.report.Unclaimed {
					outer.report.dropped = true
					break
				}
				outer.inner.Inside(&inner.report.Report)
				if !outer.report.dropped && !inner.report.dropped && once.Same(&outer.report.Report, &inner.report.Report, true) {
					merge(outer, inner)
				}
				break
			}
			at = r.tree.parentOf(at)
		}
	}
	for i := range r.calls {
		outer := &r.calls[i]
		outer.report.dropped = outer.report.dropped || outer.inner.Is(&outer.report.Report)
	}
}

// dropAgents drops the sums of agents when a call of their trace is known.
func (r *reading) dropAgents() {
	agents := false
	for i := range r.calls {
		if f := &r.calls[i]; f.isAgent {
			agents = true
		} else if !f.call.TraceID.IsEmpty() {
			r.traces.note(f.call.TraceID)
			if f.report.Parent != [8]byte{} {
				r.parents.note(spanInTrace(f.call.TraceID, f.report.Parent))
			}
		}
	}
	if !agents {
		return
	}
	for i := range r.calls {
		f := &r.calls[i]
		if !f.isAgent || f.report.dropped {
			continue
		}
		if f.report.dropped = r.traces.noted(f.call.TraceID) || r.aroundSums.Contains(f.call.SpanID); !f.report.dropped {
			r.noteAround(f)
		}
	}
}

// noteAround remembers the spans around a sum that is counted in place of its calls: what
// they report repeats it.
func (r *reading) noteAround(f *found) {
	around := f.span.ParentSpanID()
	for depth := 0; !around.IsEmpty() && depth < maxDepth; depth++ {
		r.aroundSums.Add(around, struct{}{})
		r.buildTree()
		at := r.tree.find(f.call.TraceID, around)
		if at < 0 {
			return
		}
		around = r.tree.nodes[at].span.ParentSpanID()
	}
}

// Len returns the number of calls.
func (r *reading) Len() int { return len(r.calls) }

// At returns the report of a call, nil for a dropped one.
func (r *reading) At(i int) *once.Report {
	if o := r.observedAt(i); !o.dropped {
		return &o.Report
	}
	return nil
}

// Drop drops a call.
func (r *reading) Drop(i int) { r.observedAt(i).dropped = true }

// Merge merges two reports of one call.
func (r *reading) Merge(i, j int) { merge(&r.calls[i], &r.calls[j]) }

// askWindow drops the calls that earlier payloads reported.
func (r *reading) askWindow() {
	r.window.Begin()
	defer r.window.End()
	r.window.Expect(r)
	for i := range r.calls {
		o := r.observedAt(i)
		if o.dropped {
			continue
		}
		switch r.window.Decide(&o.Report) {
		case once.Again, once.Corrects:
			r.calls[i].call.SentAgain = true
		case once.Repeats:
			o.dropped = true
		}
	}
}

// merge keeps the better report of one call and completes it from the other. Of equals it
// keeps the first; of nested ones, the inner is the second.
func merge(a, b *found) {
	keep, drop := a, b
	more := b.rank() - a.rank()
	if more > 0 || more == 0 && once.Judge(&a.report.Report, &b.report.Report) == once.Correction {
		keep, drop = b, a
	}
	drop.report.dropped = true
	keep.report.Match(&drop.report.Report)
	k, d := &keep.call, &drop.call
	if k.Key == "" {
		k.Key, k.KeySpace, k.ResponseID = d.Key, d.KeySpace, d.ResponseID
		keep.report.Key, keep.report.Space, keep.report.ID = drop.report.Key, drop.report.Space, drop.report.ID
	}
	for _, text := range [...]struct{ to, from *string }{
		{&k.User, &d.User}, {&k.SessionID, &d.SessionID}, {&k.RequestModel, &d.RequestModel}, {&k.ServiceTier, &d.ServiceTier}, {&k.Region, &d.Region},
	} {
		if *text.to == "" {
			*text.to = *text.from
		}
	}
	k.Unreported &= d.Unreported
	if !k.HasReportedCost || d.ReportedIsBill && !k.ReportedIsBill {
		k.ReportedCost, k.HasReportedCost, k.ReportedIsBill = d.ReportedCost, d.HasReportedCost, d.ReportedIsBill
	}
	if k.Payer == "" {
		k.Payer = d.Payer
	}
	k.addTags(d.Tags)
	k.takeLifetimes(d)
}

// takeLifetimes takes the lifetimes of cache writes from the other report.
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

// rank orders reports by how reliable they are for pricing the call.
func (f *found) rank() int {
	c, rank := &f.call, 0
	if !c.Quantities.IsZero() {
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
