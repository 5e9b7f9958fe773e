package genai

import "strings"

// An unclaimed span reports usage, and no dialect says that it is a call: it names no
// operation, or an unknown one. It is counted as a call unless calls turn out to be inside
// it, because then it repeats them. The same applies to the span of an agent, a chain or
// another wrapper when nothing else of its trace is a call: its usage is a sum, and is
// marked as one.

// unclaimed returns the operation of the current span when it is such a span, otherwise op.
func (s *spanReader) unclaimed(d *dialect, op operation) operation {
	if op.isCall() || op == opOtherSignal || op == opModeration || !s.reportsUsage(d) {
		return op
	}
	switch {
	case op == opUnknown:
		s.isUnclaimed = true
		if op = operationLike(s.call.Operation); op == opChat {
			op = operationOf(s.unit())
		}
		if s.a.has(headerCredits) {
			op = opTTS
		}
		return op
	case op == opNotACall && !d.callsComeApart && s.wraps(d):
		s.isUnclaimed, s.isAgent = true, true
		return opChat
	case op == opNotACall && !d.callsComeApart && s.isToolSpan() && !s.r.parents.noted(spanInTrace(s.span.TraceID(), s.span.SpanID())):
		s.isUnclaimed, s.isTool = true, true
		return opChat
	}
	return op
}

// isToolSpan reports whether the span is that of a tool. One that reports usage asked a model
// itself.
func (s *spanReader) isToolSpan() bool {
	if s.call.Operation == "execute_tool" {
		return true
	}
	for _, id := range namesOfKind {
		if strings.EqualFold(s.quoted(id), "tool") {
			return true
		}
	}
	return false
}

// dropTools drops the spans of tools that repeat the usage of a call of their trace.
func (r *reading) dropTools() {
	for i := range r.calls {
		tool := &r.calls[i]
		if !tool.isTool || tool.report.dropped {
			continue
		}
		for k := range r.calls {
			if c := &r.calls[k]; k != i && !c.isTool && c.call.TraceID == tool.call.TraceID && c.report.Counts == tool.report.Counts {
				tool.report.dropped = true
				break
			}
		}
	}
}

// wraps reports whether the span says that it sums up its calls.
func (s *spanReader) wraps(d *dialect) bool {
	if wrapperOperations[strings.ToLower(s.call.Operation)] {
		return true
	}
	for _, id := range namesOfKind {
		if wrapperOperations[strings.ToLower(s.quoted(id))] {
			return true
		}
	}
	return d == &voltAgent && s.call.Operation == "" || wrapperOperations[s.a.text(conventionWords.operation[0])] ||
		d == &braintrust && wrapperOperations[jsonMember(s.a.text(braintrustType), "type")]
}

// operationOfKind tells by the kind of the span what it does, where nothing names an operation.
func (s *spanReader) operationOfKind() operation {
	if !s.a.present.meets(&kindNames) {
		return opUnknown
	}
	for _, id := range namesOfKind {
		if kind := strings.ToLower(s.quoted(id)); kind != "" {
			if op := typedOperation(kind); op != opNotACall || wrapperOperations[kind] || kind == "tool" || kind == "retriever" {
				return op
			}
		}
	}
	return opUnknown
}

// wrapperOperations are the operations and the kinds of spans that sum up their calls.
var wrapperOperations = map[string]bool{
	"invoke_agent": true, "invoke_workflow": true, "agent": true, "workflow": true, "run_agent": true, "agent_step": true,
	"invoke_subagent": true, "execute_task": true, "task": true, "chain": true, "span": true, "crew": true, "flow": true,
	"agent_run": true, "workflow_run": true, "workflow_step": true, "model_step": true, "session": true, "turn": true, "general": true,
	"ai.generatetext": true, "ai.streamtext": true, "ai.generateobject": true, "ai.streamobject": true, "ai.embed": true, "ai.embedmany": true,
	"execute_event_loop_cycle": true, "execute_agent_loop_cycle": true,
}

