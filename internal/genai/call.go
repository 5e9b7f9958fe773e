package genai

import (
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// Call is one billable call as its span or log record reports it, before any
// price is known. Its strings are references into the payload: they stay valid,
// but whoever keeps one keeps the payload's memory with it.
type Call struct {
	// ID is the id of the row that the call becomes: the same for all reports of
	// one call.
	ID usage.ID
	// Dialect names the convention the span was written in, such as
	// "openinference"; [Dialects] lists them.
	Dialect string
	// Operation is what the span itself calls the operation, such as "chat".
	Operation string
	APIType   usage.APIType
	// Provider is who hosts and bills the model, in OpenTelemetry's spelling of
	// gen_ai.provider.name: "openai", "azure.ai.openai", "aws.bedrock". A name
	// that is none of the known is passed on; "" when nothing says.
	Provider string
	// Model is the model that answered, else the one asked for, else "".
	Model string
	// RequestModel is the model asked for, "" when the span does not say.
	RequestModel string

	// ResponseID is the id under which the provider answered, "" when the span
	// does not say.
	ResponseID string
	// Key identifies the call across instrumentations, traces and signals,
	// together with KeySpace: two spans that report one call have the same.
	// It is "" when only the trace and span id identify the call, and then
	// those do. A response id that is too short to be unique (some servers
	// count from 0 to 999) is no key.
	KeySpace, Key string

	// Start and End are the span's, as they stand there.
	Start, End time.Time
	TraceID    pcommon.TraceID
	SpanID     pcommon.SpanID

	// Quantities are disjoint, and zero where nothing was reported.
	Quantities usage.Quantities
	// Reason is "" when the quantities are what the provider billed. Otherwise
	// it says why they are missing or may differ: see the two groups of reasons
	// in package usage.
	Reason usage.Reason
	// Missing is what this dialect is known to leave out and this span did
	// leave out. Reason names the first of it that can change a price.
	Missing Missing

	// SentAgain says that this very call came before, as far as the window
	// remembers: a sender that got no answer repeats itself, or reports a stream
	// again with more. It is reported again, because nobody here knows whether
	// the first copy was stored.
	SentAgain bool

	// HasOwn: the span has attributes that begin with [Config.Own].
	HasOwn bool

	// ReportedCost is the cost in dollars that arrived with the span, when
	// HasReportedCost. A cost of 0 counts as not reported, because libraries
	// write it when they know no price.
	ReportedCost    usage.Money
	HasReportedCost bool
	// ReportedIsBill: the provider bills this call by that number.
	ReportedIsBill bool

	// User is the text that identifies the user, "" when none is known or
	// users are not tracked.
	User        string
	SessionID   string
	Service     string
	Environment string
	// ServiceTier is the tier that served the call, "" for the standard one.
	ServiceTier string
	Region      string
	// Variant is size and quality of images or the resolution of video, such
	// as "1024x1792/hd".
	Variant string
	// Unreported is what the price may depend on and the call does not report.
	Unreported Missing
	// Outcome is the status of the span; "" where nothing has one.
	Outcome usage.Outcome
	// Sampled is the share of the traces that a sampler kept, such as "0.25"; ""
	// where all were kept or nobody says.
	Sampled string
	// Payer is who pays for the call; "" where nothing says so.
	Payer usage.Payer
	// Tags are those of [Config.Tags] that the span, an
	// ancestor or the resource has.
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

// SkipReason says why a span or log record that looks like GenAI is no call of
// its own. It is a label of the processor's metrics, so the set is closed.
type SkipReason string

// The reasons for skipping.
const (
	// SkipNotACall: an agent, workflow, tool or wrapper span; what it repeats
	// of its children's usage is not billed again.
	SkipNotACall SkipReason = "not_a_call"
	// SkipUnknownOperation: the span carries usage, but nothing says that it
	// is a call to a provider and not a sum over its children.
	SkipUnknownOperation SkipReason = "unknown_operation"
	// SkipCallFailed: the provider answered with an error and no usage.
	SkipCallFailed SkipReason = "call_failed"
	// SkipDuplicate: another span reports the same call, and better.
	SkipDuplicate SkipReason = "duplicate"
	// SkipOtherSignal: the tool reports this call in its logs too, and those
	// are read ([Config.AgentLogs]).
	SkipOtherSignal SkipReason = "other_signal"
	// SkipFault: reading it met a fault of ours, which the log has.
	SkipFault SkipReason = "fault"
)
