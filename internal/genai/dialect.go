package genai

import (
	"slices"
	"strconv"
	"strings"

	"go.opentelemetry.io/collector/pdata/ptrace"
)

// dialect is one way in which libraries write GenAI calls on spans. Each is
// one value in a file of its own; what it leaves nil is as the OpenTelemetry
// conventions say.
type dialect struct {
	name string
	// marks are the attributes that only spans of this dialect have. They
	// decide before the scope does, because frameworks re-export the spans of
	// others under their own scope.
	marks nameSet
	// scopes are the instrumentation scopes that write this dialect: a whole
	// name, or the beginning of one followed by "*".
	scopes []string
	// systems are values of gen_ai.system or gen_ai.provider.name that only
	// this dialect writes. They decide where neither mark nor scope did.
	systems []string

	// installation are the user attributes that name an installation of the
	// tool: a person has one for each machine.
	installation nameSet

	words *vocabulary
	// input says what the number of input tokens includes.
	input inputMeaning
	// output says whether reasoning tokens are inside the output tokens.
	output outputMeaning
	// reports are the details this dialect writes whenever they are not zero:
	// their absence means zero. Any other detail that is absent is unknown.
	reports Missing
	// knows says the same of what prices depend on beside the quantities.
	knows knowledge

	// operation says what the span is; nil reads gen_ai.operation.name.
	operation func(s *spanReader) operation
	// adjust reads what the vocabulary cannot express: JSON attributes and
	// knowledge about versions.
	adjust func(s *spanReader, f *facts)
}

// inputMeaning says what a dialect's number of input tokens includes.
type inputMeaning uint8

const (
	// inputInclusive: cached tokens are inside, as the conventions demand.
	inputInclusive inputMeaning = iota
	// inputAsProvider: the number is the provider's own, which is exclusive
	// for Anthropic and Bedrock and inclusive elsewhere.
	inputAsProvider
	// inputExclusive: cached tokens are beside it.
	inputExclusive
	// inputDisjoint: cached, audio and all other parts are beside it.
	inputDisjoint
	// inputUnknown: nobody said; inclusive unless the numbers say otherwise,
	// and uncertain where that decides.
	inputUnknown
)

// packages say for each package of a family what its input includes. One that
// is not listed may mean anything.
type packages map[string]inputMeaning

// input takes the meaning of a package's input.
func (f *facts) input(known packages, name string) {
	if means, listed := known[name]; listed {
		f.inputMeans = means
	} else {
		f.inputMeans, f.unlisted = inputUnknown, true
	}
}

// outputMeaning says whether reasoning is inside a dialect's output tokens.
type outputMeaning uint8

const (
	// outputInclusive: reasoning is inside, as the conventions demand.
	outputInclusive outputMeaning = iota
	// outputAsProvider: the number is the provider's own: Google's candidates
	// and xAI's completion exclude reasoning, others include it.
	outputAsProvider
	// outputExclusive: reasoning is beside it.
	outputExclusive
	// outputDisjoint: reasoning, audio and all other parts are beside it.
	outputDisjoint
	// outputUnknown: nobody said; inclusive unless the numbers say otherwise,
	// and uncertain where a Gemini model may have thought.
	outputUnknown
)

// vocabulary are the names under which a dialect writes its facts, for each in
// the order of precedence: the first that is present wins.
type vocabulary struct {
	operation, provider, address    []nameID
	model, requestModel, responseID []nameID
	seconds                         []nameID
	session                         []nameID
	cost                            []nameID
	counts                          factNames

	rare  nameSet // the names of the rare facts, to skip them at once
	sides nameSet // the names of input, output and total
}

// followedBy gives the dialect's own names and after them the general ones.
func followedBy(own, general []nameID) []nameID {
	list := slices.Clone(own)
	for _, id := range general {
		if !slices.Contains(list, id) {
			list = append(list, id)
		}
	}
	return list
}

// complete fills what a vocabulary leaves empty from the conventions' and
// makes the derived set.
func (v vocabulary) complete() *vocabulary {
	fill := func(own *[]nameID, standard []nameID) {
		if *own == nil {
			*own = standard
		}
	}
	std := &conventionWords
	fill(&v.operation, std.operation)
	fill(&v.provider, std.provider)
	fill(&v.address, std.address)
	v.model = followedBy(v.model, std.model)
	v.requestModel = slices.DeleteFunc(followedBy(v.requestModel, std.requestModel), func(id nameID) bool { return slices.Contains(v.model, id) })
	fill(&v.responseID, std.responseID)
	fill(&v.seconds, std.seconds)
	fill(&v.session, std.session)
	for i := range v.counts {
		v.counts[i] = followedBy(v.counts[i], std.counts[i])
	}
	v.cost = followedBy(v.cost, std.cost)
	for _, id := range v.cost {
		costNames.put(id)
	}
	for _, list := range v.counts[factInput : factTotal+1] {
		for _, id := range list {
			v.sides.put(id)
		}
	}
	for _, list := range v.counts[firstRare : lastRare+1] {
		for _, id := range list {
			v.rare.put(id)
		}
	}
	return &v
}