var (
	// namesOfKind are the attributes in which platforms give the kind of a span.
	namesOfKind = names("openinference.span.kind", "langfuse.observation.type", "langsmith.span.kind", "mastra.span.type", "traceloop.span.kind",
		"mlflow.spanType", "langwatch.span.type", "honeyhive_event_type", "opik.span.type", "opik.type", "lmnr.span.type",
		"gen_ai.span.kind", "gen_ai.span_kind_name", "ag.type.node", "confident.span.type", "agentops.span.kind", "cozeloop.span_type", "au.span.kind")
	kindNames = setOf(namesOfKind...)

	// sumWords are the names of an agent's sum, where they are not those of a call.
	//
	// Sources: pydantic/pydantic-ai (_instrumentation.py), VoltAgent.
	sumWords = vocabulary{counts: factNames{
		factInput:  names("gen_ai.aggregated_usage.input_tokens"),
		factOutput: names("gen_ai.aggregated_usage.output_tokens"),
		factCacheRead: names("gen_ai.aggregated_usage.cache_read.input_tokens", "gen_ai.aggregated_usage.cache_read_tokens",
			"gen_ai.aggregated_usage.details.cache_read_tokens"),
		factCacheWrite: names("gen_ai.aggregated_usage.cache_creation.input_tokens", "gen_ai.aggregated_usage.cache_write.input_tokens",
			"gen_ai.aggregated_usage.cache_write_tokens", "gen_ai.aggregated_usage.details.cache_write_tokens"),
		factReasoning: names("gen_ai.aggregated_usage.reasoning.output_tokens", "gen_ai.aggregated_usage.details.reasoning_tokens"),
	}}.complete()

	sumNames = func() (set nameSet) {
		for _, i := range [...]fact{factInput, factOutput} {
			set.put(sumWords.counts[i][0])
		}
		return set
	}()
)

// readSum reads what only the span of an agent has.
func (f *facts) readSum(a *attributes) {
	if f.n[factInput] == absent && f.n[factOutput] == absent && a.present.meets(&sumNames) {
		f.read(a, sumWords)
	}
}

// reportsUsage reports whether the span has a count above zero under any name for a side of
// a call, or for what is billed instead of tokens.
func (s *spanReader) reportsUsage(d *dialect) bool {
	a := s.a
	if a.present.meets(&sumNames) && a.firstCount(sumWords.counts[factInput][:1]) > 0 {
		return true
	}
	if a.present.meets(&d.words.sides) || a.some(isAnswer) || len(a.unknown) > 0 || a.has(langfuseUsage) {
		probe := noFacts
		probe.read(a, d.words)
		probe.readUnknown(a.unknown)
		for _, id := range namesUsageObject {
			if text := jsonOf(a, id); text != "" {
				j := newJSON(jsonOfPython(text))
				probe.readUsage(&j)
			}
		}
		if d == &langfuse {
			probe.readBuckets(a.text(langfuseUsage))
		}
		if probe.n[factInput] > 0 || probe.n[factOutput] > 0 || probe.n[factTotal] > 0 {
			return true
		}
	}
	return s.unit() != factCount || countsInHeaders(a)
}

// operationOf tells by the unit what a span without an operation did. Its model may tell
// more, see [operation.apiType].
func operationOf(unit fact) operation {
	switch unit {
	case factAudioNanos:
		return opTranscription
	case factCharacters:
		return opTTS
	case factImages:
		return opImage
	case factPages:
		return opOCR
	}
	return opChat
}

// operationLike guesses an operation from the words of its name.
func operationLike(name string) operation {
	name = strings.ToLower(name)
	for _, like := range [...]struct {
		word string
		op   operation
	}{
		{"embed", opEmbedding}, {"rerank", opRerank},
		{"transcri", opTranscription}, {"speech_to_text", opTranscription}, {"speech2text", opTranscription}, {"stt", opTranscription}, {"asr", opTranscription},
		{"text_to_speech", opTTS}, {"text2speech", opTTS}, {"tts", opTTS}, {"synthes", opTTS},
		{"realtime", opRealtime}, {"speech_to_speech", opRealtime}, {"voice", opRealtime},
		{"video", opVideo}, {"image", opImage}, {"ocr", opOCR},
	} {
		if strings.Contains(name, like.word) {
			return like.op
		}
	}
	return opChat
}
