package genai

import (
	"strings"

	"go.opentelemetry.io/collector/pdata/ptrace"
)

// gate scans the names of a span's attributes once: most spans of a pipeline are HTTP
// requests and database queries, and this scan is all they cost.
type gate struct {
	// first tells for each byte what a name beginning with it may be.
	first [256]sight
	// second tells for each first byte which second byte such a name has, as bits for the
	// lower five bits of that byte: it rules out "http." and "app.".
	second [256]uint32
	own    string // [Config.Own]
	names  *nameTable
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

func newGate(names *nameTable, own string) gate {
	g := gate{own: own, names: names}
	for pair := range strings.FieldsSeq("ge gc ll la lm li lk op ai ma ml in pr br ve ho ha") {
		g.first[pair[0]] |= isGenAI
		g.second[pair[0]] |= 1 << (pair[1] & 31)
	}
	if own != "" {
		g.first[own[0]] |= isOwn
	}
	return g
}

// enter makes the gate look for a user attribute.
func (g *gate) enter(id nameID) {
	if name := g.names.names[id]; len(name) < 64 {
		g.entries.put(id)
		g.lengths[name[0]] |= 1 << len(name)
		g.first[name[0]] |= namesUser
	}
}

func (g *gate) look(span ptrace.Span) (seen sight) {
	for key := range span.Attributes().All() {
		if key == "" {
			continue
		}
		may := g.first[key[0]] &^ seen
		if may == 0 {
			continue
		}
		if may&isGenAI != 0 && len(key) > 3 && g.second[key[0]]>>(key[1]&31)&1 != 0 && passesGate(key) {
			seen |= isGenAI
		}
		if may&isOwn != 0 && strings.HasPrefix(key, g.own) {
			seen |= isOwn
			if key == "usage.input_tokens" || key == "usage.prompt_tokens" { // set by an app; nobody else has these names
				seen |= isGenAI
			}
		}
		if may&namesUser != 0 && len(key) < 64 && g.lengths[key[0]]>>len(key)&1 == 1 && g.entries.has(g.names.find(key)) {
			seen |= namesUser
		}
	}
	if seen&isGenAI == 0 && isAgentSpan(span.Name()) {
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

// passesGate reports whether a name has a prefix of some dialect; newGate has the first
// bytes. It checks the second byte before it compares, because "app." and "message." are
// frequent too.
func passesGate(key string) bool {
	switch key[0] {
	case 'l':
		return passesGateOfL(key)
	case 'g':
		return key[1] == 'e' && (strings.HasPrefix(key, "gen_ai.") || strings.HasPrefix(key, "genkit:")) ||
			key[1] == 'c' && strings.HasPrefix(key, "gcp.vertex.agent.")
	case 'o':
		return key[1] == 'p' && (strings.HasPrefix(key, "openinference.") || strings.HasPrefix(key, "opik.") || strings.HasPrefix(key, "openrouter.") || strings.HasPrefix(key, "openclaw."))
	case 'a':
		return key[1] == 'i' && (key == "ai.operationId" || strings.HasPrefix(key, "ai.model.") || strings.HasPrefix(key, "ai.usage."))
	case 'm':
		return key[1] == 'a' && strings.HasPrefix(key, "mastra.") || key[1] == 'l' && strings.HasPrefix(key, "mlflow.")
	case 'h':
		return key[1] == 'o' && strings.HasPrefix(key, "honeyhive") || key[1] == 'a' && strings.HasPrefix(key, "haystack.component.")
	case 'i':
		return key == "input_tokens"
	case 'p':
		return key == "prompt_tokens"
	case 'b':
		return key[1] == 'r' && strings.HasPrefix(key, "braintrust.")
	case 'v':
		return key[1] == 'e' && strings.HasPrefix(key, "vercel.ai.")
	}
	return false
}

// passesGateOfL is passesGate for names that begin with "l".
func passesGateOfL(key string) bool {
	switch key[1] {
	case 'l':
		return strings.HasPrefix(key, "llm.")
	case 'a':
		return strings.HasPrefix(key, "langfuse.observation.") || strings.HasPrefix(key, "langsmith.span.") || strings.HasPrefix(key, "langwatch.")
	case 'm':
		return strings.HasPrefix(key, "lmnr.span.")
	case 'i':
		return strings.HasPrefix(key, "litellm.")
	case 'k':
		return strings.HasPrefix(key, "lk.") && strings.HasSuffix(key, "_metrics")
	}
	return false
}
