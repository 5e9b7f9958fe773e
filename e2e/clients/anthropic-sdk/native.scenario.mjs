// Anthropic's SDK, which emits spans by itself.
import { drain, load, provider, run, tracing, withBaggage } from './harness.mjs'

const { BaggageSpanProcessor, ALLOW_ALL_BAGGAGE_KEYS } = load('@opentelemetry/baggage-span-processor')
tracing({ processors: [new BaggageSpanProcessor(ALLOW_ALL_BAGGAGE_KEYS)] })
const { Anthropic } = load('@anthropic-ai/sdk')
const anthropic = new Anthropic({ baseURL: provider, apiKey: 'none' })
const message = { model: 'claude-sonnet-4-5', max_tokens: 1000, messages: [{ role: 'user', content: 'How is the weather?' }] }

await run({
  messages: { expect: 'exact', call: () => anthropic.messages.create(message) },
  messages_user: { expect: 'exact', user: true, call: withBaggage(() => anthropic.messages.create(message)) },
  messages_retry: { expect: 'exact', fail: 1, call: () => anthropic.messages.create(message) },
  stream: { expect: 'exact', call: () => drain(anthropic.messages.create({ ...message, stream: true })) },
  stream_helper: { expect: 'exact', call: () => anthropic.messages.stream(message).finalMessage() },
})
