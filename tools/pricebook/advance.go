package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/pricing/book"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing/consensus"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// advancer brings a book up to date with later downloads: a changed price becomes a row of
// its own, valid from the first day on which a download has it.
type advancer struct {
	*result
	base       []source
	later      []source // by day, up to the one being processed
	researched map[string]*book.File
	// notes are what was left out the last time a model was processed.
	notes map[[2]string][]string
}

func (a *advancer) note(provider, model, why string) {
	key := [2]string{provider, model}
	a.notes[key] = append(a.notes[key], why)
}

// advance applies later downloads in order to the book made from the base downloads: a
// change between two of them is dated by the second.
func (r *result) advance(base, later []source, researched map[string]*book.File) {
	slices.SortStableFunc(later, func(a, b source) int { return a.day.Compare(b.day) })
	a := &advancer{result: r, base: base, researched: researched, notes: map[[2]string][]string{}}
	for i := range later {
		a.later = later[:i+1]
		if later[i].witness {
			continue // processed with the next one
		}
		for _, provider := range slices.Sorted(maps.Keys(later[i].rows)) {
			a.provider(provider, slices.Sorted(maps.Keys(later[i].rows[provider])))
		}
	}
	for key, whys := range a.notes {
		for _, why := range whys {
			r.leftOut = append(r.leftOut, omission{key[0], key[1], why})
		}
	}
	for _, f := range r.files {
		r.withoutOddities(f)
		sortRows(f)
	}
	r.files = slices.DeleteFunc(r.files, func(f *book.File) bool { return len(f.Rows) == 0 })
	slices.SortFunc(r.files, func(a, b *book.File) int { return strings.Compare(a.Provider, b.Provider) })
	for _, s := range later {
		r.leftOut = append(r.leftOut, s.refused...)
	}
	confirm(r.files)
}

func (a *advancer) provider(provider string, models []string) {
	i := slices.IndexFunc(a.files, func(f *book.File) bool { return f.Provider == provider })
	if i < 0 {
		i = len(a.files)
		a.files = append(a.files, &book.File{Provider: provider})
	}
	for _, model := range models {
		delete(a.notes, [2]string{provider, model})
		a.model(a.files[i], model)
	}
}

// votes returns the latest vote of each origin on a model.
func (a *advancer) votes(provider, model string) (votes []consensus.Vote, dated *source) {
	var origins []string
	for i := len(a.later) - 1; i >= 0; i-- {
		s := &a.later[i]
		row, ok := s.rows[provider][model]
		if !ok || slices.Contains(origins, s.origin) {
			continue
		}
		origins = append(origins, s.origin)
		votes = append(votes, consensus.Vote{Source: s.name, Origin: s.origin, Prices: consensus.Flatten(&row)})
		if !row.Span.From.IsZero() {
			dated = s
		}
	}
	slices.Reverse(votes)
	meetThresholds(provider, votes)
	return votes, dated
}

// confirming keeps of a witness only what another source confirms. A witness is as often
// older than the others as not, and is never believed alone.
func confirming(votes []consensus.Vote) (heard []consensus.Vote) {
	for _, v := range votes {
		if v.Origin == catwalk.Origin() {
			v.Prices = maps.Clone(v.Prices)
			maps.DeleteFunc(v.Prices, func(p consensus.Place, price book.Price) bool {
				return !slices.ContainsFunc(votes, func(other consensus.Vote) bool {
					theirs, ok := other.Prices[p]
					return ok && other.Origin != v.Origin && consensus.Alike(theirs, price)
				})
			})
		}
		if len(v.Prices) > 0 {
			heard = append(heard, v)
		}
	}
	return heard
}

// looksOdd describes what no price list is likely to contain in a row, "" for nothing.
func looksOdd(provider string, row book.Row) string {
	_, warnings, err := book.Decode(provider, book.Encode(&book.File{Provider: provider, Rows: []book.Row{row}}))
	if err != nil {
		return err.Error()
	}
	if len(warnings) > 0 {
		return warnings[0].Text
	}
	return ""
}

// meetThresholds turns "from 272000" into "above 272000", except for hosts that charge from
// the threshold on: sources differ about this one token.
func meetThresholds(provider string, votes []consensus.Vote) {
	if slices.Contains(inclusiveHosts, provider) {
		return
	}
	for _, v := range votes {
		for p, price := range maps.Clone(v.Prices) {
			if p.Min > 0 && p.Min%1000 == 0 {
				delete(v.Prices, p)
				p.Min++
				v.Prices[p] = price
			}
		}
	}
}

