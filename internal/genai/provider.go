package genai

import "strings"

// The providers, in OpenTelemetry's spelling of gen_ai.provider.name where it
// has one, and in its style where it has none.
const (
	providerOpenAI       = "openai"
	providerAzureOpenAI  = "azure.ai.openai"
	providerAzureAI      = "azure.ai.inference"
	providerAnthropic    = "anthropic"
	providerBedrock      = "aws.bedrock"
	providerGemini       = "gcp.gemini"
	providerVertex       = "gcp.vertex_ai"
	providerMistral      = "mistral_ai"
	providerXAI          = "x_ai"
	providerCohere       = "cohere"
	providerDeepSeek     = "deepseek"
	providerGroq         = "groq"
	providerWatsonx      = "ibm.watsonx.ai"
	providerMoonshot     = "moonshot_ai"
	providerPerplexity   = "perplexity"
	providerTogether     = "together_ai"
	providerFireworks    = "fireworks_ai"
	providerOpenRouter   = "openrouter"
	providerAlibaba      = "alibaba"
	providerCerebras     = "cerebras"
	providerDeepInfra    = "deepinfra"
	providerVoyage       = "voyage_ai"
	providerElevenLabs   = "elevenlabs"
	providerDeepgram     = "deepgram"
	providerOllama       = "ollama"
	providerNvidia       = "nvidia"
	providerZhipu        = "z_ai"
	providerSambaNova    = "sambanova"
	providerReplicate    = "replicate"
	providerHuggingFace  = "huggingface"
	providerGitHubModels = "github.models"

	// fromModel is not a provider: the name tells a framework or a gateway
	// and the model has to tell who hosts it.
	fromModel = "?"
	// googleAny is not a provider either: one of Google's two endpoints.
	googleAny = "gcp.gen_ai"
)

