package genai

import (
	"strings"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// vendor is who made a model, whoever hosts it. It decides what the numbers of
// its API mean.
type vendor uint8

const (
	vendorUnknown vendor = iota
	vendorOpenAI
	vendorAnthropic
	vendorGoogle
	vendorXAI
	vendorMistral
	vendorDeepSeek
	vendorCohere
	vendorAmazon
	vendorPerplexity
	vendorMoonshot
	vendorAlibaba
	vendorMeta
)

// host gives the provider.name of the vendor's own API, "" where it has none.
func (v vendor) host() string {
	switch v {
	case vendorOpenAI:
		return providerOpenAI
	case vendorAnthropic:
		return providerAnthropic
	case vendorGoogle:
		return providerGemini
	case vendorXAI:
		return providerXAI
	case vendorMistral:
		return providerMistral
	case vendorDeepSeek:
		return providerDeepSeek
	case vendorCohere:
		return providerCohere
	case vendorAmazon:
		return providerBedrock
	case vendorPerplexity:
		return providerPerplexity
	case vendorMoonshot:
		return providerMoonshot
	case vendorAlibaba:
		return providerAlibaba
	}
	return ""
}

// onlyAtVendor reports whether the vendor keeps the model to itself and to the
// large clouds, whose libraries tell who they are: its weights are not to be had.
func onlyAtVendor(model string, v vendor) bool {
	model = model[strings.LastIndexByte(model, '/')+1:]
	switch v {
	case vendorAnthropic, vendorXAI, vendorPerplexity:
		return true
	case vendorGoogle:
		return strings.HasPrefix(model, "gemini-")
	case vendorDeepSeek: // the names of its own API
		return model == "deepseek-chat" || model == "deepseek-reasoner"
	}
	return false
}

// modelKind is what a model does, where its name tells.
type modelKind uint8

const (
	kindText          modelKind = iota
	kindSpeech                  // listens and speaks: gpt-4o-audio, realtime
	kindTranscription           //
	kindTTS                     //
	kindEmbedding               //
	kindImage                   //
	kindVideo                   //
	kindRerank                  //
)

// modelInfo is what the name of a model tells.
type modelInfo struct {
	// base is a hash of the name without host, date and version: what two
	// observers of one call see alike. 0 for no name.
	base   uint64
	vendor vendor
	kind   modelKind
	// reasons: the model may think before it answers, and its provider counts
	// those tokens apart.
	reasons bool
	// bedrock: the name is a Bedrock model or inference profile id.
	bedrock bool
	// tokens: speech or transcription billed by tokens, not by characters or
	// the length of the audio (gpt-4o-mini-tts, gpt-4o-transcribe).
	tokens bool
	// perImage: billed by the image (dall-e, imagen), not by tokens.
	perImage bool
}

// maxModelCache bounds the memory of model names in one reading.
const maxModelCache = 1024

// model looks a model up, and remembers it: a payload names few models often.
func (r *reading) model(name string) modelInfo {
	if name == r.lastModel {
		return r.lastInfo
	}
	info, ok := r.models[name]
	if !ok {
		info = inspectModel(name)
		if len(r.models) >= maxModelCache {
			clear(r.models)
		}
		if len(name) <= usage.MaxModelBytes {
			name = strings.Clone(name)
			r.models[name] = info
		}
	}
	if len(name) <= usage.MaxModelBytes {
		r.lastModel, r.lastInfo = name, info
	}
	return info
}

// inspectModel reads a model name by the naming rules of the vendors. Names
// come with prefixes ("us.anthropic.claude-…", "openai/gpt-4o",
// "models/gemini-2.5-flash"), so it looks for the family anywhere in the name.
func inspectModel(name string) modelInfo {
	if len(name) > usage.MaxModelBytes {
		name = name[:usage.MaxModelBytes]
	}
	name = strings.ToLower(name)
	has := func(part string) bool { return strings.Contains(name, part) }
	info := modelInfo{vendor: vendorOf(name), bedrock: isBedrockID(name)}
	if base := baseName(name); base != "" {
		info.base = hashText(base)
	}
	switch {
	case has("whisper"), has("transcribe"), has("voxtral") && has("mini-transcribe"), has("-asr"), has("scribe_v"), strings.HasPrefix(name, "nova-2-general"):
		info.kind, info.tokens = kindTranscription, has("gpt-")
	case strings.HasPrefix(name, "tts-"), has("-tts"), has("/tts-"), has("eleven_"):
		info.kind, info.tokens = kindTTS, has("gpt-") || has("gemini-")
	case has("realtime"), has("gpt-audio"), has("-audio-preview"), has("native-audio"), has("gpt-4o-audio"), has("gpt-4o-mini-audio"), has("-live-"):
		info.kind = kindSpeech
	case has("embed"), has("titan-embed"), has("bge-"), has("voyage-"):
		info.kind = kindEmbedding
	case has("rerank"):
		info.kind = kindRerank
	case has("dall-e"), has("imagen"), has("stable-diffusion"), has("flux"), has("titan-image"), has("nova-canvas"):
		info.kind, info.perImage = kindImage, true
	case has("gpt-image"), has("chatgpt-image"):
		info.kind = kindImage
	case has("sora"), has("veo-"), has("nova-reel"):
		info.kind = kindVideo
	}
	if info.kind == kindText {
		switch info.vendor {
		case vendorGoogle:
			info.reasons = has("gemini") && !has("gemini-1") && !has("gemini-2.0") && !has("gemini-pro") && !has("gemini-ultra") || has("thinking")
		case vendorOpenAI:
			info.reasons = !has("gpt-3") && !has("gpt-4") && !has("davinci") && !has("babbage") && !has("chatgpt")
		case vendorXAI, vendorDeepSeek, vendorPerplexity, vendorAlibaba, vendorMoonshot:
			info.reasons = true
		}
	}
	return info
}

// vendorOf knows the model families. The order matters where one vendor's
// name occurs inside another's ("deepseek-r1-distill-llama").
func vendorOf(name string) vendor {
	for _, family := range modelFamilies {
		if strings.Contains(name, family.part) {
			return family.vendor
		}
	}
	// The reasoning models of OpenAI have the shortest names of all.
	base := name[strings.LastIndexByte(name, '/')+1:]
	if len(base) >= 2 && base[0] == 'o' && base[1] >= '1' && base[1] <= '9' && (len(base) == 2 || base[2] == '-') {
		return vendorOpenAI
	}
	return vendorUnknown
}

var modelFamilies = []struct {
	part   string
	vendor vendor
}{
	{"deepseek", vendorDeepSeek},
	{"claude", vendorAnthropic},
	{"gpt-oss", vendorUnknown}, // an open model: whoever hosts it
	{"gpt-", vendorOpenAI},
	{"gpt3", vendorOpenAI},
	{"gpt4", vendorOpenAI},
	{"gpt5", vendorOpenAI},
	{"text-embedding-3", vendorOpenAI},
	{"text-embedding-ada", vendorOpenAI},
	{"whisper", vendorOpenAI},
	{"dall-e", vendorOpenAI},
	{"tts-1", vendorOpenAI},
	{"davinci", vendorOpenAI},
	{"babbage", vendorOpenAI},
	{"chatgpt", vendorOpenAI},
	{"codex", vendorOpenAI},
	{"sora", vendorOpenAI},
	{"computer-use-preview", vendorOpenAI},
	{"gemini", vendorGoogle},
	{"imagen", vendorGoogle},
	{"veo-", vendorGoogle},
	{"text-bison", vendorGoogle},
	{"chat-bison", vendorGoogle},
	{"text-embedding-00", vendorGoogle},
	{"learnlm", vendorGoogle},
	{"grok", vendorXAI},
	{"mistral", vendorMistral},
	{"mixtral", vendorMistral},
	{"codestral", vendorMistral},
	{"ministral", vendorMistral},
	{"magistral", vendorMistral},
	{"pixtral", vendorMistral},
	{"devstral", vendorMistral},
	{"voxtral", vendorMistral},
	{"command-", vendorCohere},
	{"embed-english", vendorCohere},
	{"embed-multilingual", vendorCohere},
	{"embed-v4", vendorCohere},
	{"rerank-v", vendorCohere},
	{"rerank-english", vendorCohere},
	{"rerank-multilingual", vendorCohere},
	{"amazon.", vendorAmazon},
	{"nova-pro", vendorAmazon},
	{"nova-lite", vendorAmazon},
	{"nova-micro", vendorAmazon},
	{"nova-premier", vendorAmazon},
	{"titan-", vendorAmazon},
	{"sonar", vendorPerplexity},
	{"kimi", vendorMoonshot},
	{"moonshot", vendorMoonshot},
	{"qwen", vendorAlibaba},
	{"qwq", vendorAlibaba},
	{"llama", vendorMeta},
}

// isBedrockID recognises "anthropic.claude-…-v1:0", "us.amazon.nova-pro-v1:0"
// and ARNs of Bedrock.
func isBedrockID(name string) bool {
	if strings.HasPrefix(name, "arn:aws") && strings.Contains(name, ":bedrock:") {
		return true
	}
	if before, rest, ok := strings.Cut(name, "."); ok && len(before) <= 6 {
		switch before {
		case "us", "eu", "apac", "au", "jp", "global", "us-gov":
			name = rest
		}
	}
	for _, maker := range []string{"anthropic.", "amazon.", "meta.", "mistral.", "cohere.", "ai21.", "stability.", "deepseek.", "openai.gpt-oss", "writer.", "qwen.", "moonshot.", "minimax."} {
		if strings.HasPrefix(name, maker) {
			return true
		}
	}
	return false
}

// baseName strips what observers of one call see differently: one sees
// "gpt-4o-mini", the other "gpt-4o-mini-2024-07-18"; one sees
// "us.anthropic.claude-sonnet-4-5-20250929-v1:0" or "anthropic/claude-…".
func baseName(name string) string {
	name = name[strings.LastIndexByte(name, '/')+1:]
	if _, after, ok := strings.Cut(name, "anthropic."); ok {
		name = after
	}
	for {
		short := stripVersion(name)
		if short == name || short == "" {
			return name
		}
		name = short
	}
}

// stripVersion takes one trailing part off a name that is a date or a build:
// "-2024-07-18", "-20250929", "-0613", "-001", "-v1:0", "@20250929", "-latest".
func stripVersion(name string) string {
	for _, word := range []string{"-latest", ":latest", "-preview"} {
		if short, ok := strings.CutSuffix(name, word); ok {
			return short
		}
	}
	if at := strings.LastIndexByte(name, '@'); at > 0 {
		return name[:at]
	}
	at := strings.LastIndexByte(name, '-')
	if at <= 0 {
		return name
	}
	last := name[at+1:]
	if strings.HasPrefix(last, "v") && strings.HasSuffix(last, ":0") {
		return name[:at]
	}
	if !allDigits(last) {
		return name
	}
	switch len(last) {
	case 3, 4, 6, 8:
		return name[:at]
	case 2: // the day of "-2024-07-18"
		if rest := name[:at]; len(rest) > 8 && rest[len(rest)-3] == '-' && rest[len(rest)-8] == '-' && allDigits(rest[len(rest)-7:len(rest)-3]) {
			return rest[:len(rest)-8]
		}
	}
	return name
}

func allDigits(text string) bool {
	for i := 0; i < len(text); i++ {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return text != ""
}
