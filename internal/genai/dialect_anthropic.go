package genai

// Anthropic's own SDKs emit a span for every call, without instrumentation
// (TypeScript from 1.12). They follow the newest conventions: the input
// includes what was read from and written to the cache, and the writes are
// split by lifetime.
//
// Source: captures of @anthropic-ai/sdk 1.12.0.
var anthropicSDK = dialect{
	name:    "anthropic-sdk",
	follows: followsConventions,
	scopes:  []string{"com.anthropic.sdk*"},
	words:   conventionWords.complete(),
	input:   inputInclusive,
	output:  outputInclusive,
	knows:   knownFromAnswers,
	reports: MissingCache,
}
