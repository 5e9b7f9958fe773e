package genai

import (
	"strings"

	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
)

// Pydantic AI and Logfire follow the conventions, with details under
// gen_ai.usage.details and their own cost. Agent runs repeat the sum, in newer
// versions under gen_ai.aggregated_usage. Input includes the cache and output
// the reasoning for every provider; what is zero is left out. Versions before
// 1.3.0 report the cache in the provider's own words only, which OpenAI's models
// lost in 0.7.3, those before 0.7.5 leave Google's thoughts out of the output, and
// those before 1.0.0 add up the first and the last event of Anthropic's streams.
//
// Logfire's own instrumentations of clients attach the provider's usage object.
// Of a stream they make two spans without anything in common: one when it is
// asked for, and one, of type log, that reports the usage when it has ended.
//
// Sources: captures of 0.4.10, 0.8.1 and 2.33.0, and of logfire 4.41.0; pydantic/pydantic-ai@4fda389
// (usage.py, _instrumentation.py, embeddings/instrumented.py, models/anthropic.py,
// models/google.py) and its history; genai-prices.
var pydanticAI = dialect{
	name:    "pydantic-ai",
	follows: alsoOwn("gen_ai.usage.details.*", documented),
	scopes:  []string{"pydantic-ai*", "pydantic_ai*", "logfire*"},
	words: vocabulary{
		cost: names("operation.cost", "gen_ai.usage.cost.amount", "gen_ai.usage.cost"),
	}.complete(),
	input:   inputInclusive,
	output:  outputInclusive,
	knows:   knownFromAnswers,
	reports: MissingCache | MissingAudio | MissingReasoning,
	adjust: func(s *spanReader, f *facts) {
		if strings.HasPrefix(s.scope, "logfire.") {
			f.reports = 0
			if a := readUsageObject(s.a.text(logfireUsage)); a.n[factInput].known() {
				f.take(&a)
				return
			}
		}
		// Anthropic's advisor is another model, and the call leaves its tokens out.
		f.inconsistent = s.a.count(pydanticAdvisor) > 0
		if olderThan(s.r.version, 0, 7, 5) {
			f.outputMeans = outputAsProvider
		}
		switch vendor := s.r.model(s.modelName()).vendor; {
		case vendor == catalog.VendorAnthropic:
			// Streams report the requested model as the one that answered.
			f.estimate = olderThan(s.r.version, 1, 0, 0) && s.call.Model == s.call.RequestModel
		case vendor != catalog.VendorGoogle && olderThan(s.r.version, 1, 3, 0) && !olderThan(s.r.version, 0, 7, 3):
			f.reports &^= MissingCache | MissingAudio
		}
	},
	operation: func(s *spanReader) operation {
		if s.logfireAsksForStream() {
			return opNotACall
		}
		if s.call.Operation == "" && strings.HasPrefix(s.scope, "logfire.") && !s.a.has(pydanticAgent) && s.a.present.meets(&usageNames) {
			return opChat // logfire.openai and logfire.anthropic, older versions
		}
		return s.conventionalOperation()
	},
}

var (
	pydanticAgent   = name("agent_name")
	pydanticAdvisor = name("gen_ai.usage.details.advisor_input_tokens")
	logfireUsage    = name("gen_ai.usage.raw")
	logfireRequest  = name("request_data")
	logfireType     = name("logfire.span_type")
)

// logfireAsksForStream reports whether the span is the first of the two spans of a stream.
func (s *spanReader) logfireAsksForStream() (stream bool) {
	if !strings.HasPrefix(s.scope, "logfire.") || s.a.text(logfireType) != "span" || s.a.has(logfireUsage) {
		return false
	}
	j := newJSON(s.a.text(logfireRequest))
	j.members(func(key string) bool {
		stream = stream || key == "stream" && j.peek() == 't'
		return true
	})
	return stream
}

// readUsageObject reads a provider's usage object.
func readUsageObject(text string) facts {
	f := noFacts
	j := newJSON(text)
	f.readUsage(&j)
	return f
}
