package pricing

import (
	"maps"
	"slices"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/pricing/book"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// Book answers what a call costs. It is immutable after loading, so any number of
// goroutines may use it at once.
type Book struct {
	shelves  []*shelf             // in the order in which they are searched
	first    map[string]*provider // by name; the provider of the first shelf that knows the name
	lookups  *lookupCache
	version  string
	asOf     time.Time
	warnings []error
}

// Call holds everything that the price of a call depends on.
type Call struct {
	// Provider is who hosts the model, as gen_ai.provider.name says.
	Provider string
	// Model is the model that answered, empty when the span does not say.
	Model string
	// RequestModel is the requested model; it is used when the book does not know Model.
	RequestModel string
	// At is the start of the call. It selects the prices that were in force.
	At time.Time
	// ServiceTier is the tier that served the call, empty for standard.
	ServiceTier string
	// Region is the provider's region, empty when unknown.
	Region string
	// Variant is the size and quality of images or the resolution of video.
	Variant string
	// Quantities is what the call consumed.
	Quantities usage.Quantities
	// Unreported lists what the call does not report. Where the price depends on one of
	// these, the default is taken and named in Price.Assumptions.
	Unreported usage.Assumptions
}

// Price is the answer to a [Call].
type Price struct {
	// Cost is 0 when Status is unpriced.
	Cost   usage.Money
	Status usage.PricingStatus
	// Reason says why the status is not [usage.StatusPriced].
	Reason usage.Reason
	// Assumptions are the defaults that the price took.
	Assumptions usage.Assumptions
	// PriceID names the row and the modifiers that were applied:
	// "openai/gpt-4o@2024-10-02+batch". Empty when no row was found.
	PriceID string
	// Model is the model whose row was used, empty when no row was found.
	Model string
}

// Version identifies the contents of the book: equal contents give equal
// versions, on any machine.
func (b *Book) Version() string { return b.version }

// AsOf is the date up to which the book knows public prices, taken from its built-in part
// and its update; zero when neither gives one. Later models and prices are missing from the
// book.
func (b *Book) AsOf() time.Time { return b.asOf }

// Warnings lists suspicious entries in the book's files that were accepted all the same.
func (b *Book) Warnings() []error { return b.warnings }

// Price computes the cost of a call. It does not allocate when the book knows the model
// under the name in the call.
//
// A call that consumed nothing costs 0, or the request fee where the model has one. Whether
// "nothing" is a fact or a gap is for the caller to decide.
func (b *Book) Price(c *Call) (price Price) {
	b.price(b.exact(c.Provider, c.Model), c, &price)
	return price
}

// price is [Book.Price] for who knows what [Book.exact] returns; it fills an empty answer.
func (b *Book) price(t *timeline, c *Call, price *Price) {
	var f found
	second := c.At.Unix()
	b.findFrom(t, c, second, &f)
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
		return
	}
	row := f.segment.row
	sel, guessed := row.choose(c, f.region)
	row.plan(sel).price(&c.Quantities, price)
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
}

// Row is one row of a book, for listings and comparisons.
type Row struct {
	Layer    Layer
	Provider string
	// Name is the name by which calls find the row; Model is the model whose prices it
	// holds. They differ for an alias.
	Name, Model string
	Span        book.Span
	Prices      book.Blocks
	// Depends lists what the prices depend on, except which snapshot answered.
	Depends    book.Depends
	Source     string
	Confidence string
	File       string
	Line       int
	PriceID    string
}

// Rows lists the book by layer in search order, and within a layer by provider, name and
// time.
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

// timelines returns the timelines of all names and patterns.
func (p *provider) timelines() map[string]*timeline {
	all := maps.Clone(p.names)
	for _, pattern := range p.patterns {
		all[pattern.text] = pattern.timeline
	}
	return all
}