// dialects lists all of them in the order in which their marks decide. The
// last one is what remains: GenAI names from an unknown hand.
//
// It is filled at start: the hooks of the dialects lead back to it.
var dialects []*dialect

// allMarks are the marks of all dialects: most spans have none of them.
var allMarks nameSet

func init() {
	dialects = []*dialect{
		&vercel, &openInference, &langfuse, &langsmith, &genkit, &googleADK, &mastra, &litellm,
		&openRouter, &claudePlatform, &anthropicSDK, &traceloop, &openllmetry, &vercelOTel, &openlit, &strands, &pydanticAI,
		&awsSDK, &googleGenAI, &microsoft, &springAI, &sentry, &voltAgent,
		&mlflow, &langWatch, &braintrust,
		&claudeCode, &codex, &geminiCLI, &copilot,
		&conventions, &unknownDialect,
	}
	for _, d := range dialects {
		allMarks.join(&d.marks)
	}
}

// Dialects lists the names of all dialects, for labels and documentation.
func Dialects() []string {
	all := make([]string, len(dialects))
	for i, d := range dialects {
		all[i] = d.name
	}
	return all
}

// Unproven lists the dialects that follow a documentation alone: nobody has
// captured what they really send.
func Unproven() []string { return []string{claudePlatform.name, openRouter.name} }

// dialectOfScope finds the dialect that a scope writes, nil when unknown.
func dialectOfScope(scope string) *dialect {
	if scope == "" {
		return nil
	}
	for _, d := range dialects {
		for _, pattern := range d.scopes {
			if prefix, open := strings.CutSuffix(pattern, "*"); scope == pattern || open && strings.HasPrefix(scope, prefix) {
				return d
			}
		}
	}
	return nil
}

// dialectOfSystem finds the dialect by the value of gen_ai.system.
func dialectOfSystem(system string) *dialect {
	for _, d := range dialects {
		if slices.Contains(d.systems, system) {
			return d
		}
	}
	return nil
}

// olderThan compares a version like "0.62.1" or "1.2.0b3". One that says
// nothing is not older than any.
func olderThan(version string, than ...int) bool {
	for _, want := range than {
		var part string
		part, version, _ = strings.Cut(version, ".")
		digits := len(part) - len(strings.TrimLeft(part, "0123456789"))
		n, err := strconv.Atoi(part[:digits])
		if err != nil || n != want {
			return err == nil && n < want
		}
	}
	return false
}

// looksLikeGenAI is the gate: most spans of a pipeline are HTTP requests and
// database queries, and this is all they cost. A span passes when one of its
// attributes begins as those of a dialect do.
func looksLikeGenAI(span ptrace.Span) bool {
	if name := span.Name(); len(name) > 12 && (name[0] == 'c' || name[0] == 'q' || name[0] == 'g') && isAgentSpan(name) {
		return true
	}
	for key := range span.Attributes().All() {
		if len(key) > 3 && gateBytes[key[0]] && passesGate(key) {
			return true
		}
	}
	return false
}

// isAgentSpan reports whether a span has a name of coding agents whose
// attributes have no prefix.
func isAgentSpan(name string) bool {
	return strings.HasPrefix(name, "claude_code.") || strings.HasPrefix(name, "qwen-code.") || strings.HasPrefix(name, "gemini_cli.")
}

// gateBytes are the first bytes of what passesGate lets pass.
var gateBytes = [256]bool{'a': true, 'b': true, 'g': true, 'l': true, 'm': true, 'o': true, 'v': true}

// passesGate looks at the second byte before it compares: "app." and "message."
// are frequent too.
func passesGate(key string) bool {
	switch key[0] {
	case 'g':
		return key[1] == 'e' && (strings.HasPrefix(key, "gen_ai.") || strings.HasPrefix(key, "genkit:")) ||
			key[1] == 'c' && strings.HasPrefix(key, "gcp.vertex.agent.")
	case 'l':
		switch key[1] {
		case 'l':
			return strings.HasPrefix(key, "llm.")
		case 'a':
			return strings.HasPrefix(key, "langfuse.observation.") || strings.HasPrefix(key, "langsmith.span.") || strings.HasPrefix(key, "langwatch.")
		case 'm':
			return strings.HasPrefix(key, "lmnr.span.")
		case 'i':
			return strings.HasPrefix(key, "litellm.")
		}
	case 'o':
		return key[1] == 'p' && strings.HasPrefix(key, "openinference.")
	case 'a':
		return key[1] == 'i' && (key == "ai.operationId" || strings.HasPrefix(key, "ai.model.") || strings.HasPrefix(key, "ai.usage."))
	case 'm':
		return key[1] == 'a' && strings.HasPrefix(key, "mastra.") || key[1] == 'l' && strings.HasPrefix(key, "mlflow.")
	case 'b':
		return key[1] == 'r' && strings.HasPrefix(key, "braintrust.")
	case 'v':
		return key[1] == 'e' && strings.HasPrefix(key, "vercel.ai.")
	}
	return false
}
