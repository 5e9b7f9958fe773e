// Traceloop's instrumentation of the openai package.
import { drain, load, provider, run, tracing } from './harness.mjs'

const { OpenAIInstrumentation } = load('@traceloop/instrumentation-openai')
// As Traceloop's own SDK sets it up.
tracing({ instrumentations: [new OpenAIInstrumentation({ enrichTokens: true })] })
const { OpenAI } = load('openai')
const openai = new OpenAI({ baseURL: provider + '/v1', apiKey: 'none' })
const chat = (more) => openai.chat.completions.create({ model: 'gpt-4o', messages: [{ role: 'user', content: 'How is the weather?' }], ...more })

await run({
  chat: { expect: 'instrumentation_estimate', call: chat },
  chat_stream: { expect: 'instrumentation_estimate', call: () => drain(chat({ stream: true, stream_options: { include_usage: true } })) },
  responses: { expect: 'cache_not_reported', call: () => openai.responses.create({ model: 'gpt-5-mini', input: 'How is the weather?' }) },
  embeddings: { expect: 'no span', call: () => openai.embeddings.create({ model: 'text-embedding-3-small', input: 'a' }) },
})
