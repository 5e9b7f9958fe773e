package book

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// Encode writes parts of a price file in the format that [Decode] reads. Rows that differ
// only in their model are merged, and prices are in the order of a price list.
func Encode(files ...*File) []byte {
	var e encoder
	for i, f := range files {
		if i > 0 {
			e.line(0, "---")
		}
		e.file(f)
	}
	return []byte(e.String())
}

type encoder struct{ strings.Builder }

func (e *encoder) line(indent int, format string, args ...any) {
	fmt.Fprintf(e, strings.Repeat("  ", indent)+format+"\n", args...)
}

func (e *encoder) file(f *File) {
	e.line(0, "provider: %s", scalar(f.Provider))
	if !f.AsOf.IsZero() {
		e.line(0, "as_of: %s", FormatTime(f.AsOf))
	}
	if len(f.Also) > 0 {
		e.line(0, "also: %s", scalars(f.Also))
	}
	if !reflect.DeepEqual(f.Defaults, Blocks{}) {
		e.line(0, "defaults:")
		e.blocks(1, &f.Defaults)
	}
	if len(f.Rows) > 0 {
		e.line(0, "rows:")
	}
	for i := 0; i < len(f.Rows); {
		models := []string{f.Rows[i].Model}
		n := i + 1
		for ; n < len(f.Rows) && sameButModel(f.Rows[i], f.Rows[n]); n++ {
			models = append(models, f.Rows[n].Model)
		}
		e.row(&f.Rows[i], models)
		i = n
	}
	if len(f.Aliases) > 0 {
		e.line(0, "aliases:")
	}
	for _, a := range f.Aliases {
		text := "name: " + scalar(a.Name) + ", model: " + scalar(a.Model) + spanText(a.Span)
		e.line(1, "- {%s}", text)
	}
	if len(f.Adjustments) > 0 {
		e.line(0, "adjustments:")
	}
	for _, a := range f.Adjustments {
		e.adjustment(&a)
	}
}

func sameButModel(a, b Row) bool {
	a.Model, a.Line, b.Line = b.Model, 0, 0
	return reflect.DeepEqual(withoutLines(a), withoutLines(b))
}

func spanText(s Span) (text string) {
	if !s.From.IsZero() {
		text += ", from: " + FormatTime(s.From)
	}
	if !s.Until.IsZero() {
		text += ", until: " + FormatTime(s.Until)
	}
	return text
}

func (e *encoder) moment(indent int, key string, t time.Time) {
	if !t.IsZero() {
		e.line(indent, "%s: %s", key, FormatTime(t))
	}
}

func (e *encoder) text(indent int, key, text string) {
	if text != "" {
		e.line(indent, "%s: %s", key, scalar(text))
	}
}

func (e *encoder) row(r *Row, models []string) {
	if len(models) == 1 {
		e.line(1, "- model: %s", scalar(models[0]))
	} else {
		e.line(1, "- model: %s", scalars(models))
	}
	e.moment(2, "from", r.Span.From)
	e.moment(2, "until", r.Span.Until)
	if r.Inherit {
		e.line(2, "inherit: true")
	}
	if r.Graduated {
		e.line(2, "graduated: true")
	}
	e.blocks(2, &r.Blocks)
	e.text(2, "source", r.Source)
	e.text(2, "confidence", r.Confidence)
	e.text(2, "note", r.Note)
	e.text(2, "checked", r.Checked)
}

func (e *encoder) adjustment(a *Adjustment) {
	var parts []string
	if len(a.Models) > 0 {
		parts = append(parts, "model: "+scalars(a.Models))
	}
	for _, f := range []struct {
		key   string
		value decimal.Decimal
	}{{"discount", a.Discount}, {"margin", a.Margin}, {"per_request", a.PerCall}} {
		if !f.value.IsZero() {
			parts = append(parts, f.key+": "+f.value.String())
		}
	}
	if span := spanText(a.Span); span != "" {
		parts = append(parts, strings.TrimPrefix(span, ", "))
	}
	if a.Source != "" {
		parts = append(parts, "source: "+scalar(a.Source))
	}
	if a.Note != "" {
		parts = append(parts, "note: "+scalar(a.Note))
	}
	e.line(1, "- {%s}", strings.Join(parts, ", "))
}

func (e *encoder) blocks(indent int, b *Blocks) {
	e.block(indent, &b.Block)
	for _, list := range []struct {
		key   string
		named []Named
	}{{"variants", b.Variants}, {"service_tiers", b.ServiceTiers}, {"regions", b.Regions}} {
		if len(list.named) > 0 {
			e.line(indent, "%s:", list.key)
		}
		for i := range list.named {
			e.named(indent+1, scalar(list.named[i].Name), &list.named[i].Block)
		}
	}
	if len(b.Hours) > 0 {
		e.line(indent, "hours:")
	}
	for i := range b.Hours {
		h := &b.Hours[i]
		e.named(indent+1, fmt.Sprintf("%q", h.Key()), &h.Block)
	}
	if b.Depends != 0 {
		e.line(indent, "depends_on: %s", scalars(b.Depends.Names()))
	}
}

