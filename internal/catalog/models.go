package catalog

import "strings"

// Vendor is who trained a model, whoever hosts it. It decides what the numbers of the
// model's API mean.
type Vendor uint8

// The vendors.
const (
	VendorUnknown Vendor = iota
	VendorOpenAI
	VendorAnthropic
	VendorGoogle
	VendorXAI
	VendorMistral
	VendorDeepSeek
	VendorCohere
	VendorAmazon
	VendorPerplexity
	VendorMoonshot
	VendorAlibaba
	VendorMeta
)

// vendors says where a vendor sells its models itself, and how the names of those models
// begin whose weights nobody else has; a "$" marks the end of a name.
var vendors = [...]struct {
	host string
	kept []string
}{
	VendorOpenAI:     {host: OpenAI},
	VendorAnthropic:  {Anthropic, []string{""}},
	VendorGoogle:     {Gemini, []string{"gemini-"}},
	VendorXAI:        {XAI, []string{""}},
	VendorMistral:    {host: Mistral},
	VendorDeepSeek:   {DeepSeek, []string{"deepseek-chat$", "deepseek-reasoner$"}}, // the names of its own API
	VendorCohere:     {host: Cohere},
	VendorAmazon:     {host: Bedrock},
	VendorPerplexity: {Perplexity, []string{""}},
	VendorMoonshot:   {host: Moonshot},
	VendorAlibaba:    {host: Alibaba},
	VendorMeta:       {}, // sells none of its models itself
}

// Host returns the provider that is the vendor's own API, "" where it has none.
func (v Vendor) Host() string { return vendors[v].host }

// Keeps reports whether only the vendor and the large clouds, whose libraries identify
// themselves, host a model, because its weights are not public.
func (v Vendor) Keeps(model string) bool {
	model = model[strings.LastIndexByte(model, '/')+1:]
	for _, start := range vendors[v].kept {
		if whole, ok := strings.CutSuffix(start, "$"); model == whole || !ok && strings.HasPrefix(model, start) {
			return true
		}
	}
	return false
}

// Kind is what a model does, as far as its name tells.
type Kind uint8

// The kinds; a model that fits no other kind is text.
const (
	KindText Kind = iota
	KindSpeech
	KindTranscription
	KindTTS
	KindEmbedding
	KindImage
	KindVideo
	KindRerank
)

// Model is what the name of a model tells.
type Model struct {
	// Base is the name without host, region, date and version, in lower case: the part on
	// which two observers of one call agree.
	Base   string
	Vendor Vendor
	Kind   Kind
	// Reasons: the model may think before it answers, and its provider counts those tokens
	// separately.
	Reasons bool
	// Bedrock: the name is a Bedrock model id or inference profile id.
	Bedrock bool
	// Tokens: speech or transcription that is billed by tokens, not by characters or the
	// length of the audio (gpt-4o-mini-tts, gpt-4o-transcribe).
	Tokens bool
	// PerImage: billed by the image (dall-e, imagen), not by tokens.
	PerImage bool
	// Searches: each call searches the web, once.
	Searches bool
	// SearchesByPrompt: Google bills each prompt that searches, however many searches it
	// runs. From Gemini 3 on it bills each search.
	SearchesByPrompt bool
}

// Inspect reads a model's name by the vendors' naming rules. Names may carry prefixes
// ("us.anthropic.claude-…", "openai/gpt-4o", "models/gemini-2.5-flash"), so it looks for
// the family anywhere in the name.
func Inspect(name string) Model {
	name = strings.ToLower(name)
	m := Model{Base: base(name), Vendor: vendorOf(name), Bedrock: isBedrockID(name)}
	has := func(part string) bool { return strings.Contains(name, part) }
	switch {
	case has("whisper"), has("transcribe"), has("-asr"), has("scribe_v"), strings.HasPrefix(name, "nova-2-general"):
		m.Kind, m.Tokens = KindTranscription, has("gpt-")
	case strings.HasPrefix(name, "tts-"), has("-tts"), has("/tts-"), has("eleven_"):
		m.Kind, m.Tokens = KindTTS, has("gpt-") || has("gemini-")
	case has("realtime"), has("gpt-audio"), has("-audio-preview"), has("native-audio"), has("nova-sonic"), has("nova-2-sonic"), has("gpt-4o-audio"), has("gpt-4o-mini-audio"), has("-live-"):
		m.Kind = KindSpeech
	case has("embed"), has("bge-"), has("voyage-"):
		m.Kind = KindEmbedding
	case has("rerank"):
		m.Kind = KindRerank
	case has("dall-e"), has("imagen"), has("stable-diffusion"), has("flux"), has("titan-image"), has("nova-canvas"):
		m.Kind, m.PerImage = KindImage, true
	case has("gpt-image"), has("chatgpt-image"):
		m.Kind = KindImage
	case has("sora"), has("veo-"), has("nova-reel"):
		m.Kind = KindVideo
	}
	if m.Kind == KindText {
		m.Searches = has("-search-preview") || has("-search-api")
		switch m.Vendor {
		case VendorGoogle:
			m.SearchesByPrompt = has("gemini-1") || has("gemini-2")
			m.Reasons = has("gemini") && !has("gemini-1") && !has("gemini-2.0") && !has("gemini-pro") && !has("gemini-ultra") || has("thinking")
		case VendorOpenAI:
			m.Reasons = !has("gpt-3") && !has("gpt-4") && !has("davinci") && !has("babbage") && !has("chatgpt")
		case VendorXAI:
			m.Reasons = !has("non-reasoning") && !has("grok-2") && (!has("grok-3") || has("mini"))
		case VendorDeepSeek, VendorPerplexity, VendorAlibaba, VendorMoonshot:
			m.Reasons = true
		}
	}
	return m
}