// providerNamed normalises what a span calls its provider. It gives "" for a
// name it does not know.
func providerNamed(name string) string {
	switch name {
	case "openai", "openai.chat", "openai.responses", "openai.completion", "openai.embedding", "openai.image",
		"openai.transcription", "openai.speech", "openai_chat", "OpenAI", "openai-responses", "azure_openai_responses", "open_ai":
		return providerOpenAI
	case "azure.ai.openai", "az.ai.openai", "azure-openai", "azure_openai", "azure-openai.chat", "azure-openai.responses",
		"azure.chat", "azure.responses", "azure.completion", "azure.embeddings", "azureopenai", "azure", "AzureOpenAI", "azure-openai.embeddings", "Azure",
		"azure_open_ai":
		return providerAzureOpenAI
	case "azure.ai.inference", "az.ai.inference", "azure_ai", "azure-ai-inference", "azure.ai.foundry", "microsoft_foundry":
		return providerAzureAI
	case "anthropic", "anthropic.messages", "Anthropic", "anthropic-messages", "firstParty":
		return providerAnthropic
	case "aws.bedrock", "aws_bedrock", "bedrock", "amazon-bedrock", "amazon_bedrock", "bedrock_converse", "aws", "AWS", "BedrockRuntime", "bedrock-runtime", "amazon.bedrock":
		return providerBedrock
	case "gcp.gemini", "gemini", "google.generative-ai", "google_genai", "google-generative-ai", "google_generativeai", "google-gla", "google_ai_studio", "googleai", "google-genai",
		"google_ai_gemini":
		return providerGemini
	case "gcp.vertex_ai", "vertex_ai", "vertexai", "google.vertex", "google.vertex.chat", "google-vertex", "google.vertex.anthropic.messages", "vertex", "google-vertex-anthropic", "google_vertexai",
		"google_vertex_ai_gemini", "google_vertex_ai_anthropic":
		return providerVertex
	case "gcp.gen_ai", "google", "Google", "gcp":
		return googleAny
	case "mistral_ai", "mistral", "mistralai", "mistral.chat", "mistral.embedding", "MistralAI":
		return providerMistral
	case "x_ai", "xai", "xai.chat", "xai.responses", "x.ai", "grok":
		return providerXAI
	case "cohere", "cohere.chat", "cohere.textEmbedding", "Cohere":
		return providerCohere
	case "deepseek", "deepseek.chat":
		return providerDeepSeek
	case "groq", "groq.chat", "groq.transcription", "Groq":
		return providerGroq
	case "ibm.watsonx.ai", "watsonx", "watsonx.ai", "ibm":
		return providerWatsonx
	case "moonshot_ai", "moonshot", "moonshotai", "moonshotai.chat":
		return providerMoonshot
	case "perplexity", "perplexity.chat":
		return providerPerplexity
	case "together_ai", "togetherai", "together", "togetherai.chat", "TogetherAI":
		return providerTogether
	case "fireworks_ai", "fireworks", "fireworks.chat":
		return providerFireworks
	case "openrouter", "openrouter.chat":
		return providerOpenRouter
	case "alibaba", "dashscope", "qwen", "alibaba_cloud", "aliyun":
		return providerAlibaba
	case "cerebras", "cerebras.chat":
		return providerCerebras
	case "deepinfra", "deepinfra.chat":
		return providerDeepInfra
	case "voyage_ai", "voyage", "voyageai":
		return providerVoyage
	case "elevenlabs", "elevenlabs.speech", "elevenlabs.transcription":
		return providerElevenLabs
	case "deepgram", "deepgram.transcription":
		return providerDeepgram
	case "ollama", "ollama.chat", "Ollama":
		return providerOllama
	case "nvidia", "nvidia_nim", "nvidia-nim":
		return providerNvidia
	case "z_ai", "zhipu", "zhipuai", "zai":
		return providerZhipu
	case "sambanova":
		return providerSambaNova
	case "github_models":
		return providerGitHubModels
	case "replicate":
		return providerReplicate
	case "huggingface", "hugging_face", "huggingface.chat":
		return providerHuggingFace
	case "", "github", "strands-agents", "gcp.vertex.agent", "spring_ai", "microsoft.agent_framework", "microsoft.agents", "langchain",
		"litellm", "litellm_proxy", "gateway", "vercel", "vercel.ai", "llamaindex", "LlamaIndex", "openai_agents", "crewai", "haystack",
		"semantic_kernel", "microsoft.semantic_kernel", "genkit", "mastra", "pydantic_ai", "pydantic-ai", "agno", "smolagents", "dspy",
		"portkey", "helicone", "custom", "mock", "unknown", "other", "_OTHER", "langgraph", "n8n", "openai-compatible", "agent_framework", "autogen":
		return fromModel
	}
	return ""
}

// providerCalled is providerNamed, also for names with a kind of model at their
// end: Vercel's SDK calls a provider of the app's own making "name.chat".
func providerCalled(name string) string {
	if p := providerNamed(name); p != "" {
		return p
	}
	return providerNamed(withoutKind(name))
}

func withoutKind(name string) string {
	if dot := strings.LastIndexByte(name, '.'); dot > 0 {
		switch name[dot+1:] {
		case "chat", "completion", "responses", "messages", "embedding", "embeddings", "textEmbedding", "image", "speech", "transcription", "reranking", "video":
			return name[:dot]
		}
	}
	return name
}

// hostOf gives the host of a URL, "" for what is none.
func hostOf(url string) string {
	_, rest, ok := strings.Cut(url, "://")
	if !ok {
		return ""
	}
	if end := strings.IndexAny(rest, "/:?"); end >= 0 {
		rest = rest[:end]
	}
	return rest
}

