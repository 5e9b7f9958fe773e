// Langfuse's wrapper of the openai package.
import { drain, load, provider, run, tracing, user } from './harness.mjs'

tracing()
const { observeOpenAI } = load('@langfuse/openai')
const { OpenAI } = load('openai')
const openai = observeOpenAI(new OpenAI({ baseURL: provider + '/v1', apiKey: 'none' }))
const chat = (more) => openai.chat.completions.create({ model: 'gpt-4o', messages: [{ role: 'user', content: 'How is the weather?' }], ...more })

await run({
  chat: { expect: 'exact', call: () => chat() },
  chat_user_of_request: { expect: 'exact', user: true, call: () => chat({ user }) },
  chat_reasoning: { expect: 'exact', call: () => chat({ model: 'gpt-5-mini' }) },
  chat_stream_without_usage: { expect: 'no_usage', call: async () => drain(await chat({ stream: true })) },
  responses: { expect: 'exact', call: () => openai.responses.create({ model: 'gpt-5-mini', input: 'How is the weather?' }) },
  embeddings: { expect: 'no_usage', call: () => openai.embeddings.create({ model: 'text-embedding-3-small', input: 'a' }) },
})
