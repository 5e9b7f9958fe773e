package genai

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
