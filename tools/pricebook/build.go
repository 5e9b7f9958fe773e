package main

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing/book"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing/consensus"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing/foreign"
)

// source is what one project publishes on the day of the download: provider -> model ->
// row, and what it says applied before.
type source struct {
	name   string
	origin string
	// witness: the source can confirm another one and is not believed alone.
	witness bool
	day     time.Time
	rows    map[string]map[string]book.Row
	history map[string]map[string][]book.Row
	refused []omission
}

// refuse records a price that the reader did not believe.
func (s *source) refuse(file string, issue *book.Fault) {
	if !strings.HasSuffix(issue.Text, foreign.NoTokenPrice) {
		return
	}
	key, item := issue.Key, ""
	if i := strings.LastIndexByte(key, '.'); i >= 0 {
		key, item = key[:i], key[i+1:]
	}
	provider, model, ok := strings.Cut(key, "/")
	if strings.HasPrefix(s.name, string(foreign.Portkey)) || !ok {
		provider, model = strings.TrimSuffix(filepath.Base(file), ".json"), key
	}
	s.refused = append(s.refused, omission{catalog.Book(provider), model, item + ": " + issue.Text + " (" + s.name + ")"})
}

// add sorts a row by its validity: a price announced for later is not believed before that
// day.
func (s *source) add(provider string, row book.Row) {
	if s.rows[provider] == nil {
		s.rows[provider] = map[string]book.Row{}
		s.history[provider] = map[string][]book.Row{}
	}
	includeThresholds(provider, &row)
	switch {
	case row.Span.From.After(s.day):
	case !row.Span.Until.IsZero() && !row.Span.Until.After(s.day):
		s.history[provider][row.Model] = append(s.history[provider][row.Model], row)
	default:
		row.Span.Until = time.Time{}
		s.rows[provider][row.Model] = row
	}
}

// result is the new book and what was left out of it.
type result struct {
	files   []*book.File
	leftOut []omission
}

// omission is a price that was not taken over.
type omission struct{ provider, model, why string }

// String returns one line of the list.
func (o omission) String() string { return o.provider + "\t" + o.model + "\t" + o.why }

// build makes one file for each provider with researched rows or rows from a source.
func build(sources, later []source, researched map[string]*book.File) *result {
	var original []source
	for _, list := range [][]source{sources, later} {
		for i := range list {
			original = append(original, list[i].globalise())
		}
	}
	r := &result{}
	providers := map[string]bool{}
	for _, s := range sources {
		for provider := range s.rows {
			providers[provider] = true
		}
	}
	for provider := range researched {
		providers[provider] = true
	}
	for _, provider := range slices.Sorted(maps.Keys(providers)) {
		r.provider(provider, sources, researched[provider])
	}
	for _, s := range sources {
		r.leftOut = append(r.leftOut, s.refused...)
	}
	confirm(r.files)
	r.advance(sources, later, researched)
	r.expand()
	r.applyRules()
	r.explain(original)
	return r
}

func (r *result) provider(provider string, sources []source, base *book.File) {
	f := &book.File{Provider: provider}
	done := map[string]bool{}
	if base != nil {
		f.Also, f.Defaults, f.Aliases = base.Also, base.Defaults, slices.Clone(base.Aliases)
		f.Rows = slices.Clone(base.Rows)
		for _, row := range base.Rows {
			done[row.Model] = true
		}
		for _, a := range base.Aliases {
			done[a.Name] = true
		}
	}
	models := map[string]bool{}
	for _, s := range sources {
		for model := range s.rows[provider] {
			models[model] = true
		}
	}
	why := map[string][]string{}
	var open []string
	decideOne := func(model string) {
		votes := votesOn(provider, model, sources)
		row, reasons := consensus.Decide(model, votes)
		why[model] = reasons
		if row == nil {
			open = append(open, model)
			return
		}
		f.Rows = append(f.Rows, withHistory(*row, provider, sources)...)
	}
	var names []string
	for _, model := range slices.Sorted(maps.Keys(models)) {
		up := upliftOf(provider, model)
		switch {
		case done[model]:
			r.compare(provider, model, model, f, sources)
		case up != nil && up.inName(model):
			r.compareUplift(provider, model, up, sources)
		case base != nil && spelled(model, base.Rows) != "":
			meant := spelled(model, base.Rows)
			f.Aliases = append(f.Aliases, book.Alias{Name: model, Model: meant})
			r.compare(provider, model, meant, f, sources)
		default:
			names = append(names, model)
			decideOne(model)
		}
	}
	for _, model := range names {
		for _, w := range why[model] {
			r.leftOut = append(r.leftOut, omission{provider, model, w})
		}
	}
	f.Rows = append(f.Rows, r.settle(provider, open, f.Rows, sources)...)
	if len(f.Rows) == 0 {
		return
	}
	r.withoutOddities(f)
	sortRows(f)
	r.files = append(r.files, f)
}

