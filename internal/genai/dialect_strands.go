package genai

// Strands Agents write each number under two or three names and hand the
// provider's own on. For Bedrock the cached tokens are beside the input and in
// the total only, where their number, but not their split, can be had.
//
// Sources: captures of @strands-agents/sdk 1.19.0; strands-agents/sdk-python, tracer.
var strands = dialect{
	name:    "strands",
	scopes:  []string{"strands-agents*", "strands.telemetry*"},
	systems: []string{"strands-agents"},
	words:   conventionWords.complete(),
	input:   inputAsProvider,
	output:  outputAsProvider,
	reports: MissingCache,
}
