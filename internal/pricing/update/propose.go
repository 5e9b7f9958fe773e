package update

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing/book"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing/consensus"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// Change is a price that an update would introduce.
type Change struct {
	Provider string `json:"provider"`
	Model    string `json:"model"`
	// Item is what is priced. Old and New are dollars for a million tokens, or for one of
	// any other unit. Old is empty for a new model.
	Item string `json:"item"`
	Old  string `json:"old,omitempty"`
	New  string `json:"new"`
	// Confidence is "low" when only one source has the price.
	Confidence string `json:"confidence"`
	// Jump: the price more than doubles, or falls below half.
	Jump bool `json:"jump,omitempty"`
}

// Held is a price that was not taken over, and why.
type Held struct {
	Provider string `json:"provider"`
	Model    string `json:"model"`
	Why      string `json:"why"`
}

// Proposal is the update layer that an update would write.
type Proposal struct {
	Changes []Change `json:"changes"`
	Held    []Held   `json:"held"`
	// Suspect says why a person has to look before the update is taken over; empty when
	// nothing is unusual.
	Suspect []string `json:"suspect,omitempty"`
	Sources []Source `json:"sources"`

	files []*book.File
	at    time.Time
}

// Content returns the price file.
func (p *Proposal) Content() []byte {
	var text bytes.Buffer
	fmt.Fprintf(&text, "# Prices newer than the built-in book's. Written by `usagectl prices update` on %s; what\n# you pay by contract belongs into a file of your own.\n", p.at.Format(time.DateOnly))
	for _, s := range p.Sources {
		fmt.Fprintf(&text, "# %s: %s, %d bytes, sha256 %s\n", strings.Map(printable, s.From), s.Format, s.Bytes, s.SHA256)
	}
	text.Write(book.Encode(p.files...))
	return text.Bytes()
}

func printable(r rune) rune {
	if r < ' ' || r == 0x7f {
		return '?'
	}
	return r
}

// Options are the inputs of [Propose].
type Options struct {
	// At is the current time: a changed price applies from the beginning of this day.
	At time.Time
	// Known are the sources of the last update.
	Known []Source
}

// Propose compares the sources with a book, which contains the update in force but no
// contract files, and with that update itself.
//
// A price is taken where two origins agree, or with low confidence where only one origin
// has a model that the book does not know or is not sure of. A price that only one origin
// has and that contradicts a sure price is held back, and so is a price that the book knows
// to have ended.
func Propose(current *pricing.Book, update []*book.File, sources []Source, o Options) (*Proposal, error) {
	w := &worker{
		book:     current,
		Proposal: Proposal{Sources: sources, Changes: []Change{}, Held: []Held{}, at: o.At},
		from:     o.At.UTC().Truncate(24 * time.Hour),
		rows:     map[[2]string][]pricing.Row{},
		files:    map[string]*book.File{},
		sure:     map[book.Item]*big.Rat{},
	}
	for _, r := range current.Rows() {
		key := [2]string{r.Provider, r.Name}
		w.rows[key] = append(w.rows[key], r)
		w.note(&r)
	}
	for _, f := range update {
		part := *f
		part.Rows = slices.Clone(f.Rows)
		w.files[f.Provider] = &part
	}
	votes := w.votes(sources)
	for _, key := range slices.SortedFunc(maps.Keys(votes), func(a, b [2]string) int {
		return cmp.Or(strings.Compare(a[0], b[0]), strings.Compare(a[1], b[1]))
	}) {
		w.model(key[0], key[1], votes[key])
	}
	for _, provider := range slices.Sorted(maps.Keys(w.files)) {
		if f := w.files[provider]; len(f.Rows) > 0 {
			f.AsOf = w.from
			w.Proposal.files = append(w.Proposal.files, f)
		}
	}
	w.suspect(o.Known)
	if len(w.Proposal.files) > 0 {
		// Everybody must be able to read what this writes.
		if _, _, err := book.Decode("update", w.Content()); err != nil {
			return nil, fmt.Errorf("the update is no valid price file: %w", err)
		}
	}
	return &w.Proposal, nil
}

type worker struct {
	Proposal
	book  *pricing.Book
	from  time.Time
	rows  map[[2]string][]pricing.Row // of the book, by provider and name
	files map[string]*book.File       // of the update, by provider
	over  int                         // models for which a source has a price that has ended
	// sure is the highest price of input and of output of which the book is sure.
	sure map[book.Item]*big.Rat
}

