package catalog

import "strings"

// Names of providers to which other packages apply rules, in OpenTelemetry's spelling of
// gen_ai.provider.name where it has one, otherwise in its style.
const (
	OpenAI       = "openai"
	AzureOpenAI  = "azure.ai.openai"
	AzureAI      = "azure.ai.inference"
	Anthropic    = "anthropic"
	Bedrock      = "aws.bedrock"
	Gemini       = "gcp.gemini"
	Vertex       = "gcp.vertex_ai"
	Mistral      = "mistral_ai"
	XAI          = "x_ai"
	Cohere       = "cohere"
	DeepSeek     = "deepseek"
	Perplexity   = "perplexity"
	Moonshot     = "moonshot_ai"
	Alibaba      = "alibaba"
	Together     = "together_ai"
	Fireworks    = "fireworks_ai"
	OpenRouter   = "openrouter"
	DeepInfra    = "deepinfra"
	GitHubModels = "github.models"
	Copilot      = "github_copilot"
	Vercel       = "vercel_ai_gateway"

	// GoogleAny is one of Google's two endpoints, Gemini or Vertex; the address tells
	// which.
	GoogleAny = "gcp.gen_ai"
)

// Provider is a host of models, the one who sends the bill.
type Provider struct {
	// Name is the value of gen_ai.provider.name and the name of the provider's price book.
	Name string
	// Aliases are the names that libraries, gateways and price data use, in lower case;
	// letter case never matters. A trailing * matches any text.
	Aliases []string
	// Addresses are the hosts of its API. A single * matches any text.
	Addresses []string
	// OpenAIAPI: it serves other vendors' models through OpenAI's API, where input includes
	// cached tokens and output includes reasoning.
	OpenAIAPI bool
	// MeansBook is the provider whose prices apply, where it has none of its own.
	MeansBook string
	// NoBook says why there is no built-in price book for the provider.
	NoBook string
}

