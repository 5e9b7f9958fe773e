package genai

import "strings"

// Genkit writes no gen_ai names at all: the provider and model stand in the
// action's name, the usage in its output as JSON, the provider's own answer in
// it under "raw" or "custom".
//
// Sources: captures of genkit 1.42.0; firebase/genkit, js/core/src/tracing.
var (
	genkitType    = name("genkit:type")
	genkitSubtype = name("genkit:metadata:subtype")
	genkitName    = name("genkit:name")
	genkitOutput  = name("genkit:output")
	genkitState   = name("genkit:state")
)

var genkit = dialect{
	name:    "genkit",
	follows: follows{"genkit:*", inSourceOnly},
	marks:   setOf(genkitType, genkitSubtype),
	scopes:  []string{"genkit-tracer*"},
	words:   vocabulary{operation: []nameID{genkitSubtype}}.complete(),
	input:   inputInclusive,
	output:  outputAsProvider,
	knows:   knownFromAnswers,
	operation: func(s *spanReader) operation {
		switch s.a.text(genkitSubtype) {
		case "model", "background-model":
			return opChat
		case "embedder":
			return opEmbedding
		case "reranker":
			return opRerank
		}
		return opNotACall
	},
	adjust: adjustGenkit,
}

func adjustGenkit(s *spanReader, f *facts) {
	provider, model, ok := strings.Cut(s.a.text(genkitName), "/")
	if !ok {
		provider, model = "", provider
	}
	s.provider, s.call.RequestModel = provider, model
	s.callFailed = s.a.text(genkitState) == "error"

	own, raw := noFacts, answer{usage: noFacts}
	j := newJSON(s.a.text(genkitOutput))
	if j.peek() == '{' {
		j.members(func(key string) bool {
			switch key {
			case "usage":
				own.readUsage(&j)
			case "raw", "custom":
				if !raw.found {
					raw.object(&j)
				}
			}
			return true
		})
	}
	s.call.ResponseID, s.call.Model = raw.id, raw.model
	switch {
	case raw.found && raw.usage.n[factInput].known():
		f.take(&raw.usage)
	case own.n[factInput] != absent || own.n[factOutput] != absent:
		own.reports = 0
		own.inputMeans, own.outputMeans = inputAsProvider, outputAsProvider
		if own.n[factReasoning] != absent {
			own.outputMeans = outputExclusive // thoughtsTokens are Gemini's
		}
		f.take(&own)
	}
	raw.usage.reports = 0
	f.addDetails(&raw.usage)
}
