package genai

import (
	"slices"
	"strconv"
	"strings"
)

// dialect is one way in which libraries write GenAI calls on spans. Each is one value in a
// file of its own; a nil field means that the dialect follows the OpenTelemetry conventions
// in that respect.
type dialect struct {
	name string
	// follows says whose names it writes.
	follows follows
	// marks are attributes that only spans of this dialect have. They take precedence over
	// the scope, because frameworks re-export the spans of others under their own scope.
	marks nameSet
	// scopes are the instrumentation scopes that write this dialect: a whole name, or a
	// prefix followed by "*".
	scopes []string
	// systems are values of gen_ai.system or gen_ai.provider.name that only this dialect
	// writes. They decide when neither a mark nor the scope does.
	systems []string

	// installation are the user attributes that name an installation of the tool: a person
	// has one for each machine.
	installation nameSet

	words *vocabulary
	// input says what the number of input tokens includes.
	input inputMeaning
	// output says whether reasoning tokens are inside the output tokens.
	output outputMeaning
	// reports are the details that this dialect writes whenever they are not zero: when
	// absent, they are zero. Any other absent detail is unknown.
	reports Missing
	// knows says the same of what prices depend on besides the quantities.
	knows knowledge

	// joins: its converters add its names to a span of another dialect and keep the
	// original.
	joins bool
	// callsComeApart: its wrappers repeat calls that come in other traces, in another
	// signal or later. Their usage is never that of a call.
	callsComeApart bool

	// operation returns what the span does; nil reads gen_ai.operation.name.
	operation func(s *spanReader) operation
	// adjust reads what a vocabulary cannot express: JSON attributes, and differences
	// between versions.
	adjust func(s *spanReader, f *facts)
}

// inputMeaning says what a dialect's number of input tokens includes.
type inputMeaning uint8

const (
	// inputInclusive: cached tokens are included, as the conventions require.
	inputInclusive inputMeaning = iota
	// inputAsProvider: the number is the provider's own, which excludes the cache for
	// Anthropic and Bedrock and includes it elsewhere.
	inputAsProvider
	// inputExclusive: cached tokens are not included.
	inputExclusive
	// inputDisjoint: neither cached, audio nor any other part is included.
	inputDisjoint
	// inputAsTold: cached tokens are not included, as the names in a usage object tell, whose
	// numbers are those of the span. They are Anthropic's and Bedrock's, and doubtful of
	// another provider.
	inputAsTold
	// inputUnknown: not documented; read as inclusive unless the numbers show otherwise,
	// and uncertain where that decides.
	inputUnknown
)

// packages says for each package of a family what its input includes. An unlisted package
// may mean anything.
type packages map[string]inputMeaning

// input sets the meaning of a package's input.
func (f *facts) input(known packages, name string) {
	if means, listed := known[name]; listed {
		f.inputMeans = means
	} else {
		f.inputMeans, f.unlisted = inputUnknown, true
	}
}

// outputMeaning says whether a dialect's output tokens include reasoning.
type outputMeaning uint8

const (
	// outputInclusive: reasoning is included, as the conventions require.
	outputInclusive outputMeaning = iota
	// outputAsProvider: the number is the provider's own: Google's candidates and xAI's
	// completion exclude reasoning, others include it.
	outputAsProvider
	// outputExclusive: reasoning is not included.
	outputExclusive
	// outputDisjoint: neither reasoning, audio nor any other part is included.
	outputDisjoint
	// outputUnknown: not documented; read as inclusive unless the numbers show otherwise,
	// and uncertain where a Gemini model may have thought.
	outputUnknown
)

// vocabulary holds the names under which a dialect writes its facts, for each fact in order
// of precedence: the first name present wins.
type vocabulary struct {
	operation, provider, address    []nameID
	model, requestModel, responseID []nameID
	seconds                         []nameID
	session                         []nameID
	cost                            []nameID
	counts                          factNames

	sides   nameSet // the names of input, output and total
	counted nameSet // the names of all counts
	slots   [maxNames]countSlot
}

// countSlot says which fact an attribute reports, and how many names of that fact take
// precedence.
type countSlot struct{ fact, rank uint8 }

// followedBy returns the dialect's own names followed by the general ones.
func followedBy(own, general []nameID) []nameID {
	list := slices.Clone(own)
	for _, id := range general {
		if !slices.Contains(list, id) {
			list = append(list, id)
		}
	}
	return list
}

// complete fills what a vocabulary leaves empty from the conventions' and builds the
// derived sets. Within a vocabulary, a name reports one fact.
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
		for rank, id := range v.counts[i] {
			if v.counted.has(id) {
				panic(builtinNames.names[id] + " reports two facts") // at program start, after a change of this package only
			}
			v.counted.put(id)
			v.slots[id] = countSlot{uint8(i), uint8(rank)}
		}
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
	return &v
}

// dialects lists all of them in the order in which their marks decide. The last one is the
// fallback: GenAI names of unknown origin.
//
// It is filled at start, because the dialects' hooks refer back to it.
var dialects []*dialect

func init() {
	dialects = []*dialect{
		&vercel, &openInference, &langfuse, &langsmith, &genkit, &googleADK, &mastra, &litellm,
		&openRouter, &claudePlatform, &anthropicSDK, &traceloop, &openllmetry, &vercelOTel, &openlit, &strands, &pydanticAI,
		&awsSDK, &googleGenAI, &microsoft, &springAI, &sentry, &voltAgent,
		&haystack, &mlflow, &langWatch, &braintrust, &honeyHive, &opik,
		&claudeCode, &codex, &geminiCLI, &copilot,
		&conventions, &unknownDialect,
	}
	for _, d := range dialects {
		builtinNames.give(isMark, &d.marks)
	}
	requests, logins, caches, ends := setOf(namesRequests...), setOf(loginNames...), setOf(namesFromCache...), setOf(namesEnd...)
	costAsides, urls := setOf(namesCostAside...), setOf(namesURL...)
	for _, r := range []struct {
		role roles
		set  *nameSet
	}{{isModifier, &modifierNames}, {isAnswer, &answerNames}, {isBill, &billNames}, {isCost, &costNames}, {isRequests, &requests}, {isSampling, &samplingNames}, {isLogin, &logins}, {isUnit, &unitNames}, {isAnswered, &caches},
		{isFlag, &flagNames}, {isAside, &asideNames}, {isCostAside, &costAsides}, {isURL, &urls}, {isEnd, &ends}, {isNested, &nestedNames}, {isHeader, &headerNames}} {
		builtinNames.give(r.role, r.set)
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

// Unproven lists the dialects written from documentation alone: no capture of what they
// really send is known.
func Unproven() []string { return []string{claudePlatform.name, openRouter.name} }

// dialectOfScope returns the dialect that a scope writes, nil when unknown.
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

// dialectOfSystem returns the dialect for a value of gen_ai.system.
func dialectOfSystem(system string) *dialect {
	for _, d := range dialects {
		if slices.Contains(d.systems, system) {
			return d
		}
	}
	return nil
}

// olderThan compares versions like "0.62.1" or "1.2.0b3". An empty or unreadable version is
// never older.
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
