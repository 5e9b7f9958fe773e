package genai

import (
	"strings"

	"go.opentelemetry.io/collector/pdata/ptrace"
)

// gate scans the names of a span's attributes, up to the first of GenAI: most spans of a
// pipeline are HTTP requests and database queries, and this scan is all they cost.
type gate struct {
	// first tells for each byte what a name beginning with it may be.
	first [256]sight
	// shortest tells for each first byte, and for the lower five bits of the second, how long
	// such a name, or one of our own, is at least; 0 for none. It rules out "app.", "url." and
	// what begins with "http." but for the headers.
	shortest [256][32]uint8
	// third tells for each first byte which third byte such a name has, as bits for its lower
	// five bits: it rules out "code.".
	third [256]uint32
	// patterns are genAINames by their first byte.
	patterns [256][]namePattern
	own      string // [Config.Own]
	names    *nameTable
	// entries are the user attributes that spans without GenAI attributes may have; lengths
	// has, by first byte, a bit for the length of each.
	entries nameSet
	lengths [256]uint64
}

// sight is what the gate has seen.
type sight uint8

const (
	isGenAI   sight = 1 << iota // an attribute has a prefix of some dialect
	namesUser                   // an attribute may name the user of the trace
	isOwn                       // an attribute has the prefix [Config.Own]
)

// genAINames match the attribute names by which a span is recognised as GenAI; a * stands for
// any text. Names that begin with the same two letters are compared in this order.
var genAINames = []string{
	"gen_ai.*", "genkit:*", "gcp.vertex.agent.*", "ag.metrics.*", "confident.llm.*", "au.llm.*",
	"llm.*", "langfuse.observation.*", "langsmith.span.*", "langwatch.*", "lmnr.span.*", "litellm.*", "lk.*_metrics",
	"openinference.*", "opik.*", "openrouter.*", "openclaw.*",
	"ai.operationId", "ai.model.*", "ai.usage.*", "ai.proxy.*", "vercel.ai.*",
	"mastra.*", "mlflow.*", "honeyhive*", "haystack.component.*", "braintrust.*",
	"input_tokens", "prompt_tokens", "gen_ai", "llm",
	"http.response.header.x-amzn-bedrock-*-token-count", "http.response.header.character-cost",
}

// namePattern is one of genAINames.
type namePattern struct {
	prefix, suffix string
	whole          bool // the prefix is the whole name
}

func newGate(names *nameTable, own string) gate {
	g := gate{own: own, names: names}
	for _, name := range genAINames {
		prefix, suffix, starred := strings.Cut(name, "*")
		g.expect(isGenAI, name, len(prefix)+len(suffix))
		g.patterns[name[0]] = append(g.patterns[name[0]], namePattern{prefix, suffix, !starred})
	}
	if own != "" {
		g.expect(isOwn, own, len(own))
	}
	return g
}

// expect makes the gate compare names that begin as name does and are not shorter than least.
func (g *gate) expect(as sight, name string, least int) {
	g.first[name[0]] |= as
	if known := &g.shortest[name[0]][name[1]&31]; *known == 0 || int(*known) > least {
		*known = uint8(least) //nolint:gosec // no such name is as long as 256 bytes
	}
	g.third[name[0]] |= 1 << (name[2] & 31)
}

// enter makes the gate look for a user attribute.
func (g *gate) enter(id nameID) {
	if name := g.names.names[id]; len(name) < 64 {
		g.entries.put(id)
		g.lengths[name[0]] |= 1 << len(name)
		g.first[name[0]] |= namesUser
	}
}

// look returns isGenAI as soon as it sees that, and may not have seen the rest then.
func (g *gate) look(span ptrace.Span) (seen sight) {
	for key := range span.Attributes().All() {
		if key == "" {
			continue
		}
		may := g.first[key[0]] &^ seen
		if may == 0 {
			continue
		}
		if may&(isGenAI|isOwn) != 0 && g.mayMatch(key) {
			if may&isGenAI != 0 && g.matches(key) {
				return seen | isGenAI
			}
			if may&isOwn != 0 && strings.HasPrefix(key, g.own) {
				seen |= isOwn
				if key == "usage.input_tokens" || key == "usage.prompt_tokens" { // set by an app; nobody else has these names
					return seen | isGenAI
				}
			}
		}
		if may&namesUser != 0 && len(key) < 64 && g.lengths[key[0]]>>len(key)&1 == 1 && g.entries.has(g.names.find(key)) {
			seen |= namesUser
		}
	}
	if isAgentSpan(span.Name()) {
		seen |= isGenAI
	}
	return seen
}

// isAgentSpan reports whether the name of a span is one of coding agents, whose attributes
// have no prefix.
func isAgentSpan(name string) bool {
	if len(name) <= 12 || name[0] != 'c' && name[0] != 'q' && name[0] != 'g' {
		return false
	}
	return strings.HasPrefix(name, "claude_code.") || strings.HasPrefix(name, "qwen-code.") || strings.HasPrefix(name, "gemini_cli.")
}

// mayMatch reports whether matches may return true: nearly all names are rejected by it.
func (g *gate) mayMatch(key string) bool {
	if len(key) < 3 {
		return false
	}
	least := g.shortest[key[0]][key[1]&31]
	return least != 0 && len(key) >= int(least) && g.third[key[0]]>>(key[2]&31)&1 != 0
}

// matches reports whether an attribute name matches one of genAINames.
func (g *gate) matches(key string) bool {
	for i := range g.patterns[key[0]] {
		p := &g.patterns[key[0]][i]
		if strings.HasPrefix(key, p.prefix) && strings.HasSuffix(key, p.suffix) && (!p.whole || len(key) == len(p.prefix)) {
			return true
		}
	}
	return false
}
