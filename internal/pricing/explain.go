package pricing

import (
	"fmt"
	"math/big"
	"strings"

	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing/book"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// Explanation shows how a price was computed. Amounts are strings, so that JSON keeps every
// digit.
type Explanation struct {
	// Steps are the names that were looked up, in order.
	Steps []Step `json:"steps"`

	// PriceID and the fields below describe the row that was used; they are empty when
	// there is none.
	PriceID    string `json:"price_id,omitempty"`
	Provider   string `json:"provider,omitempty"`
	Model      string `json:"model,omitempty"`
	Holds      string `json:"holds,omitempty"` // "from 2024-10-02"
	File       string `json:"file,omitempty"`
	Line       int    `json:"line,omitempty"`
	Source     string `json:"source,omitempty"`
	Confidence string `json:"confidence,omitempty"`
	Note       string `json:"note,omitempty"`

	// DependsOn names what the price depends on, Assumed the defaults that it took.
	DependsOn []string `json:"depends_on"` // empty when it depends on nothing, null when there is no row
	Assumed   []string `json:"assumed,omitempty"`

	// Notes say in words what was selected and what was guessed.
	Notes []string `json:"notes,omitempty"`
	Lines []Line   `json:"lines,omitempty"`
	// Adjustments are the contract terms applied to the sum of the lines.
	Adjustments []string `json:"adjustments,omitempty"`
	// Sum is the exact cost before rounding.
	Sum string `json:"sum,omitempty"`

	Cost   usage.Money         `json:"cost"`
	Status usage.PricingStatus `json:"status"`
	Reason usage.Reason        `json:"reason,omitempty"`
}

// Line is one quantity times its price.
type Line struct {
	Item     string `json:"item"`
	Quantity string `json:"quantity"`
	// PricedAs is the item whose price was used, when it is not the item of the line.
	PricedAs string `json:"priced_as,omitempty"`
	Price    string `json:"price,omitempty"` // "2.5 per_1m_tokens"
	Times    string `json:"times,omitempty"` // multipliers of tier and region
	Amount   string `json:"amount,omitempty"`
	Note     string `json:"note,omitempty"`
}

// Explain prices a call as [Book.Price] does and records each step.
func (b *Book) Explain(c *Call) Explanation {
	var e Explanation
	list := b.search(c, func(s Step) { e.Steps = append(e.Steps, s) })
	second := c.At.Unix()
	found, taken := pick(list, second)
	for i := range list[:taken] {
		e.Steps[list[i].step].Passed = list[i].passed(second, list[i].timeline.at(second))
	}
	if taken < len(list) {
		e.Steps = e.Steps[:list[taken].step+1]
	}
	price := b.Price(c)
	e.Cost, e.Status, e.Reason, e.PriceID = price.Cost, price.Status, price.Reason, price.PriceID
	if found.segment == nil {
		for _, l := range list {
			for _, s := range l.timeline.segments {
				e.Notes = append(e.Notes, fmt.Sprintf("there is a price %s (%s)", s.span(), s.row.id))
			}
		}
		return e
	}
	row := found.segment.row
	e.Provider, e.Model, e.Holds = row.provider, row.src.Model, row.src.Span.String()
	e.File, e.Line, e.Source, e.Confidence, e.Note = row.file, row.src.Line, row.src.Source, row.src.Confidence, row.src.Note
	depends := row.src.DependsOn(row.provider)
	if price.Assumptions.Has(usage.AssumedModelVersion) {
		version, _ := book.ParseDependency("model_version")
		depends |= version
	}
	e.DependsOn, e.Assumed = append([]string{}, depends.Names()...), price.Assumptions.Names()
	sel, guessed := row.choose(c, found.region)
	if row.src.Confidence == book.LowConfidence {
		e.Notes = append(e.Notes, "one source alone knows this price; a row of your own with the price you pay ends the doubt")
	}
	e.Notes = append(e.Notes, row.describe(c, sel, found.region, guessed)...)
	e.explainLines(row, sel, &c.Quantities)
	return e
}

// describe lists the parts of the row that apply to the call.
func (r *row) describe(c *Call, s selection, regionInName string, guessed usage.Reason) (notes []string) {
	add := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	if s.variant > 0 {
		add("variant %s", r.src.Variants[s.variant-1].Name)
	} else if c.Variant != "" && len(r.src.Variants) > 0 {
		add("the book has no price for the variant %q", c.Variant)
	}
	switch {
	case s.tier > 0:
		add("service tier %s", r.src.ServiceTiers[s.tier-1].Name)
	case guessed == usage.ReasonTierFallback:
		add("the book has no price for the service tier %q; the standard price was taken", c.ServiceTier)
	}
	if s.hours > 0 {
		add("hours %s UTC", r.src.Hours[s.hours-1].Label())
	}
	if s.region > 0 {
		add("region %s", r.src.Regions[s.region-1].Name)
	} else if regionInName != "" && regionInName != catalog.Global {
		add("the book has no price for the region %q in the name", regionInName)
	}
	if s.context > 0 {
		add("%d input tokens reach the context tier %s", c.Quantities.InputTokens(), r.thresholds[s.context-1].label)
	}
	if r.src.Graduated {
		add("graduated: each part of the tokens has the price of its tier")
	}
	return notes
}

func (e *Explanation) explainLines(r *row, s selection, q *usage.Quantities) {
	sum := new(big.Rat)
	if f, ok := r.resolve(s, book.Request); ok {
		amount := dollars(f.rate())
		sum.Add(sum, amount)
		e.Lines = append(e.Lines, Line{Item: book.Request.String(), Quantity: "1", Price: priceText(f), Times: timesText(f), Amount: amountText(amount)})
	}
	for _, slice := range r.slices(s, q) {
		for k, n := range slice.quantities {
			if n == 0 {
				continue
			}
			kind := usage.QuantityKind(k)
			line := Line{Item: kind.String(), Quantity: string(usage.AppendQuantity(nil, kind, n))}
			f, ok := r.resolve(slice.selection, book.Item(k))
			if !ok {
				line.Note = "no price"
				e.Lines = append(e.Lines, line)
				continue
			}
			amount := new(big.Rat).Mul(dollars(f.rate()), new(big.Rat).SetInt64(n))
			sum.Add(sum, amount)
			line.Price, line.Times, line.Amount = priceText(f), timesText(f), amountText(amount)
			if f.as != book.Item(k) {
				line.PricedAs = f.as.String()
			}
			switch {
			case f.tierFallback:
				line.Note = "the service tier names no price for it"
			case f.fallback:
				line.Note = "no price of its own"
			}
			e.Lines = append(e.Lines, line)
		}
	}
	if a := r.adjustment; a != nil {
		factor, perCall := adjustmentOf(a)
		sum.Add(sum.Mul(sum, factor), dollars(perCall))
		for _, part := range []struct{ text, value string }{
			{"discount ", a.Discount.String()}, {"margin ", a.Margin.String()}, {"per request ", a.PerCall.String()},
		} {
			if part.value != "0" {
				e.Adjustments = append(e.Adjustments, part.text+part.value)
			}
		}
	}
	e.Sum = amountText(sum)
}

// slice is a part of the quantities to which one set of prices applies.
type slice struct {
	selection  selection
	quantities usage.Quantities
}

// slices returns a single slice, except for a graduated row, which has one for each tier
// reached.
func (r *row) slices(s selection, q *usage.Quantities) []slice {
	if !r.src.Graduated {
		return []slice{{s, *q}}
	}
	list := make([]slice, 0, len(r.thresholds)+1)
	below := int64(0)
	for i := 0; i <= len(r.thresholds); i++ {
		part := slice{selection: s}
		part.selection.context = i
		for k, n := range q {
			if i < len(r.thresholds) {
				n = min(n, r.thresholds[i].min-1)
			}
			part.quantities[k] = max(n-below, 0)
		}
		if i < len(r.thresholds) {
			below = r.thresholds[i].min - 1
		}
		list = append(list, part)
	}
	return list
}

func dollars(pico *big.Rat) *big.Rat {
	return new(big.Rat).Quo(pico, new(big.Rat).SetInt64(int64(usage.Dollar)))
}

func priceText(f resolved) string { return f.price.Amount.String() + " " + f.price.Unit.String() }

func timesText(f resolved) string {
	if f.times.Cmp(big.NewRat(1, 1)) == 0 {
		return ""
	}
	return amountText(f.times)
}

// amountText formats an exact decimal. A number without a finite decimal expansion is cut
// at 24 places and marked.
func amountText(r *big.Rat) string {
	places, exact := r.FloatPrec()
	mark := ""
	if !exact || places > 24 {
		places, mark = 24, "…"
	}
	text := r.FloatString(places)
	if strings.Contains(text, ".") && mark == "" {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text + mark
}

// String writes the explanation for a terminal.
func (e Explanation) String() string {
	var b strings.Builder
	b.WriteString("looked up\n")
	for _, s := range e.Steps {
		hit := "not there"
		if s.Hit != "" {
			hit = "found " + s.Hit
		}
		if s.Passed != "" {
			hit += ", passed over: " + s.Passed
		}
		if s.Name == "" {
			fmt.Fprintf(&b, "  %q: the book has no such provider\n", s.Provider)
			continue
		}
		fmt.Fprintf(&b, "  %s: %s at %s (%s): %s\n", s.Layer, s.Name, s.Provider, s.Rule, hit)
	}
	if e.Model != "" {
		fmt.Fprintf(&b, "price row\n  %s, %s\n  %s", e.PriceID, e.Holds, e.File)
		if e.Line > 0 {
			fmt.Fprintf(&b, ":%d", e.Line)
		}
		b.WriteString("\n")
		if e.Source != "" {
			fmt.Fprintf(&b, "  source: %s\n", e.Source)
		}
		if e.Confidence != "" {
			fmt.Fprintf(&b, "  confidence: %s\n", e.Confidence)
		}
		if e.Note != "" {
			fmt.Fprintf(&b, "  note: %s\n", e.Note)
		}
		depends := "nothing but what was consumed"
		if len(e.DependsOn) > 0 {
			depends = strings.Join(e.DependsOn, ", ")
		}
		fmt.Fprintf(&b, "  depends on: %s\n", depends)
		if len(e.Assumed) > 0 {
			fmt.Fprintf(&b, "  assumed, because the call does not say: %s\n", strings.Join(e.Assumed, ", "))
		}
	}
	for _, n := range e.Notes {
		fmt.Fprintf(&b, "  %s\n", n)
	}
	if len(e.Lines) > 0 {
		b.WriteString("lines\n")
		for _, l := range e.Lines {
			fmt.Fprintf(&b, "  %s\n", l)
		}
	}
	for _, a := range e.Adjustments {
		fmt.Fprintf(&b, "  %s\n", a)
	}
	if e.Sum != "" {
		fmt.Fprintf(&b, "  sum %s\n", e.Sum)
	}
	if e.Status == usage.StatusUnpriced {
		b.WriteString("no cost, unpriced") // unpriced, which is not the same as free
	} else {
		fmt.Fprintf(&b, "cost %s USD, %s", e.Cost, e.Status)
	}
	if e.Reason != "" {
		fmt.Fprintf(&b, " (%s)", e.Reason)
	}
	return b.String() + "\n"
}

// String writes "input_text 1000 × 2.5 per_1m_tokens = 0.0025".
func (l Line) String() string {
	text := l.Item + " " + l.Quantity
	if l.Price != "" {
		text += " × " + l.Price
		if l.Times != "" {
			text += " × " + l.Times
		}
		text += " = " + l.Amount
	}
	if l.PricedAs != "" {
		text += ", billed as " + l.PricedAs
	}
	if l.Note != "" {
		text += " (" + l.Note + ")"
	}
	return text
}