// Providers lists the providers with more than one name. A provider with a price book and a
// single name needs no entry: see [Book].
var Providers = []Provider{
	{
		Name: OpenAI, OpenAIAPI: true,
		Aliases:   []string{"openai_chat", "openai-responses", "open_ai", "text-completion-openai", "openai-completions", "openai-chat-completions"},
		Addresses: []string{"api.openai.com", "*.api.openai.com"}, // regional endpoints: eu.api.openai.com
	},
	{
		Name: AzureOpenAI, OpenAIAPI: true,
		Aliases:   []string{"az.ai.openai", "azure-openai", "azure_openai", "azureopenai", "azure", "azure_open_ai", "azure_text", "azure_openai_responses"},
		Addresses: []string{"*.openai.azure.com", "*.cognitiveservices.azure.com", "*.openai.azure.us"},
	},
	{
		Name:      AzureAI,
		Aliases:   []string{"az.ai.inference", "azure_ai", "azure-ai", "azure-ai-inference", "azure.ai.foundry", "microsoft_foundry", "azure-cognitive-services", "azure.ai.agents", "az.ai.agents"},
		Addresses: []string{"*.services.ai.azure.com", "*.models.ai.azure.com"},
	},
	{
		Name:      Anthropic,
		Aliases:   []string{"anthropic-messages", "firstparty", "claude", "anthropic.claude"},
		Addresses: []string{"api.anthropic.com"},
	},
	{
		Name:      Bedrock,
		Aliases:   []string{"aws_bedrock", "bedrock", "amazon-bedrock", "amazon_bedrock", "bedrock_converse", "aws", "bedrockruntime", "bedrock-runtime", "amazon.bedrock", "anthropic_bedrock"},
		Addresses: []string{"bedrock*.amazonaws.com", "bedrock*.amazonaws.com.cn"},
	},
	{
		Name: Gemini,
		Aliases: []string{
			"gemini", "google.generative-ai", "google_genai", "google-generative-ai", "google_generativeai", "google-gla", "google_ai_studio",
			"google-ai-studio", "googleai", "google-genai", "google_ai_gemini", "palm", "google.gemini", "google_gemini",
		},
		Addresses: []string{"generativelanguage.googleapis.com"},
	},
	{
		Name: Vertex,
		Aliases: []string{
			"vertex_ai", "vertex-ai", "vertexai", "google.vertex", "google-vertex", "google.vertex.anthropic", "vertex", "google-vertex-anthropic",
			"google_vertexai", "google_vertex_ai_gemini", "google_vertex_ai_anthropic", "vertex_ai-*", "vertex_ai_beta", "vertex.anthropic",
			"anthropic_vertex", "google_anthropic_vertex",
		},
		Addresses: []string{"aiplatform.googleapis.com", "*-aiplatform.googleapis.com", "aiplatform.*.rep.googleapis.com"},
	},
	{Name: GoogleAny, Aliases: []string{"google", "gcp"}, MeansBook: Gemini},
	{
		Name:      Mistral,
		Aliases:   []string{"mistral", "mistralai", "mistral-ai", "codestral", "text-completion-codestral"},
		Addresses: []string{"api.mistral.ai", "codestral.mistral.ai"},
	},
	{Name: XAI, Aliases: []string{"xai", "x.ai", "x-ai", "grok"}, Addresses: []string{"api.x.ai"}},
	{Name: Cohere, Aliases: []string{"cohere_chat", "cohere_ai"}, Addresses: []string{"api.cohere.com", "api.cohere.ai"}},
	{Name: DeepSeek, Aliases: []string{"deepseek-ai"}, Addresses: []string{"api.deepseek.com"}},
	{Name: "groq", Aliases: []string{"groqcloud"}, Addresses: []string{"api.groq.com"}},
	{Name: "ibm.watsonx.ai", Aliases: []string{"watsonx", "watsonx.ai", "ibm"}, Addresses: []string{"*.ml.cloud.ibm.com"}},
	{Name: Moonshot, Aliases: []string{"moonshot", "moonshotai", "kimi"}, Addresses: []string{"api.moonshot.ai", "api.moonshot.cn"}},
	{Name: Perplexity, Aliases: []string{"perplexity-ai"}, Addresses: []string{"api.perplexity.ai"}},
	{Name: Together, OpenAIAPI: true, Aliases: []string{"togetherai", "together"}, Addresses: []string{"api.together.xyz", "api.together.ai"}},
	{Name: Fireworks, OpenAIAPI: true, Aliases: []string{"fireworks", "fireworks_ai-*"}, Addresses: []string{"api.fireworks.ai"}},
	{Name: OpenRouter, OpenAIAPI: true, Addresses: []string{"openrouter.ai"}},
	{
		Name:      Alibaba,
		Aliases:   []string{"dashscope", "qwen", "alibaba_cloud", "aliyun", "tongyi"},
		Addresses: []string{"dashscope.aliyuncs.com", "dashscope-intl.aliyuncs.com", "dashscope-us.aliyuncs.com"},
	},
	{Name: "cerebras", Aliases: []string{"cerebras-cloud", "cerebras_systems"}, Addresses: []string{"api.cerebras.ai"}},
	{Name: DeepInfra, OpenAIAPI: true, Addresses: []string{"api.deepinfra.com"}},
	{Name: "voyage_ai", Aliases: []string{"voyage", "voyageai"}, Addresses: []string{"api.voyageai.com"}},
	{Name: "elevenlabs", Addresses: []string{"api.elevenlabs.io", "api.*.elevenlabs.io"}},
	{Name: "deepgram", Addresses: []string{"api.deepgram.com", "api.eu.deepgram.com"}},
	{Name: "ollama", NoBook: "its models run on machines of one's own, and nobody sends a bill"},
	{Name: "nvidia", Aliases: []string{"nvidia_nim", "nvidia-nim"}, Addresses: []string{"integrate.api.nvidia.com"}},
	{Name: "z_ai", Aliases: []string{"zai", "z-ai", "zai-org"}, Addresses: []string{"api.z.ai"}},
	{Name: "zhipuai", Aliases: []string{"zhipu", "bigmodel"}, Addresses: []string{"open.bigmodel.cn"}}, // Z.ai in China, with its own prices
	{Name: "sambanova", Aliases: []string{"sambanova_cloud"}, Addresses: []string{"api.sambanova.ai"}},
	{
		Name: GitHubModels, OpenAIAPI: true,
		Aliases:   []string{"github_models"},
		Addresses: []string{"models.github.ai", "models.inference.ai.azure.com"},
		NoBook:    "it bills in units of its own; no price data lists them in dollars",
	},
	{Name: "replicate", Addresses: []string{"api.replicate.com"}},
	{Name: "huggingface", Aliases: []string{"hugging_face"}, Addresses: []string{"router.huggingface.co", "api-inference.huggingface.co"}},
	{Name: "cloudflare", Aliases: []string{"workers-ai", "cloudflare-workers-ai"}},
	{Name: "novita", OpenAIAPI: true, Aliases: []string{"novita-ai"}, Addresses: []string{"api.novita.ai"}},
	{Name: "jina_ai", Aliases: []string{"jina", "jinaai"}, Addresses: []string{"api.jina.ai"}},
	{Name: "friendliai", Aliases: []string{"friendli", "friendli_ai"}, Addresses: []string{"api.friendli.ai"}},
	{Name: "gmi", Aliases: []string{"gmicloud", "gmi_cloud"}, Addresses: []string{"api.gmi-serving.com"}},
	{Name: "stability_ai", Aliases: []string{"stability", "stabilityai"}, Addresses: []string{"api.stability.ai"}},
	{Name: "stepfun_ai", Aliases: []string{"stepfun"}, Addresses: []string{"api.stepfun.com", "api.stepfun.ai"}},
	{Name: "inception", Aliases: []string{"text-completion-inception"}, Addresses: []string{"api.inceptionlabs.ai"}},
	{Name: "oci", Aliases: []string{"oracle", "oci_genai"}},
	{Name: "digitalocean", OpenAIAPI: true, Aliases: []string{"gradient_ai"}, Addresses: []string{"inference.do-ai.run"}}, // its platform for models was named Gradient AI

	// Their clients are those of OpenAI or Anthropic, pointed at these hosts.
	{Name: "ai21", Aliases: []string{"ai21_labs"}, Addresses: []string{"api.ai21.com"}},
	{Name: "assemblyai", Addresses: []string{"api.assemblyai.com", "llm-gateway.assemblyai.com"}},
	{Name: "baseten", OpenAIAPI: true, Addresses: []string{"inference.baseten.co"}},
	{Name: "black_forest_labs", Aliases: []string{"bfl"}, Addresses: []string{"api.bfl.ai", "api.bfl.ml"}},
	{Name: "byteplus", OpenAIAPI: true, Addresses: []string{"ark.*.bytepluses.com"}},
	{Name: "chutes", OpenAIAPI: true, Addresses: []string{"llm.chutes.ai"}},
	{Name: "databricks", OpenAIAPI: true, Addresses: []string{"*.cloud.databricks.com", "*.azuredatabricks.net", "*.gcp.databricks.com"}},
	{Name: "fal_ai", Aliases: []string{"fal"}, Addresses: []string{"fal.run", "queue.fal.run"}},
	{Name: Copilot, OpenAIAPI: true, Addresses: []string{"api.githubcopilot.com", "api.*.githubcopilot.com"}},
	{Name: "hyperbolic", OpenAIAPI: true, Addresses: []string{"api.hyperbolic.xyz"}},
	{Name: "lambda_ai", OpenAIAPI: true, Addresses: []string{"api.lambda.ai", "api.lambdalabs.com"}},
	{Name: "minimax", Addresses: []string{"api.minimax.io"}},
	{Name: "minimax_cn", Addresses: []string{"api.minimaxi.com"}}, // with its own prices
	{Name: "nebius", OpenAIAPI: true, Aliases: []string{"nebius_ai_studio", "nebius_token_factory"}, Addresses: []string{"api.studio.nebius.ai", "api.studio.nebius.com", "api.tokenfactory.nebius.com"}},
	{Name: "poe", OpenAIAPI: true, Addresses: []string{"api.poe.com"}},
	{Name: "requesty", OpenAIAPI: true, Addresses: []string{"router.requesty.ai", "router.eu.requesty.ai"}},
	{Name: "scaleway", OpenAIAPI: true, Addresses: []string{"api.scaleway.ai"}},
	{Name: "siliconflow", OpenAIAPI: true, Addresses: []string{"api.siliconflow.com"}},
	{Name: "siliconflow_cn", OpenAIAPI: true, Addresses: []string{"api.siliconflow.cn"}}, // with its own prices
	{Name: "snowflake", OpenAIAPI: true, Addresses: []string{"*.snowflakecomputing.com"}},
	{Name: "upstage", Addresses: []string{"api.upstage.ai"}},
	{Name: "venice", OpenAIAPI: true, Addresses: []string{"api.venice.ai"}},
	{Name: Vercel, OpenAIAPI: true, Addresses: []string{"ai-gateway.vercel.sh"}},
	{Name: "volcengine", OpenAIAPI: true, Aliases: []string{"doubao"}, Addresses: []string{"ark.*.volces.com"}},
	{Name: "wandb", OpenAIAPI: true, Addresses: []string{"api.inference.wandb.ai"}},
}

