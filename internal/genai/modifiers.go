package genai

import (
	"math/bits"
	"slices"
	"strings"

	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
)

// modifiers are what a price depends on besides the quantities, in the provider's words.
// They are found in attributes, on events and in the provider's answer; "" when nothing
// reports them.
type modifiers [modifierCount]string

// The modifiers.
const (
	modServed     = iota // the service tier that served the call
	modAsked             // the service tier that was requested
	modSpeed             // Anthropic's speed: "standard", "fast"
	modGeo               // Anthropic's inference_geo: "us", "global", "not_available"
	modRegion            // where the call was sent, from a name that can mean nothing else
	modCloud             // where it was sent, or where the app runs
	modSearch            // how much context a search adds: "low", "medium", "high"
	modDeployment        // the type of Azure's deployment: "GlobalStandard", "DataZoneStandard"

	modifierCount // not a modifier: the number of modifiers
)

// The attributes that report a modifier, in order of precedence.
var (
	namesServedTier = names("openai.response.service_tier", "gen_ai.openai.response.service_tier", "anthropic.response.service_tier",
		"gen_ai.response.service_tier", "aws.bedrock.response.service_tier", "llm.response.service_tier", "gen_ai.usage.service_tier",
		"anthropic.usage.service_tier", "openai.service_tier", "gen_ai.service_tier", "llm.service_tier", "litellm.service_tier",
		"metadata.service_tier", "langsmith.metadata.service_tier", "langfuse.observation.metadata.service_tier", "aws.bedrock.service_tier", "gen_ai.usage.details.service_tier", "service_tier",
		"gen_ai.response.traffic_type", "gen_ai.usage.traffic_type", "gcp.vertex_ai.response.traffic_type", "gcp.vertex_ai.traffic_type",
		"gcp.vertex.traffic_type", "gcp.gen_ai.traffic_type", "gen_ai.google.traffic_type", "traffic_type")
	namesAskedTier = names("openai.request.service_tier", "gen_ai.openai.request.service_tier", "gen_ai.request.service_tier",
		"anthropic.request.service_tier", "gen_ai.openai.request.service-tier", "aws.bedrock.request.service_tier", "llm.request.service_tier")
	namesSpeed = names("anthropic.response.speed", "anthropic.usage.speed", "gen_ai.response.speed", "gen_ai.usage.speed", "llm.response.speed",
		"anthropic.request.speed", "gen_ai.request.speed", "llm.request.speed",
		"aws.bedrock.performance_config.latency", "aws.bedrock.request.performance_config.latency", "gen_ai.request.performance_config.latency")
	namesGeo = names("anthropic.response.inference_geo", "anthropic.usage.inference_geo", "gen_ai.response.inference_geo", "gen_ai.usage.inference_geo",
		"anthropic.inference_geo", "gen_ai.inference_geo", "inference_geo", "anthropic.request.inference_geo", "gen_ai.request.inference_geo")
	namesRegion = names("gen_ai.request.region", "gen_ai.response.region", "gcp.vertex_ai.location", "gcp.vertex.location", "vertex.location", "gen_ai.vertex.location")
	// Whether the fast mode of a coding agent was on.
	namesFast = names("fast_mode", "claude_code.fast_mode", "anthropic.fast_mode", "gen_ai.request.fast_mode", "gen_ai.response.fast_mode", "fast_mode_state",
		"is_fast_mode", "codex.fast_mode")
	// Whether the call was part of a batch that the provider answers later.
	namesBatch = names("gen_ai.request.batch", "gen_ai.request.is_batch", "gen_ai.batch", "openai.request.batch", "llm.request.batch", "llm.is_batch")
	// The id of such a batch.
	namesBatchID = names("gen_ai.request.batch_id", "gen_ai.request.batch.id", "gen_ai.batch.id", "gen_ai.batch_id", "openai.batch.id", "openai.batch_id", "anthropic.batch.id", "llm.batch.id")
	flagNames    = setOf(slices.Concat(namesFast, namesBatch, namesBatchID)...)
	// These may say where an app runs as well as where it calls: they count only for the
	// clouds whose clients set them for the call.
	namesCloudRegion = names("cloud.region", "aws.region", "gcp.location", "gcp.region")
	namesSearch      = names("gen_ai.usage.search_context_size", "perplexity.search_context_size", "gen_ai.request.search_context_size",
		"gen_ai.request.web_search_options.search_context_size", "llm.request.search_context_size", "search_context_size")
	namesDeployment = names("azure.deployment.type", "azure.deployment_type", "azure.openai.deployment.type", "azure.openai.deployment_type",
		"azure.ai.openai.deployment.type", "azure.ai.deployment.type", "gen_ai.azure.deployment_type", "gen_ai.azure.deployment.type",
		"gen_ai.request.deployment_type", "gen_ai.request.deployment.type")
)