// model brings one name up to date.
func (a *advancer) model(f *book.File, model string) {
	up := upliftOf(f.Provider, model)
	if up != nil && up.inName(model) {
		a.compareUplift(f.Provider, model, up, a.latest(f.Provider, model))
		return
	}
	base := a.researched[f.Provider]
	switch {
	case slices.ContainsFunc(f.Aliases, func(al book.Alias) bool { return al.Name == model }):
		a.compare(f.Provider, model, model, f, a.latest(f.Provider, model))
		return
	case base != nil && slices.ContainsFunc(base.Rows, func(row book.Row) bool { return row.Model == model }):
		a.compare(f.Provider, model, model, f, a.latest(f.Provider, model))
		return
	case base != nil && spelled(model, base.Rows) != "" && !slices.ContainsFunc(f.Rows, func(row book.Row) bool { return row.Model == model }):
		f.Aliases = append(f.Aliases, book.Alias{Name: model, Model: spelled(model, base.Rows)})
		return
	}
	votes, dated := a.votes(f.Provider, model)
	i := slices.IndexFunc(f.Rows, func(row book.Row) bool { return row.Model == model && row.Span.Until.IsZero() })
	if i >= 0 {
		a.renew(f, i, votes)
		return
	}
	if slices.ContainsFunc(f.Rows, func(row book.Row) bool { return row.Model == model }) {
		return // ended
	}
	row, why := consensus.Decide(model, confirming(votes))
	for _, w := range why {
		a.note(f.Provider, model, w)
	}
	if row == nil {
		return
	}
	var history []source
	if dated != nil {
		history = append(history, *dated)
	}
	f.Rows = append(f.Rows, withHistory(*row, f.Provider, history)...)
}

// latest lists the downloads that hold their origin's latest data about a model.
func (a *advancer) latest(provider, model string) (list []source) {
	for i := len(a.later) - 1; i >= 0; i-- {
		s := a.later[i]
		if _, ok := s.rows[provider][model]; ok && !slices.ContainsFunc(list, func(have source) bool { return have.origin == s.origin }) {
			list = append(list, s)
		}
	}
	return list
}

// renew compares the row in force today with later votes.
func (a *advancer) renew(f *book.File, i int, all []consensus.Vote) {
	cur := f.Rows[i]
	votes := confirming(all)
	ours := consensus.Flatten(&cur)
	var moved, filled []consensus.Place
	said := map[consensus.Place]book.Price{}
	for _, p := range consensus.Places(votes) {
		winner, count, against := consensus.Tally(p, votes)
		if against >= count {
			a.note(f.Provider, cur.Model, "sources disagree: "+consensus.Opinions(p, votes))
			continue
		}
		our, ok := ours[p]
		said[p] = winner
		switch {
		case !ok && p.Block == "" && !isDefault(f, p, winner) && !isParents(ours, p, winner):
			filled = append(filled, p)
		case !ok || our.IsSame() || consensus.Alike(our, winner):
		case count >= 2 || cur.Confidence == book.LowConfidence || a.followed(f.Provider, cur.Model, p, our, winner):
			moved = append(moved, p)
		default:
			delete(said, p)
			a.note(f.Provider, cur.Model, fmt.Sprintf("kept as %s of %s (%s), where %s", our.Amount, p, cur.Source, consensus.Opinions(p, votes)))
		}
	}
	if len(moved) == 0 {
		for _, p := range filled {
			// A detail that no earlier source named.
			consensus.Set(&f.Rows[i], p, said[p])
		}
		confirmBy(&f.Rows[i], all)
		return
	}
	next := cur
	if slices.ContainsFunc(moved, consensus.Place.IsCore) {
		next.Blocks = consensus.Kept(cur.Blocks)
	}
	for _, p := range slices.Concat(moved, filled) {
		consensus.Set(&next, p, said[p])
	}
	for p, price := range said {
		if _, had := ours[p]; had && p.Block == "" {
			consensus.Set(&next, p, price)
		}
	}
	sortPrices(&next)
	next.Span.From = a.firstSeen(f.Provider, cur.Model, moved, said, cur.Span.From)
	next.Confidence, next.Checked = confidenceOf(votes, next), ""
	var names []string
	for _, v := range votes {
		names = append(names, v.Source)
	}
	next.Source = strings.Join(names, ", ") + "; first seen on this day"
	if next.Span.From.IsZero() || !cur.Span.From.Before(next.Span.From) {
		a.note(f.Provider, cur.Model, "the new price cannot be dated: "+consensus.Opinions(moved[0], votes))
		return
	}
	if odd := looksOdd(f.Provider, next); odd != "" && next.Confidence == book.LowConfidence && looksOdd(f.Provider, cur) == "" {
		a.note(f.Provider, cur.Model, fmt.Sprintf("kept as %s, where %s: %s", describe(ours, moved), describe(said, moved), odd))
		return
	}
	f.Rows[i].Span.Until = next.Span.From
	f.Rows = append(f.Rows, next)
}

