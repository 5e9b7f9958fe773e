package genai

import (
	"strings"

	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
)

// modifiers are what a price depends on beside the quantities, in the words of
// the provider. They stand in attributes, on events and in the provider's own
// answer; "" where nothing reports them.
type modifiers struct {
	served string // the service tier that served the call
	asked  string // the service tier that was asked for
	speed  string // Anthropic's speed: "standard", "fast"
	geo    string // Anthropic's inference_geo: "us", "global", "not_available"
	region string // where the call was sent, by a name that says so
}

// The attributes that report a modifier, for each in the order of precedence.
// A dialect's own names for the tier stand in its [vocabulary].
var (
	namesAskedTier = names("openai.request.service_tier", "gen_ai.openai.request.service_tier", "gen_ai.request.service_tier",
		"anthropic.request.service_tier", "gen_ai.openai.request.service-tier", "aws.bedrock.request.service_tier", "llm.request.service_tier")
	namesSpeed = names("anthropic.response.speed", "anthropic.usage.speed", "gen_ai.response.speed", "gen_ai.usage.speed", "llm.response.speed",
		"anthropic.request.speed", "gen_ai.request.speed", "llm.request.speed")
	namesGeo = names("anthropic.response.inference_geo", "anthropic.usage.inference_geo", "gen_ai.response.inference_geo", "gen_ai.usage.inference_geo",
		"anthropic.inference_geo", "gen_ai.inference_geo", "inference_geo", "anthropic.request.inference_geo", "gen_ai.request.inference_geo")
	namesRegion = names("gen_ai.request.region", "gen_ai.response.region", "gcp.vertex_ai.location", "gcp.vertex.location", "vertex.location", "gen_ai.vertex.location")
	// These say where an app runs as well as where it calls: they count for
	// the clouds whose clients write them for the call.
	namesCloudRegion = names("cloud.region", "aws.region", "gcp.location", "gcp.region")
	namesDeployment  = names("azure.deployment.type", "azure.deployment_type", "azure.openai.deployment.type", "azure.openai.deployment_type",
		"azure.ai.openai.deployment.type", "azure.ai.deployment.type", "gen_ai.azure.deployment_type", "gen_ai.azure.deployment.type",
		"gen_ai.request.deployment_type", "gen_ai.request.deployment.type")

	modifierNames = func() (set nameSet) {
		for _, list := range [][]nameID{conventionWords.serviceTier, namesAskedTier, namesSpeed, namesGeo, namesRegion, namesCloudRegion, namesDeployment} {
			for _, id := range list {
				set.put(id)
			}
		}
		return set
	}()
)

// read takes the modifiers that stand in attributes, and leaves those alone
// that are known already.
func (m *modifiers) read(a *attributes, served []nameID) {
	fill := func(to *string, ids []nameID) {
		if *to == "" {
			*to = a.firstText(ids)
		}
	}
	fill(&m.served, served)
	if !a.present.meets(&modifierNames) {
		return
	}
	fill(&m.asked, namesAskedTier)
	fill(&m.speed, namesSpeed)
	fill(&m.geo, namesGeo)
	fill(&m.region, namesRegion)
}

// readMember reads one member of a provider's answer or of its usage object;
// false when it is no modifier.
func (m *modifiers) readMember(key string, j *jsonText) bool {
	switch key {
	case "service_tier", "serviceTier", "trafficType", "traffic_type":
		readWord(j, &m.served)
	case "speed":
		readWord(j, &m.speed)
	case "inference_geo", "inferenceGeo":
		readWord(j, &m.geo)
	case "performanceConfig": // Bedrock's Converse
		j.members(func(key string) bool {
			if key == "latency" && j.peek() == '"' {
				if latency := j.text(); latency != "standard" && m.speed == "" {
					m.speed = latency
				}
			}
			return true
		})
	default:
		return false
	}
	return true
}

// readWord reads a text, or the member "type" of an object, as Bedrock's
// Converse has its tier.
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

// join takes from another observation of the call what is not known yet.
func (m *modifiers) join(from *modifiers) {
	for _, pair := range [...]struct{ to, from *string }{
		{&m.served, &from.served}, {&m.asked, &from.asked}, {&m.speed, &from.speed}, {&m.geo, &from.geo}, {&m.region, &from.region},
	} {
		if *pair.to == "" {
			*pair.to = *pair.from
		}
	}
}

// tier gives the tier that decides the price. A speed is sold in place of one.
func (m *modifiers) tier() string {
	if speed := servedTier(m.speed); speed != "" {
		return speed
	}
	if m.served != "" {
		return servedTier(m.served)
	}
	return servedTier(m.asked)
}

// where gives the region that the call itself reports, "" when it reports none.
// Inference that is not bound to a country reports so.
func (m *modifiers) where() string {
	switch m.geo {
	case "", "not_available":
		return m.region
	}
	return m.geo
}

// servedTier gives a tier in the words of the price books; the standard tier,
// which providers and libraries call by many names, is "".
func servedTier(tier string) string {
	switch tier {
	case "":
		return ""
	case "flex", "priority", "batch", "fast": // these are nearly all
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

// readEvents reads what stands on the events of the span instead of on the span.
func (s *spanReader) readEvents(f *facts, words *vocabulary) {
	events := s.span.Events()
	if events.Len() == 0 || events.Len() > maxEvents {
		return
	}
	a := &s.r.others
	for i := range events.Len() {
		a.read(s.r.names, events.At(i).Attributes())
		s.r.touched.join(&a.present)
		f.modifiers.read(a, words.serviceTier)
		if a.present.meets(&usageNames) && f.n[factInput] == absent && f.n[factOutput] == absent {
			f.read(a, words)
		}
	}
}

// maxEvents is how many events of a call are looked at: a stream may have one
// for each token.
const maxEvents = 64

// setModifiers puts on the call what its price depends on.
func (s *spanReader) setModifiers(m *modifiers) {
	s.call.ServiceTier, s.call.Region = m.tier(), m.where()
}

// regionCalled gives the region in which a host served a call, "" when nothing
// reports it. What a span calls its region counts for the clouds alone: for the
// others it is where the app runs.
func regionCalled(provider, cloudRegion, address string) string {
	switch provider {
	case catalog.Bedrock, catalog.Vertex:
		if cloudRegion != "" {
			return cloudRegion
		}
	}
	return catalog.RegionAt(address)
}
