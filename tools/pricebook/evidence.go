package main

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing/book"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing/consensus"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing/foreign"
)

// uplift is the surcharge of a host for calls that must stay in a region. It overrides
// sources that do not know it.
type uplift struct {
	provider string
	models   *regexp.Regexp             // without region
	regions  map[string]decimal.Decimal // the factor for each region
	// named matches models whose name begins with the region; nil where the region is
	// separate from the name.
	named  *regexp.Regexp
	source string
}

var tenthMore, fifthMore = decimal.RequireFromString("1.1"), decimal.RequireFromString("1.2")

// uplifts: both hosts say that Claude costs a tenth more at regional endpoints
// than at the global one, from the 4.5 generation on.
var uplifts = []uplift{
	{
		provider: catalog.Bedrock,
		models:   regexp.MustCompile(`^anthropic\.claude-(?:(?:opus|sonnet|haiku)-4-[5-9]|(?:opus|sonnet|haiku|fable)-5)`),
		regions:  map[string]decimal.Decimal{"us": tenthMore, "eu": tenthMore, "jp": tenthMore, "au": tenthMore, "apac": tenthMore, "us-gov": fifthMore},
		named:    regexp.MustCompile(`^(us|eu|jp|au|apac|us-gov|global)\.(.+)$`),
		source:   "a name without region and regional inference profiles cost a tenth more than the global one, GovCloud a fifth",
	},
	{
		provider: catalog.Vertex,
		models:   regexp.MustCompile(`^claude-(?:(?:opus|sonnet|haiku)-4-[5-9]|(?:opus|sonnet|haiku|fable)-5)`),
		regions:  map[string]decimal.Decimal{"us": tenthMore, "europe": tenthMore, "asia": tenthMore},
		source:   "regional endpoints cost a tenth more than the global one",
	},
}

// upliftOf returns the surcharge of a host for a model, nil for none.
func upliftOf(provider, model string) *uplift {
	for i := range uplifts {
		u := &uplifts[i]
		if u.provider == provider && u.models.MatchString(u.base(model)) {
			return u
		}
	}
	return nil
}

// global returns the name under which a host has the price before the surcharge.
func (u *uplift) global(model string) string {
	if u.named == nil {
		return model
	}
	return "global." + u.base(model)
}

func (u *uplift) base(model string) string {
	if u.named != nil {
		if m := u.named.FindStringSubmatch(model); m != nil {
			return m[2]
		}
	}
	return model
}

// inName reports whether the name begins with a region in which the surcharge is paid. Such
// a name is priced as the model in that region and needs no row.
func (u *uplift) inName(model string) bool {
	return u.base(model) != model && model != u.global(model)
}

// apply adds the regions of a surcharge to a row.
func (u *uplift) apply(row *book.Row) {
	row.Regions = nil
	for region, times := range u.regions {
		row.Regions = append(row.Regions, book.Named{Name: region, Block: book.Block{Times: &times}})
	}
	slices.SortFunc(row.Regions, func(a, b book.Named) int { return strings.Compare(a.Name, b.Name) })
	row.Source += "; " + u.source
}

// globalise files what a source says about a model without a region under the
// global name, unless it has a price under that as well: it then knows that a call
// without region pays the uplift. It returns what the source said before.
func (s *source) globalise() source {
	before := *s
	before.rows = maps.Clone(s.rows)
	for provider, models := range s.rows {
		before.rows[provider] = maps.Clone(models)
	}
	for provider, models := range s.rows {
		for _, name := range slices.Collect(maps.Keys(models)) {
			u := upliftOf(provider, name)
			if u == nil || u.named == nil || u.base(name) != name {
				continue
			}
			row := models[name]
			delete(models, name)
			if _, has := models[u.global(name)]; has || s.knowsUplift(name, row) {
				continue
			}
			row.Model = u.global(name)
			models[row.Model] = row
		}
	}
	return before
}

// knowsUplift reports whether a source charges a tenth more than the maker for a name
// without region.
func (s *source) knowsUplift(name string, row book.Row) bool {
	input, ok := book.Find(row.Prices, book.Input)
	for model, maker := range s.rows[catalog.Anthropic] {
		if plainName(model) != plainName(name) {
			continue
		}
		list, has := book.Find(maker.Prices, book.Input)
		return ok && has && input.Amount.Equal(list.Amount.Mul(tenthMore))
	}
	return false
}

// expand gives the model without region, and with it all regional names, the
// price that the uplift makes of the global one.
func (r *result) expand() {
	for _, f := range r.files {
		for _, row := range f.Rows {
			u := upliftOf(f.Provider, row.Model)
			if u == nil || u.named == nil || row.Model != u.global(row.Model) {
				continue
			}
			plain := multiplied(row, tenthMore)
			plain.Model = u.base(row.Model)
			plain.Source += "; " + u.source
			one := decimal.NewFromInt(1)
			for region, times := range u.regions {
				b := book.Block{Times: &one}
				if !times.Equal(tenthMore) {
					b = multiplied(row, times).Block
					b.Prices = slices.DeleteFunc(b.Prices, func(p book.Price) bool { return p.Item.IsFee() })
				}
				plain.Regions = append(plain.Regions, book.Named{Name: region, Block: b})
			}
			slices.SortFunc(plain.Regions, func(a, b book.Named) int { return strings.Compare(a.Name, b.Name) })
			f.Rows = append(f.Rows, plain)
		}
		sortRows(f)
	}
}

