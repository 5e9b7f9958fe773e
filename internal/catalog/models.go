package catalog

import "strings"

// Vendor is who made a model, whoever hosts it. It decides what the numbers of
// its API mean.
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

// vendors say where a vendor sells its models itself, and how the names begin
// of those whose weights nobody else has; a name ends at $.
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
	VendorMeta:       {}, // sells none of them
}

// Host gives the provider that is the vendor's own API, "" where it has none.
func (v Vendor) Host() string { return vendors[v].host }

// Keeps reports whether the vendor keeps a model to itself and to the large
// clouds, whose libraries say who they are: its weights are not to be had.
func (v Vendor) Keeps(model string) bool {
	model = model[strings.LastIndexByte(model, '/')+1:]
	for _, start := range vendors[v].kept {
		if whole, ok := strings.CutSuffix(start, "$"); model == whole || !ok && strings.HasPrefix(model, start) {
			return true
		}
	}
	return false
}

// Kind is what a model does, where its name says.
type Kind uint8

// The kinds; text is what nothing else is.
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

// Model is what the name of a model says.
type Model struct {
	// Base is the name without host, region, date and version, in lower case:
	// what two observers of one call see alike.
	Base   string
	Vendor Vendor
	Kind   Kind
	// Reasons: the model may think before it answers, and its provider counts
	// those tokens apart.
	Reasons bool
	// Bedrock: the name is a Bedrock model or inference profile id.
	Bedrock bool
	// Tokens: speech or transcription billed by tokens, not by characters or
	// the length of the audio (gpt-4o-mini-tts, gpt-4o-transcribe).
	Tokens bool
	// PerImage: billed by the image (dall-e, imagen), not by tokens.
	PerImage bool
	// Searches: each call searches the web, once.
	Searches bool
	// SearchesByPrompt: Google bills a prompt that searches, however often it
	// does. From Gemini 3 on it bills each search.
	SearchesByPrompt bool
}

// Inspect reads a model's name by the naming rules of the vendors. Names come
// with prefixes ("us.anthropic.claude-…", "openai/gpt-4o",
// "models/gemini-2.5-flash"), so it looks for the family anywhere in the name.
func Inspect(name string) Model {
	name = strings.ToLower(name)
	m := Model{Base: base(name), Vendor: vendorOf(name), Bedrock: isBedrockID(name)}
	has := func(part string) bool { return strings.Contains(name, part) }
	switch {
	case has("whisper"), has("transcribe"), has("-asr"), has("scribe_v"), strings.HasPrefix(name, "nova-2-general"):
		m.Kind, m.Tokens = KindTranscription, has("gpt-")
	case strings.HasPrefix(name, "tts-"), has("-tts"), has("/tts-"), has("eleven_"):
		m.Kind, m.Tokens = KindTTS, has("gpt-") || has("gemini-")
	case has("realtime"), has("gpt-audio"), has("-audio-preview"), has("native-audio"), has("gpt-4o-audio"), has("gpt-4o-mini-audio"), has("-live-"):
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

// vendorOf knows the model families.
func vendorOf(name string) Vendor {
	for _, f := range families {
		for _, part := range f.parts {
			if strings.Contains(name, part) {
				return f.vendor
			}
		}
	}
	// The reasoning models of OpenAI have the shortest names of all.
	base := name[strings.LastIndexByte(name, '/')+1:]
	if len(base) >= 2 && base[0] == 'o' && base[1] >= '1' && base[1] <= '9' && (len(base) == 2 || base[2] == '-') {
		return VendorOpenAI
	}
	return VendorUnknown
}

// families are parts of names. Their order matters where one vendor's name
// occurs inside another's ("deepseek-r1-distill-llama").
var families = []struct {
	vendor Vendor
	parts  []string
}{
	{VendorDeepSeek, []string{"deepseek"}},
	{VendorAnthropic, []string{"claude"}},
	{VendorUnknown, []string{"gpt-oss"}}, // an open model: whoever hosts it
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

// makers are what Bedrock writes before a model's name, and the first words of
// the names from which several libraries cut it off. Claude's names are known
// without it.
var makers = map[string]struct {
	words []string
	only  string // how the names begin that make a Bedrock id, "" for any
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

// Global is the region of what is served wherever there is room, whoever calls
// from where.
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

// makerOf finds the maker by the first word of a model's name.
var makerOf = func() map[string]string {
	byWord := map[string]string{}
	for name, m := range makers {
		for _, word := range m.words {
			byWord[word] = name
		}
	}
	return byWord
}()

// BedrockID puts the maker back before a model of Bedrock, where it was cut off
// and price lists need it: they know "amazon.nova-pro-v1:0".
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

// IsRouter reports whether the name is that of a router: the host chooses the
// model that answers, and asks for that too. It names the model in the answer.
func IsRouter(model string) bool {
	model = strings.ToLower(model[strings.LastIndexByte(model, '/')+1:])
	return model == "model-router" || model == "model_router" || strings.HasPrefix(model, "model-router-")
}