// vendorOf returns the vendor of a model family.
func vendorOf(name string) Vendor {
	for _, f := range families {
		for _, part := range f.parts {
			if strings.Contains(name, part) {
				return f.vendor
			}
		}
	}
	// OpenAI's reasoning models have the shortest names of all.
	base := name[strings.LastIndexByte(name, '/')+1:]
	if len(base) >= 2 && base[0] == 'o' && base[1] >= '1' && base[1] <= '9' && (len(base) == 2 || base[2] == '-') {
		return VendorOpenAI
	}
	return VendorUnknown
}

// families maps parts of names to vendors. The order matters where one vendor's name occurs
// inside another's ("deepseek-r1-distill-llama").
var families = []struct {
	vendor Vendor
	parts  []string
}{
	{VendorDeepSeek, []string{"deepseek"}},
	{VendorAnthropic, []string{"claude"}},
	{VendorUnknown, []string{"gpt-oss"}}, // an open model, hosted by anybody
	{VendorOpenAI, []string{
		"gpt-", "gpt3", "gpt4", "gpt5", "text-embedding-3", "text-embedding-ada", "whisper", "dall-e", "tts-1", "davinci", "babbage",
		"chatgpt", "codex", "sora", "computer-use-preview",
	}},
	{VendorGoogle, []string{"gemini", "imagen", "veo-", "text-bison", "chat-bison", "text-embedding-00", "learnlm"}},
	{VendorXAI, []string{"grok"}},
	{VendorMistral, []string{"mistral", "mixtral", "codestral", "ministral", "magistral", "pixtral", "devstral", "voxtral"}},
	{VendorCohere, []string{"command-", "embed-english", "embed-multilingual", "embed-v4", "rerank-v", "rerank-english", "rerank-multilingual"}},
	{VendorAmazon, []string{"amazon.", "nova-pro", "nova-lite", "nova-micro", "nova-premier", "titan-"}},
	{VendorPerplexity, []string{"sonar"}},
	{VendorMoonshot, []string{"kimi", "moonshot"}},
	{VendorAlibaba, []string{"qwen", "qwq"}},
	{VendorMeta, []string{"llama"}},
}

// makers are the prefixes that Bedrock puts before a model's name, and the first words of
// the names from which some libraries strip the prefix. Claude's names are recognised
// without it.
var makers = map[string]struct {
	words []string
	only  string // the beginnings of names that make a Bedrock id, "" for any
}{
	"ai21":       {words: []string{"jamba"}},
	"amazon":     {words: []string{"titan", "nova"}},
	"anthropic":  {},
	"cohere":     {words: []string{"command", "embed", "rerank"}},
	"deepseek":   {},
	"google":     {only: "gemma"},
	"luma":       {},
	"meta":       {words: []string{"llama"}}, // also llama3
	"minimax":    {},
	"mistral":    {words: []string{"mistral", "mixtral", "ministral", "pixtral"}},
	"moonshot":   {},
	"moonshotai": {},
	"nvidia":     {only: "nemotron"},
	"openai":     {only: "gpt-oss"},
	"qwen":       {},
	"stability":  {},
	"twelvelabs": {},
	"writer":     {},
	"zai":        {only: "glm"},
}

// Global is the region of a call that is served wherever there is capacity.
const Global = "global"

// bedrockRegions are the geographies of cross-region inference profiles.
var bedrockRegions = setOf("us", "eu", "apac", "jp", "au", "ca", "us-gov", Global)

// isBedrockID recognises "anthropic.claude-…-v1:0", "us.amazon.nova-pro-v1:0"
// and ARNs of Bedrock.
func isBedrockID(name string) bool {
	if strings.HasPrefix(name, "arn:aws") && strings.Contains(name, ":bedrock:") {
		return true
	}
	if rest, _, ok := cutRegionPrefix("", name); ok {
		name = rest
	}
	head, rest, ok := strings.Cut(name, ".")
	if !ok {
		return false
	}
	maker, ok := makers[head]
	return ok && strings.HasPrefix(rest, maker.only)
}

// makerOf maps the first word of a model's name to its maker.
var makerOf = func() map[string]string {
	byWord := map[string]string{}
	for name, m := range makers {
		for _, word := range m.words {
			byWord[word] = name
		}
	}
	return byWord
}()

// BedrockID restores the maker's prefix of a Bedrock model where it was stripped, because
// price lists know the name with it: "amazon.nova-pro-v1:0".
func BedrockID(model string) string {
	word, _, _ := strings.Cut(model, "-")
	if strings.HasPrefix(word, "llama") {
		word = "llama" // also llama3
	}
	if maker := makerOf[word]; maker != "" {
		return maker + "." + model
	}
	return model
}

// IsRouter reports whether the name is that of a router: the host chooses the model that
// answers and charges for the choice. The answer names the model.
func IsRouter(model string) bool {
	model = strings.ToLower(model[strings.LastIndexByte(model, '/')+1:])
	return model == "model-router" || model == "model_router" || strings.HasPrefix(model, "model-router-")
}
