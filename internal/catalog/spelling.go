package catalog

import (
	"iter"
	"regexp"
	"slices"
	"strings"
)

// rule is one way in which hosts and libraries decorate a model's name.
type rule struct {
	name string
	// cut returns the name without the decoration, and the region that the decoration
	// named. The host is the provider that bills the call.
	cut func(host, name string) (rest, region string, ok bool)
	in  uses
}

// uses says for which purposes a decoration is cut off.
type uses uint8

const (
	// prices: a price list may have the model without the decoration.
	prices uses = 1 << iota
	// contracts: a contract price of the model covers the decorated name too.
	contracts
	// sameCall: one observer of a call sees the decoration, another does not.
	sameCall
	// snapshot: the decoration says which of a model's snapshots is meant.
	snapshot

	everywhere = prices | contracts | sameCall
)

// rules are applied in this order. Each keeps "ft:": a fine-tuned model has its own, higher
// price and is never priced as its base.
var rules = []rule{
	{"resource path", cutResourcePath, prices | contracts},
	{"provider prefix", cutProviderPrefix, prices | contracts},
	{"route", cutRoute, prices | contracts},
	{"region path", cutRegionPath, prices | contracts},
	{"route suffix", cutPattern(`^(.+?/.+):(?:nitro|floor|exacto|online|extended|thinking|beta)$`), everywhere},
	{"any path", cutPath, sameCall},
	{"dotted version", cutDots, everywhere},
	{"context suffix", cutPattern(`^(.+?)(?:\[\d+[km]\]|:1m)$`), everywhere},
	{"fine-tuning suffix", cutFineTuningSuffix, prices | contracts},
	{"version suffix", cutPattern(`^(.+?)-v\d+:\d+(?::\d+k|:mm)?$`), everywhere},
	{"vertex version", cutPattern(`^(.+?)(?:@.+|-00\d)$`), everywhere | snapshot},
	{"region prefix", cutRegionPrefix, everywhere},
	{"vendor prefix", cutVendorPrefix, everywhere},
	{"-latest", cutLatest, everywhere | snapshot},
	{"-preview", cutPattern(`^(.+?)-preview$`), sameCall},
	{"date suffix", cutPattern(`^(.+?)-20\d\d(?:-[01]\d-[0-3]\d|[01]\d[0-3]\d)$`), everywhere | snapshot},
	{"build", cutPattern(`^(.+?)-(?:\d{3,4}|\d{6}|\d{8})$`), contracts | sameCall | snapshot},
}

// Spelling is a name under which a price list may have a model.
type Spelling struct {
	Name string
	// Rules are the rules that were applied, in order, "" for the name as given.
	Rules string
	// Region was part of the name ("us.anthropic.…"), "" for none. "global" is not a
	// region; it applies wherever the caller is.
	Region string
	// Snapshot: the part that was cut off named a snapshot of the model.
	Snapshot bool
	used     uint32 // bit set of the rules applied
}

// maxSpellings bounds the number of spellings of one model.
const maxSpellings = 64

// Spellings yields the name itself, then every name with one decoration removed, then with
// two, and so on: the fewer cuts, the more certain the price. Names with equally many cuts
// are ordered so that the later rules, which tell more about the model than about the
// spelling, are spared longest.
func Spellings(host, name string) iter.Seq[Spelling] { return spellings(host, name, prices) }

// ContractSpellings yields the names whose contract price covers the model: the
// [Spellings], and those without a build number ("-0613", "-2411"), which price lists
// distinguish.
func ContractSpellings(host, name string) iter.Seq[Spelling] {
	return spellings(host, name, contracts)
}

func spellings(host, name string, use uses) iter.Seq[Spelling] {
	return func(yield func(Spelling) bool) {
		level := []Spelling{{Name: name}}
		var seen []string
		for len(level) > 0 {
			var next []Spelling
			for _, s := range level {
				if slices.Contains(seen, s.Name) {
					continue
				}
				seen = append(seen, s.Name)
				if !yield(s) || len(seen) == maxSpellings {
					return
				}
				next = append(next, s.shorter(host, use)...)
			}
			slices.SortStableFunc(next, func(a, b Spelling) int { return int(a.used) - int(b.used) })
			level = next
		}
	}
}

// shorter applies each rule that was not applied yet.
func (s Spelling) shorter(host string, use uses) (list []Spelling) {
	for i, r := range rules {
		if r.in&use == 0 || s.used&(1<<i) != 0 {
			continue
		}
		rest, region, ok := r.cut(host, s.Name)
		if !ok || rest == "" || (strings.HasPrefix(s.Name, tuned) && !strings.HasPrefix(rest, tuned)) {
			continue
		}
		n := Spelling{Name: rest, Rules: r.name, Region: s.Region, Snapshot: s.Snapshot || r.in&snapshot != 0, used: s.used | 1<<i}
		if s.Rules != "" {
			n.Rules = s.Rules + ", " + r.name
		}
		if region != "" {
			n.Region = region
		}
		list = append(list, n)
	}
	return list
}

// IsSnapshot reports whether a name means one snapshot of a model, as a date or a build
// number does; "-latest" means any.
func IsSnapshot(name string) bool {
	if _, _, latest := cutLatest("", name); latest {
		return false
	}
	for s := range ContractSpellings("", name) {
		if s.Snapshot {
			return true
		}
	}
	return false
}

