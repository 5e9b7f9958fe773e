// OpenLIT, which sets up tracing by itself.
import { drain, load, provider, run, user } from './harness.mjs'

const openlit = load('openlit')
const OpenLIT = openlit.default ?? openlit.Openlit ?? openlit
const { OpenAI } = load('openai')
const { Anthropic } = load('@anthropic-ai/sdk')
OpenLIT.init({
  applicationName: process.env.OTEL_SERVICE_NAME, environment: 'test', otlpEndpoint: process.env.OTEL_EXPORTER_OTLP_ENDPOINT, disableMetrics: true,
  instrumentations: { openai: OpenAI, anthropic: Anthropic },
})
const openai = new OpenAI({ baseURL: provider + '/v1', apiKey: 'none' })
const anthropic = new Anthropic({ baseURL: provider, apiKey: 'none' })
const chat = (more) => openai.chat.completions.create({ model: 'gpt-4o', messages: [{ role: 'user', content: 'How is the weather?' }], ...more })
const message = { model: 'claude-sonnet-4-5', max_tokens: 1000, messages: [{ role: 'user', content: 'How is the weather?' }] }
// It reads no OTEL_RESOURCE_ATTRIBUTES.
const tags = { team: '' }

await run({
  chat: { expect: 'exact', tags, call: () => chat() },
  chat_user: { expect: 'exact', tags, user: true, call: () => chat({ user }) },
  chat_stream: { expect: 'exact', tags, call: async () => drain(await chat({ stream: true, stream_options: { include_usage: true } })) },
  responses: { expect: 'exact', tags, call: () => openai.responses.create({ model: 'gpt-5-mini', input: 'How is the weather?' }) },
  embeddings: { expect: 'exact', tags, call: () => openai.embeddings.create({ model: 'text-embedding-3-small', input: 'a' }) },
  anthropic: { expect: 'exact', tags, call: () => anthropic.messages.create(message) },
  anthropic_stream: { expect: 'exact', tags, call: async () => drain(await anthropic.messages.create({ ...message, stream: true })) },
})