// modifierSlots says which modifier each attribute reports and with what precedence, lowest
// first: most calls have none or one of them.
var modifierNames, modifierSlots = func() (set nameSet, slots [maxNames]struct{ modifier, rank uint8 }) {
	for modifier, list := range [modifierCount][]nameID{namesServedTier, namesAskedTier, namesSpeed, namesGeo, namesRegion, namesCloudRegion, namesSearch, namesDeployment} {
		for rank, id := range list {
			set.put(id)
			slots[id].modifier, slots[id].rank = uint8(modifier), uint8(rank)
		}
	}
	return set, slots
}()

// modifierNamed returns the modifier that an attribute with an unlisted name reports, by its
// last word: "mastra.metadata.response.service_tier"; -1 for none.
func modifierNamed(key string) int {
	if len(key) < 16 {
		return -1
	}
	switch key[len(key)-1] { // nearly all names end at this
	case 'r', 'e', 'o':
	default:
		return -1
	}
	switch end := key[len(key)-12:]; {
	case end == "service_tier", end == "service-tier", strings.HasSuffix(end, ".serviceTier"):
	case end == "traffic_type", strings.HasSuffix(end, ".trafficType"):
		return modServed
	case strings.HasSuffix(key, ".inference_geo"), strings.HasSuffix(key, ".inferenceGeo"):
		return modGeo
	default:
		return -1
	}
	for _, word := range [...]string{"equest", "onfig", "aram", "ption", "etting", "nput", "kwargs"} {
		if strings.Contains(key, word) {
			return modAsked
		}
	}
	return modServed
}

// read reads the modifiers that are attributes and are not known yet.
func (m *modifiers) read(a *attributes) {
	if a.hasAside {
		defer m.join(&a.aside) // the names that are listed go before
	}
	if !a.some(isModifier) {
		return
	}
	var best [modifierCount]uint8 // rank plus 1, 0 for none
	known := *m
	for i, word := range a.present {
		for word &= modifierNames[i]; word != 0; word &= word - 1 {
			id := nameID(i*64 + bits.TrailingZeros64(word))
			slot := modifierSlots[id]
			if at := best[slot.modifier]; known[slot.modifier] != "" || at != 0 && at <= slot.rank {
				continue
			}
			if text := a.values[id].Str(); text != "" {
				m[slot.modifier], best[slot.modifier] = text, slot.rank+1
			}
		}
	}
}

// readFlags reads whether a coding agent was in its fast mode, which is a flag or a word,
// and whether a call was part of a batch.
func (m *modifiers) readFlags(a *attributes) {
	if !a.some(isFlag) {
		return
	}
	for _, id := range namesBatch {
		if a.isTrue(id) && m[modServed] == "" {
			m[modServed] = "batch"
		}
	}
	if m[modServed] == "" && a.firstText(namesBatchID) != "" {
		m[modServed] = "batch"
	}
	if m[modSpeed] != "" {
		return
	}
	for _, id := range namesFast {
		switch word := strings.ToLower(a.text(id)); {
		case a.isTrue(id), word == "on", word == "fast", word == "enabled", word == "active":
			m[modSpeed] = "fast"
			return
		}
	}
}

// readMember reads one member of a provider's answer or usage object; it returns false when
// the member is not a modifier.
func (m *modifiers) readMember(key string, j *jsonText) bool {
	switch key {
	case "service_tier", "serviceTier", "trafficType", "traffic_type":
		readWord(j, &m[modServed])
	case "speed":
		readWord(j, &m[modSpeed])
	case "inference_geo", "inferenceGeo":
		readWord(j, &m[modGeo])
	case "search_context_size", "searchContextSize":
		readWord(j, &m[modSearch])
	case "web_search_options", "webSearchOptions":
		j.members(func(key string) bool {
			m.readMember(key, j)
			return true
		})
	case "performanceConfig": // Bedrock's Converse
		j.members(func(key string) bool {
			if key == "latency" && j.peek() == '"' {
				if latency := j.text(); latency != "standard" && m[modSpeed] == "" {
					m[modSpeed] = latency
				}
			}
			return true
		})
	default:
		return false
	}
	return true
}