// votes collects what each origin says about each model today; the last source of an origin
// counts.
func (w *worker) votes(sources []Source) map[[2]string][]consensus.Vote {
	votes := map[[2]string][]consensus.Vote{}
	for i := range sources {
		s := &sources[i]
		for _, f := range s.files {
			for _, row := range f.Rows {
				if !holds(row.Span, w.at) {
					continue
				}
				key := [2]string{f.Provider, row.Model}
				v := consensus.Vote{Source: string(s.Format) + " " + w.from.Format(time.DateOnly), Origin: s.Origin, Prices: consensus.Flatten(&row)}
				votes[key] = slices.DeleteFunc(votes[key], func(have consensus.Vote) bool { return have.Origin == v.Origin })
				votes[key] = append(votes[key], v)
			}
		}
	}
	return votes
}

func holds(s book.Span, at time.Time) bool {
	return !at.Before(s.From) && (s.Until.IsZero() || at.Before(s.Until))
}

func (w *worker) hold(provider, model, format string, args ...any) {
	w.Held = append(w.Held, Held{provider, model, fmt.Sprintf(format, args...)})
}

// model decides about one name.
func (w *worker) model(provider, model string, votes []consensus.Vote) {
	row, why := consensus.Decide(model, votes)
	if row == nil {
		w.hold(provider, model, "%s", strings.Join(why, "; "))
		return
	}
	now, former := w.today(provider, model)
	const noRegion = "price lists do not agree whether a name without region means the global price"
	unclear := provider == catalog.Bedrock && strings.HasPrefix(model, "anthropic.")
	if now == nil {
		if unclear {
			w.hold(provider, model, noRegion)
			return
		}
		if known := w.bySpelling(provider, row); known != "" {
			if known != same {
				w.hold(provider, model, "the book prices it as %s, at another price", known)
			}
			return
		}
		if odd := oddities(provider, row); odd != "" {
			w.hold(provider, model, "%s", odd)
			return
		}
		if why := w.expensive(row); why != "" && row.Confidence == book.LowConfidence {
			w.hold(provider, model, "%s, more than any model of which the book is sure, and one source alone says so", why)
			return
		}
		if len(former) > 0 && row.Confidence == book.LowConfidence {
			w.hold(provider, model, "its price ended on %s, and one source alone has it still", book.FormatTime(lastEnd(former)))
			return
		}
		w.put(provider, *row, nil)
		return
	}
	ours := consensus.Flatten(&book.Row{Blocks: now.Prices})
	next := book.Row{Model: model, Span: book.Span{From: w.from}, Blocks: now.Prices}
	changed := map[consensus.Place]book.Price{}
	said := consensus.Flatten(row)
	for p, price := range said {
		if our, ok := ours[p]; ok && p.Block == "" && !our.IsSame() && !consensus.Alike(our, price) {
			changed[p] = price
		}
	}
	if len(changed) == 0 {
		return
	}
	if unclear {
		w.hold(provider, model, noRegion)
		return
	}
	origins := agreeing(votes, changed)
	if p, old, ok := isOver(former, changed); ok {
		w.over++
		w.hold(provider, model, "%s of %s held %s: the source is older than the book", old.Amount, p, spanOf(former, p, old))
		return
	}
	if origins < 2 && now.Confidence != book.LowConfidence {
		w.hold(provider, model, "one source alone has %s, the book has %s of %s", describe(changed), now.Confidence, now.Source)
		return
	}
	if slices.ContainsFunc(slices.Collect(maps.Keys(changed)), consensus.Place.IsCore) {
		next.Blocks = consensus.Kept(now.Prices)
		for p, price := range said {
			if p.Block == "" {
				consensus.Set(&next, p, price)
			}
		}
	} else {
		for p, price := range changed {
			consensus.Set(&next, p, price)
		}
	}
	next.Source, next.Confidence = row.Source, row.Confidence
	if origins < 2 {
		next.Confidence = book.LowConfidence
	}
	if odd := oddities(provider, &next); odd != "" {
		w.hold(provider, model, "%s", odd)
		return
	}
	for _, p := range consensus.Places([]consensus.Vote{{Prices: changed}}) {
		if price := changed[p]; factor(ours[p], price) > 100 {
			w.hold(provider, model, "%s of %s is a hundred times another price than %s: a mistake of units", price.Amount, p, ours[p].Amount)
			return
		}
	}
	w.put(provider, next, ours)
}

