package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing/book"
)

// uplift is what a host adds where a call must stay in a region. It decides
// over sources that do not know it.
type uplift struct {
	provider string
	models   *regexp.Regexp             // without region
	regions  map[string]decimal.Decimal // what the price is multiplied by
	// named finds models whose name begins with the region; nil where the
	// region is told apart from the name.
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
		source:   "regional inference profiles cost a tenth more than the global one, GovCloud a fifth",
	},
	{
		provider: catalog.Vertex,
		models:   regexp.MustCompile(`^claude-(?:(?:opus|sonnet|haiku)-4-[5-9]|(?:opus|sonnet|haiku|fable)-5)`),
		regions:  map[string]decimal.Decimal{"us": tenthMore, "europe": tenthMore, "asia": tenthMore},
		source:   "regional endpoints cost a tenth more than the global one",
	},
}

// upliftOf finds what a host adds to a model, nil when nothing.
func upliftOf(provider, model string) *uplift {
	for i := range uplifts {
		u := &uplifts[i]
		if u.provider == provider && u.models.MatchString(u.base(model)) {
			return u
		}
	}
	return nil
}

func (u *uplift) base(model string) string {
	if u.named != nil {
		if m := u.named.FindStringSubmatch(model); m != nil {
			return m[2]
		}
	}
	return model
}

// inName reports whether the name begins with a region. Such a name is priced
// as the model in that region and needs no row.
func (u *uplift) inName(model string) bool { return u.base(model) != model }

// apply gives a row the regions of an uplift.
func (u *uplift) apply(row *book.Row) {
	row.Regions = nil
	for region, times := range u.regions {
		row.Regions = append(row.Regions, book.Named{Name: region, Block: book.Block{Times: &times}})
	}
	slices.SortFunc(row.Regions, func(a, b book.Named) int { return strings.Compare(a.Name, b.Name) })
	row.Source += "; " + u.source
}

// compareUplift lists sources that price a region otherwise.
func (r *result) compareUplift(provider, model string, u *uplift, sources []source) {
	for _, s := range sources {
		base, ok := s.rows[provider][u.base(model)]
		row, named := s.rows[provider][model]
		if !ok || !named {
			continue
		}
		want, okWant := book.Find(base.Prices, book.Input)
		got, okGot := book.Find(row.Prices, book.Input)
		if !okWant || !okGot {
			continue
		}
		amount := want.Amount
		if m := u.named.FindStringSubmatch(model); m[1] != "global" {
			amount = amount.Mul(u.regions[m[1]])
		}
		if !amount.Equal(got.Amount) {
			r.leftOut = append(r.leftOut, omission{provider, model, fmt.Sprintf("taken as %s of input (%s), where %s has %s", amount, u.source, s.name, got.Amount)})
		}
	}
}

// inclusiveHosts charge the price for long inputs from the threshold on, and not
// only above it; most files cannot say so.
var inclusiveHosts = []string{catalog.XAI}

// includeThresholds moves the context tiers of such a host's row.
func includeThresholds(provider string, row *book.Row) {
	if !slices.Contains(inclusiveHosts, provider) {
		return
	}
	row.Tiers = slices.Clone(row.Tiers)
	for i := range row.Tiers {
		if t := &row.Tiers[i]; t.Above {
			t.Min, t.Above = t.Min-1, false
		}
	}
}

// withHistory puts before a row what a source that agrees with it says held
// earlier.
func withHistory(row book.Row, provider string, sources []source) []book.Row {
	if u := upliftOf(provider, row.Model); u != nil {
		u.apply(&row)
	}
	for _, s := range sources {
		now, ok := s.rows[provider][row.Model]
		before := s.history[provider][row.Model]
		if !ok || len(before) == 0 || !sameCore(now, row) {
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

func sameCore(a, b book.Row) bool {
	left, right := flatten(&a), flatten(&b)
	for p, price := range left {
		other, ok := right[p]
		if p.isCore() && ok && perUnit(price) != perUnit(other) {
			return false
		}
	}
	return true
}

// makers are hosts that sell the models of others at the maker's own list
// price; the same price there confirms theirs.
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
					if other != row && supports(other, row) {
						row.Confidence = "medium"
						row.Source += fmt.Sprintf("; as %s/%s (%s)", host, other.Model, other.Source)
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
	if other.Confidence == "low" && strings.Contains(other.Source, row.Source) {
		return false
	}
	theirs := flatten(other)
	for p, price := range flatten(row) {
		same, ok := theirs[p]
		if p.isCore() && (!ok || same.IsSame() || perUnit(same) != perUnit(price)) {
			return false
		}
	}
	return true
}

// plainName is the name of a model without what hosts add to it, whichever way
// they write a point.
func plainName(model string) string { return strings.ReplaceAll(catalog.Plain(model), ".", "-") }