// frameworks are values that name a client library or a gateway, which may call any
// provider. "github" is Copilot, which does not say whom it calls.
var frameworks = setOf(
	"", "github", "strands-agents", "gcp.vertex.agent", "spring_ai", "microsoft.agent_framework", "microsoft.agents", "langchain",
	"litellm", "litellm_proxy", "gateway", "vercel", "vercel.ai", "llamaindex", "openai_agents", "crewai", "haystack",
	"semantic_kernel", "microsoft.semantic_kernel", "genkit", "mastra", "pydantic_ai", "pydantic-ai", "agno", "smolagents", "dspy",
	"portkey", "helicone", "langgraph", "n8n", "openai-compatible", "agent_framework", "autogen",
	"openai_compatible", "github.copilot", "copilot", "codex", "claude-code", "claude_code", "ai-gateway", "ai_gateway", "vercel.ai.gateway", "llm-gateway",
)

// nobody are placeholders for an unknown provider.
var nobody = setOf("custom", "mock", "unknown", "other", "_other")

// apis are the suffixes that Vercel's SDK appends to the name of a provider to say which
// API was called.
var apis = setOf("chat", "completion", "responses", "messages", "embedding", "embeddings", "textEmbedding", "image", "speech", "transcription", "reranking", "video")

// Named returns the provider of a name. It accepts any letter case, an API at the end
// ("openai.chat"), a host or URL, and any way of joining words, also when some words only
// say that it is a client ("Azure OpenAI", "ChatOpenAI"). It returns nil when the catalog
// has no such name.
func Named(name string) *Provider {
	if p := names.find(name); p != nil {
		return p
	}
	if short := WithoutAPI(name); short != name {
		return names.find(short)
	}
	if host := HostNamed(name); host != "" {
		return names.exact[At(host)]
	}
	if first, rest, ok := strings.Cut(name, "/"); ok && rest != "" { // the name of a plugin: "langgenius/openai/openai"
		if p := Named(first); p != nil {
			return p
		}
		return Named(rest)
	}
	joined := joined(name)
	if p := joinedNames[joined]; p != nil {
		return p
	}
	for _, word := range clients {
		if rest := strings.Replace(joined, word, "", 1); rest != joined {
			if p := joinedNames[rest]; p != nil {
				return p
			}
			joined = rest
		}
	}
	return nil
}

