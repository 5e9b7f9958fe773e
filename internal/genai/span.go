package genai

import (
	"cmp"
	"strconv"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// spanReader is the current span as the hooks of a dialect see it.
type spanReader struct {
	r        *reading
	a        *attributes
	span     ptrace.Span
	scope    string
	call     *Call
	op       operation
	provider string // the provider as the span names it
	address  string
	// callFailed: the dialect reports the failure in its own way.
	callFailed bool
	// isUnclaimed and isAgent: see [spanReader.unclaimed].
	isUnclaimed, isAgent, isTool bool
	// wrapped: LangChain messages on other spans may report more of the call.
	wrapped bool
}

// readSpan reads one span that passed the gate.
func (r *reading) readSpan(span ptrace.Span, seen sight) {
	a := &r.attrs
	a.read(r.names, span.Attributes())
	hasOwn := seen&isOwn != 0
	if !hasOwn && a.some(isPrefixed) { // the gate has not looked at all of it
		hasOwn = true
		r.config.Touch(span)
		a.read(r.names, span.Attributes())
	}
	r.touched.join(&a.present)
	d := r.dialectOf(a)
	words := d.words

	f := r.newFound()
	call := &f.call
	s := &r.span
	*s = spanReader{} // field by field: a literal would be copied
	s.r, s.a, s.span, s.scope, s.call = r, a, span, r.scope, call
	call.Dialect, call.HasOwn = d.name, hasOwn
	call.Operation = a.firstText(words.operation)
	if d.operation != nil {
		s.op = d.operation(s)
	} else {
		s.op = s.conventionalOperation()
	}
	if !s.op.isCall() {
		s.op = s.unclaimed(d, s.op)
	}
	if !s.op.isCall() {
		r.dropFound(len(r.calls) - 1)
		r.skipSpan(d, span, s.op)
		return
	}

	if a.some(isAnswered) && answeredFromCache(a) {
		r.dropFound(len(r.calls) - 1)
		r.skip(d.name, SkipFromCache)
		return
	}

	call.Model, call.RequestModel = a.firstText(words.model), a.firstText(words.requestModel)
	call.ResponseID = a.firstText(words.responseID)
	call.TraceID, call.SpanID = span.TraceID(), span.SpanID()
	call.Start, call.End = span.StartTimestamp().AsTime(), span.EndTimestamp().AsTime()
	call.Service, call.Environment = r.resource.service, r.resource.environment
	call.SessionID = a.firstText(words.session)
	s.provider, s.address = a.firstText(words.provider), a.firstText(words.address)
	if s.address == "" {
		s.address = addressIn(a)
	}

	numbers := s.readNumbers(d)
	call.ReportedIsBill = call.HasReportedCost && (call.ReportedIsBill || d == &openRouter) // which writes its own bill
	call.setKey()
	if s.failed() && call.ResponseID == "" && !numbers.hasNumbers() {
		r.dropFound(len(r.calls) - 1)
		r.skip(d.name, SkipCallFailed)
		return
	}

	if call.Model == "" {
		call.Model = call.RequestModel
	}
	if call.User == "" {
		call.User = r.userOf(a, d)
	}
	if s.isAgent { // its calls may come without their user
		r.rememberUser(call.TraceID, call.User, a.firstText(namesSession))
	}
	call.Outcome = s.outcome()
	if payer := payerOf(a); payer != "" {
		call.Payer = payer
	}
	call.Sampled = sampled(span.TraceState().AsRaw(), a)
	call.Tags, f.tags = r.tagsOf(a), r.resource.tags
	f.span, f.user = span, r.resource.user
	report := &f.report.Report
	report.Observer, report.Service, report.Environment, report.Parent = r.observer, r.resource.serviceHash, r.resource.environmentHash, span.ParentSpanID()
	report.Unclaimed, report.Sum, f.isAgent, f.isTool = s.isUnclaimed, s.isAgent, s.isAgent, s.isTool
	numbers.callsMissing = numbers.callsMissing || s.isAgent || s.isTool
	f.op, f.provider, f.address, f.cloudRegion = s.op, s.provider, s.address, numbers.modifiers[modCloud]
	f.wrapped = s.wrapped && numbers.n[factCacheRead] == absent
	if call.Model == "" && !span.ParentSpanID().IsEmpty() || f.wrapped {
		r.pending = append(r.pending, *numbers)
		f.pending = int32(len(r.pending))
		return
	}
	r.quantify(f, numbers)
}

// readNumbers reads what the span reports of its call's consumption and cost, and what the
// price depends on. The result is valid until the next call.
func (s *spanReader) readNumbers(d *dialect) *facts {
	a, call, words := s.a, s.call, d.words
	numbers := &s.r.facts
	*numbers = noFacts
	numbers.inputMeans, numbers.outputMeans, numbers.reports, numbers.always = d.input, d.output, d.reports, d.knows.always
	numbers.read(a, words)
	numbers.readUnknown(a.unknown)
	saidEstimate := numbers.estimate
	numbers.modifiers.read(a)
	numbers.modifiers.readFlags(a)
	if s.isAgent {
		numbers.readSum(a)
	}
	if d.adjust != nil {
		d.adjust(s, numbers)
	}
	numbers.estimate = numbers.estimate || saidEstimate || a.some(isEnd) && cutShort(a)
	s.readAnswers(a, numbers)
	numbers.readCostAside(a)
	if a.some(isRequests) && a.firstCount(namesRequests) > 1 {
		numbers.several = true
	}
	if a.some(isHeader) {
		s.readHeaders(numbers)
	}
	s.readEvents(numbers, words)
	numbers.modifiers.readAsides(a)
	if call.Model == "" && call.RequestModel == "" {
		call.RequestModel = modelAside(a)
	}
	s.setModifiers(&numbers.modifiers)
	s.readUnits(numbers)
	s.readBill()
	s.readCostOfAnswer(numbers)
	s.readCost(words.cost)
	return numbers
}

// quantify settles who hosts the call, its API type and what it consumed. All three depend
// on the model.
func (r *reading) quantify(f *found, numbers *facts) {
	call := &f.call
	info := r.model(call.Model)
	if info.vendor == catalog.VendorAnthropic && f.askedAtCloud(info) {
		info = r.model(call.Model)
	}
	host := r.host(hostKey{f.provider, f.address, call.Model}, info)
	call.Provider = host.provider
	named := call.Model
	if call.Provider == catalog.Bedrock {
		call.Model, call.RequestModel = catalog.BedrockID(call.Model), catalog.BedrockID(call.RequestModel)
	}
	if call.Region == "" {
		call.Region = cmp.Or(catalog.RegionInName(named), regionCalled(call.Provider, f.cloudRegion, host.region))
	}
	call.APIType = f.op.apiType(info.kind)
	f.report.Model = info.base
	if f.op == opAudio && call.APIType == usage.APITypeText {
		call.APIType = usage.APITypeSpeech
	}
	numbers.fitTo(call, info)
	if call.Provider == catalog.OpenRouter {
		numbers.readRoute(call)
	}
	call.Reason, call.Missing = numbers.quantities(&call.Quantities, callKind{call.APIType, call.Provider, host.client, *info})
	if f.isAgent {
		call.Missing |= usage.MissingCalls
	}
	call.Unreported = numbers.unreported(call, host.own)
}

// readRoute reads what the name of a model says of how OpenRouter serves it. One
// that prefers some hosts has no price of its own, as a service tier that the book
// lacks; ":online" searches the web, how often is not reported.
func (f *facts) readRoute(call *Call) {
	suffix := catalog.RouteSuffix(call.Model)
	if suffix == "" && call.RequestModel != call.Model {
		suffix = catalog.RouteSuffix(call.RequestModel)
	}
	switch suffix {
	case "", "free":
	case "online":
		if f.n[factWebSearches] <= 0 {
			f.n[factWebSearches], f.unknown = 1, true
		}
	default:
		if call.ServiceTier == "" {
			call.ServiceTier = suffix
		}
	}
}

// fitTo moves quantities whose meaning depends on the type of call to their place.
func (f *facts) fitTo(call *Call, info *modelInfo) {
	switch call.APIType {
	case usage.APITypeVideo:
		if f.n[factVideoNanos] == absent {
			f.n[factVideoNanos], f.n[factAudioNanos] = f.n[factAudioNanos], absent
		}
	}
	if call.Provider == catalog.Perplexity && !strings.Contains(call.Model, "deep-research") {
		f.n[factWebSearches], f.n[factCitations] = absent, absent // named by all of its models, in the fee of the request but for this one
	}
	if f.n[factWebSearches] == absent {
		switch queries := f.n[factSearchQueries]; {
		case queries > 0 && info.searchesByPrompt:
			f.n[factWebSearches] = 1
		case queries > 0:
			f.n[factWebSearches] = queries
		case info.searches:
			f.n[factWebSearches] = 1
		}
	}
	if f.n[factInput] <= 0 && f.n[factOutput] <= 0 && f.n[factTotal] <= 0 {
		switch call.APIType {
		case usage.APITypeImage:
			f.tokensMissing = f.n[factImages] > 0 && !info.perImage
		case usage.APITypeTTS:
			f.tokensMissing = f.n[factCharacters] > 0 && info.tokens
		case usage.APITypeTranscription:
			f.tokensMissing = f.n[factAudioNanos] > 0 && info.tokens
		}
	}
}

// conventionalOperation reads gen_ai.operation.name. Without it, only a client span that
// names its model and reports usage counts as a call.
func (s *spanReader) conventionalOperation() operation {
	if s.call.Operation != "" {
		return operationNamed(s.call.Operation)
	}
	if op := s.operationOfKind(); op != opUnknown {
		return op
	}
	if s.span.Kind() == ptrace.SpanKindClient && s.a.present.meets(&modelNames) && s.a.present.meets(&usageNames) {
		return opChat
	}
	return opUnknown
}

var (
	// The number of requests that the numbers of the span sum up.
	namesRequests = names("gen_ai.usage.requests", "gen_ai.usage.request_count", "gen_ai.request.count", "llm.request.count", "gen_ai.agent.num_turns", "num_turns")

	modelNames = setOf(append(append([]nameID{}, conventionWords.model...), conventionWords.requestModel...)...)
	// usageNames are the sides as the conventions name them.
	usageNames = setOf(names("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens")...)
)

// namesFromCache say whether a gateway answered from a cache of whole answers. The cache of
// a provider, which only makes input cheaper, has other names.
//
// Sources: litellm, Portkey, Helicone, Cloudflare (headers of their answers).
var namesFromCache = names("litellm.cache_hit", "litellm.cache.hit", "metadata.cache_hit", "portkey.cache_status", "portkey.cache.status",
	"http.response.header.x-portkey-cache-status", "helicone.cache.hit", "http.response.header.helicone-cache", "http.response.header.cf-aig-cache-status")

// namesEnd say how a call ended: of those that were cut short, providers have reported the output
// up to then, or only its beginning.
var namesEnd = []nameID{nameErrorType, name("gen_ai.response.finish_reasons"), name("gen_ai.response.finish_reason"), name("llm.response.finish_reason"), name("ai.response.finishReason")}

// cutShort reports whether the span says that the caller did not wait for the end.
func cutShort(a *attributes) bool {
	for _, id := range namesEnd {
		if !a.has(id) {
			continue
		}
		v := a.values[id]
		if v.Type() == pcommon.ValueTypeSlice {
			if v.Slice().Len() == 0 {
				continue
			}
			v = v.Slice().At(0)
		}
		word := v.Str()
		switch word {
		case "stop", "length", "tool_calls", "end_turn", "tool_use", "STOP", "max_tokens": // nearly all values are one of these
			continue
		}
		word = strings.ToLower(word)
		for _, end := range [...]string{"cancel", "abort", "interrupted", "disconnected"} {
			if strings.Contains(word, end) {
				return true
			}
		}
	}
	return false
}

// answeredFromCache reports whether the span says so.
func answeredFromCache(a *attributes) bool {
	for _, id := range namesFromCache {
		if !a.has(id) {
			continue
		}
		v := a.values[id]
		if v.Type() == pcommon.ValueTypeSlice && v.Slice().Len() > 0 { // a header
			v = v.Slice().At(0)
		}
		if word := strings.ToLower(v.AsString()); word == "true" || word == "hit" {
			return true
		}
	}
	return false
}

// skipSpan counts a span that is not a call, and remembers the user that it names for the
// calls below it.
func (r *reading) skipSpan(d *dialect, span ptrace.Span, op operation) {
	r.nameUser(span, r.userOf(&r.attrs, d), r.attrs.firstText(namesSession), r.resource.service, r.resource.serviceHash)
	switch {
	case op == opOtherSignal:
		r.traces.note(span.TraceID()) // the wrappers around it repeat its usage
		r.skip(d.name, SkipOtherSignal)
	case op == opUnknown && r.attrs.present.meets(&usageNames):
		r.skip(d.name, SkipUnknownOperation)
	default:
		r.skip(d.name, SkipNotACall)
	}
}

// outcome returns the status of the span. An error that is only in an attribute counts too.
func (s *spanReader) outcome() usage.Outcome {
	switch {
	case s.failed():
		return usage.OutcomeError
	case s.span.Status().Code() == ptrace.StatusCodeOk:
		return usage.OutcomeOK
	}
	return usage.OutcomeUnset
}

// failed reports whether the span says that the call failed.
func (s *spanReader) failed() bool {
	if s.callFailed || s.span.Status().Code() == ptrace.StatusCodeError || s.a.text(nameErrorType) != "" {
		return true
	}
	return s.a.has(nameHTTPStatus) && s.a.count(nameHTTPStatus) >= 400
}

// userOf returns the value of the first configured user attribute that has one. With the
// default list, an attribute that names an installation in this dialect comes last; d may
// be nil.
func (r *reading) userOf(a *attributes, d *dialect) string {
	if !a.some(isUser) {
		return ""
	}
	installation := ""
	for i, id := range r.userNames {
		text := userText(a, id)
		switch {
		case text == "":
		case d != nil && r.userDefaults && i >= r.userExtra && d.installation.has(id):
			installation = cmp.Or(installation, text)
		default:
			return text
		}
	}
	return installation
}

// userText returns the text of a user attribute; a number is converted to text.
func userText(a *attributes, id nameID) string {
	if !a.present.has(id) {
		return ""
	}
	switch v := a.values[id]; v.Type() {
	case pcommon.ValueTypeStr:
		return v.Str()
	case pcommon.ValueTypeInt:
		return strconv.FormatInt(v.Int(), 10)
	}
	return ""
}

// tagNames is a configured tag and the attributes that may carry it.
type tagNames struct {
	name string
	ids  []nameID
}

// tagsOf returns the tags that the attributes carry, each from the first attribute that has
// it.
func (r *reading) tagsOf(a *attributes) (tags []usage.Tag) {
	for i := range r.tags {
		for _, id := range r.tags[i].ids {
			if text := tagText(a, id); text != "" {
				tags = append(tags, usage.Tag{Key: r.tags[i].name, Value: text})
				break
			}
		}
	}
	return tags
}

func tagText(a *attributes, id nameID) string {
	if !a.present.has(id) {
		return ""
	}
	switch v := a.values[id]; v.Type() {
	case pcommon.ValueTypeStr:
		return v.Str()
	case pcommon.ValueTypeInt, pcommon.ValueTypeDouble, pcommon.ValueTypeBool:
		return v.AsString()
	}
	return ""
}
