package genai

import (
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
	"github.com/otelcol-usage/otelcol-usage/internal/once"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// Coding agents report their calls as log events too, and those say more than
// their spans: Claude Code's have the lifetime of cache writes and the cost,
// Gemini CLI's the thoughts and the cache. One signal per tool is read, so that
// a call seen in spans and logs is one: see [Config.AgentLogs]. Other tools
// repeat in logs what their spans report: their events are read where no spans come.
var (
	logEventKind  = name("event.kind")
	logTimestamp  = name("event.timestamp")
	logDuration   = name("duration_ms")
	logCost       = name("cost_usd")
	logCostMicros = name("cost_usd_micros")
	logStatus     = name("status_code")
	logUsageOther = setOf(append(names("input_tokens", "input_token_count"), conventionWords.counts[factInput]...)...)
	// What identifies events without a response id.
	logEventKey = names("prompt_id", "conversation.id", "input_token_count", "output_token_count", "input_tokens", "output_tokens", "duration_ms")

	geminiLogWords = vocabulary{
		requestModel: names("model"),
		session:      names("session.id"),
		counts: factNames{
			factInput:     names("input_token_count"),
			factOutput:    names("output_token_count"),
			factTotal:     names("total_token_count"),
			factCacheRead: names("cached_content_token_count"),
			factReasoning: names("thoughts_token_count"),
			// The results of tools, which the input does not include.
			factToolPrompt: names("tool_token_count"),
		},
	}.complete()

	codexLogWords = vocabulary{
		requestModel: names("model"),
		session:      names("conversation.id"),
		counts: factNames{
			factInput:      names("input_token_count"),
			factOutput:     names("output_token_count"),
			factCacheRead:  names("cached_token_count"),
			factCacheWrite: names("cache_write_token_count"),
			factReasoning:  names("reasoning_token_count"),
		},
	}.complete()
)

// ReadLogs is [Reader.Read] for the log events of coding agents. A record that repeats a
// call of the spans is skipped with [SkipOtherSignal]; records of other kinds are ignored.
func (r *Reader) ReadLogs(
	ld plog.Logs,
	emit func(call *Call, record plog.LogRecord),
	skip func(dialect string, reason SkipReason),
) {
	var state *reading
	for i, resources := 0, ld.ResourceLogs(); i < resources.Len(); i++ {
		ofResource := resources.At(i)
		entered := false
		for j, scopes := 0, ofResource.ScopeLogs(); j < scopes.Len(); j++ {
			ofScope := scopes.At(j)
			for k, records := 0, ofScope.LogRecords(); k < records.Len(); k++ {
				record := records.At(k)
				event := eventName(record)
				isListed := isCallEvent(event)
				if !isListed && !carriesUsage(record) {
					continue
				}
				if state == nil {
					state = r.pool.Get().(*reading)
					state.skip = skip
				}
				if !entered {
					state.enterResource(ofResource.Resource())
					entered = true
				}
				if !isListed {
					state.readUnlisted(ofScope.Scope(), record)
				} else if strings.HasSuffix(event, suffixDetails) {
					state.readDetails(ofScope.Scope(), record)
				} else {
					state.readRecord(event, ofScope.Scope().Name(), record)
				}
			}
		}
	}
	if state == nil {
		return
	}
	state.dropDuplicates()
	for i := range state.calls {
		if f := &state.calls[i]; !f.report.dropped {
			emit(&f.call, f.record)
		}
	}
	if state.release() {
		r.pool.Put(state)
	}
}

// eventName returns the name of an event: from its field, otherwise from the attribute that
// older emitters set, otherwise from the body.
func eventName(record plog.LogRecord) string {
	if v, ok := record.Attributes().Get("event.name"); ok && v.Type() == pcommon.ValueTypeStr {
		// Claude Code's attribute lacks the prefix that its body has, or the name itself.
		if body := record.Body(); body.Type() == pcommon.ValueTypeStr && strings.HasSuffix(body.Str(), "."+v.Str()) {
			return body.Str()
		}
		if event := record.EventName(); strings.HasSuffix(event, "."+v.Str()) {
			return event
		}
		return v.Str()
	}
	if event := record.EventName(); event != "" {
		return event
	}
	return record.Body().Str()
}

// The events that report a call.
const (
	eventClaude = "claude_code.api_request"
	eventCodex  = "codex.sse_event"
	eventGemini = "gemini_cli.api_response"
	// The conventions' event, which repeats what the span reports.
	eventDetails  = "gen_ai.client.inference.operation.details"
	suffixDetails = ".operation.details"
)

// Forks of these agents (qwen-code and others) write the same events under a prefix of
// their own.
const (
	suffixClaude = ".api_request"
	suffixCodex  = ".sse_event"
	suffixGemini = ".api_response"
	// bareClaude is Claude Code's event when only the attribute is left of its name.
	bareClaude = "api_request"
)

func isCallEvent(event string) bool {
	return event == bareClaude || strings.HasSuffix(event, suffixClaude) || strings.HasSuffix(event, suffixGemini) || strings.HasSuffix(event, suffixCodex) ||
		strings.HasPrefix(event, "gen_ai.client.") && strings.HasSuffix(event, suffixDetails)
}

// carriesUsage reports whether a record has usage under the names of the conventions: the
// access log of a gateway, or the event of an app.
func carriesUsage(record plog.LogRecord) bool {
	for key, value := range record.Attributes().All() {
		if strings.HasPrefix(key, "gen_ai.usage.") || usesNested(key, value) {
			return true
		}
	}
	if body := record.Body(); body.Type() == pcommon.ValueTypeMap {
		for key, value := range body.Map().All() {
			if strings.HasPrefix(key, "gen_ai.usage.") || usesNested(key, value) {
				return true
			}
		}
	}
	return false
}

// readUnlisted reads a record with usage under the name of an event that nobody listed, like
// [reading.readDetails]. Where a service has GenAI spans, in any scope, such a record
// repeats them.
func (r *reading) readUnlisted(scope pcommon.InstrumentationScope, record plog.LogRecord) {
	if r.spansOf.noted(r.resource.source()) {
		r.skip(unknownDialect.name, SkipOtherSignal)
		return
	}
	r.readDetails(scope, record)
}

// readRecord reads one event.
func (r *reading) readRecord(event, scope string, record plog.LogRecord) {
	a := &r.attrs
	a.read(r.names, record.Attributes())
	r.touched.join(&a.present)

	var d *dialect
	words := claudeCode.words
	if event == bareClaude {
		if dialectOfScope(scope) != &claudeCode {
			return
		}
		event = eventClaude
	}
	fork := event != eventClaude && event != eventGemini && event != eventCodex
	switch {
	case fork && !a.present.meets(&logUsageOther):
		return // an event of something else
	case strings.HasSuffix(event, suffixClaude):
		d = &claudeCode
	case strings.HasSuffix(event, suffixGemini):
		d, words = &geminiCLI, geminiLogWords
	case strings.HasSuffix(event, suffixCodex):
		d, words = &codex, codexLogWords
		if a.text(logEventKind) != "response.completed" || !a.present.meets(&logUsageOther) {
			return // every event of a stream is logged; one of the last two has the counts
		}
	default:
		return
	}

	f := r.newFound()
	f.record = record
	f.report.Report = once.Report{Observer: once.Hash(event), Service: r.resource.serviceHash, Environment: r.resource.environmentHash}
	call := &f.call
	s := &r.span
	*s = spanReader{r: r, a: a, scope: scope, call: call, op: opChat}
	call.Dialect, call.Operation = d.name, event
	call.RequestModel = a.firstText(words.requestModel)
	call.Model = call.RequestModel
	call.SessionID = a.firstText(words.session)
	call.Service, call.Environment = r.resource.service, r.resource.environment
	call.TraceID, call.SpanID = record.TraceID(), record.SpanID()
	call.Start, call.End = timesOf(a, record)
	call.User, f.user = r.userOf(a, d), r.resource.user
	if call.SessionID == "" {
		call.SessionID = r.resource.session
	}
	call.Payer = payerOf(a)
	call.Tags = r.tagsOf(a)
	call.addTags(r.resource.tags)

	numbers := &r.facts
	*numbers = noFacts
	numbers.inputMeans, numbers.outputMeans = d.input, d.output
	numbers.reports, numbers.always = MissingCache|MissingReasoning, d.knows.always
	numbers.read(a, words)
	numbers.modifiers.read(a)
	numbers.modifiers.readFlags(a)
	f.op = opChat
	switch d {
	case &claudeCode:
		adjustClaudeCode(s)
		if fork {
			s.provider = "" // the model tells the provider
			numbers.inputMeans, numbers.unlisted = inputUnknown, true
		}
		call.Model = call.RequestModel
		f.provider = s.provider
		if a.has(logCostMicros) {
			if micros := a.count(logCostMicros); micros > 0 {
				call.reportCostText(strconv.FormatFloat(float64(micros)/1e6, 'f', 6, 64))
			}
		} else if a.has(logCost) {
			call.reportCost(a.values[logCost])
		}
	case &geminiCLI:
		numbers.outputMeans, numbers.toolsBeside = outputExclusive, true
		s.callFailed = a.count(logStatus) >= 400
	}
	s.setModifiers(&numbers.modifiers)
	if s.callFailed {
		call.Outcome = usage.OutcomeError
	}
	if s.callFailed && !numbers.hasNumbers() {
		r.dropFound(len(r.calls) - 1)
		r.skip(d.name, SkipCallFailed)
		return
	}
	if call.Key == "" {
		call.setEventKey(a)
	}
	r.quantify(f, numbers)
}

// readDetails reads the conventions' event, which has the attributes of a span and is read
// like one. Its row gets the id of the span's row, so that the two are one call. The event
// may have less than the span: where the library's spans come too, or another signal of the
// agent is read, it is ignored.
func (r *reading) readDetails(scope pcommon.InstrumentationScope, record plog.LogRecord) {
	span := ptrace.NewSpan()
	record.Attributes().CopyTo(span.Attributes())
	if body := record.Body(); body.Type() == pcommon.ValueTypeMap {
		for key, value := range body.Map().All() {
			if _, known := span.Attributes().Get(key); !known {
				value.CopyTo(span.Attributes().PutEmpty(key))
			}
		}
	}
	a := &r.attrs
	a.read(r.names, span.Attributes())
	r.touched.join(&a.present)
	r.enterScope(scope)
	d := r.dialectOf(a)
	if !a.present.meets(&d.words.sides) && !a.some(isAnswer) {
		return
	}
	if d.callsComeApart || r.traces.noted(record.TraceID()) || r.spansOf.noted(r.source()) || d == &openlit && r.leavesCacheOut(a, d) {
		r.skip(d.name, SkipOtherSignal)
		return
	}
	span.SetName(eventDetails)
	span.SetKind(ptrace.SpanKindClient)
	span.SetTraceID(record.TraceID())
	span.SetSpanID(record.SpanID())
	start, end := timesOf(a, record)
	span.SetStartTimestamp(pcommon.NewTimestampFromTime(start))
	span.SetEndTimestamp(pcommon.NewTimestampFromTime(end))
	before := len(r.calls)
	r.readSpan(span, isGenAI)
	if len(r.calls) == before {
		return
	}
	f := &r.calls[before]
	if f.isAgent || f.isTool {
		r.dropFound(before)
		r.skip(d.name, SkipNotACall)
		return
	}
	f.record = record
	if f.pending != 0 { // no other span adds anything
		r.quantify(f, &r.pending[f.pending-1])
		f.pending = 0
	}
	if f.call.Key == "" && f.call.TraceID.IsEmpty() {
		f.call.setEventKey(a)
	}
}

// leavesCacheOut reports whether the input of an event without cached tokens differs from
// the number on its span.
func (r *reading) leavesCacheOut(a *attributes, d *dialect) bool {
	return callKind{provider: catalog.Canonical(a.firstText(d.words.provider)), model: *r.model(a.firstText(d.words.requestModel))}.excludesCache()
}

// setEventKey makes a key for an event without a response id from the session, the time in
// milliseconds and the counts, which tell apart two calls that end in the same millisecond.
func (c *Call) setEventKey(a *attributes) {
	at := a.text(logTimestamp)
	if at == "" {
		at = strconv.FormatInt(c.End.UnixNano(), 10)
	}
	var key strings.Builder
	key.WriteString(at)
	for _, id := range logEventKey {
		if a.has(id) {
			key.WriteByte('/')
			key.WriteString(a.values[id].AsString())
		}
	}
	c.KeySpace, c.Key = c.Dialect+"/"+c.SessionID, key.String()
}

// timesOf returns the start and end of the call: an event is written when the call has
// ended, and reports its duration.
func timesOf(a *attributes, record plog.LogRecord) (start, end time.Time) {
	at := record.Timestamp()
	if at == 0 {
		at = record.ObservedTimestamp()
	}
	end = at.AsTime()
	if at == 0 {
		if t, err := time.Parse(time.RFC3339Nano, a.text(logTimestamp)); err == nil {
			end = t.UTC()
		}
	}
	if a.has(logDuration) {
		if ms, ok := numberOf(a.values[logDuration]); ok && ms >= 0 && ms < 1e9 {
			return end.Add(-time.Duration(ms * float64(time.Millisecond))), end
		}
	}
	return end, end
}
