package genai

// Spring AI, through Micrometer: the conventions' names with the provider's
// own numbers; the span of its ChatClient is a wrapper.
//
// Source: Spring AI reference, observability.
var springAI = dialect{
	name:    "spring-ai",
	scopes:  []string{"org.springframework*", "io.micrometer*"},
	systems: []string{"spring_ai"},
	words:   vocabulary{session: names("gen_ai.conversation.id", "session.id", "spring.ai.chat.client.conversation.id")}.complete(),
	input:   inputAsProvider,
	output:  outputAsProvider,
}
