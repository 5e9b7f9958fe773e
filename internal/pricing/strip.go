package pricing

import (
	"iter"
	"regexp"
	"slices"
	"strings"

	"github.com/otelcol-usage/otelcol-usage/internal/pricing/foreign"
)

// strip is a rule by which hosts and libraries decorate a model's name.
type strip struct {
	name string
	// cut returns the name without the decoration, and the region that the
	// decoration named. The host is who bills the call.
	cut func(host, name string) (rest, region string, ok bool)
}

// strips are tried in this order. Every rule keeps "ft:": a tuned model has its
// own, dearer price and is never priced as its base.
var strips = []strip{
	{"resource path", cutResourcePath},
	{"provider prefix", cutProviderPrefix},
	{"route", cutRoute},
	{"region path", cutRegionPath},
	{"context suffix", cutPattern(`^(.+?)\[\d+[km]\]$`)},
	{"fine-tuning suffix", cutFineTuningSuffix},
	{"version suffix", cutPattern(`^(.+?)-v\d+:\d+(?::[0-9]+k|:mm)?$`)},
	{"vertex version", cutPattern(`^(.+?)(?:@[a-z0-9.-]+|-00\d)$`)},
	{"region prefix", cutRegionPrefix},
	{"vendor prefix", cutVendorPrefix},
	{"-latest", cutPattern(`^(.+?)-latest$`)},
	{"date suffix", cutPattern(`^(.+?)-(?:20\d\d-[01]\d-[0-3]\d|20\d\d[01]\d[0-3]\d)$`)},
}

// candidate is a name to look up.
type candidate struct {
	name   string
	strips string // the rules that made it, in their order
	region string
	used   uint16 // bit set of the rules
}

// maxCandidates bounds the names one lookup tries.
const maxCandidates = 64

// stripped gives the name itself, then every name with one decoration less,
// then two less, and so on: what fewer strips reach says more about the price.
// Among equals, those come first that spare the later rules, which tell less
// about the spelling and more about the model.
func stripped(host, name string) iter.Seq[candidate] {
	return func(yield func(candidate) bool) {
		level := []candidate{{name: name}}
		var seen []string
		for len(level) > 0 {
			var next []candidate
			for _, c := range level {
				if slices.Contains(seen, c.name) {
					continue
				}
				seen = append(seen, c.name)
				if !yield(c) || len(seen) == maxCandidates {
					return
				}
				next = append(next, c.shorter(host)...)
			}
			slices.SortStableFunc(next, func(a, b candidate) int { return int(a.used) - int(b.used) })
			level = next
		}
	}
}

// shorter applies each rule that was not used yet.
func (c candidate) shorter(host string) (list []candidate) {
	for i, s := range strips {
		if c.used&(1<<i) != 0 {
			continue
		}
		rest, region, ok := s.cut(host, c.name)
		if !ok || rest == "" || (strings.HasPrefix(c.name, "ft:") && !strings.HasPrefix(rest, "ft:")) {
			continue
		}
		n := candidate{name: rest, strips: s.name, region: c.region, used: c.used | 1<<i}
		if c.strips != "" {
			n.strips = c.strips + ", " + s.name
		}
		if region != "" {
			n.region = region
		}
		list = append(list, n)
	}
	return list
}

func cutPattern(text string) func(string, string) (string, string, bool) {
	re := regexp.MustCompile(text)
	return func(_, name string) (string, string, bool) {
		m := re.FindStringSubmatch(name)
		if m == nil {
			return "", "", false
		}
		return m[1], "", true
	}
}

// cutResourcePath keeps the end of an ARN or resource name:
// "arn:aws:bedrock:us-east-1::foundation-model/x", "models/x",
// "projects/p/locations/l/publishers/google/models/x".
func cutResourcePath(_, name string) (string, string, bool) {
	for _, start := range []string{"arn:", "projects/", "publishers/", "models/", "tunedModels/", "accounts/"} {
		if strings.HasPrefix(name, start) {
			if i := strings.LastIndexByte(name, '/'); i >= 0 {
				return name[i+1:], "", true
			}
		}
	}
	return "", "", false
}

// providerPrefixes are what routing libraries put before a model's name. What
// is not listed is taken for a part of the name, as in "meta-llama/llama-3".
var providerPrefixes = []string{
	"openai", "azure", "azure_ai", "anthropic", "bedrock", "bedrock_converse", "google", "gemini", "google_genai",
	"google_vertexai", "vertex_ai", "vertex", "mistral", "mistralai", "cohere", "cohere_chat", "groq", "deepseek", "xai", "x-ai", "perplexity",
	"moonshot", "moonshotai", "openrouter", "together_ai", "fireworks_ai", "text-completion-openai", "amazon", "litellm_proxy", "zai", "z-ai",
}

// cutProviderPrefix takes the name of the host itself as well, as price data and
// libraries spell it: "novita/…", "watsonx/…".
func cutProviderPrefix(host, name string) (string, string, bool) {
	head, rest, ok := strings.Cut(name, "/")
	if !ok {
		return "", "", false
	}
	head = strings.ToLower(head)
	return rest, "", slices.Contains(providerPrefixes, head) || foreign.ProviderName(head) == host
}

// cutRoute takes off which of several APIs or deployment types of one host was
// called, which changes no price.
func cutRoute(_, name string) (string, string, bool) {
	head, rest, ok := strings.Cut(name, "/")
	return rest, "", ok && slices.Contains([]string{"converse", "converse_like", "invoke", "responses", "global", "global-standard"}, head)
}

var regionPath = regexp.MustCompile(`^(us|eu|apac|[a-z]{2}(?:-gov)?-[a-z]+-\d)/(.+)$`)

// cutRegionPath keeps the region of "eu-west-1/model" and "us/model".
func cutRegionPath(_, name string) (string, string, bool) {
	m := regionPath.FindStringSubmatch(name)
	if m == nil {
		return "", "", false
	}
	return m[2], m[1], true
}

// cutFineTuningSuffix turns "ft:base:organisation::id" into "ft:base".
func cutFineTuningSuffix(_, name string) (string, string, bool) {
	tuned, ok := strings.CutPrefix(name, "ft:")
	if !ok {
		return "", "", false
	}
	base, _, ok := strings.Cut(tuned, ":")
	return "ft:" + base, "", ok && base != ""
}

// bedrockRegions are the geographies of cross-region inference profiles.
var bedrockRegions = []string{"us", "eu", "apac", "jp", "au", "ca", "us-gov"}

// cutRegionPrefix keeps what a row may charge for: "global" names no region and
// has the price of the model.
func cutRegionPrefix(_, name string) (string, string, bool) {
	head, rest, ok := strings.Cut(name, ".")
	switch {
	case !ok:
	case head == "global":
		return rest, "", true
	case slices.Contains(bedrockRegions, head):
		return rest, head, true
	}
	return "", "", false
}

// vendorPrefixes are what Bedrock puts before a model's name.
var vendorPrefixes = []string{
	"anthropic", "meta", "amazon", "mistral", "cohere", "ai21", "deepseek", "openai", "qwen", "stability", "twelvelabs",
	"writer", "google", "nvidia", "minimax", "moonshot", "moonshotai", "zai", "luma",
}

func cutVendorPrefix(_, name string) (string, string, bool) {
	head, rest, ok := strings.Cut(name, ".")
	return rest, "", ok && slices.Contains(vendorPrefixes, head)
}
