package genai

import (
	"math"
	"strconv"
	"sync"
	"unicode/utf8"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// Reader finds the billable calls in payloads. It is safe for concurrent use;
// what it remembers between payloads is bounded by its [Config].
type Reader struct {
	config Config
	names  *nameTable

	userNames, tagNames                        []nameID
	inputSeconds, inputCharacters, inputImages nameID
	contextNames                               nameSet

	roots  *rootMemory
	window *window

	pool sync.Pool // of *reading
}

// NewReader makes a reader. It fails when the configured attribute names are
// empty or too many.
func NewReader(config Config) (*Reader, error) {
	config.setDefaults()
	r := &Reader{config: config, names: builtinNames.clone()}
	if err := r.declare(&r.config); err != nil {
		return nil, err
	}
	if config.RootMemory > 0 && len(r.userNames) > 0 {
		r.roots = newRootMemory(config.RootMemory)
	}
	if config.DuplicateWindow > 0 && config.DuplicateCalls > 0 {
		r.window = newWindow(config.DuplicateCalls, config.DuplicateWindow, config.Now)
	}
	r.pool.New = func() any { return newReading(r) }
	return r, nil
}

// Read calls emit for each billable call that td tells of, in the order of
// its spans, and skip for each span that looks like GenAI and is no call of its
// own. It reads td only; emit may write to the span it is given. The Call is
// valid until emit returns.
func (r *Reader) Read(
	td ptrace.Traces,
	emit func(call *Call, span ptrace.Span, resource pcommon.Resource),
	skip func(dialect string, reason SkipReason),
) {
	var state *reading // only a payload with GenAI in it needs one
	for i, resources := 0, td.ResourceSpans(); i < resources.Len(); i++ {
		ofResource := resources.At(i)
		firstOfResource := true
		for j, scopes := 0, ofResource.ScopeSpans(); j < scopes.Len(); j++ {
			ofScope := scopes.At(j)
			firstOfScope := true
			for k, spans := 0, ofScope.Spans(); k < spans.Len(); k++ {
				span := spans.At(k)
				if r.config.Touch != nil {
					r.config.Touch(span)
				}
				if !looksLikeGenAI(span) {
					continue
				}
				if state == nil {
					state = r.pool.Get().(*reading)
					state.start(td, skip)
				}
				if firstOfResource {
					state.enterResource(ofResource.Resource())
					firstOfResource = false
				}
				if firstOfScope {
					state.enterScope(ofScope.Scope().Name())
					firstOfScope = false
				}
				state.readSpan(span)
			}
		}
	}
	if state == nil {
		return
	}
	state.finish(emit)
	if state.release() {
		r.pool.Put(state)
	}
}

// maxPooledCalls keeps one giant payload from staying in memory for ever.
const maxPooledCalls = 8192

// reading is the state of reading one payload. It is reused.
type reading struct {
	*Reader
	skip func(dialect string, reason SkipReason)

	attrs   attributes // of the span at hand
	others  attributes // of an ancestor or a resource
	touched nameSet    // every name that attrs or others ever had, to let go of the payload

	facts facts      // of the span at hand
	span  spanReader // the same as the hooks of its dialect see it

	resource ofResource
	scope    string
	dialect  *dialect // of the scope, nil when unknown

	calls   []found
	pending []facts // of the calls whose model an ancestor must tell
	tree    tree
	ids     keyTable
	scopes  int // how many different scopes the calls have, 2 for "some"

	models    map[string]modelInfo
	lastModel string
	lastInfo  modelInfo
}

// found is a call and what is needed to settle it.
type found struct {
	call     Call
	span     ptrace.Span
	resource pcommon.Resource
	user     string // the resource's
	scope    string
	told     string // what the span calls the provider
	address  string
	op       operation
	pending  int32  // index into reading.pending plus 1, 0 for none
	model    uint64 // modelInfo.base
	keyHash  uint64 // of the call's key, 0 for none
	dropped  bool
	met      bool           // another telling of this call was dropped, namely
	twin     pcommon.SpanID // the last one
	inner    int32          // how many calls are inside this one, and
	innerIn  int64          // their input and
	innerOut int64          // output tokens
}

// ofResource is what a resource tells about all its calls.
type ofResource struct {
	resource                            pcommon.Resource
	service, environment, user, session string
}

var (
	nameService      = name("service.name")
	namesEnvironment = names("deployment.environment.name", "deployment.environment", "env")
	namesSession     = names("gen_ai.conversation.id", "session.id", "langfuse.session.id", "langsmith.metadata.session_id",
		"langsmith.metadata.thread_id", "traceloop.association.properties.session_id", "traceloop.association.properties.chat_id",
		"ai.telemetry.metadata.sessionId", "mastra.metadata.sessionId", "mastra.metadata.threadId", "conversation.id",
		"gcp.vertex.agent.session_id", "spring.ai.chat.client.conversation.id", "thread.id.conversation")
	namesInheritedModel = names("gen_ai.response.model", "gen_ai.request.model", "llm.model_name", "model")
)

func newReading(r *Reader) *reading {
	return &reading{Reader: r, models: make(map[string]modelInfo)}
}

func (r *reading) start(td ptrace.Traces, skip func(string, SkipReason)) {
	r.skip = skip
	r.tree.traces = td
	r.scopes = 0
}

// release lets go of everything that points into the payload. It is false
// when the reading has grown too large to be kept.
func (r *reading) release() bool {
	r.touched.each(func(id nameID) {
		r.attrs.values[id] = pcommon.Value{}
		r.others.values[id] = pcommon.Value{}
	})
	r.touched = nameSet{}
	r.skip, r.resource, r.scope, r.dialect, r.span = nil, ofResource{}, "", nil, spanReader{}
	tooLarge := len(r.calls) > maxPooledCalls || len(r.tree.nodes) > 8*maxPooledCalls
	clear(r.calls)
	r.calls = r.calls[:0]
	r.pending = r.pending[:0]
	r.tree.release()
	return !tooLarge
}

func (r *reading) enterResource(resource pcommon.Resource) {
	a := &r.others
	a.read(r.names, resource.Attributes())
	r.touched.join(&a.present)
	r.resource = ofResource{
		resource:    resource,
		service:     a.text(nameService),
		environment: a.firstText(namesEnvironment),
		user:        r.userOf(a),
		session:     a.firstText(namesSession),
	}
}

func (r *reading) enterScope(scope string) {
	if scope != r.scope || r.dialect == nil {
		r.scope, r.dialect = scope, dialectOfScope(scope)
	}
}

// dialectOf decides which dialect the span at hand is written in.
func (r *reading) dialectOf(a *attributes) *dialect {
	if allMarks.meets(&a.present) {
		for _, d := range dialects {
			if d.marks.meets(&a.present) {
				return d
			}
		}
	}
	if r.dialect != nil {
		return r.dialect
	}
	if d := dialectOfSystem(a.firstText(conventionWords.provider)); d != nil {
		return d
	}
	return &unknownDialect
}

// spanReader is the span at hand, as the hooks of a dialect see it.
type spanReader struct {
	r       *reading
	a       *attributes
	span    ptrace.Span
	scope   string
	call    *Call
	op      operation
	told    string // what the span calls the provider
	address string
	// callFailed: the dialect has a word for it.
	callFailed bool
}

// readSpan reads one span that passed the gate.
func (r *reading) readSpan(span ptrace.Span) {
	a := &r.attrs
	a.read(r.names, span.Attributes())
	r.touched.join(&a.present)
	d := r.dialectOf(a)
	words := d.words

	r.calls = append(r.calls, found{})
	f := &r.calls[len(r.calls)-1]
	call := &f.call
	s := &r.span
	*s = spanReader{r: r, a: a, span: span, scope: r.scope, call: call}
	call.Dialect = d.name
	call.Operation = a.firstText(words.operation)
	if d.operation != nil {
		s.op = d.operation(s)
	} else {
		s.op = s.conventionalOperation()
	}
	if !s.op.isCall() {
		r.calls = r.calls[:len(r.calls)-1]
		r.skipSpan(d, span, s.op)
		return
	}

	call.Model, call.RequestModel = a.firstText(words.model), a.firstText(words.requestModel)
	call.ResponseID = a.firstText(words.responseID)
	call.TraceID, call.SpanID = span.TraceID(), span.SpanID()
	call.Start, call.End = span.StartTimestamp().AsTime(), span.EndTimestamp().AsTime()
	call.Service, call.Environment = r.resource.service, r.resource.environment
	call.SessionID = a.firstText(words.session)
	call.ServiceTier = servedTier(a.firstText(words.serviceTier))
	call.Region = a.firstText(words.region)
	s.told, s.address = a.firstText(words.provider), a.firstText(words.address)

	numbers := &r.facts
	*numbers = noFacts
	numbers.inputMeans, numbers.outputMeans, numbers.reports = d.input, d.output, d.reports
	numbers.read(a, words)
	if d.adjust != nil {
		d.adjust(s, numbers)
	}
	s.readUnits(numbers)
	s.readCost(words.cost)
	call.setKey()
	if s.failed() && call.ResponseID == "" && !numbers.hasNumbers() {
		r.calls = r.calls[:len(r.calls)-1]
		r.skip(d.name, SkipCallFailed)
		return
	}

	if call.Model == "" {
		call.Model = call.RequestModel
	}
	if call.User == "" {
		call.User = r.userOf(a)
	}
	s.readTags()
	f.span, f.resource, f.user, f.scope = span, r.resource.resource, r.resource.user, r.scope
	f.op, f.told, f.address = s.op, s.told, s.address
	if call.Model == "" && !span.ParentSpanID().IsEmpty() {
		r.pending = append(r.pending, *numbers)
		f.pending = int32(len(r.pending))
		return
	}
	r.quantify(f, numbers)
}

// quantify settles who hosts the call, of which type it is and what it
// consumed. All three depend on the model.
func (r *reading) quantify(f *found, numbers *facts) {
	call := &f.call
	info := r.model(call.Model)
	call.Provider = providerOf(f.told, f.address, call.Model, info)
	call.APIType = f.op.apiType(info.kind)
	f.model = info.base
	if f.op == opAudio && call.APIType == usage.APITypeText {
		call.APIType = usage.APITypeSpeech
	}
	numbers.fitTo(call, info)
	call.Reason, call.Missing = numbers.quantities(&call.Quantities, callKind{call.APIType, call.Provider, info})
}

// fitTo moves the quantities that mean different things for different types of
// calls to their place.
func (f *facts) fitTo(call *Call, info modelInfo) {
	switch call.APIType {
	case usage.APITypeVideo:
		if f.videoNanos == absent {
			f.videoNanos, f.audioNanos = f.audioNanos, absent
		}
	}
	if f.input <= 0 && f.output <= 0 && f.total <= 0 {
		switch call.APIType {
		case usage.APITypeImage:
			f.tokensMissing = f.images > 0 && !info.perImage
		case usage.APITypeTTS:
			f.tokensMissing = f.characters > 0 && info.tokens
		case usage.APITypeTranscription:
			f.tokensMissing = f.audioNanos > 0 && info.tokens
		}
	}
}

// conventionalOperation reads gen_ai.operation.name. Where the span has none,
// only a client span that names its model and its usage is taken for a call.
func (s *spanReader) conventionalOperation() operation {
	if s.call.Operation != "" {
		return operationNamed(s.call.Operation)
	}
	if s.span.Kind() == ptrace.SpanKindClient && s.a.present.meets(&modelNames) && s.a.present.meets(&usageNames) {
		return opChat
	}
	return opUnknown
}

var (
	modelNames = setOf(append(append([]nameID{}, conventionWords.model...), conventionWords.requestModel...)...)
	usageNames = setOf(append(append([]nameID{}, conventionWords.input...), conventionWords.output...)...)
)

// skipSpan counts a span that is no call, and remembers the user it names for
// the calls below it.
func (r *reading) skipSpan(d *dialect, span ptrace.Span, op operation) {
	if r.roots != nil {
		if user := r.userOf(&r.attrs); user != "" {
			r.roots.put(span.TraceID(), user, r.attrs.firstText(namesSession))
		}
	}
	switch {
	case op == opOtherSignal:
		r.skip(d.name, SkipOtherSignal)
	case op == opUnknown && r.attrs.present.meets(&usageNames):
		r.skip(d.name, SkipUnknownOperation)
	default:
		r.skip(d.name, SkipNotACall)
	}
}

// failed reports whether the span says that the call failed.
func (s *spanReader) failed() bool {
	if s.callFailed || s.span.Status().Code() == ptrace.StatusCodeError || s.a.text(nameErrorType) != "" {
		return true
	}
	return s.a.has(nameHTTPStatus) && s.a.count(nameHTTPStatus) >= 400
}

// userOf gives the first configured user attribute that has a value. Numbers
// are users too.
func (r *reading) userOf(a *attributes) string {
	for _, id := range r.userNames {
		if !a.present.has(id) {
			continue
		}
		switch v := a.values[id]; v.Type() {
		case pcommon.ValueTypeStr:
			if text := v.Str(); text != "" {
				return text
			}
		case pcommon.ValueTypeInt:
			return strconv.FormatInt(v.Int(), 10)
		}
	}
	return ""
}

// readTags copies the configured attributes that the span has.
func (s *spanReader) readTags() {
	for _, id := range s.r.tagNames {
		if text := tagText(s.a, id); text != "" {
			s.call.Tags = append(s.call.Tags, usage.Tag{Key: s.r.names.names[id], Value: text})
		}
	}
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

// readUnits reads what is not counted in tokens: first what the app itself
// says with the configured attributes, then what libraries say.
func (s *spanReader) readUnits(f *facts) {
	r, a := s.r, s.a
	if n := a.count(r.inputImages); n != absent {
		f.images = n
	}
	if n := a.count(r.inputCharacters); n != absent {
		f.characters = n
	}
	if a.has(r.inputSeconds) {
		f.audioNanos = nanosOf(a.values[r.inputSeconds])
	}
	if s.op == opChat {
		return
	}
	if f.audioNanos == absent {
		for _, id := range conventionWords.seconds {
			if a.has(id) {
				f.audioNanos = nanosOf(a.values[id])
				break
			}
		}
	}
	if s.op == opTTS && f.characters == absent {
		if text := a.text(nameRequestText); text != "" {
			f.characters = count(utf8.RuneCountInString(text))
		}
	}
	if s.op == opImage || s.op == opVideo {
		s.readVariant()
	}
}

// readVariant makes the variant of an image, "1024x1792/hd", of what the span
// tells: the size, and the quality unless it is the standard one.
func (s *spanReader) readVariant() {
	size, quality := s.a.firstText(namesImageSize), s.a.firstText(namesImageQuality)
	switch {
	case size == "":
		s.call.Variant = quality
	case quality == "", quality == "standard", quality == "auto":
		s.call.Variant = size
	default:
		s.call.Variant = size + "/" + quality
	}
}

// nanosOf reads a number of seconds.
func nanosOf(v pcommon.Value) count {
	seconds, ok := numberOf(v)
	if !ok {
		return invalid
	}
	nanos, ok := usage.SecondsToQuantity(seconds)
	if !ok || seconds > maxSeconds {
		return invalid
	}
	return count(nanos)
}

// maxSeconds is the longest audio taken seriously: a year.
const maxSeconds = 366 * 24 * 3600

// readCost reads the cost that arrived with the span.
func (s *spanReader) readCost(ids []nameID) {
	if s.call.HasReportedCost {
		return
	}
	for _, id := range ids {
		if !s.a.has(id) {
			continue
		}
		if currency := s.a.text(nameCostCurrency); currency != "" && currency != "USD" {
			return
		}
		s.call.reportCost(s.a.values[id])
		return
	}
}

// reportCost takes a cost in dollars, as double or text. Zero, negative and
// absurd costs are none.
func (c *Call) reportCost(v pcommon.Value) {
	switch v.Type() {
	case pcommon.ValueTypeStr:
		c.reportCostText(v.Str())
	case pcommon.ValueTypeDouble:
		c.reportCostFloat(v.Double())
	case pcommon.ValueTypeInt:
		c.reportCostFloat(float64(v.Int()))
	}
}

func (c *Call) reportCostFloat(dollars float64) {
	if dollars > 0 && dollars < math.MaxInt32 {
		var digits [48]byte
		c.reportCostText(string(strconv.AppendFloat(digits[:0], dollars, 'f', -1, 64)))
	}
}

func (c *Call) reportCostText(text string) {
	if m, err := usage.ParseMoney(text); err == nil && m > 0 && m <= usage.MaxCallCost {
		c.ReportedCost, c.HasReportedCost = m, true
	}
}

// servedTier gives the tier in the words of the price books; the standard
// tier, which libraries call by many names, is "".
func servedTier(tier string) string {
	switch tier {
	case "", "default", "standard", "auto", "on_demand", "standard_only", "STANDARD", "ON_DEMAND", "normal":
		return ""
	}
	return tier
}

// minKeyBytes is the length from which a response id is taken for unique.
// The providers' ids have 20 and more random characters; Ollama counts from
// chatcmpl-0 to chatcmpl-999.
const minKeyBytes = 16

// setKey makes the response id the identity of the call, where it can be one.
func (c *Call) setKey() {
	if c.Key == "" && len(c.ResponseID) >= minKeyBytes {
		c.Key = c.ResponseID
	}
}