// readWord reads a text, or the member "type" of an object, which is how Bedrock's Converse
// gives its tier.
func readWord(j *jsonText, to *string) {
	switch j.peek() {
	case '"':
		if word := j.text(); *to == "" {
			*to = word
		}
	case '{':
		j.members(func(key string) bool {
			if key == "type" && j.peek() == '"' && *to == "" {
				*to = j.text()
			}
			return true
		})
	}
}

// join takes from another report of the call what is not known yet.
func (m *modifiers) join(from *modifiers) {
	for i, text := range from {
		if m[i] == "" {
			m[i] = text
		}
	}
}

// tier returns the tier that decides the price. A speed is sold in place of a tier.
func (m *modifiers) tier() string {
	if speed := servedTier(m[modSpeed]); speed != "" {
		return speed
	}
	if m[modServed] != "" {
		return servedTier(m[modServed])
	}
	switch asked := servedTier(m[modAsked]); {
	case asked != "":
		return asked
	case m.isDeployed("batch"):
		return "batch"
	case m.isDeployed("provisioned"):
		return "provisioned" // paid for in advance, whatever it serves
	}
	return ""
}

// isDeployed reports whether a word occurs in the type of Azure's deployment, such as
// "GlobalBatch", "DataZoneProvisionedManaged" or "data_zone_standard".
func (m *modifiers) isDeployed(as string) bool {
	text := m[modDeployment]
	return text != "" && strings.Contains(deploymentWords.Replace(strings.ToLower(text)), as)
}

var deploymentWords = strings.NewReplacer("_", "", "-", "", " ", "")

// where returns the region that the call itself reports, "" for none. Inference that is not
// bound to a country is reported as "global".
func (m *modifiers) where() string {
	switch geo := m[modGeo]; {
	case geo != "" && geo != "not_available":
		return geo
	case m[modRegion] != "":
		return m[modRegion]
	case m.isDeployed("global"):
		return catalog.Global
	case m.isDeployed("datazone"):
		return catalog.DataZone(m[modCloud])
	}
	return ""
}

// servedTier returns a tier in the words of the price books; "" for the standard tier,
// which providers and libraries call by many names.
func servedTier(tier string) string {
	switch tier {
	case "":
		return ""
	case "default", "standard", "auto", "on_demand": // nearly all values are one of these or the next
		return ""
	case "flex", "priority", "batch", "fast":
		return tier
	}
	switch tier = strings.ToLower(tier); tier {
	case "default", "standard", "auto", "on_demand", "on-demand", "standard_only", "normal", "none", "unspecified",
		"traffic_type_unspecified", "service_tier_unspecified", "service_tier_standard":
		return ""
	}
	tier = strings.TrimPrefix(tier, "service_tier_")
	return strings.TrimPrefix(tier, "on_demand_") // Google's trafficType
}

// readEvents reads what is on the events of the span instead of on the span.
func (s *spanReader) readEvents(f *facts, words *vocabulary) {
	events := s.span.Events()
	if events.Len() == 0 || events.Len() > maxEvents {
		return
	}
	a := &s.r.others
	for i := range events.Len() {
		a.read(s.r.names, events.At(i).Attributes())
		s.r.touched.join(&a.present)
		f.modifiers.read(a)
		f.modifiers.readAsides(a)
		s.readAnswers(a, f)
		if a.present.meets(&words.sides) && f.n[factInput] == absent && f.n[factOutput] == absent {
			f.read(a, words)
		}
	}
}

// maxEvents is how many events of a call are read: a stream may have one for each token.
const maxEvents = 64

// setModifiers sets what the price of the call depends on.
func (s *spanReader) setModifiers(m *modifiers) {
	s.call.ServiceTier, s.call.Region = m.tier(), m.where()
	if s.call.Variant == "" && s.op == opChat {
		s.call.Variant = strings.ToLower(m[modSearch])
	}
}

// regionCalled returns the region in which a host served a call, "" when nothing reports
// it. The region in the attributes of a span counts only for the clouds: for other hosts it
// is where the app runs.
func regionCalled(provider, cloudRegion, ofAddress string) string {
	switch provider {
	case catalog.Bedrock, catalog.Vertex:
		if cloudRegion != "" {
			return cloudRegion
		}
	}
	return ofAddress
}
