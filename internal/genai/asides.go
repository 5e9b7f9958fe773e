package genai

import "strings"

// Objects beside the call that are neither the provider's answer nor its usage:
// what a framework keeps of either, and what was asked for. A price may depend
// on a member of them, however deep it stands.
//
// Sources: pydantic/pydantic-ai (provider_details), langchain (response_metadata,
// generation_info, invocation_params), vercel/ai (providerOptions,
// providerMetadata), langfuse (metadata, model.parameters), Arize-ai/openinference
// (metadata, llm.invocation_parameters), logfire (request_data), mlflow, langwatch.
var (
	namesServedAside = names("gen_ai.provider.details", "gen_ai.provider_details", "provider_details", "gen_ai.response.provider_details",
		"gen_ai.response.metadata", "gen_ai.response_metadata", "response_metadata", "llm.response_metadata", "llm.response.metadata",
		"gen_ai.response.provider_metadata", "provider_metadata", "ai.response.providerMetadata", "gen_ai.response.details", "generation_info",
		"gen_ai.response.generation_info", "langfuse.observation.metadata", "langfuse.observation.metadata.response_metadata",
		"langsmith.metadata.response_metadata", "mastra.metadata.providerMetadata", "mastra.response.metadata", "gen_ai.event.content", "metadata", "hidden_params",
		"spring.ai.chat.response.metadata", "langwatch.metadata", "mlflow.chat.response_metadata", "honeyhive_metadata", "opik.metadata",
		"braintrust.metadata", "llm.usage_metadata", "gen_ai.usage_details", "lmnr.span.output", "braintrust.output_json")
	namesAskedAside = names("llm.invocation_parameters", "langfuse.observation.model.parameters", "langsmith.metadata.ls_invocation_params",
		"langsmith.metadata.invocation_params", "langsmith.metadata.ls_model_kwargs", "invocation_params", "gen_ai.request.parameters", "gen_ai.request.options", "gen_ai.request.raw", "gen_ai.request.body",
		"gen_ai.request", "gen_ai.request.extra_body", "gen_ai.request.model_kwargs", "request_data", "ai.request.providerOptions", "ai.settings.providerOptions", "model_parameters",
		"mlflow.spanInputs", "langwatch.params", "input.value", "llm.request", "gen_ai.request.provider_options", "gen_ai.request.metadata",
		"honeyhive_config", "model_request_parameters", "gen_ai.request.model_settings", "gcp.vertex.agent.llm_request", "litellm.request.optional_params", "optional_params", "model_config")

	// appAsides hold whatever an app writes: a speed in them is not the provider's.
	appAsides = setOf(names("metadata", "langfuse.observation.metadata", "langwatch.metadata", "opik.metadata", "honeyhive_metadata", "braintrust.metadata",
		"gen_ai.request.metadata", "mlflow.spanInputs", "input.value")...)

	asideNames = func() (set nameSet) {
		for _, list := range [][]nameID{namesServedAside, namesAskedAside} {
			for _, id := range list {
				set.put(id)
			}
		}
		return set
	}()
)

// maxAside is how much of such an object is read: requests contain whole conversations.
const maxAside = 64 << 10

// readAsides reads the modifiers that are not known yet from these objects. What served the
// call takes precedence over what was requested.
func (m *modifiers) readAsides(a *attributes) {
	if !a.some(isAside) {
		return
	}
	for tier, list := range [...][]nameID{modServed: namesServedAside, modAsked: namesAskedAside} {
		for _, id := range list {
			speed := m[modSpeed]
			m.readAside(jsonOf(a, id), tier)
			if appAsides.has(id) {
				m[modSpeed] = speed
			}
		}
	}
}

func (m *modifiers) readAside(text string, tier int) {
	if text == "" {
		return
	}
	if len(text) > maxAside {
		text = text[:maxAside]
	}
	if !namesModifier(text) {
		return
	}
	j := newJSON(jsonOfPython(text))
	m.readInside(&j, tier)
}

// namesModifier reports whether a JSON text may have a member that is a modifier.
func namesModifier(text string) bool {
	for _, word := range [...]string{"ervice_tier", "erviceTier", "raffic", "nference", "earch_context_size", "earchContextSize", "fast"} {
		if strings.Contains(text, word) {
			return true
		}
	}
	return false
}

// readInside reads the members of an object and of nested objects. tier says whether a tier
// found there is the one that served or the one requested.
func (m *modifiers) readInside(j *jsonText, tier int) {
	switch j.peek() {
	case '{':
	case '[':
		j.elements(64, func(int) { m.readInside(j, tier) })
		return
	default:
		j.skip()
		return
	}
	j.members(func(key string) bool {
		switch key {
		case "service_tier", "serviceTier":
			readWord(j, &m[tier])
		case "fast_mode", "fastMode":
			if c := j.peek(); c == 't' && m[modSpeed] == "" {
				m[modSpeed] = "fast"
			}
		case "content", "messages", "parts", "input", "tools", "text", "prompt", "contents", "arguments":
			// Text that people wrote.
		default:
			if !m.readMember(key, j) {
				m.readInside(j, tier)
			}
		}
		return true
	})
}

// modelAside returns a model that only an object beside the call names.
func modelAside(a *attributes) string {
	if !a.some(isAside | isAnswer) {
		return ""
	}
	for _, list := range [][]nameID{namesAskedAside, namesUsageObject, namesServedAside} {
		for _, id := range list {
			text := jsonOf(a, id)
			if text == "" || len(text) > maxAside {
				continue
			}
			if model := jsonMember(text, "model", "model_name", "modelId", "model_id", "deployment_name"); model != "" {
				return model
			}
			j := newJSON(text) // LiveKit's metrics
			model := ""
			j.members(func(key string) bool {
				if key == "metadata" {
					j.members(func(key string) bool {
						if key == "model_name" && model == "" {
							model = j.text()
						}
						return true
					})
				}
				return model == ""
			})
			if model != "" {
				return model
			}
		}
	}
	return ""
}
