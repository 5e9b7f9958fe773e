package pricing

import (
	"strings"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
)

// found is the answer to "whose prices": a timeline, and what the name told
// about the region.
type found struct {
	timeline *timeline
	// region stood in the name ("us.anthropic.…") and was stripped from it.
	region string
}

// Step is one name that was looked up, for people.
type Step struct {
	// Provider is whose prices were looked through.
	Provider string `json:"provider"`
	// Name is the name that was looked up.
	Name string `json:"name"`
	// Rule says how the name came to be: "model", "request model", or the
	// strips that fired, in their order.
	Rule string `json:"rule"`
	// Hit reports whether the book has the name, and which entry.
	Hit string `json:"hit,omitempty"`
}

// maxNameBytes bounds the work that a foreign name can cause.
const maxNameBytes = 512

// find looks for the model that answered, then for the one that was asked for.
// The provider is part of the key: the same name costs differently elsewhere.
func (b *Book) find(c *Call) found {
	if p, ok := b.providers[c.Provider]; ok {
		if t, ok := p.names[c.Model]; ok {
			return found{timeline: t}
		}
	}
	if len(c.Provider) > maxNameBytes || len(c.Model) > maxNameBytes || len(c.RequestModel) > maxNameBytes {
		return found{}
	}
	key := lookupKey{c.Provider, c.Model, c.RequestModel}
	if f, ok := b.lookups.get(key); ok {
		return f
	}
	f := b.search(c, func(Step) {})
	b.lookups.put(key, f)
	return f
}

// search is find without its cache; it tells every step.
func (b *Book) search(c *Call, tell func(Step)) found {
	p := b.providers[c.Provider]
	if p == nil {
		p = b.providers[strings.ToLower(c.Provider)]
	}
	if p == nil {
		// The names that gateways and price data use: azure, bedrock, x-ai.
		p = b.providers[catalog.Book(c.Provider)]
	}
	if p == nil {
		tell(Step{Provider: c.Provider, Rule: "provider"})
		return found{}
	}
	for _, source := range []struct{ name, rule string }{{c.Model, "model"}, {c.RequestModel, "request model"}} {
		if source.name == "" || (source.rule == "request model" && source.name == c.Model) {
			continue
		}
		if f, ok := p.match(source.name, source.rule, tell); ok {
			return f
		}
	}
	return found{}
}

// match finds a name: as it is, then with the fewest strips, then by the
// longest pattern.
func (p *provider) match(name, rule string, tell func(Step)) (found, bool) {
	for spelling := range catalog.Spellings(p.name, name) {
		how := rule
		if spelling.Rules != "" {
			how += ", without " + spelling.Rules
		}
		hit := spelling.Name
		t, ok := p.names[hit]
		if !ok {
			if hit, ok = p.folded[strings.ToLower(spelling.Name)]; ok {
				t, how = p.names[hit], how+", letter case aside"
			}
		}
		step := Step{Provider: p.name, Name: spelling.Name, Rule: how}
		if ok {
			step.Hit = hit
		}
		tell(step)
		if ok {
			return found{timeline: t, region: spelling.Region}, true
		}
	}
	for _, pattern := range p.patterns {
		if pattern.matches(name) {
			tell(Step{Provider: p.name, Name: name, Rule: rule + ", pattern", Hit: pattern.text})
			return found{timeline: pattern.timeline}, true
		}
	}
	return found{}, false
}

// pattern is a name with * for any text.
type pattern struct {
	text     string
	parts    []string // the text between the stars
	literal  int      // how many bytes are no star
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

// lookupCache keeps the answers for names that are not in the book as they
// are. Names come from telemetry, that is from strangers, so it is bounded.
type lookupCache struct{ known *lru.Cache[lookupKey, found] }

type lookupKey struct{ provider, model, request string }

const maxLookups = 4096

func newLookupCache() lookupCache {
	known, err := lru.New[lookupKey, found](maxLookups)
	if err != nil {
		panic(err) // no other error than a size below 1
	}
	return lookupCache{known}
}

func (c lookupCache) get(k lookupKey) (found, bool) { return c.known.Peek(k) }

func (c lookupCache) put(k lookupKey, f found) {
	// The strings may be parts of a whole request in memory.
	k = lookupKey{strings.Clone(k.provider), strings.Clone(k.model), strings.Clone(k.request)}
	f.region = strings.Clone(f.region)
	c.known.Add(k, f)
}
