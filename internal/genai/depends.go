package genai

import (
	"strings"

	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// What prices depend on besides the quantities, see package usage. Which snapshot answered
// follows from the name of the model.
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

// knowledge says what a dialect reports of the things that prices depend on. What it always
// reports has its default when absent; what it reports sometimes or never is unknown when
// absent.
type knowledge struct{ always, sometimes, never Missing }

// Groups that are reported together.
const (
	// In an attribute of the instrumentation, of the SDK or of the app.
	asAttribute = MissingServiceTier | MissingSpeed | MissingRegion | MissingInferenceGeo | MissingDeployment
	// In the provider's answer or its usage object, where the library attaches it.
	inAnswer = MissingTools | MissingModality | MissingCacheTTL
	// In the parameters of a request for images or video.
	inRequest = MissingVariant
	// Nowhere on a span.
	nowhere = MissingSearchSize | MissingCommitment
)

// Which kind of library reports what. Each dialect uses one of these or its own.
var (
	// knownFromAnswers: the library attaches the provider's answer.
	knownFromAnswers = knowledge{always: MissingContextLength, sometimes: asAttribute | inAnswer | inRequest, never: nowhere}
	// knownFromAttributes: there are only attributes, and the id of the answer, which tells
	// which of OpenAI's APIs it was.
	knownFromAttributes = knowledge{always: MissingContextLength, sometimes: asAttribute | inRequest | MissingTools, never: nowhere | inAnswer&^MissingTools}
	// knownOfSeveral: one span may report several requests.
	knownOfSeveral = knowledge{sometimes: asAttribute | inAnswer | inRequest | MissingContextLength, never: nowhere}
	// knownFromEvents: log events of a coding agent.
	knownFromEvents = knowledge{always: MissingContextLength, never: asAttribute | inAnswer | inRequest | nowhere}
)

// unreported returns what the price of a call may depend on and the call does not report.
// At the provider's own address, the host name tells the region.
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
		unknown &^= MissingTools // OpenAI's chat completions run no tools; models that search have their own price
	}
	if f.listed || f.n[factWebSearches].known() || f.n[factFileSearches].known() || f.n[factCodeSessions].known() {
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