// describe lists prices: "input 0.30, output 1.20".
func describe(prices map[consensus.Place]book.Price, places []consensus.Place) string {
	texts := make([]string, len(places))
	for i, p := range places {
		texts[i] = p.String() + " " + prices[p].Amount.String()
	}
	return strings.Join(texts, ", ")
}

func sortPrices(row *book.Row) {
	byItem := func(a, b book.Price) int { return int(a.Item) - int(b.Item) }
	slices.SortFunc(row.Prices, byItem)
	for i := range row.Tiers {
		slices.SortFunc(row.Tiers[i].Prices, byItem)
	}
	slices.SortFunc(row.Tiers, func(a, b book.Tier) int { return int(a.Min - b.Min) })
}

// isDefault reports whether the file has a price for all its rows.
func isDefault(f *book.File, p consensus.Place, price book.Price) bool {
	have, ok := book.Find(f.Defaults.Prices, p.Item)
	return ok && p.Min == 0 && consensus.Alike(have, price)
}

// isParents reports whether a kind of output has the same price as output.
func isParents(ours map[consensus.Place]book.Price, p consensus.Place, price book.Price) bool {
	output, ok := ours[consensus.Place{Min: p.Min, Item: book.Output}]
	return ok && p.Item == book.Item(usage.OutputReasoningTokens) && consensus.Alike(output, price)
}

// followed reports whether the origin with the new price had ours before: then it shows a
// change, not a different opinion.
func (a *advancer) followed(provider, model string, p consensus.Place, our, winner book.Price) bool {
	all := slices.Concat(a.base, a.later)
	for _, last := range all {
		row, ok := last.rows[provider][model]
		if !ok {
			continue
		}
		if price, ok := consensus.Flatten(&row)[p]; !ok || !consensus.Alike(price, winner) {
			continue
		}
		for _, before := range all {
			row, ok := before.rows[provider][model]
			if !ok || before.origin != last.origin || !before.day.Before(last.day) {
				continue
			}
			if price, ok := consensus.Flatten(&row)[p]; ok && consensus.Alike(price, our) {
				return true
			}
		}
	}
	return false
}

// firstSeen returns the day on which a new price began, when a source gives it, otherwise
// the first day on which a download of any origin has it.
func (a *advancer) firstSeen(provider, model string, moved []consensus.Place, said map[consensus.Place]book.Price, since time.Time) time.Time {
	var first time.Time
	for _, s := range slices.Concat(a.base, a.later) {
		row, ok := s.rows[provider][model]
		if !ok {
			continue
		}
		prices := consensus.Flatten(&row)
		same := true
		for _, p := range moved {
			price, ok := prices[p]
			same = same && (!ok || consensus.Alike(price, said[p]))
		}
		if _, core := prices[moved[0]]; !same || !core {
			continue
		}
		day := s.day
		if !row.Span.From.IsZero() {
			day = row.Span.From
		}
		if !day.After(since) {
			continue // an earlier price has returned
		}
		if first.IsZero() || day.Before(first) {
			first = day
		}
	}
	return first
}

// confidenceOf returns the confidence from the number of origins that confirm a row.
func confidenceOf(votes []consensus.Vote, row book.Row) string {
	trust := "high"
	for p := range consensus.Flatten(&row) {
		if !p.IsCore() {
			continue
		}
		switch _, count, against := consensus.Tally(p, votes); {
		case count < 2:
			return book.LowConfidence
		case against > 0:
			trust = "medium"
		}
	}
	return trust
}

// confirmBy raises the confidence of a row from a single origin when another has the same
// price.
func confirmBy(row *book.Row, votes []consensus.Vote) {
	if row.Confidence != book.LowConfidence {
		return
	}
	ours := consensus.Flatten(row)
	for _, v := range votes {
		if slices.Contains(originsOf(row.Source), v.Origin) {
			continue
		}
		agrees := false
		for p, price := range ours {
			if p.IsCore() {
				theirs, ok := v.Prices[p]
				agrees = ok && consensus.Alike(price, theirs)
				if !agrees {
					break
				}
			}
		}
		if agrees {
			row.Confidence = "high"
			row.Source += ", " + v.Source
			return
		}
	}
}
