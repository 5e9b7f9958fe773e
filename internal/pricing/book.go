package pricing

import (
	"maps"
	"slices"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/pricing/book"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// Book answers what a call costs. It never changes after it was loaded, so any
// number of goroutines may use it at once.
type Book struct {
	shelves  []*shelf             // in the order in which they are asked
	first    map[string]*provider // by name, as the first shelf that knows the name has it
	lookups  *lookupCache
	version  string
	asOf     time.Time
	warnings []error
}

// Call is what the price of a call depends on.
type Call struct {
	// Provider is who hosts the model, as gen_ai.provider.name says.
	Provider string
	// Model is the model that answered, empty when the span does not say.
	Model string
	// RequestModel is the model that was asked for; it counts when the book
	// does not know Model.
	RequestModel string
	// At is the start of the call: the prices of this moment hold.
	At time.Time
	// ServiceTier is the tier that served the call, empty for standard.
	ServiceTier string
	// Region is the provider's region, empty when unknown.
	Region string
	// Variant is the size and quality of images or the resolution of video.
	Variant string
	// Quantities is what was consumed.
	Quantities usage.Quantities
	// Unreported is what the call says nothing about; where its price depends on
	// it, the default is taken and said.
	Unreported usage.Assumptions
}

// Price is the answer to a [Call].
type Price struct {
	// Cost is 0 when Status is unpriced.
	Cost   usage.Money
	Status usage.PricingStatus
	// Reason says why the call is not simply priced.
	Reason usage.Reason
	// Assumptions are the defaults that the price took.
	Assumptions usage.Assumptions
	// PriceID names the row and what changed it:
	// "openai/gpt-4o@2024-10-02+batch". Empty when no row was found.
	PriceID string
	// Model is the model the row belongs to, empty when no row was found.
	Model string
}

// Version identifies the contents of the book: equal contents give equal
// versions, on any machine.
func (b *Book) Version() string { return b.version }

// AsOf is the day up to which the book knows the public prices, by its built-in
// part and its update; zero when neither says. Models and prices that came later
// are not in it.
func (b *Book) AsOf() time.Time { return b.asOf }

// Warnings lists what looks odd in the files of the book and was not refused.
func (b *Book) Warnings() []error { return b.warnings }

// Price says what a call cost. It allocates nothing when the book knows the
// model by the name in the call.
//
// A call that consumed nothing is priced at 0, or at the fee for the request
// where the model has one: whether nothing is a fact or a gap is the caller's
// to decide.
func (b *Book) Price(c *Call) (price Price) {
	var f found
	second := c.At.Unix()
	b.find(c, second, &f)
	if f.segment == nil {
		price.Status = usage.StatusUnpriced
		switch {
		case f.known:
			price.Reason = usage.ReasonNoPriceAtTime
		case c.Model == "" && c.RequestModel == "":
			price.Reason = usage.ReasonNoModel
		default:
			price.Reason = usage.ReasonUnknownModel
		}
		return price
	}
	row := f.segment.row
	sel, guessed := row.choose(c, f.region)
	row.plan(sel).price(&c.Quantities, &price)
	if guessed != "" && (price.Status == usage.StatusPriced || price.Reason == usage.ReasonUnconfirmedPrice) {
		price.Status, price.Reason = usage.StatusEstimated, guessed
	}
	if price.Status != usage.StatusUnpriced {
		if c.Unreported != 0 {
			price.Assumptions = f.assumed(c)
		}
		if f.meansSnapshot(second) {
			price.Assumptions |= usage.AssumedModelVersion
		}
	}
	return price
}

// Row is one row of a book, for listings and comparisons.
type Row struct {
	Layer    Layer
	Provider string
	// Name is what a call must say to meet the row; Model is whose price it
	// is. They differ for an alias.
	Name, Model string
	Span        book.Span
	Prices      book.Blocks
	// Depends is what the prices depend on, the snapshots beside them aside.
	Depends    book.Depends
	Source     string
	Confidence string
	File       string
	Line       int
	PriceID    string
}

// Rows lists the book by layer, the one that is asked first before the others,
// and there by provider, name and time.
func (b *Book) Rows() []Row {
	var rows []Row
	for _, shelf := range b.shelves {
		for _, p := range shelf.distinct() {
			lists := p.timelines()
			for _, model := range slices.Sorted(maps.Keys(lists)) {
				for _, s := range lists[model].segments {
					rows = append(rows, Row{
						Layer: shelf.layer, Provider: p.name, Name: model, Model: s.row.src.Model, Span: s.span(), Prices: s.row.src.Blocks,
						Depends: s.row.src.DependsOn(p.name),
						Source:  s.row.src.Source, Confidence: s.row.src.Confidence,
						File: s.row.file, Line: s.row.src.Line, PriceID: s.row.id,
					})
				}
			}
		}
	}
	return rows
}

// timelines lists names and patterns.
func (p *provider) timelines() map[string]*timeline {
	all := maps.Clone(p.names)
	for _, pattern := range p.patterns {
		all[pattern.text] = pattern.timeline
	}
	return all
}