// clients are words that occur in the names of a provider's client.
var clients = []string{"chat", "embeddings", "model", "generator", "embedder", "api", "client", "sdk"}

// joined returns the letters and digits of a name, in lower case.
func joined(name string) string {
	if len(name) > maxHost {
		return ""
	}
	return strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			return c
		case c >= 'A' && c <= 'Z':
			return c - 'A' + 'a'
		}
		return -1
	}, name)
}

// joinedNames maps the joined form of each name to its provider.
var joinedNames = func() map[string]*Provider {
	all := map[string]*Provider{}
	for name, p := range names.exact {
		all[joined(name)] = p
	}
	return all
}()

// hostIn returns the host of a URL or of an address such as "api.openai.com:443/v1".
func hostIn(text string) string {
	if _, rest, ok := strings.Cut(text, "://"); ok {
		text = rest
	}
	if end := strings.IndexAny(text, "/:?"); end >= 0 {
		text = text[:end]
	}
	return strings.ToLower(text)
}

// HostNamed returns the host that was given as the name of a provider, "" when the name is
// not a host.
func HostNamed(name string) string {
	if strings.IndexByte(name, '.') > 0 {
		if host := hostIn(name); At(host) != "" {
			return host
		}
	}
	return ""
}

// Canonical returns the name of the provider that [Named] finds, "" for none.
func Canonical(name string) string {
	if p := Named(name); p != nil {
		return p.Name
	}
	return ""
}

