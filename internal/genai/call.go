package genai

import (
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// Call is one billable call as its span or log record reports it, before any price is
// known. Its strings are references into the payload: they stay valid, but keeping one
// keeps the payload in memory.
type Call struct {
	// ID is the id of the call's row, the same for all reports of one call.
	ID usage.ID
	// Dialect names the convention in which the span was written, such as "openinference";
	// [Dialects] lists them.
	Dialect string
	// Operation is what the span itself calls the operation, such as "chat".
	Operation string
	APIType   usage.APIType
	// Provider is who hosts the model and bills the call, in OpenTelemetry's spelling of
	// gen_ai.provider.name: "openai", "azure.ai.openai", "aws.bedrock". An unknown name is
	// passed on; "" when nothing names it.
	Provider string
	// Model is the model that answered, otherwise the requested one, otherwise "".
	Model string
	// RequestModel is the requested model, "" when the span does not say.
	RequestModel string

	// ResponseID is the id under which the provider answered, "" when the span
	// does not say.
	ResponseID string
	// Key identifies the call across instrumentations, traces and signals, together with
	// KeySpace: two spans that report one call have the same key. It is "" when only trace
	// and span id identify the call. A response id that is too short to be unique (some
	// servers count from 0 to 999) is not a key.
	KeySpace, Key string

	// Start and End are the times of the span, unchanged.
	Start, End time.Time
	TraceID    pcommon.TraceID
	SpanID     pcommon.SpanID

	// Quantities are disjoint, and zero where nothing was reported.
	Quantities usage.Quantities
	// Reason is "" when the quantities are what the provider billed. Otherwise it says why
	// they are missing or may differ: see the two groups of reasons in package usage.
	Reason usage.Reason
	// Missing are the details that this dialect is known to leave out and that this span
	// did leave out. Reason names the first of them that can change a price.
	Missing Missing

	// SentAgain reports that this very call came before, as far as the window remembers: a
	// sender that got no answer repeats itself, or a stream is reported again with more.
	// The call is emitted again, because the reader cannot know whether the first copy was
	// stored.
	SentAgain bool

	// HasOwn: the span has attributes with the prefix [Config.Own].
	HasOwn bool

	// ReportedCost is the cost in dollars that arrived with the span, valid when
	// HasReportedCost is set. A cost of 0 counts as not reported, because libraries write 0
	// when they know no price.
	ReportedCost    usage.Money
	HasReportedCost bool
	// ReportedIsBill: the provider bills this call at ReportedCost.
	ReportedIsBill bool

	// User is the text that identifies the user, "" when unknown or when users are not
	// tracked.
	User        string
	SessionID   string
	Service     string
	Environment string
	// ServiceTier is the tier that served the call, "" for the standard one.
	ServiceTier string
	Region      string
	// Variant is the size and quality of images or the resolution of video, such as
	// "1024x1792/hd".
	Variant string
	// Unreported is what the price may depend on and the call does not report.
	Unreported Missing
	// Outcome is the status of the span, "" when there is none.
	Outcome usage.Outcome
	// Sampled is the share of traces that a sampler kept, such as "0.25"; "" when all were
	// kept or nothing tells.
	Sampled string
	// Payer is who pays for the call, "" when nothing tells.
	Payer usage.Payer
	// Tags are those of [Config.Tags] that the span, an ancestor or the resource has.
	Tags []usage.Tag
}

// Missing is a set of details that a library leaves out.
type Missing = usage.Missing

// The details, see package usage.
const (
	MissingCache     = usage.MissingCache
	MissingCacheTTL  = usage.MissingCacheTTL
	MissingReasoning = usage.MissingReasoning
	MissingAudio     = usage.MissingAudio
	MissingInput     = usage.MissingInput
)

// SkipReason says why a span or log record that looks like GenAI is not a call of its own.
// It is a label of the processor's metrics, so the set is closed.
type SkipReason string

// The reasons for skipping.
const (
	// SkipNotACall: the span of an agent, a workflow, a tool or another wrapper; the usage
	// that it repeats from its children is not billed again.
	SkipNotACall SkipReason = "not_a_call"
	// SkipUnknownOperation: the span carries usage, but nothing shows whether it is a call
	// to a provider or a sum over its children.
	SkipUnknownOperation SkipReason = "unknown_operation"
	// SkipCallFailed: the provider answered with an error and no usage.
	SkipCallFailed SkipReason = "call_failed"
	// SkipDuplicate: another span reports the same call, and better.
	SkipDuplicate SkipReason = "duplicate"
	// SkipOtherSignal: the tool reports this call in its logs too, and those are read
	// ([Config.AgentLogs]).
	SkipOtherSignal SkipReason = "other_signal"
	// SkipFromCache: a gateway answered from its own cache, and the provider bills nothing.
	SkipFromCache SkipReason = "from_cache"
	// SkipFault: reading it triggered a bug of ours, which is in the log.
	SkipFault SkipReason = "fault"
)