// providerAt tells the provider from the address it was called at, "" when
// the address is none of the known. Clients made for one API are pointed at
// other hosts all the time, and the host sends the bill.
func providerAt(address string) string {
	if len(address) < 7 || len(address) > 253 {
		return ""
	}
	switch address {
	case "api.openai.com":
		return providerOpenAI
	case "api.anthropic.com":
		return providerAnthropic
	case "generativelanguage.googleapis.com":
		return providerGemini
	case "aiplatform.googleapis.com":
		return providerVertex
	case "api.mistral.ai", "codestral.mistral.ai":
		return providerMistral
	case "api.x.ai":
		return providerXAI
	case "api.cohere.com", "api.cohere.ai":
		return providerCohere
	case "api.deepseek.com":
		return providerDeepSeek
	case "api.groq.com":
		return providerGroq
	case "api.moonshot.ai", "api.moonshot.cn":
		return providerMoonshot
	case "api.perplexity.ai":
		return providerPerplexity
	case "api.together.xyz", "api.together.ai":
		return providerTogether
	case "api.fireworks.ai":
		return providerFireworks
	case "openrouter.ai":
		return providerOpenRouter
	case "dashscope.aliyuncs.com", "dashscope-intl.aliyuncs.com":
		return providerAlibaba
	case "api.cerebras.ai":
		return providerCerebras
	case "api.deepinfra.com":
		return providerDeepInfra
	case "integrate.api.nvidia.com":
		return providerNvidia
	case "api.sambanova.ai":
		return providerSambaNova
	case "models.github.ai", "models.inference.ai.azure.com":
		return providerGitHubModels
	case "api.z.ai", "open.bigmodel.cn":
		return providerZhipu
	}
	switch {
	case strings.HasSuffix(address, ".openai.azure.com"), strings.HasSuffix(address, ".cognitiveservices.azure.com"), strings.HasSuffix(address, ".openai.azure.us"):
		return providerAzureOpenAI
	case strings.HasSuffix(address, ".services.ai.azure.com"), strings.HasSuffix(address, ".models.ai.azure.com"):
		return providerAzureAI
	case strings.HasPrefix(address, "bedrock") && strings.Contains(address, ".amazonaws.com"):
		return providerBedrock
	case strings.HasSuffix(address, "-aiplatform.googleapis.com"):
		return providerVertex
	case strings.HasSuffix(address, ".ml.cloud.ibm.com"):
		return providerWatsonx
	case strings.HasSuffix(address, ".api.openai.com"): // regional endpoints: eu.api.openai.com
		return providerOpenAI
	}
	return ""
}

// providerOf decides who hosts the call from what the span calls the provider,
// the address it called and the model it names, in this order of trust: the
// address beats the names of client libraries, a hosting platform's name beats
// the address (some libraries write the vendor's address without looking), and
// the model decides where the name is a framework's.
func providerOf(told, address, model string, info modelInfo) string {
	p := providerCalled(told)
	switch p {
	case providerOpenAI, providerAnthropic, fromModel, "":
		if at := providerAt(address); at != "" {
			return at
		}
	case googleAny:
		if at := providerAt(address); at != "" {
			return at
		}
		return providerGemini
	}
	switch p {
	case "":
		return withoutKind(told)
	case fromModel:
		if info.bedrock {
			return providerBedrock
		}
		if prefix, _, ok := strings.Cut(model, "/"); ok {
			if named := providerNamed(prefix); named != "" && named != fromModel {
				if named == googleAny {
					return providerGemini
				}
				return named
			}
		}
		if host := info.vendor.host(); host != "" {
			return host
		}
		if told == "mock" || told == "_OTHER" || told == "other" || told == "unknown" || told == "custom" {
			return ""
		}
		return told
	case providerAzureAI:
		if info.vendor == vendorOpenAI {
			return providerAzureOpenAI // which sells them there, at any endpoint
		}
	case providerAnthropic, providerOpenAI:
		if info.bedrock {
			return providerBedrock
		}
		// OpenAI serves no models of others: the name is its client library's,
		// pointed elsewhere, and the span does not tell where. Models that
		// anybody may host stay what they are, without a price.
		if p == providerOpenAI && onlyAtVendor(model, info.vendor) {
			return info.vendor.host()
		}
	}
	return p
}

// withBedrockVendor puts the vendor back before a model of Bedrock, which
// several libraries cut off: price lists know "amazon.nova-pro-v1:0". Claude's
// names are known without it.
func withBedrockVendor(model string) string {
	word, _, _ := strings.Cut(model, "-")
	switch word {
	case "titan", "nova":
		return "amazon." + model
	case "command", "embed", "rerank":
		return "cohere." + model
	case "mistral", "mixtral", "ministral", "pixtral":
		return "mistral." + model
	case "jamba":
		return "ai21." + model
	}
	if strings.HasPrefix(word, "llama") {
		return "meta." + model
	}
	return model
}
