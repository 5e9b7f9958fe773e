package genai

import "strings"

// An unclaimed span reports usage, and no dialect says that it is a call: it
// names no operation, or one that nobody knows. It becomes a call unless calls
// turn out to be inside it, for then it repeats them. So does the span of an
// agent that is written in no dialect we know, when nothing else of its trace is
// a call: its usage is a sum, and says so.

// unclaimed gives the operation of the span at hand when it is such a span, and
// op otherwise.
func (s *spanReader) unclaimed(d *dialect, op operation) operation {
	if op.isCall() || op == opOtherSignal || op == opModeration || !s.reportsUsage(d) {
		return op
	}
	switch {
	case op == opUnknown:
		s.isUnclaimed = true
		return operationLike(s.call.Operation)
	case op == opNotACall && d == &unknownDialect && agentOperations[strings.ToLower(s.call.Operation)] &&
		(s.a.firstText(d.words.model) != "" || s.a.firstText(d.words.requestModel) != ""):
		s.isUnclaimed, s.isAgent = true, true
		return opChat
	}
	return op
}

// agentOperations are the operations that sum up their calls.
var agentOperations = map[string]bool{
	"invoke_agent": true, "invoke_workflow": true, "agent": true, "workflow": true, "run_agent": true, "agent_step": true,
	"invoke_subagent": true, "execute_task": true, "task": true,
}

// reportsUsage reports whether the span has a count above zero, under any name
// that reports a side of a call, or what is billed in its place.
func (s *spanReader) reportsUsage(d *dialect) bool {
	a := s.a
	if a.present.meets(&d.words.sides) || a.present.meets(&answerNames) || len(a.unknown) > 0 {
		probe := noFacts
		probe.read(a, d.words)
		probe.readUnknown(a.unknown)
		for _, id := range namesUsageObject {
			if text := jsonOf(a, id); text != "" {
				j := newJSON(jsonOfPython(text))
				probe.readUsage(&j)
			}
		}
		if probe.n[factInput] > 0 || probe.n[factOutput] > 0 || probe.n[factTotal] > 0 {
			return true
		}
	}
	for _, id := range conventionWords.seconds {
		if a.count(id) > 0 || a.has(id) && nanosOf(a.values[id]) > 0 {
			return true
		}
	}
	return false
}

// operationLike guesses what an operation does by its words.
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
		{"video", opVideo}, {"image", opImage},
	} {
		if strings.Contains(name, like.word) {
			return like.op
		}
	}
	return opChat
}
