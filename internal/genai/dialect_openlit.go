package genai

import "go.opentelemetry.io/collector/pdata/pcommon"

// OpenLIT hands the provider's own numbers on, Anthropic's input excluding the
// cache. A stream without usage is counted with a local tokenizer and written
// like any other; Anthropic's streams are off by the tokens of the first event.
// The cost is 0 when OpenLIT knows no price.
//
// Sources: captures of openlit 1.15.0 (JavaScript); openlit/openlit, semcov.
var openlitImage = name("gen_ai.response.image")

var openlit = dialect{
	name:   "openlit",
	scopes: []string{"@openlit/*", "openlit*"},
	words:  conventionWords.complete(),
	input:  inputAsProvider,
	output: outputAsProvider,
	adjust: func(s *spanReader, f *facts) {
		if s.a.has(nameProviderName) { // versions that still wrote gen_ai.system dropped the cache
			f.reports |= MissingCache
		}
		if s.a.isTrue(nameIsStream) && s.op == opChat {
			exclusive := callKind{provider: providerNamed(s.told), model: s.r.model(s.modelName())}.excludesCache()
			if exclusive || f.cacheRead == absent && f.reasoning == absent {
				f.estimate = f.input.known() || f.output.known()
			}
		}
		if s.op == opImage && s.a.has(openlitImage) {
			if v := s.a.values[openlitImage]; v.Type() == pcommon.ValueTypeSlice {
				f.images = count(v.Slice().Len())
			}
		}
	},
}

// modelName gives the model as far as the span itself tells it.
func (s *spanReader) modelName() string {
	if s.call.Model != "" {
		return s.call.Model
	}
	return s.call.RequestModel
}
