package genai

import (
	"slices"
	"strconv"
	"strings"
)

// dialect is one way in which libraries write GenAI calls on spans. Each is
// one value in a file of its own; what it leaves nil is as the OpenTelemetry
// conventions say.
type dialect struct {
	name string
	// follows says whose names it writes.
	follows follows
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

	// joins: its converters add its names to a span of another dialect and leave
	// the original.
	joins bool
	// callsComeApart: its wrappers repeat calls that come in other traces, other
	// signals or later. What they report is never a call's.
	callsComeApart bool

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

	sides   nameSet // the names of input, output and total
	counted nameSet // the names of all counts
	slots   [maxNames]countSlot
}

// countSlot says of an attribute which fact it reports, and how many names of
// that fact go before it.
type countSlot struct{ fact, rank uint8 }

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
// makes what is derived. A name reports one fact in a vocabulary.
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
				panic(builtinNames.names[id] + " reports two facts") // at program start, by a change of this package only
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

// dialects lists all of them in the order in which their marks decide. The
// last one is what remains: GenAI names from an unknown hand.
//
// It is filled at start: the hooks of the dialects lead back to it.
var dialects []*dialect

func init() {
	dialects = []*dialect{
		&vercel, &openInference, &langfuse, &langsmith, &genkit, &googleADK, &mastra, &litellm,
		&openRouter, &claudePlatform, &anthropicSDK, &traceloop, &openllmetry, &vercelOTel, &openlit, &strands, &pydanticAI,
		&awsSDK, &googleGenAI, &microsoft, &springAI, &sentry, &voltAgent,
		&mlflow, &langWatch, &braintrust, &honeyHive, &opik,
		&claudeCode, &codex, &geminiCLI, &copilot,
		&conventions, &unknownDialect,
	}
	for _, d := range dialects {
		builtinNames.give(isMark, &d.marks)
	}
	requests, logins := setOf(namesRequests...), setOf(loginNames...)
	for _, r := range []struct {
		role roles
		set  *nameSet
	}{{isModifier, &modifierNames}, {isAnswer, &answerNames}, {isBill, &billNames}, {isCost, &costNames}, {isRequests, &requests}, {isSampling, &samplingNames}, {isLogin, &logins}} {
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
