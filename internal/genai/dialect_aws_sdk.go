package genai

import "strings"

// awsSDK is Bedrock through the AWS SDKs: Converse's input leaves cached tokens
// out, and how many there were is dropped. Botocore's instrumentation counts
// itself where InvokeModel's answer has no usage, a token for six letters.
//
// Sources: captures of @opentelemetry/instrumentation-aws-sdk 0.79.0;
// open-telemetry/opentelemetry-python-contrib@466ae4c, botocore/extensions/bedrock.py.
var awsSDK = dialect{
	name:    "aws-sdk",
	follows: followsConventions,
	scopes: []string{
		"@opentelemetry/instrumentation-aws-sdk*", "opentelemetry.instrumentation.botocore*", "io.opentelemetry.aws-sdk*",
		"@aws/aws-distro*", "aws.distro*", "amazon.opentelemetry*", "OpenTelemetry.Instrumentation.AWS*",
	},
	words:  conventionWords.complete(),
	input:  inputAsProvider,
	output: outputAsProvider,
	knows:  knownFromAttributes,
	adjust: func(s *spanReader, f *facts) {
		if strings.HasPrefix(s.scope, "opentelemetry.instrumentation.botocore") && s.a.text(nameRPCMethod) == "InvokeModel" {
			model := s.modelName()
			f.estimate = strings.Contains(model, "cohere.command") || strings.Contains(model, "mistral.")
		}
	},
}

var nameRPCMethod = name("rpc.method")
