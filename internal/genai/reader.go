package genai

import (
	"encoding/binary"
	"slices"
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-usage/otelcol-usage/internal/once"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// Reader finds the billable calls in payloads. It is safe for concurrent use; its memory
// between payloads is bounded by its [Config].
type Reader struct {
	config Config
	names  *nameTable

	userNames    []nameID
	tags         []tagNames
	userDefaults bool // userNames ends with the [DefaultUserAttributes]
	userExtra    int  // how many names precede those
	gate         gate

	inputSeconds, inputCharacters, inputImages nameID

	roots   *lru.Cache[pcommon.TraceID, rootUser]
	named   *lru.Cache[namedTrace, pcommon.SpanID]
	callers *lru.Cache[pcommon.SpanID, struct{}]
	// aroundSums are the spans around wrappers that were counted as calls.
	aroundSums *lru.Cache[pcommon.SpanID, struct{}]
	window     *once.Window
	traces     traceNotes
	// parents are the spans directly around calls.
	parents traceNotes
	// spansOf are the services and scopes whose calls come as spans.
	spansOf traceNotes

	pool sync.Pool // of *reading
}

// NewReader returns a reader. It fails when the configured attribute names are empty or too
// many.
func NewReader(config Config) (*Reader, error) {
	config.setDefaults()
	r := &Reader{config: config, names: builtinNames.clone(), callers: bounded[pcommon.SpanID, struct{}](maxCallers),
		aroundSums: bounded[pcommon.SpanID, struct{}](maxCallers)}
	r.gate = newGate(r.names, config.Own)
	if err := r.declare(&r.config); err != nil {
		return nil, err
	}
	r.names.own = config.Own
	for id, name := range r.names.names {
		if r.names.isOwn(name) {
			r.names.roles[id] |= isPrefixed
		}
	}
	if config.RootMemory > 0 && len(r.userNames) > 0 {
		r.roots = bounded[pcommon.TraceID, rootUser](config.RootMemory)
		r.named = bounded[namedTrace, pcommon.SpanID](config.RootMemory)
	}
	if config.DuplicateWindow > 0 && config.DuplicateCalls > 0 {
		r.window = once.NewWindow(config.DuplicateCalls, config.DuplicateWindow, config.Now)
	}
	r.pool.New = func() any { return newReading(r) }
	return r, nil
}

// Read calls emit for each billable call that td reports, in the order of its spans, and
// skip for each span that looks like GenAI and is not a call of its own. It only reads td;
// emit may write to its span. The Call is valid until emit returns.
func (r *Reader) Read(
	td ptrace.Traces,
	emit func(call *Call, span ptrace.Span),
	skip func(dialect string, reason SkipReason),
) {
	var state *reading // only a payload with GenAI spans needs one
	for i, resources := 0, td.ResourceSpans(); i < resources.Len(); i++ {
		ofResource := resources.At(i)
		firstOfResource := true
		for j, scopes := 0, ofResource.ScopeSpans(); j < scopes.Len(); j++ {
			ofScope := scopes.At(j)
			firstOfScope := true
			for k, spans := 0, ofScope.Spans(); k < spans.Len(); k++ {
				span := spans.At(k)
				seen := r.gate.look(span)
				if seen == 0 {
					continue
				}
				if seen&isOwn != 0 {
					r.config.Touch(span)
				}
				if seen&isGenAI == 0 && (seen&namesUser == 0 || !r.isEntry(span)) {
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
				if seen&isGenAI == 0 {
					state.readEntry(span)
					continue
				}
				if firstOfScope {
					state.enterScope(ofScope.Scope())
					if r.config.AgentLogs {
						r.spansOf.note(state.source())
						r.spansOf.note(state.resource.source())
					}
					firstOfScope = false
				}
				state.readSpan(span, seen)
			}
		}
	}
	if state == nil {
		return
	}
	state.settle()
	state.dropDuplicates()
	for i := range state.calls {
		if f := &state.calls[i]; !f.report.dropped {
			emit(&f.call, f.span)
		}
	}
	if state.release() {
		r.pool.Put(state)
	}
}

// maxPooledCalls keeps one giant payload from staying in memory forever.
const maxPooledCalls = 8192

// reading is the state of reading one payload. It is reused.
type reading struct {
	*Reader
	skip func(dialect string, reason SkipReason)

	attrs   attributes // of the current span
	others  attributes // of an ancestor or a resource
	touched nameSet    // every name that attrs or others ever had, to release the payload

	facts facts      // of the current span
	span  spanReader // the same, as the dialect's hooks see it

	resource ofResource
	scope    string
	observer uint64   // the hash of the scope
	version  string   // of the scope
	dialect  *dialect // of the scope, nil when unknown

	calls    []found
	observed []*[observedAtOnce]observed // by call
	pending  []facts                     // of calls that other spans of the payload must complete
	wrapped  []facts                     // what wrapper spans report about calls
	tree     tree
	ids      once.Table

	models remembered[string, modelInfo]
	hosts  remembered[hostKey, knownHost]
}

// found is a call and what is needed to settle it.
type found struct {
	call     Call
	report   *observed
	span     ptrace.Span    // the span that reports it, or
	record   plog.LogRecord // the event
	user     string         // from the resource
	tags     []usage.Tag    // from the resource
	provider string         // the provider as the span names it
	address  string
	// cloudRegion is where a cloud's client calls, or where the app runs.
	cloudRegion string
	op          operation
	pending     int32 // index into reading.pending plus 1, 0 for none
	wrapped     bool  // a wrapper span may report more
	// isAgent: the span of an agent, which counts as a call only when nothing else of its
	// trace does.
	isAgent bool
	isTool  bool     // the span of a tool that asked a model
	inner   once.Sum // of the calls inside this one
}

// observed is what a call is recognised by. It is stored apart from the rest and close to
// that of the next call, because all of a payload are scanned several times.
type observed struct {
	once.Report
	// dropped: another report of this call is kept.
	dropped bool
}

const observedAtOnce = 256

// newFound makes room for a call. What is beyond the calls is zero.
func (r *reading) newFound() *found {
	n := len(r.calls)
	if n/observedAtOnce == len(r.observed) {
		r.observed = append(r.observed, new([observedAtOnce]observed))
	}
	report := r.observedAt(n)
	*report = observed{}
	if n == cap(r.calls) {
		r.calls = slices.Grow(r.calls, 1)
	}
	r.calls = r.calls[:n+1]
	r.calls[n].report = report
	return &r.calls[n]
}

// dropFound drops the calls that were found last, but for a number of them.
func (r *reading) dropFound(keep int) {
	clear(r.calls[keep:])
	r.calls = r.calls[:keep]
}

func (r *reading) observedAt(i int) *observed { return &r.observed[i/observedAtOnce][i%observedAtOnce] }

// ofResource is what a resource says about all its calls.
type ofResource struct {
	service, environment, user, session string
	serviceHash, environmentHash        uint64
	tags                                []usage.Tag
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
	state := &reading{Reader: r}
	state.attrs.layouts = new(layouts)
	return state
}

func (r *reading) start(td ptrace.Traces, skip func(string, SkipReason)) {
	r.skip = skip
	r.tree.traces = td
}

// release drops every reference into the payload. It returns false when the reading has
// grown too large to be reused.
func (r *reading) release() bool {
	r.touched.each(func(id nameID) {
		r.attrs.values[id] = pcommon.Value{}
		r.others.values[id] = pcommon.Value{}
	})
	r.touched = nameSet{}
	r.attrs.aside, r.others.aside = modifiers{}, modifiers{}
	clear(r.attrs.unknown[:cap(r.attrs.unknown)])
	clear(r.others.unknown[:cap(r.others.unknown)])
	r.skip, r.resource, r.scope, r.version, r.dialect, r.span = nil, ofResource{}, "", "", nil, spanReader{}
	tooLarge := len(r.calls) > maxPooledCalls || len(r.tree.nodes) > 8*maxPooledCalls
	r.facts.modifiers = modifiers{}
	clear(r.calls)
	clear(r.pending)
	clear(r.wrapped)
	r.calls = r.calls[:0]
	r.pending, r.wrapped = r.pending[:0], r.wrapped[:0]
	r.tree.release()
	return !tooLarge
}

func (r *reading) enterResource(resource pcommon.Resource) {
	a := &r.others
	a.read(r.names, resource.Attributes())
	r.touched.join(&a.present)
	r.resource = ofResource{
		service:     a.text(nameService),
		environment: a.firstText(namesEnvironment),
		user:        r.userOf(a, nil),
		session:     a.firstText(namesSession),
		tags:        r.tagsOf(a),
	}
	r.resource.serviceHash, r.resource.environmentHash = once.Hash(r.resource.service), once.Hash(r.resource.environment)
}

func (r *reading) enterScope(scope pcommon.InstrumentationScope) {
	r.version = scope.Version()
	if name := scope.Name(); name != r.scope || r.dialect == nil {
		r.scope, r.dialect, r.observer = name, dialectOfScope(name), once.Hash(name)
	}
}

// source identifies the current service and scope.
func (r *reading) source() (id pcommon.TraceID) {
	binary.LittleEndian.PutUint64(id[:], r.observer|1)
	binary.LittleEndian.PutUint64(id[8:], r.resource.serviceHash)
	return id
}

// source identifies the service of the resource.
func (o *ofResource) source() (id pcommon.TraceID) {
	binary.LittleEndian.PutUint64(id[8:], o.serviceHash|1)
	return id
}

// dialectOf returns the dialect in which the current span is written.
func (r *reading) dialectOf(a *attributes) *dialect {
	if a.some(isMark) {
		for _, d := range dialects {
			if d.marks.meets(&a.present) {
				if d.joins && r.dialect != nil && r.dialect != d && a.present.meets(&usageNames) {
					return r.dialect
				}
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
