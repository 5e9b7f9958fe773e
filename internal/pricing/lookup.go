package pricing

import (
	"strings"
	"sync/atomic"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
)

// found is the result of looking up a call: the prices in force at its time, and what its
// names say about the region.
type found struct {
	// known reports that the book has the name; segment is nil when the name has no price
	// at the time of the call.
	known   bool
	segment *segment
	// region was part of the name ("us.anthropic.…") and was cut off.
	region string
	// timeline holds the name, and with it what is known of its snapshots.
	timeline *timeline
}

// candidate is a name of the call that a layer has.
type candidate struct {
	timeline *timeline
	region   string
	// snapshot: the part that was cut off named a snapshot of the model.
	snapshot bool
	// apart lists the periods in which the built-in book prices the call's own name
	// differently from this candidate: a contract price of the model does not apply to
	// them.
	apart []segment
	// hit is the name in the book, step the entry in the explanation.
	hit  string
	step int
}

// Step is one name that was looked up.
type Step struct {
	// Layer is the layer that was searched, empty for a provider that no layer has.
	Layer Layer `json:"layer,omitempty"`
	// Provider is the provider whose prices were searched.
	Provider string `json:"provider"`
	// Name is the name that was looked up.
	Name string `json:"name"`
	// Rule says where the name comes from: "model", "request model", or the parts that were
	// cut off it, in order.
	Rule string `json:"rule"`
	// Hit is the entry that the layer has for the name, empty for none.
	Hit string `json:"hit,omitempty"`
	// Passed says why the entry was not taken all the same.
	Passed string `json:"passed,omitempty"`
}

// maxNameBytes bounds the work that a name from outside can cause.
const maxNameBytes = 512

// find looks up the model that answered, then the requested one, in each layer. The
// provider is part of the key: the same name may cost something else at another host.
func (b *Book) find(c *Call, second int64, f *found) {
	b.findFrom(b.exact(c.Provider, c.Model), c, second, f)
}

// findFrom is find for who knows what [Book.exact] returns.
func (b *Book) findFrom(t *timeline, c *Call, second int64, f *found) {
	if t.asItIs(second, f) {
		return
	}
	if len(c.Provider) > maxNameBytes || len(c.Model) > maxNameBytes || len(c.RequestModel) > maxNameBytes {
		return
	}
	key := lookupKey{c.Provider, c.Model, c.RequestModel}
	list, ok := b.lookups.get(key)
	if !ok {
		list = b.search(c, func(Step) {})
		b.lookups.put(key, list)
	}
	*f, _ = pick(list, second)
}

// exact returns the timeline of a provider and model that the book knows exactly as
// spelled, nil for others.
func (b *Book) exact(provider, model string) *timeline {
	if p := b.first[provider]; p != nil {
		return p.open().names[model]
	}
	return nil
}

// asItIs is find for a provider and model that the book knows exactly as spelled. It
// returns false when a search is needed.
func (t *timeline) asItIs(second int64, f *found) bool {
	if t == nil {
		return false
	}
	if f.segment = t.at(second); f.segment == nil && t.of.layer != LayerBuiltin {
		return false
	}
	f.known, f.timeline = true, t
	return true
}

// firstAsked maps each provider name to its provider in the first layer that has it.
func firstAsked(shelves []*shelf) map[string]*provider {
	first := map[string]*provider{}
	for _, s := range shelves {
		for name := range s.providers {
			for i := 0; first[name] == nil; i++ {
				first[name] = shelves[i].find(name)
			}
		}
	}
	return first
}

// pick takes the first candidate with a price at the time of the call. The first candidate
// in the built-in book is final, with a price or without.
func pick(list []candidate, second int64) (f found, index int) {
	for i := range list {
		c := &list[i]
		held := c.timeline.at(second)
		if c.passed(second, held) != "" {
			f.known = true
			continue
		}
		return found{true, held, c.region, c.timeline}, i
	}
	return f, len(list)
}

// passed says why a candidate is passed over, "" when it is taken.
func (c *candidate) passed(second int64, held *segment) string {
	switch {
	case c.timeline.of.layer == LayerBuiltin:
		return "" // the last candidate is final, with a price or without
	case held == nil:
		return "it has no price at the time of the call"
	case c.snapshot && held.snapshot:
		return "it is the price of " + held.alias + ", which is another snapshot"
	}
	for _, a := range c.apart {
		if a.from <= second && second < a.until {
			return "the built-in book prices the snapshot apart from it"
		}
	}
	return ""
}

// search lists the candidates of all layers for a call, in order of precedence, and passes
// each step to tell.
func (b *Book) search(c *Call, tell func(Step)) []candidate {
	s := search{tell: tell}
	if bottom := b.shelves[len(b.shelves)-1]; bottom.layer == LayerBuiltin {
		s.builtin = bottom.provider(c.Provider)
	}
	known := false
	for _, shelf := range b.shelves {
		p := shelf.provider(c.Provider)
		if p == nil {
			continue
		}
		known = true
		s.layer, s.provider = shelf.layer, p
		if c.Model != "" && s.match(c.Model, "model") {
			continue
		}
		if c.RequestModel != "" && c.RequestModel != c.Model {
			s.match(c.RequestModel, "request model")
		}
	}
	if !known {
		tell(Step{Provider: c.Provider, Rule: "provider"})
	}
	return s.list
}