// named writes a block on one line unless it has context tiers.
func (e *encoder) named(indent int, name string, b *Block) {
	if len(b.Tiers) == 0 {
		e.line(indent, "%s: {%s}", name, strings.Join(headings(b), ", "))
		return
	}
	e.line(indent, "%s:", name)
	e.block(indent+1, b)
}

func (e *encoder) block(indent int, b *Block) {
	for _, h := range headings(b) {
		e.line(indent, "%s", h)
	}
	if len(b.Tiers) > 0 {
		e.line(indent, "context_tiers:")
	}
	for _, t := range b.Tiers {
		reach := fmt.Sprintf("at_least: %d", t.Min)
		if t.Above {
			reach = fmt.Sprintf("above: %d", t.Min-1)
		}
		e.line(indent+1, "- {%s, %s}", reach, strings.Join(headings(&Block{Prices: t.Prices}), ", "))
	}
}

// headings writes the prices by unit, "per_1m_tokens: {input: 3}".
func headings(b *Block) (list []string) {
	if b.Times != nil {
		list = append(list, "times: "+b.Times.String())
	}
	for u := range units {
		var items []string
		single, only := Unit(u).single()
		for _, item := range itemOrder {
			p, ok := Find(b.Prices, item)
			if !ok || p.Unit != Unit(u) {
				continue
			}
			value := priceText(p.Amount)
			if p.IsSame() {
				value = p.Same.String()
			}
			if only && item == single {
				items = []string{value}
				break
			}
			items = append(items, item.String()+": "+value)
		}
		switch {
		case len(items) == 0:
		case only:
			list = append(list, Unit(u).String()+": "+items[0])
		default:
			list = append(list, Unit(u).String()+": {"+strings.Join(items, ", ")+"}")
		}
	}
	return list
}

// priceText writes cents with two decimal places, as price lists do.
func priceText(d decimal.Decimal) string {
	text := d.String()
	if whole, fraction, ok := strings.Cut(text, "."); ok && len(fraction) == 1 {
		return whole + "." + fraction + "0"
	}
	return text
}

// plain matches texts that need no quotes in YAML, wherever they occur.
var plain = regexp.MustCompile(`^[A-Za-z]([A-Za-z0-9 ._/@+()-]*[A-Za-z0-9)])?$`)

func scalar(text string) string {
	if plain.MatchString(text) {
		switch strings.ToLower(text) {
		case "true", "false", "null", "yes", "no", "on", "off":
		default:
			return text
		}
	}
	quoted, err := json.Marshal(text)
	if err != nil {
		return fmt.Sprintf("%q", text)
	}
	// JSON escapes these because of HTML; people should see the characters.
	return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(quoted))
}

func scalars(texts []string) string {
	if len(texts) == 1 {
		return scalar(texts[0])
	}
	list := make([]string, len(texts))
	for i, t := range texts {
		list[i] = scalar(t)
	}
	return "[" + strings.Join(list, ", ") + "]"
}

// withoutLines clears everything that does not affect the price: positions in a file, the
// order of a list, trailing zeros of a number.
func withoutLines(r Row) Row {
	prices := func(list []Price) []Price {
		out := make([]Price, len(list))
		for i, p := range list {
			p.Line = 0
			p.Amount = decimal.RequireFromString(p.Amount.String())
			out[i] = p
		}
		slices.SortFunc(out, func(a, b Price) int { return int(a.Item) - int(b.Item) })
		return out
	}
	block := func(b Block) Block {
		if b.Times != nil {
			times := decimal.RequireFromString(b.Times.String())
			b.Times = &times
		}
		b.Prices = prices(b.Prices)
		tiers := make([]Tier, len(b.Tiers))
		for i, t := range b.Tiers {
			t.Line, t.Prices = 0, prices(t.Prices)
			tiers[i] = t
		}
		b.Tiers = tiers
		return b
	}
	named := func(list []Named) []Named {
		out := make([]Named, len(list))
		for i, n := range list {
			n.Line, n.Block = 0, block(n.Block)
			out[i] = n
		}
		return out
	}
	r.Line = 0
	r.Block = block(r.Block)
	r.Variants, r.ServiceTiers, r.Regions = named(r.Variants), named(r.ServiceTiers), named(r.Regions)
	hours := make([]Hours, len(r.Hours))
	for i, h := range r.Hours {
		h.Line, h.Block = 0, block(h.Block)
		hours[i] = h
	}
	r.Hours = hours
	return r
}

// Equal reports whether two rows mean the same, wherever they were read.
func Equal(a, b Row) bool { return reflect.DeepEqual(withoutLines(a), withoutLines(b)) }
