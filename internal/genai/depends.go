package genai

import (
	"strings"

	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// What prices depend on beside the quantities, see package usage. Which snapshot
// answered follows from the name of the model.
const (
	MissingServiceTier   = usage.MissingServiceTier
	MissingSpeed         = usage.MissingSpeed
	MissingRegion        = usage.MissingRegion
	MissingInferenceGeo  = usage.MissingInferenceGeo
	MissingDeployment    = usage.MissingDeployment
	MissingContextLength = usage.MissingContextLength
	MissingModality      = usage.MissingModality
	MissingSearchSize    = usage.MissingSearchSize
	MissingTools         = usage.MissingTools
	MissingCommitment    = usage.MissingCommitment
	MissingVariant       = usage.MissingVariant
)

// knowledge is what a dialect reports of what prices depend on. What it reports
// always has its default where it is absent; what it reports sometimes or never
// is unknown then.
type knowledge struct{ always, sometimes, never Missing }

// Groups of what is reported together.
const (
	// An attribute of the instrumentation, of the SDK or of the app.
	asAttribute = MissingServiceTier | MissingSpeed | MissingRegion | MissingInferenceGeo | MissingDeployment
	// The provider's answer or its usage object, where the library attaches it.
	inAnswer = MissingTools | MissingModality | MissingCacheTTL
	// The parameters of a request for images or video.
	inRequest = MissingVariant
	// Nothing on a span says it.
	nowhere = MissingSearchSize | MissingCommitment
)

// Who reports what. Each dialect names one, or has one of its own.
var (
	// knownFromAnswers: the library attaches the provider's answer.
	knownFromAnswers = knowledge{always: MissingContextLength, sometimes: asAttribute | inAnswer | inRequest, never: nowhere}
	// knownFromAttributes: there are attributes alone,
	// and the id of the answer, which says which of OpenAI's APIs it is.
	knownFromAttributes = knowledge{always: MissingContextLength, sometimes: asAttribute | inRequest | MissingTools, never: nowhere | inAnswer&^MissingTools}
	// knownOfSeveral: one span may stand for several requests.
	knownOfSeveral = knowledge{sometimes: asAttribute | inAnswer | inRequest | MissingContextLength, never: nowhere}
	// knownFromEvents: log events of a coding agent.
	knownFromEvents = knowledge{always: MissingContextLength, never: asAttribute | inAnswer | inRequest | nowhere}
)

// unreported is what the price of a call may depend on and the call does not
// report. At the provider's own address the host's name says the region.
func (f *facts) unreported(call *Call, ownAddress bool) Missing {
	unknown := usage.MissingDependencies &^ (f.always | MissingContextLength)
	m := &f.modifiers
	if m[modServed] != "" || m[modAsked] != "" && m[modAsked] != "auto" || call.ServiceTier != "" {
		unknown &^= MissingServiceTier
	}
	if m[modSpeed] != "" || call.ServiceTier != "" {
		unknown &^= MissingSpeed
	}
	if m[modGeo] != "" && m[modGeo] != "not_available" {
		unknown &^= MissingInferenceGeo
	}
	if call.Region != "" || ownAddress {
		unknown &^= MissingRegion
	}
	if m[modDeployment] != "" && strings.Contains(strings.ToLower(m[modDeployment]), catalog.Global) {
		unknown &^= MissingDeployment
	}
	if f.several || f.callsMissing {
		unknown |= MissingContextLength
	}
	if f.reports.Has(MissingAudio) || f.n[factInputAudio].known() || f.n[factOutputAudio].known() {
		unknown &^= MissingModality
	}
	if strings.HasPrefix(call.ResponseID, "chatcmpl-") && (call.Provider == catalog.OpenAI || call.Provider == catalog.AzureOpenAI) {
		unknown &^= MissingTools // OpenAI's chat completions run none; models that search are billed as such
	}
	if f.n[factWebSearches].known() || f.n[factFileSearches].known() || f.n[factCodeSessions].known() {
		unknown &^= MissingTools
	}
	if f.containers {
		unknown |= MissingTools
	}
	switch call.APIType {
	case usage.APITypeText, usage.APITypeSpeech:
		unknown &^= MissingVariant
	case usage.APITypeImage, usage.APITypeVideo:
		unknown &^= MissingTools | MissingSearchSize
		if call.Variant != "" {
			unknown &^= MissingVariant
		}
	default:
		unknown &^= MissingTools | MissingSearchSize | MissingVariant
	}
	return unknown
}