func sortRows(f *book.File) {
	slices.SortStableFunc(f.Rows, func(a, b book.Row) int {
		return cmp.Or(strings.Compare(a.Model, b.Model), a.Span.From.Compare(b.Span.From))
	})
}

// spelled gives the researched model that a name means in another spelling: with
// hyphens for dots, or with the day on which its earliest dated row begins,
// which is the snapshot that came out with it. What research knows of its prices
// before and after holds for the name too; a download shows one day alone.
func spelled(model string, researched []book.Row) string {
	for _, row := range researched {
		if row.Span.From.IsZero() || slices.ContainsFunc(researched, func(earlier book.Row) bool {
			return earlier.Model == row.Model && earlier.Span.From.Before(row.Span.From)
		}) {
			continue
		}
		plain, _ := strings.CutSuffix(model, row.Span.From.Format("-2006-01-02"))
		if strings.ReplaceAll(plain, ".", "-") == strings.ReplaceAll(row.Model, ".", "-") {
			return row.Model
		}
	}
	return ""
}

func votesOn(provider, model string, sources []source) (votes []consensus.Vote) {
	for _, s := range sources {
		if row, ok := s.rows[provider][model]; ok {
			votes = append(votes, consensus.Vote{Source: s.name, Origin: s.origin, Prices: consensus.Flatten(&row)})
		}
	}
	return votes
}

// settle gives a model that the sources disagree about the prices that were
// decided for it under another spelling of its name, if a source shares them.
func (r *result) settle(provider string, open []string, decided []book.Row, sources []source) (rows []book.Row) {
	for _, model := range open {
		for _, other := range decided {
			if other.Confidence == book.LowConfidence || !other.Span.Until.IsZero() || plainName(other.Model) != plainName(model) {
				continue
			}
			i := slices.IndexFunc(sources, func(s source) bool {
				row, ok := s.rows[provider][model]
				return ok && consensus.SameCore(row, other)
			})
			if i < 0 {
				continue
			}
			row := other
			row.Model, row.Span, row.Confidence = model, book.Span{}, "medium"
			row.Source = sources[i].name + "; as " + other.Model + " (" + other.Source + ")"
			rows = append(rows, row)
			r.leftOut = append(r.leftOut, omission{provider, model, "taken as the price of " + other.Model + ", which " + sources[i].name + " shares"})
			break
		}
	}
	return rows
}

// compare lists where a source says something else about a name than the
// researched row of its day for the model that the name means.
func (r *result) compare(provider, name, model string, f *book.File, sources []source) {
	for _, s := range sources {
		row, ok := s.rows[provider][name]
		if !ok {
			continue
		}
		day := book.Span{From: s.day, Until: s.day.AddDate(0, 0, 1)}
		meant := model
		for _, a := range f.Aliases {
			if a.Name == name && a.Span.Overlaps(day) {
				meant = a.Model
			}
		}
		ours := r.priceOn(f, meant, day, sources)
		if ours == nil {
			continue
		}
		theirs := consensus.Flatten(&row)
		for _, item := range []book.Item{book.Input, book.Output} {
			at := consensus.Place{Item: item}
			our, ok := ours[at]
			their, known := theirs[at]
			if ok && known && !our.IsSame() && !consensus.Alike(our, their) {
				r.leftOut = append(r.leftOut, omission{provider, name, fmt.Sprintf("researched price %s of %s, where %s has %s", our.Amount, item, s.name, their.Amount)})
			}
		}
	}
}

