package genai

// The instrumentations of the clouds' SDKs follow the conventions in their
// names and hand the provider's own numbers on.

// awsSDK is Bedrock through the AWS SDKs: Converse's input leaves cached tokens
// out, and how many there were is dropped.
//
// Source: captures of @opentelemetry/instrumentation-aws-sdk 0.79.0.
var awsSDK = dialect{
	name: "aws-sdk",
	scopes: []string{
		"@opentelemetry/instrumentation-aws-sdk*", "opentelemetry.instrumentation.botocore*", "io.opentelemetry.aws-sdk*",
		"@aws/aws-distro*", "aws.distro*", "amazon.opentelemetry*", "OpenTelemetry.Instrumentation.AWS*",
	},
	words:  conventionWords.complete(),
	input:  inputAsProvider,
	output: outputAsProvider,
}

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
