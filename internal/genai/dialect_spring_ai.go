package genai

// Spring AI, through Micrometer: the conventions' names, all values as text,
// with the provider's own numbers; the span of its ChatClient is a wrapper.
// Version 2 reports the cache. In version 1, each call of a loop with tools reports
// the sum of the loop so far, and nothing on the span says whether others came
// before it.
//
// Source: spring-projects/spring-ai v1.0.0, v1.1.0 and v2.0.1
// (DefaultChatModelObservationConvention, UsageCalculator, the chat models).
var springAI = dialect{
	name:    "spring-ai",
	follows: followsConventions,
	scopes:  []string{"org.springframework*", "io.micrometer*"},
	systems: []string{"spring_ai"},
	words:   vocabulary{session: names("gen_ai.conversation.id", "session.id", "spring.ai.chat.client.conversation.id")}.complete(),
	input:   inputAsProvider,
	output:  outputAsProvider,
	knows:   knownFromAttributes,
	adjust: func(s *spanReader, f *facts) {
		f.estimate = s.a.has(springTools) && f.n[factCacheRead] == absent && f.n[factCacheWrite] == absent
	},
}

var springTools = name("spring.ai.model.request.tool.names")