// explain lists the differences between the finished book and the sources that were not
// recorded yet because a rule decided.
func (r *result) explain(sources []source) {
	noted := map[string]bool{}
	for _, o := range r.leftOut {
		noted[o.provider+"\t"+o.model] = true
	}
	for _, f := range r.files {
		byName := map[string][]book.Row{}
		for _, row := range f.Rows {
			byName[row.Model] = append(byName[row.Model], row)
		}
		for _, s := range sources {
			for name, theirs := range s.rows[f.Provider] {
				if noted[f.Provider+"\t"+name] {
					continue
				}
				for _, row := range byName[name] {
					if !row.Span.Overlaps(book.Span{From: s.day, Until: s.day.AddDate(0, 0, 1)}) || consensus.AlikeCore(row, theirs) {
						continue
					}
					ours, _ := book.Find(row.Prices, book.Input)
					other, _ := book.Find(theirs.Prices, book.Input)
					r.leftOut = append(r.leftOut, omission{f.Provider, name, fmt.Sprintf("taken as %s of input (%s), where %s has %s", ours.Amount, lastOf(row.Source), s.name, other.Amount)})
					noted[f.Provider+"\t"+name] = true
					break
				}
			}
		}
	}
}

// lastOf returns the last reason in a row's source, which is the one that decided.
func lastOf(source string) string {
	parts := strings.Split(source, "; ")
	return parts[len(parts)-1]
}

// priceOn returns what a model costs on a day: from its row, otherwise from what the
// sources decide.
func (r *result) priceOn(f *book.File, model string, day book.Span, sources []source) map[consensus.Place]book.Price {
	for i := range f.Rows {
		if f.Rows[i].Model == model && f.Rows[i].Span.Overlaps(day) {
			return consensus.Flatten(&f.Rows[i])
		}
	}
	if row, _ := consensus.Decide(model, votesOn(f.Provider, model, sources)); row != nil {
		return consensus.Flatten(row)
	}
	return nil
}

// withoutOddities removes single prices that no list is likely to contain.
func (r *result) withoutOddities(f *book.File) {
	for range 5 {
		parts, warnings, err := book.Decode(f.Provider, book.Encode(f))
		if err != nil {
			panic(fmt.Sprintf("the generated file is not valid: %v", err))
		}
		if len(warnings) == 0 {
			return
		}
		lines := map[int]string{}
		for _, row := range parts[0].Rows {
			lines[row.Line] = row.Model
		}
		for _, w := range warnings {
			r.oddity(f, w)
		}
	}
}

// oddity drops an odd price of a tier, a service tier or the cache; a main price on which
// two sources agree is kept.
func (r *result) oddity(f *book.File, w *book.Fault) {
	name := strings.TrimPrefix(w.Key, "model ")
	for i := range f.Rows {
		row := &f.Rows[i]
		suffix, ok := strings.CutPrefix(name, row.Model)
		if !ok || (suffix != "" && suffix[0] != ' ') {
			continue
		}
		what, _, _ := strings.Cut(w.Text, " ")
		item, known := book.ParseItem(what)
		switch suffix = strings.TrimPrefix(suffix, " "); {
		case row.Confidence == "low" && suffix == "" && (item == book.Input || item == book.Output):
			// A price from a single source must at least look like one.
			row.Model = ""
			r.leftOut = append(r.leftOut, omission{f.Provider, name, w.Text + " (" + row.Source + ")"})
			continue
		case suffix == "" && known && item != book.Output:
			row.Prices = slices.DeleteFunc(slices.Clone(row.Prices), func(p book.Price) bool { return p.Item == item })
		case suffix != "" && known && dropNamed(row, suffix, item):
		default:
			row.Checked = "the sources agree on it"
			continue
		}
		r.leftOut = append(r.leftOut, omission{f.Provider, row.Model, strings.TrimSpace(suffix + " " + w.Text)})
	}
	f.Rows = slices.DeleteFunc(f.Rows, func(row book.Row) bool { return row.Model == "" })
}

func dropNamed(row *book.Row, name string, item book.Item) bool {
	drop := func(list []book.Price) []book.Price {
		return slices.DeleteFunc(slices.Clone(list), func(p book.Price) bool { return p.Item == item })
	}
	for i := range row.ServiceTiers {
		if t := &row.ServiceTiers[i]; t.Name == name {
			row.ServiceTiers = slices.Clone(row.ServiceTiers)
			t = &row.ServiceTiers[i]
			t.Prices = drop(t.Prices)
			row.ServiceTiers = slices.DeleteFunc(row.ServiceTiers, func(n book.Named) bool { return n.IsEmpty() })
			return true
		}
	}
	for i := range row.Tiers {
		if row.Tiers[i].Label() == name {
			row.Tiers = slices.Clone(row.Tiers)
			row.Tiers[i].Prices = drop(row.Tiers[i].Prices)
			row.Tiers = slices.DeleteFunc(row.Tiers, func(t book.Tier) bool { return len(t.Prices) == 0 })
			return true
		}
	}
	return false
}
