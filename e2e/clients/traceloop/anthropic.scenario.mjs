// Traceloop's instrumentation of Anthropic's SDK.
import { drain, load, provider, run, tracing } from './harness.mjs'

const { AnthropicInstrumentation } = load('@traceloop/instrumentation-anthropic')
tracing({ instrumentations: [new AnthropicInstrumentation()] })
const { Anthropic } = load('@anthropic-ai/sdk')
const anthropic = new Anthropic({ baseURL: provider, apiKey: 'none' })
const message = { model: 'claude-sonnet-4-5', max_tokens: 1000, messages: [{ role: 'user', content: 'How is the weather?' }] }

await run({
  messages: { expect: 'cache_ttl_not_reported', call: () => anthropic.messages.create(message) },
  stream: { expect: 'cache_ttl_not_reported', call: () => drain(anthropic.messages.create({ ...message, stream: true })) },
})
