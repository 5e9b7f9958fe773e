package foreign

import "strings"

// providerNames turn the names that price data files use into the values of
// gen_ai.provider.name. A provider that OpenTelemetry has no name for keeps its
// own, with underscores.
var providerNames = map[string]string{
	// LiteLLM
	"text-completion-openai": "openai",
	"azure":                  "azure.ai.openai", "azure_text": "azure.ai.openai", "azure_ai": "azure.ai.inference",
	"bedrock": "aws.bedrock", "bedrock_converse": "aws.bedrock",
	"gemini": "gcp.gemini", "palm": "gcp.gemini",
	"vertex_ai": "gcp.vertex_ai", "vertex_ai-language-models": "gcp.vertex_ai", "vertex_ai-anthropic_models": "gcp.vertex_ai",
	"vertex_ai-mistral_models": "gcp.vertex_ai", "vertex_ai-llama_models": "gcp.vertex_ai", "vertex_ai-embedding-models": "gcp.vertex_ai",
	"vertex_ai-image-models": "gcp.vertex_ai", "vertex_ai-video-models": "gcp.vertex_ai", "vertex_ai-ai21_models": "gcp.vertex_ai",
	"vertex_ai-qwen_models": "gcp.vertex_ai", "vertex_ai-deepseek_models": "gcp.vertex_ai", "vertex_ai-openai_models": "gcp.vertex_ai",
	"vertex_ai-text-models": "gcp.vertex_ai", "vertex_ai-zai_models": "gcp.vertex_ai", "vertex_ai-minimax_models": "gcp.vertex_ai",
	"vertex_ai-moonshot_models": "gcp.vertex_ai",
	"mistral":                   "mistral_ai", "codestral": "mistral_ai", "text-completion-codestral": "mistral_ai",
	"cohere_chat": "cohere", "xai": "x_ai", "moonshot": "moonshot_ai", "watsonx": "ibm.watsonx.ai",
	"fireworks_ai-embedding-models": "fireworks_ai",
	// genai-prices, models.dev
	"aws": "aws.bedrock", "amazon-bedrock": "aws.bedrock", "google": "gcp.gemini", "google-ai-studio": "gcp.gemini", "x-ai": "x_ai", "moonshotai": "moonshot_ai",
	"google-vertex": "gcp.vertex_ai", "google-vertex-anthropic": "gcp.vertex_ai", "azure-cognitive-services": "azure.ai.inference",
	"fireworks": "fireworks_ai", "together": "together_ai", "togetherai": "together_ai", "voyageai": "voyage", "alibaba": "dashscope",
	"novita-ai": "novita", "cloudflare-workers-ai": "cloudflare",
	// Portkey
	"azure-openai": "azure.ai.openai", "azure-ai": "azure.ai.inference", "vertex-ai": "gcp.vertex_ai", "mistral-ai": "mistral_ai",
	"perplexity-ai": "perplexity", "z-ai": "zai", "zhipu": "zhipuai", "workers-ai": "cloudflare",
}

// ProviderName gives the name a book knows a provider of a price data file by.
func ProviderName(name string) string {
	if known, ok := providerNames[name]; ok {
		return known
	}
	return strings.ReplaceAll(name, "-", "_")
}