// same is what [worker.bySpelling] returns for a price that the book has already.
const same = "same"

// bySpelling finds the row by which the book prices a name that it does not have as given,
// such as one with a region in front. It returns "" for none, and [same] when that row
// charges for input and output what the new row says.
func (w *worker) bySpelling(provider string, row *book.Row) string {
	call := pricing.Call{Provider: provider, Model: row.Model, At: w.at}
	if w.book.Price(&call).Model == "" {
		return ""
	}
	for _, item := range []book.Item{book.Input, book.Output} {
		price, ok := book.Find(row.Prices, item)
		kind, isKind := item.Kind()
		if !ok || !isKind || price.IsSame() {
			continue
		}
		call.Quantities = usage.Quantities{}
		fee := w.book.Price(&call)
		call.Quantities[kind] = tokensAsked
		cost := w.book.Price(&call)
		want := new(big.Rat).Mul(perUnit(price), new(big.Rat).SetInt64(tokensAsked*int64(usage.Dollar)))
		if new(big.Rat).SetInt64(int64(cost.Cost-fee.Cost)).Cmp(want) != 0 {
			return cost.Model
		}
	}
	return same
}

// tokensAsked is the number of tokens used to compare prices, below every context tier.
const tokensAsked = 1000

// today returns the row in force for a name, and the rows that are no longer: they ended,
// or a row of a higher layer replaces them.
func (w *worker) today(provider, model string) (now *pricing.Row, former []pricing.Row) {
	rows := w.rows[[2]string{provider, model}]
	for i := range rows {
		switch r := &rows[i]; {
		case holds(r.Span, w.at) && now == nil:
			now = r
		case !r.Span.From.After(w.at):
			former = append(former, *r)
		}
	}
	return now, former
}

// note records the prices of a row of which the book is sure.
func (w *worker) note(r *pricing.Row) {
	if r.Confidence == book.LowConfidence {
		return
	}
	for _, item := range []book.Item{book.Input, book.Output} {
		price, ok := book.Find(r.Prices.Prices, item)
		if ok && !price.IsSame() && (w.sure[item] == nil || w.sure[item].Cmp(perUnit(price)) < 0) {
			w.sure[item] = perUnit(price)
		}
	}
}

// expensive names a price of a row that is higher than any of which the book is sure, ""
// when there is none.
func (w *worker) expensive(row *book.Row) string {
	for _, item := range []book.Item{book.Input, book.Output} {
		price, ok := book.Find(row.Prices, item)
		if ok && w.sure[item] != nil && perUnit(price).Cmp(w.sure[item]) > 0 {
			return fmt.Sprintf("%s costs %s dollars for a million tokens", item, dollars(price))
		}
	}
	return ""
}

// lastEnd returns when the last of some rows ended.
func lastEnd(former []pricing.Row) (end time.Time) {
	for _, r := range former {
		if r.Span.Until.After(end) {
			end = r.Span.Until
		}
	}
	return end
}

// put adds a row to the update and ends what the update says about the same name.
func (w *worker) put(provider string, row book.Row, ours map[consensus.Place]book.Price) {
	f := w.files[provider]
	if f == nil {
		f = &book.File{Provider: provider}
		w.files[provider] = f
	}
	f.Rows = slices.DeleteFunc(f.Rows, func(have book.Row) bool {
		return have.Model == row.Model && !have.Span.From.Before(row.Span.From)
	})
	for i := range f.Rows {
		if have := &f.Rows[i]; have.Model == row.Model && have.Span.Until.IsZero() {
			have.Span.Until = row.Span.From
		}
	}
	f.Rows = append(f.Rows, row)
	slices.SortStableFunc(f.Rows, func(a, b book.Row) int {
		return cmp.Or(strings.Compare(a.Model, b.Model), a.Span.From.Compare(b.Span.From))
	})
	prices := consensus.Flatten(&row)
	for _, p := range consensus.Places([]consensus.Vote{{Prices: prices}}) {
		price, our := prices[p], ours[p]
		_, had := ours[p]
		if p.Block != "" || price.IsSame() || had && (our.IsSame() || consensus.Alike(our, price)) || !had && ours != nil {
			continue
		}
		c := Change{Provider: provider, Model: row.Model, Item: p.String(), New: dollars(price), Confidence: row.Confidence}
		if had {
			c.Old, c.Jump = dollars(our), factor(our, price) > 2
		}
		w.Changes = append(w.Changes, c)
	}
}