// base removes from a name what observers of one call see differently: one sees
// "gpt-4o-mini", the other "gpt-4o-mini-2024-07-18"; one sees
// "us.anthropic.claude-sonnet-4-5-20250929-v1:0", the other "anthropic/claude-…".
func base(name string) string {
	for shorter := true; shorter; {
		shorter = false
		for _, r := range rules {
			if r.in&sameCall == 0 {
				continue
			}
			if rest, _, ok := r.cut("", name); ok && rest != "" {
				name, shorter = rest, true
			}
		}
	}
	return name
}

var cutLatest = cutPattern(`^(.+?)[:-]latest$`)

// cutDots spells Claude's versions as Anthropic does: gateways and Copilot write
// "claude-sonnet-4.5", editors "claude-4.5-sonnet". Up to version 3 Anthropic itself puts
// the number first.
func cutDots(_, name string) (string, string, bool) {
	plain := claudeDots.ReplaceAllString(name, "$1-$2")
	plain = claudeOrder.ReplaceAllString(plain, "claude-$2-$1")
	return plain, "", plain != name
}

var (
	claudeDots  = regexp.MustCompile(`(claude-[a-z0-9-]*?\d)\.(\d)`)
	claudeOrder = regexp.MustCompile(`claude-([4-9](?:-\d)?)-([a-z]+)`)
)

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

// tuned is the prefix of the names of OpenAI's fine-tuned models.
const tuned = "ft:"

// cutPath keeps what follows the last slash.
func cutPath(_, name string) (string, string, bool) {
	i := strings.LastIndexByte(name, '/')
	return name[i+1:], "", i >= 0
}

// resources are the prefixes of ARNs and resource names.
var resources = []string{"arn:", "projects/", "publishers/", "models/", "tunedModels/", "accounts/"}

// cutResourcePath keeps the end of an ARN or resource name:
// "arn:aws:bedrock:us-east-1::foundation-model/x", "models/x",
// "projects/p/locations/l/publishers/google/models/x".
func cutResourcePath(_, name string) (string, string, bool) {
	if slices.ContainsFunc(resources, func(start string) bool { return strings.HasPrefix(name, start) }) {
		return cutPath("", name)
	}
	return "", "", false
}

// cutProviderPrefix removes the provider that a routing library put before a model's name,
// in any library's spelling, and the host's own name: "openai/…", "vertex_ai/…",
// "hyperbolic/…". Anything that is not a provider's name is part of the model's, as in
// "meta-llama/llama-3".
func cutProviderPrefix(host, name string) (string, string, bool) {
	head, rest, ok := strings.Cut(name, "/")
	if !ok {
		head, rest, ok = strings.Cut(name, ":") // "openai:gpt-5", never "llama3:8b"
		return rest, "", ok && Canonical(head) != ""
	}
	return rest, "", isRouter[strings.ToLower(head)] || Canonical(head) != "" || Book(head) == host
}

// isRouter are prefixes that do not name a provider of the catalog.
var isRouter = setOf("litellm_proxy", "amazon")

// routes say which API or type of deployment of one host was called; they do not change the
// price.
var routes = setOf("converse", "converse_like", "invoke", "responses", "global", "global-standard")

func cutRoute(_, name string) (string, string, bool) {
	head, rest, ok := strings.Cut(name, "/")
	return rest, "", ok && routes[head]
}

// cutRegionPath takes the region from "eu-west-1/model" and "us/model".
func cutRegionPath(_, name string) (string, string, bool) {
	head, rest, ok := strings.Cut(name, "/")
	return rest, head, ok && IsRegion(head)
}

// IsRegion reports whether a path element is a region: "us", "eu", "apac", or an AWS region
// ("eu-west-1", "us-gov-east-1").
func IsRegion(text string) bool { return regionForm.MatchString(text) }

var regionForm = regexp.MustCompile(`^(?:us|eu|apac|[a-z]{2}(?:-gov)?-[a-z]+-\d)$`)

// cutFineTuningSuffix turns "ft:base:organisation::id" into "ft:base".
func cutFineTuningSuffix(_, name string) (string, string, bool) {
	name, ok := strings.CutPrefix(name, tuned)
	if !ok {
		return "", "", false
	}
	base, _, ok := strings.Cut(name, ":")
	return tuned + base, "", ok && base != ""
}

// cutRegionPrefix takes the geography, for which a price row may have a surcharge.
func cutRegionPrefix(_, name string) (string, string, bool) {
	head, rest, ok := strings.Cut(name, ".")
	return rest, head, ok && bedrockRegions[head]
}

func cutVendorPrefix(_, name string) (string, string, bool) {
	head, rest, ok := strings.Cut(name, ".")
	if ok {
		_, ok = makers[head]
	}
	return rest, "", ok
}

// RouteSuffix returns how OpenRouter is to serve a call, such as "nitro", "floor" or
// "online", from the end of the model's name; "" for none. "free" is a model of its own,
// which costs nothing.
func RouteSuffix(name string) string {
	i := strings.LastIndexByte(name, ':')
	if i < 0 || strings.IndexByte(name[:i], '/') < 0 {
		return ""
	}
	switch suffix := name[i+1:]; suffix {
	case "nitro", "floor", "exacto", "online", "extended", "free":
		return suffix
	}
	return "" // "thinking" and "beta" cost what the model does
}

// Plain returns the shortest spelling of a name, in lower case.
func Plain(name string) string {
	for s := range Spellings("", strings.ToLower(name)) {
		name = s.Name
	}
	return name
}