// IsFramework reports whether a name means a client library, a gateway or nothing, so that
// the provider has to be found elsewhere.
func IsFramework(name string) bool {
	name = strings.ToLower(name)
	return frameworks[name] || nobody[name] || frameworks[WithoutAPI(name)]
}

// IsNobody reports whether a name is a placeholder for an unknown provider.
func IsNobody(name string) bool { return nobody[strings.ToLower(name)] }

// WithoutAPI removes the API from a provider's name: "name.chat" becomes "name".
func WithoutAPI(name string) string {
	if dot := strings.LastIndexByte(name, '.'); dot > 0 && apis[name[dot+1:]] {
		return name[:dot]
	}
	return name
}

// Book returns the name of the provider whose prices apply to a name in telemetry or price
// data. A name that the catalog does not have is taken as a provider, with underscores as
// in OpenTelemetry's names.
func Book(name string) string {
	p := Named(name)
	switch {
	case p == nil:
		return strings.ReplaceAll(strings.ToLower(name), "-", "_")
	case p.MeansBook != "":
		return p.MeansBook
	}
	return p.Name
}

// At returns the provider at a host, "" for a host that the catalog does not have. Clients
// made for one API are often pointed at another host, and the host sends the bill. A URL or
// a port in the place of a host is accepted.
func At(host string) string {
	host = hostIn(host)
	if len(host) < minHost || len(host) > maxHost {
		return ""
	}
	if p := hosts[host]; p != nil {
		return p.Name
	}
	for _, h := range hostPatterns {
		if h.matches(host) {
			return h.provider.Name
		}
	}
	return ""
}

// SpeaksOpenAI reports whether a provider serves other vendors' models through OpenAI's
// API.
func SpeaksOpenAI(name string) bool {
	p := names.exact[name]
	return p != nil && p.OpenAIAPI
}

// HostOf returns the host of a URL, "" when the text is not a URL.
func HostOf(url string) string {
	if !strings.Contains(url, "://") {
		return ""
	}
	return hostIn(url)
}

// Lengths of host names in bytes: the shortest in the catalog, the longest that DNS allows.
const (
	minHost = len("fal.run")
	maxHost = 253
)

// starred is a text in which one * matches any other text.
type starred struct {
	before, after string
	provider      *Provider
}

func (s *starred) matches(text string) bool {
	return len(text) >= len(s.before)+len(s.after) && strings.HasPrefix(text, s.before) && strings.HasSuffix(text, s.after)
}

// index finds providers by name.
type index struct {
	exact    map[string]*Provider
	patterns []starred
}

func (x *index) find(name string) *Provider {
	p, ok := x.exact[name]
	if ok {
		return p
	}
	lower := strings.ToLower(name)
	if p, ok := x.exact[lower]; ok {
		return p
	}
	for i := range x.patterns {
		if x.patterns[i].matches(lower) {
			return x.patterns[i].provider
		}
	}
	return nil
}

var names, hosts, hostPatterns = indexed(Providers)

func indexed(list []Provider) (names index, hosts map[string]*Provider, patterns []starred) {
	names.exact, hosts = map[string]*Provider{}, map[string]*Provider{}
	put := func(text string, p *Provider, exact map[string]*Provider, patterns *[]starred) {
		if before, after, ok := strings.Cut(text, "*"); ok {
			*patterns = append(*patterns, starred{before, after, p})
			return
		}
		exact[text] = p
	}
	for i := range list {
		p := &list[i]
		put(p.Name, p, names.exact, &names.patterns)
		for _, alias := range p.Aliases {
			put(alias, p, names.exact, &names.patterns)
		}
		for _, address := range p.Addresses {
			put(address, p, hosts, &patterns)
		}
	}
	return names, hosts, patterns
}

func setOf(names ...string) map[string]bool {
	set := make(map[string]bool, len(names))
	for _, n := range names {
		set[n] = true
	}
	return set
}