// dollars formats a price for people.
func dollars(p book.Price) string {
	if p.Item.IsToken() {
		return new(big.Rat).Mul(perUnit(p), big.NewRat(1_000_000, 1)).FloatString(6)
	}
	return p.Amount.String() + " " + p.Unit.String()
}

func perUnit(p book.Price) *big.Rat {
	return new(big.Rat).Quo(p.Amount.Rat(), new(big.Rat).SetInt64(p.Unit.Size()))
}

// factor returns the ratio of two prices, at least 1; it is infinite when a price changes
// from or to 0.
func factor(a, b book.Price) float64 {
	x, y := perUnit(a), perUnit(b)
	if x.Sign() == 0 || y.Sign() == 0 {
		return 1e9
	}
	if x.Cmp(y) < 0 {
		x, y = y, x
	}
	f, _ := new(big.Rat).Quo(x, y).Float64()
	return f
}

// agreeing counts the origins that support every change.
func agreeing(votes []consensus.Vote, changed map[consensus.Place]book.Price) int {
	least := len(votes)
	for p := range changed {
		_, count, _ := consensus.Tally(p, votes)
		least = min(least, count)
	}
	return least
}

// isOver finds a changed price that the book had earlier and that ended.
func isOver(former []pricing.Row, changed map[consensus.Place]book.Price) (p consensus.Place, old book.Price, ok bool) {
	for _, r := range former {
		prices := consensus.Flatten(&book.Row{Blocks: r.Prices})
		for _, p := range consensus.Places([]consensus.Vote{{Prices: changed}}) {
			if old, ok := prices[p]; ok && p.IsCore() && consensus.Alike(old, changed[p]) {
				return p, old, true
			}
		}
	}
	return p, old, false
}

func spanOf(former []pricing.Row, p consensus.Place, old book.Price) string {
	for _, r := range former {
		if have, ok := consensus.Flatten(&book.Row{Blocks: r.Prices})[p]; ok && consensus.Alike(have, old) {
			return r.Span.String()
		}
	}
	return ""
}

func describe(changed map[consensus.Place]book.Price) string {
	var texts []string
	for _, p := range consensus.Places([]consensus.Vote{{Prices: changed}}) {
		texts = append(texts, p.String()+" "+changed[p].Amount.String())
	}
	return strings.Join(texts, ", ")
}

// oddities describes prices that no provider is likely to publish, "" when there are none.
func oddities(provider string, row *book.Row) string {
	_, warnings, err := book.Decode("update", book.Encode(&book.File{Provider: provider, Rows: []book.Row{*row}}))
	if err != nil {
		return err.Error()
	}
	if len(warnings) > 0 {
		return warnings[0].Text
	}
	return ""
}

// Thresholds that mark a source as outdated or truncated.
const (
	tooManyOver = 20 // models with prices that have ended
	tooFewLeft  = 2  // the source has lost more than this share (one in tooFewLeft) of its models
)

// suspect describes what is unusual about the update as a whole.
func (w *worker) suspect(known []Source) {
	jumps := 0
	for _, c := range w.Changes {
		if c.Jump {
			jumps++
		}
	}
	if jumps > 0 {
		w.Suspect = append(w.Suspect, fmt.Sprintf("%d prices change by more than a factor of two", jumps))
	}
	if w.over >= tooManyOver {
		w.Suspect = append(w.Suspect, fmt.Sprintf("%d models have prices that are over: a source is older than the book", w.over))
	}
	for _, s := range w.Sources {
		i := slices.IndexFunc(known, func(k Source) bool { return k.From == s.From })
		if i < 0 {
			continue
		}
		if s.Models*tooFewLeft < known[i].Models {
			w.Suspect = append(w.Suspect, fmt.Sprintf("%s has %d models, it had %d at the last update", s.From, s.Models, known[i].Models))
		}
		if !s.Modified.IsZero() && s.Modified.Before(known[i].Modified) {
			w.Suspect = append(w.Suspect, fmt.Sprintf("%s is of %s, it was of %s at the last update", s.From, s.Modified.Format(time.DateOnly), known[i].Modified.Format(time.DateOnly)))
		}
	}
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