// search is the state of one search through the layers.
type search struct {
	tell     func(Step)
	builtin  *provider // nil when the built-in book does not have the provider
	layer    Layer
	provider *provider
	list     []candidate
	steps    int
}

// match looks up a name in a layer: exactly, then with the fewest cuts, then by the longest
// pattern. It reports whether the layer is done: in the built-in layer the first hit is
// final.
func (s *search) match(name, rule string) (done bool) {
	p := s.provider
	spellings := catalog.Spellings
	if s.layer == LayerContract {
		spellings = catalog.ContractSpellings
	}
	for spelling := range spellings(p.name, name) {
		how := rule
		if spelling.Rules != "" {
			how += ", without " + spelling.Rules
		}
		hit, ok := p.spelled(spelling.Name)
		if ok && hit != spelling.Name {
			how += ", letter case aside"
		}
		if s.step(spelling.Name, how, hit); !ok {
			continue
		}
		s.add(p.names[hit], spelling, name, hit)
		if s.layer == LayerBuiltin {
			return true
		}
	}
	for _, pattern := range p.patterns {
		if pattern.matches(name) {
			s.step(name, rule+", pattern", pattern.text)
			s.add(pattern.timeline, catalog.Spelling{}, name, pattern.text)
			return s.layer == LayerBuiltin
		}
	}
	return false
}

func (s *search) step(name, rule, hit string) {
	s.tell(Step{Layer: s.layer, Provider: s.provider.name, Name: name, Rule: rule, Hit: hit})
	s.steps++
}

// add records a hit for a name of the call.
func (s *search) add(t *timeline, spelling catalog.Spelling, called, hit string) {
	c := candidate{timeline: t, region: spelling.Region, snapshot: spelling.Snapshot, hit: hit, step: s.steps - 1}
	if c.snapshot && s.layer != LayerBuiltin && s.builtin != nil {
		c.apart = apart(s.builtin.first(called), s.builtin.first(hit))
	}
	s.list = append(s.list, c)
}

// spelled finds a name exactly, or else in another letter case.
func (p *provider) spelled(name string) (hit string, ok bool) {
	if _, ok := p.names[name]; ok {
		return name, true
	}
	hit, ok = p.folded[strings.ToLower(name)]
	return hit, ok
}

// first returns the timeline of the first spelling that the provider has, nil when it has
// none.
func (p *provider) first(name string) *timeline {
	for spelling := range catalog.Spellings(p.name, name) {
		if hit, ok := p.spelled(spelling.Name); ok {
			return p.names[hit]
		}
	}
	return nil
}

// pattern is a name in which * stands for any text.
type pattern struct {
	text     string
	parts    []string // the text between the stars
	literal  int      // bytes that are not a star
	timeline *timeline
}

func newPattern(text string, t *timeline) pattern {
	p := pattern{text: text, parts: strings.Split(text, "*"), timeline: t}
	for _, part := range p.parts {
		p.literal += len(part)
	}
	return p
}

func (p *pattern) matches(name string) bool {
	first, last := p.parts[0], p.parts[len(p.parts)-1]
	if !strings.HasPrefix(name, first) {
		return false
	}
	name = name[len(first):]
	if len(p.parts) == 1 {
		return name == ""
	}
	if !strings.HasSuffix(name, last) {
		return false
	}
	name = name[:len(name)-len(last)]
	for _, part := range p.parts[1 : len(p.parts)-1] {
		_, rest, ok := strings.Cut(name, part)
		if !ok {
			return false
		}
		name = rest
	}
	return true
}

// lookupCache keeps the results for names that the book does not have as spelled. Names
// come from telemetry, which anybody may send, so the cache is bounded.
type lookupCache struct {
	known *lru.Cache[lookupKey, *lookup]
	// last is the latest result: consecutive calls often use the same model.
	last atomic.Pointer[lookup]
}

type lookupKey struct{ provider, model, request string }

type lookup struct {
	key  lookupKey
	list []candidate
}

const maxLookups = 4096

func newLookups() *lookupCache {
	known, err := lru.New[lookupKey, *lookup](maxLookups)
	if err != nil {
		panic(err) // an error is possible only for a size below 1
	}
	return &lookupCache{known: known}
}

func (c *lookupCache) get(k lookupKey) ([]candidate, bool) {
	if last := c.last.Load(); last != nil && last.key == k {
		return last.list, true
	}
	l, ok := c.known.Peek(k)
	if !ok {
		return nil, false
	}
	c.last.Store(l)
	return l.list, true
}

func (c *lookupCache) put(k lookupKey, list []candidate) {
	// The strings may share the memory of a whole request.
	k = lookupKey{strings.Clone(k.provider), strings.Clone(k.model), strings.Clone(k.request)}
	for i := range list {
		list[i].region, list[i].hit = strings.Clone(list[i].region), strings.Clone(list[i].hit)
	}
	c.known.Add(k, &lookup{k, list})
}
