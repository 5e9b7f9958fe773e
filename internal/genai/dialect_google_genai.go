package genai

// googleGenAI is Gemini and Vertex AI through Google's SDKs: the output is the
// candidates' tokens, without thoughts.
//
// Source: open-telemetry/opentelemetry-python-contrib, instrumentation-genai.
var googleGenAI = dialect{
	name: "google-genai",
	scopes: []string{
		"opentelemetry.instrumentation.google_genai*", "opentelemetry.instrumentation.vertexai*", "opentelemetry.instrumentation.genai.google*",
		"@opentelemetry/instrumentation-google*", "@google/genai*",
	},
	words:  conventionWords.complete(),
	input:  inputAsProvider,
	output: outputAsProvider,
}
