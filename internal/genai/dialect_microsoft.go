package genai

import "strings"

// Microsoft: Agent Framework, Semantic Kernel, Microsoft.Extensions.AI. The
// conventions' names. Agent Framework for Python hands the provider's own
// numbers on; the .NET libraries demand of their clients that cached and
// reasoning tokens are inside, and say nothing of cache writes.
//
// Sources: microsoft/agent-framework@5eb3eb7 (observability.py, and the clients
// of anthropic, bedrock and gemini); dotnet/extensions@5862342
// (OpenTelemetryChatClient, UsageDetails); microsoft/semantic-kernel@b39d95a
// (model_diagnostics/decorators.py, ModelDiagnostics.cs).
var microsoft = dialect{
	name:    "microsoft",
	follows: followsConventions,
	scopes: []string{
		"agent_framework*", "Microsoft.Agents*", "Experimental.Microsoft.Agents*", "Microsoft.SemanticKernel*", "semantic_kernel*",
		"Experimental.Microsoft.Extensions.AI*", "Microsoft.Extensions.AI*", "autogen*",
	},
	systems: []string{"microsoft.agent_framework", "semantic_kernel", "microsoft.semantic_kernel"},
	words:   conventionWords.complete(),
	input:   inputUnknown,
	output:  outputUnknown,
	knows:   knownFromAttributes,
	adjust: func(s *spanReader, f *facts) {
		if strings.HasPrefix(s.scope, "agent_framework") {
			f.inputMeans, f.outputMeans = inputAsProvider, outputAsProvider
		}
		f.cachePartly = f.n[factCacheRead] != absent && f.n[factCacheWrite] == absent
	},
}
