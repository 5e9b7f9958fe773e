// Langfuse's wrapper of the openai package.
import { drain, load, provider, run, tracing, user } from './harness.mjs'

// The processor copies what propagateAttributes says onto every span. It has an exporter to
// Langfuse of its own, which is not used here.
const { LangfuseSpanProcessor } = load('@langfuse/otel')
const { propagateAttributes } = load('@langfuse/tracing')
const nowhere = { export: (_, done) => done({ code: 0 }), shutdown: async () => {}, forceFlush: async () => {} }
tracing({ processors: [new LangfuseSpanProcessor({ exporter: nowhere })] })
const { observeOpenAI } = load('@langfuse/openai')
const { OpenAI } = load('openai')
const openai = observeOpenAI(new OpenAI({ baseURL: provider + '/v1', apiKey: 'none' }))
const chat = (more) => openai.chat.completions.create({ model: 'gpt-4o', messages: [{ role: 'user', content: 'How is the weather?' }], ...more })

await run({
  chat: { expect: 'exact', call: () => chat() },
  chat_user_of_request: { expect: 'exact', user: true, call: () => chat({ user }) },
  chat_propagated: { expect: 'exact', user: true, tags: { tenant: 'acme' }, session: 's-1', call: () => propagateAttributes({ userId: user, sessionId: 's-1', metadata: { tenant: 'acme' } }, () => chat()) },
  chat_reasoning: { expect: 'exact', call: () => chat({ model: 'gpt-5-mini' }) },
  chat_stream_without_usage: { expect: 'no_usage', call: async () => drain(await chat({ stream: true })) },
  responses: { expect: 'exact', call: () => openai.responses.create({ model: 'gpt-5-mini', input: 'How is the weather?' }) },
  embeddings: { expect: 'no_usage', call: () => openai.embeddings.create({ model: 'text-embedding-3-small', input: 'a' }) },
})