// multiplied returns a row with all prices except fees multiplied.
func multiplied(row book.Row, times decimal.Decimal) book.Row {
	list := func(prices []book.Price) []book.Price {
		prices = slices.Clone(prices)
		for i := range prices {
			if !prices[i].IsSame() && !prices[i].Item.IsFee() {
				prices[i].Amount = prices[i].Amount.Mul(times)
			}
		}
		return prices
	}
	block := func(b book.Block) book.Block {
		b.Prices, b.Tiers = list(b.Prices), slices.Clone(b.Tiers)
		for i := range b.Tiers {
			b.Tiers[i].Prices = list(b.Tiers[i].Prices)
		}
		return b
	}
	row.Block = block(row.Block)
	row.ServiceTiers = slices.Clone(row.ServiceTiers)
	for i := range row.ServiceTiers {
		row.ServiceTiers[i].Block = block(row.ServiceTiers[i].Block)
	}
	return row
}

// compareUplift lists sources that price a region differently.
func (r *result) compareUplift(provider, model string, u *uplift, sources []source) {
	for _, s := range sources {
		base, ok := s.rows[provider][u.global(model)]
		row, named := s.rows[provider][model]
		if !ok || !named {
			continue
		}
		want, okWant := book.Find(base.Prices, book.Input)
		got, okGot := book.Find(row.Prices, book.Input)
		if !okWant || !okGot {
			continue
		}
		amount := want.Amount.Mul(u.regions[u.named.FindStringSubmatch(model)[1]])
		if !amount.Equal(got.Amount) {
			r.leftOut = append(r.leftOut, omission{provider, model, fmt.Sprintf("taken as %s of input (%s), where %s has %s", amount, u.source, s.name, got.Amount)})
		}
	}
}

// inclusiveHosts charge the long-input price from the threshold on, not only above it; most
// files cannot express that.
var inclusiveHosts = []string{catalog.XAI}

// includeThresholds moves the context tiers of such a host's row.
func includeThresholds(provider string, row *book.Row) {
	if !slices.Contains(inclusiveHosts, provider) {
		return
	}
	row.Tiers = slices.Clone(row.Tiers)
	for i := range row.Tiers {
		// A source with 199999 has moved the boundary already.
		if t := &row.Tiers[i]; t.Above {
			if consensus.IsAbove(t.Min) {
				t.Min--
			}
			t.Above = false
		}
	}
}

// withHistory puts before a row what a source that agrees with it says held
// earlier.
func withHistory(row book.Row, provider string, sources []source) []book.Row {
	if u := upliftOf(provider, row.Model); u != nil && u.named == nil {
		u.apply(&row)
	}
	for _, s := range sources {
		now, ok := s.rows[provider][row.Model]
		before := s.history[provider][row.Model]
		if !ok || len(before) == 0 || !consensus.SameCore(now, row) {
			continue
		}
		row.Span.From = now.Span.From
		rows := make([]book.Row, 0, len(before)+1)
		for _, old := range before {
			old.Source, old.Confidence = s.name, "medium"
			if row.Confidence == "low" {
				old.Confidence = "low"
			}
			old.Regions = row.Regions
			rows = append(rows, old)
		}
		return append(rows, row)
	}
	return []book.Row{row}
}

// makers are hosts that sell other makers' models at the list price; the same price at such
// a host confirms theirs.
var makers = map[string][]string{
	catalog.AzureOpenAI: {catalog.OpenAI},
	catalog.Bedrock:     {catalog.Anthropic},
	catalog.Vertex:      {catalog.Anthropic, catalog.Gemini},
	catalog.Gemini:      {catalog.Vertex},
}

// confirm raises what one source alone says where the same model, under
// another spelling of its name or at its maker, has the same price.
func confirm(files []*book.File) {
	known := map[string]map[string][]*book.Row{}
	for _, f := range files {
		known[f.Provider] = map[string][]*book.Row{}
		for i := range f.Rows {
			name := plainName(f.Rows[i].Model)
			known[f.Provider][name] = append(known[f.Provider][name], &f.Rows[i])
		}
	}
	for _, f := range files {
		for i := range f.Rows {
			row := &f.Rows[i]
			if row.Confidence != "low" {
				continue
			}
			for _, host := range append([]string{f.Provider}, makers[f.Provider]...) {
				for _, other := range known[host][plainName(row.Model)] {
					if (host != f.Provider || other.Model != row.Model) && supports(other, row) {
						row.Confidence = "medium"
						said, _, _ := strings.Cut(other.Source, "; ")
						row.Source += fmt.Sprintf("; as %s/%s (%s)", host, other.Model, said)
						break
					}
				}
				if row.Confidence != "low" {
					break
				}
			}
		}
	}
}

// supports reports whether another row speaks for a price: it names all that
// the row costs, the same, and is not the word of the same source alone.
func supports(other, row *book.Row) bool {
	ours := originsOf(row.Source)
	if other.Confidence == book.LowConfidence && !slices.ContainsFunc(originsOf(other.Source), func(o string) bool { return !slices.Contains(ours, o) }) {
		return false
	}
	theirs := consensus.Flatten(other)
	for p, price := range consensus.Flatten(row) {
		same, ok := theirs[p]
		if p.IsCore() && (!ok || same.IsSame() || consensus.PerUnit(same) != consensus.PerUnit(price)) {
			return false
		}
	}
	return true
}

// originsOf lists the origins from which a row was taken.
func originsOf(source string) (origins []string) {
	source, _, _ = strings.Cut(source, "; ")
	for part := range strings.SplitSeq(source, ", ") {
		name, _, _ := strings.Cut(part, " ")
		if format, err := foreign.ParseFormat(name); err == nil {
			name = format.Origin()
		}
		origins = append(origins, name)
	}
	return origins
}

// plainName is the name of a model without what hosts add to it, whichever way
// they write a point.
func plainName(model string) string { return strings.ReplaceAll(catalog.Plain(model), ".", "-") }
