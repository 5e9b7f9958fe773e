// OpenInference's instrumentation of Anthropic's SDK, which emits spans of its
// own: each call is reported twice and must be counted once.
import { load, provider, run, tracing } from './harness.mjs'

const { AnthropicInstrumentation } = load('@arizeai/openinference-instrumentation-anthropic')
tracing({ instrumentations: [new AnthropicInstrumentation()] })
const { Anthropic } = load('@anthropic-ai/sdk')
const anthropic = new Anthropic({ baseURL: provider, apiKey: 'none' })
const message = { model: 'claude-sonnet-4-5', max_tokens: 1000, messages: [{ role: 'user', content: 'How is the weather?' }] }

await run({
  messages: { expect: 'exact', call: () => anthropic.messages.create(message) },
  stream_helper: { expect: 'exact', call: () => anthropic.messages.stream(message).finalMessage() },
})
