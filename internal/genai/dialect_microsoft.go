package genai

// Microsoft: Agent Framework, Semantic Kernel, Microsoft.Extensions.AI. The
// conventions' names; what the clients below count is handed on.
//
// Source: microsoft/agent-framework, observability; dotnet/extensions, OpenTelemetryChatClient.
var microsoft = dialect{
	name: "microsoft",
	scopes: []string{
		"agent_framework*", "Microsoft.Agents*", "Experimental.Microsoft.Agents*", "Microsoft.SemanticKernel*", "semantic_kernel*",
		"Experimental.Microsoft.Extensions.AI*", "Microsoft.Extensions.AI*", "autogen*",
	},
	systems: []string{"microsoft.agent_framework", "semantic_kernel", "microsoft.semantic_kernel"},
	words:   conventionWords.complete(),
	input:   inputUnknown,
	output:  outputUnknown,
}
