package pricing

import (
	"hash/maphash"
	"strings"

	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// ReportedCostPolicy says what to do with a cost that arrived on the span.
type ReportedCostPolicy string

// The policies.
const (
	// PreferComputed uses the reported cost only for calls that no price book can price,
	// and only when it is not 0: libraries report 0 for models they do not know.
	PreferComputed ReportedCostPolicy = "prefer_computed"
	// PreferReported uses the reported cost wherever there is one.
	PreferReported ReportedCostPolicy = "prefer_reported"
	// ComputedOnly ignores reported costs.
	ComputedOnly ReportedCostPolicy = "computed_only"
)

// ReportedCostPolicies lists all policies.
var ReportedCostPolicies = []ReportedCostPolicy{PreferComputed, PreferReported, ComputedOnly}

// DefaultMaxReported is the default limit above which a reported cost is not believed.
// Anybody who reaches the receiver can send any number; no single call of today's providers
// costs nearly as much.
const DefaultMaxReported = 1000 * usage.Dollar

// Pricer sets the cost of records by the prices of one book. The same record always gets
// the same cost, whether it was just made or read from the table. A Pricer is not safe for
// concurrent use.
type Pricer struct {
	Book     *Book
	Reported ReportedCostPolicy
	// MaxReported is the limit above which a reported cost is not believed; 0 means
	// [DefaultMaxReported].
	MaxReported usage.Money
	// call is reused for each record to avoid an allocation.
	call Call
	// names are those that the book knows as spelled, of the latest calls.
	names *[knownNames]knownName
	of    *Book // whose names these are
}

// knownName is a provider and model that a book knows exactly as spelled.
type knownName struct {
	provider, model string
	timeline        *timeline
	// relevant is [Book.Relevant] of all details.
	relevant usage.Missing
}

// knownNames is how many a [Pricer] remembers: a service uses few.
const knownNames = 256

// name returns what the book knows of a provider and model as spelled; the timeline is nil
// when it knows nothing.
func (p *Pricer) name(provider, model string) (k *knownName) {
	if p.of != p.Book {
		p.of, p.names = p.Book, new([knownNames]knownName)
	}
	place := (maphash.String(nameSeed, model) + uint64(len(provider))) % knownNames
	k, other := &p.names[place], &p.names[place^1]
	if k.model == model && k.provider == provider {
		return k
	}
	if other.model == model && other.provider == provider {
		return other
	}
	t := p.Book.exact(provider, model)
	if t == nil {
		return &unknownName // nothing from outside is remembered that the book does not have
	}
	*other = *k // two names that have one place do not drive each other out
	*k = knownName{strings.Clone(provider), strings.Clone(model), t, p.Book.Relevant(provider, ^usage.Missing(0))}
	return k
}

var (
	unknownName knownName
	nameSeed    = maphash.MakeSeed()
)

// Relevant is [Book.Relevant] for a record.
func (p *Pricer) Relevant(r *usage.Record) usage.Missing {
	if k := p.name(r.Provider, r.Model); k.timeline != nil {
		return r.Missing & k.relevant
	}
	return p.Book.Relevant(r.Provider, r.Missing)
}

// Price sets Cost, Status, Reason, Assumptions, PriceID and CostSource of a record from its
// other fields.
func (p *Pricer) Price(r *usage.Record) {
	p.compute(r)
	if r.Missing.Has(usage.MissingTime) {
		qualify(r, usage.ReasonTimeOutOfRange)
	}
	if !r.HasReportedCost || p.Reported == ComputedOnly {
		return
	}
	limit := p.MaxReported
	if limit == 0 {
		limit = DefaultMaxReported
	}
	switch {
	case r.ReportedCost > limit && r.Status == usage.StatusUnpriced:
		r.Reason = usage.ReasonCostOutOfRange
	case r.ReportedCost > limit:
		// The bill agrees with the book: keep what the book says.
	case r.ReportedIsBill && r.Status == usage.StatusPriced && r.Cost == r.ReportedCost:
		// Both say the same, and the book says why.
	case p.Reported == PreferReported || (r.Status == usage.StatusUnpriced || r.ReportedIsBill) && r.ReportedCost != 0:
		r.Cost, r.Status, r.CostSource, r.PriceID = r.ReportedCost, usage.StatusReported, usage.SourceReported, ""
		r.Assumptions, r.HasAssumptions = 0, false
		if r.ReportedIsBill {
			r.Reason = "" // a gap in the book casts no doubt on a bill
		}
	case farApart(r.Cost, r.ReportedCost) && r.CostSource == usage.SourceComputed:
		qualify(r, usage.ReasonCostDiffers)
	}
}

// farApart reports whether two costs of one call differ by more than rounding, a discount
// or a fee can explain: the larger is at least 1.5 times the smaller.
func farApart(a, b usage.Money) bool {
	a, b = min(a, b), max(a, b)
	return b-a > usage.Dollar/100_000 && a+a/2 < b
}

// compute prices the quantities from the book.
func (p *Pricer) compute(r *usage.Record) {
	r.Cost, r.Status, r.Reason = 0, usage.StatusUnpriced, r.QuantityReason
	r.PriceID, r.CostSource = "", usage.SourceNone
	r.Assumptions, r.HasAssumptions = 0, false
	if r.QuantityReason.PreventsCost() {
		return
	}
	if r.Model == "" {
		r.Reason = usage.ReasonNoModel
		return
	}
	c := &p.call
	// Field by field: a literal would be copied.
	c.Provider, c.Model, c.RequestModel, c.At = r.Provider, r.Model, r.RequestModel, r.Time
	c.ServiceTier, c.Region, c.Variant, c.Quantities = r.ServiceTier, r.Region, r.Variant, r.Quantities
	c.Unreported = r.Missing.Unreported()
	t := p.name(c.Provider, c.Model).timeline
	var price Price
	p.Book.price(t, c, &price)
	r.Status, r.Reason, r.PriceID = price.Status, price.Reason, price.PriceID
	if r.Status == usage.StatusUnpriced {
		return
	}
	r.Cost, r.CostSource = price.Cost, usage.SourceComputed
	r.Assumptions, r.HasAssumptions = price.Assumptions, true
	if reason := p.doubt(r, t); reason != "" {
		qualify(r, reason)
	}
	if router := RouterCall(r); router != nil {
		p.addRouter(r, router)
	}
}

// RouterCall returns the call that a host bills for choosing the model. The router has a
// price row of its own and charges for the whole input. It is nil when no router was
// involved.
func RouterCall(r *usage.Record) *Call {
	if !catalog.IsRouter(r.RequestModel) || catalog.IsRouter(r.Model) {
		return nil
	}
	return &Call{
		Provider: r.Provider, Model: r.RequestModel, At: r.Time,
		Quantities: usage.Quantities{usage.InputTextTokens: r.Quantities.InputTokens()},
	}
}

func (p *Pricer) addRouter(r *usage.Record, router *Call) {
	fee := p.Book.Price(router)
	if fee.Status == usage.StatusUnpriced || fee.Cost > usage.MaxCallCost-r.Cost {
		qualify(r, usage.ReasonPriceFallback)
		return
	}
	r.Cost += fee.Cost
	r.PriceID += "+router"
	if fee.Status != usage.StatusPriced {
		qualify(r, fee.Reason)
	}
}

// details lists what libraries leave out, and as what kind the affected tokens are counted
// instead.
var details = []struct {
	missing       usage.Missing
	reason        usage.Reason
	shown, hidden usage.QuantityKind
}{
	{usage.MissingCache, usage.ReasonCacheNotReported, usage.InputTextTokens, usage.CacheReadTokens},
	{usage.MissingAudio, usage.ReasonAudioNotReported, usage.InputTextTokens, usage.InputAudioTokens},
	{usage.MissingAudio, usage.ReasonAudioNotReported, usage.InputAudioTokens, usage.InputTextTokens},
	{usage.MissingAudio, usage.ReasonAudioNotReported, usage.OutputTextTokens, usage.OutputAudioTokens},
	{usage.MissingCacheTTL, usage.ReasonCacheTTLNotReported, usage.CacheWrite5mTokens, usage.CacheWrite1hTokens},
	{usage.MissingReasoning, usage.ReasonReasoningNotReported, usage.OutputTextTokens, usage.OutputReasoningTokens},
}

// doubt returns the reason why the cost may differ from the bill, "" for none. A detail
// that a library leaves out is a doubt only where it changes the price.
func (p *Pricer) doubt(r *usage.Record, t *timeline) usage.Reason {
	if r.QuantityReason != "" && !r.QuantityReason.OnlyHidden() {
		return r.QuantityReason // tokens are wrong or missing, not only counted as another kind
	}
	if r.Missing.Has(usage.MissingInput) {
		return r.QuantityReason // cached tokens are missing altogether
	}
	q := &p.call.Quantities
	for _, d := range details {
		amount := q[d.shown]
		if r.Missing&d.missing == 0 || amount == 0 {
			continue
		}
		q[d.shown], q[d.hidden] = 0, q[d.hidden]+amount
		var other Price
		p.Book.price(t, &p.call, &other)
		q[d.shown], q[d.hidden] = amount, q[d.hidden]-amount
		if other.Cost != r.Cost {
			return d.reason
		}
	}
	return ""
}

// qualify turns a priced record into an estimate. An existing reason stays: it was found
// first and is the more serious one.
func qualify(r *usage.Record, reason usage.Reason) {
	if r.Status == usage.StatusPriced {
		r.Status, r.Reason = usage.StatusEstimated, reason
	}
}
