package genai

import (
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// Attributes and events that carry the provider's answer or its usage object as JSON, in
// whatever dialect the span is written. Their content is added to what the span itself
// reports.
var (
	namesAnswer = names("traceloop.entity.output", "gen_ai.completion", "gen_ai.response.raw", "gen_ai.response.body", "gen_ai.response", "gen_ai.output",
		"llm.response", "llm.raw_response", "raw_response", "response_data", "output.value", "langfuse.observation.output", "mlflow.spanOutputs",
		"lmnr.span.output", "logfire.response_data", "gen_ai.output.messages")
	namesUsageObject = names("gen_ai.usage", "gen_ai.usage.raw", "gen_ai.response.usage", "gen_ai.usage.details", "gen_ai.usage_metadata", "llm.usage",
		"openai.response.usage", "anthropic.response.usage", "response.usage", "usage_metadata", "token_usage", "usage",
		"mlflow.chat.tokenUsage", "langwatch.metrics", "braintrust.metrics", "llm.token.counts", "lk.llm_metrics", "lk.realtime_model_metrics",
		"opik.usage", "honeyhive_metadata.usage", "honeyhive_metadata", "langsmith.usage_metadata", "langsmith.metadata.usage_metadata", "lmnr.span.usage", "llm.token_counts",
		"gen_ai.usage.metadata", "gen_ai.response.usage_metadata", "gen_ai.response.token_usage", "llm.token_usage", "usage_details", "gen_ai.usage_object", "au.llm.usage.detail_tokens")
	// namesDetailObject are parts of a usage object. Those under a usage prefix need no
	// list: see [facts.readUnknown].
	namesDetailObject = names("gen_ai.usage.input_token_details", "gen_ai.usage.output_token_details", "prompt_tokens_details", "completion_tokens_details",
		"input_tokens_details", "output_tokens_details", "input_token_details", "output_token_details", "usage.prompt_tokens_details", "usage.completion_tokens_details",
		"usage.input_tokens_details", "usage.output_tokens_details", "cache_creation", "server_tool_use")
	answerNames = func() nameSet {
		set := setOf(append([]nameID{name("ai.response.toolCalls")}, namesAnswer...)...)
		for _, list := range [][]nameID{namesUsageObject, namesDetailObject} {
			for _, id := range list {
				set.put(id)
			}
		}
		return set
	}()

	nameToolCalls       = name("ai.response.toolCalls")
	nameLangChainInput  = name("traceloop.entity.input")
	nameLangChainOutput = name("traceloop.entity.output")
)

// readAnswers reads these attributes.
func (s *spanReader) readAnswers(a *attributes, f *facts) {
	if !a.some(isAnswer) {
		return
	}
	for _, id := range namesUsageObject {
		if text := jsonOf(a, id); text != "" {
			own := noFacts
			j := newJSON(jsonOfPython(text))
			own.readUsage(&j)
			f.learn(&own)
		}
	}
	for _, id := range namesDetailObject {
		if text := jsonOf(a, id); text != "" {
			f.readDetailObject(s.r.names.names[id], text)
		}
	}
	if text := jsonOf(a, nameToolCalls); text != "" {
		j := newJSON(text)
		f.readItems("", &j)
	}
	for _, id := range namesAnswer {
		text := jsonOf(a, id)
		if text == "" || id == openInferenceOutput && s.call.Dialect == openInference.name {
			continue // or the dialect reads it
		}
		answer := readAnswer(text)
		f.learn(&answer.usage)
		if s.call.Model == "" && s.call.RequestModel == "" && answer.found {
			s.call.Model = answer.model
		}
		if answer.found && s.call.ResponseID == "" && len(answer.id) >= minKeyBytes {
			s.call.ResponseID = answer.id
		}
	}
}

// readDetailObject reads an object or list of a usage object that has an attribute of its
// own, such as "gen_ai.usage.prompt_tokens_details". It returns false for any other name.
func (f *facts) readDetailObject(name, text string) bool {
	own := noFacts
	j := newJSON(jsonOfPython(text))
	key := name[strings.LastIndexByte(name, '.')+1:]
	if !own.readUsageDetails(key, &j) && !own.readToolCounters(key, &j) {
		return false
	}
	switch {
	case strings.Contains(key, "nput") || strings.Contains(key, "rompt"):
		own.reports = MissingCache
	case strings.Contains(key, "utput") || strings.Contains(key, "ompletion"):
		own.reports = MissingReasoning
	}
	f.addDetails(&own)
	return true
}

// jsonOf returns the JSON object or list under a name, also when the attribute itself is a
// map or slice.
func jsonOf(a *attributes, id nameID) string {
	if !a.present.has(id) {
		return ""
	}
	return jsonOfValue(a.values[id])
}

func jsonOfValue(v pcommon.Value) string {
	text := ""
	switch v.Type() {
	case pcommon.ValueTypeStr:
		text = v.Str()
	case pcommon.ValueTypeMap, pcommon.ValueTypeSlice:
		text = v.AsString()
	}
	if len(text) < 2 || text[0] != '{' && text[0] != '[' {
		return ""
	}
	return text
}

// learn takes from a provider's usage object what the span leaves out.
func (f *facts) learn(from *facts) {
	if !from.detailed || !from.n[factInput].known() {
		from.reports = 0
	}
	if from.billedUnits || f.n[factInput] == absent && f.n[factOutput] == absent && (from.n[factInput].known() || f.n[factTotal] == absent && from.n[factTotal].known()) {
		f.take(from)
		return
	}
	f.meanAs(from)
	f.addDetails(from)
}

// meanAs takes over what the sides of a provider's usage object include, where nobody said so
// of the span and its sides are the same numbers. A total says it of any.
func (f *facts) meanAs(from *facts) {
	if f.n[factInput] != from.n[factInput] || f.n[factOutput] != from.n[factOutput] || !f.n[factInput].known() || !f.n[factOutput].known() {
		return
	}
	if f.n[factTotal] == absent {
		f.n[factTotal] = from.n[factTotal]
	}
	if f.inputMeans == inputUnknown && (from.n[factCacheRead] != absent || from.n[factCacheWrite] != absent) {
		f.inputMeans = from.inputMeans
		if from.inputMeans == inputExclusive {
			f.inputMeans = inputAsTold
		}
	}
	if f.outputMeans == outputUnknown && from.outputMeans == outputExclusive {
		f.outputMeans = outputExclusive
	}
}

// maxAnswers bounds the usage objects collected from the wrapper spans of a payload.
const maxAnswers = 1024

// readWrapped collects the usage objects of LangChain messages that a chain's span passes
// on: the spans of the calls themselves leave the cache out.
func (r *reading) readWrapped(a *attributes) {
	for _, id := range [...]nameID{nameLangChainInput, nameLangChainOutput} {
		text := a.text(id)
		if len(text) > maxJSON {
			text = text[:maxJSON]
		}
		const member = `"usage_metadata":`
		for len(r.wrapped) < maxAnswers {
			at := strings.Index(text, member)
			if at < 0 {
				break
			}
			text = text[at+len(member):]
			own := noFacts
			j := newJSON(text)
			own.readUsage(&j)
			if own.n[factInput].known() && own.n[factOutput].known() {
				r.wrapped = append(r.wrapped, own)
			}
		}
	}
}

// learnWrapped completes a call from such a message. Messages with the same counts but a
// different cache are ambiguous and ignored.
func (r *reading) learnWrapped(f *facts) {
	var of *facts
	for i := range r.wrapped {
		w := &r.wrapped[i]
		if w.n[factInput] != f.n[factInput] || w.n[factOutput] != f.n[factOutput] {
			continue
		}
		if of != nil && of.n != w.n {
			return
		}
		of = w
	}
	if of != nil {
		f.addDetails(of)
	}
}
