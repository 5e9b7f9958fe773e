// OpenInference's instrumentation of the openai package.
import { context } from '@opentelemetry/api'
import { drain, load, provider, run, tracing, user } from './harness.mjs'

const { OpenAIInstrumentation } = load('@arizeai/openinference-instrumentation-openai')
const { setAttributes, setSession, setUser } = load('@arizeai/openinference-core')
tracing({ instrumentations: [new OpenAIInstrumentation()] })
const { OpenAI } = load('openai')
const openai = new OpenAI({ baseURL: provider + '/v1', apiKey: 'none' })
const messages = [{ role: 'user', content: 'How is the weather?' }]
const chat = (more) => openai.chat.completions.create({ model: 'gpt-4o', messages, ...more })

await run({
  chat: { expect: 'exact', call: chat },
  chat_audio: { expect: 'exact', call: () => chat({ model: 'gpt-4o-audio-preview', modalities: ['text', 'audio'], audio: { voice: 'alloy', format: 'wav' } }) },
  chat_reasoning: { expect: 'exact', call: () => chat({ model: 'gpt-5-mini' }) },
  chat_user_of_request: { expect: 'exact', user: true, call: () => chat({ user }) },
  chat_user_of_context: { expect: 'exact', user: true, call: () => context.with(setUser(context.active(), { userId: user }), chat) },
  chat_attributes_of_context: { expect: 'exact', tags: { tenant: 'acme' }, session: 's-1', call: () => context.with(setSession(setAttributes(context.active(), { 'tenant.id': 'acme' }), { sessionId: 's-1' }), chat) },
  chat_stream: { expect: 'no_usage', call: () => drain(chat({ stream: true, stream_options: { include_usage: true } })) },
  responses: { expect: 'exact', call: () => openai.responses.create({ model: 'gpt-5-mini', input: 'How is the weather?' }) },
  responses_stream: { expect: 'exact', call: () => drain(openai.responses.create({ model: 'gpt-5-mini', input: 'How is the weather?', stream: true })) },
  embeddings: { expect: 'no_usage', call: () => openai.embeddings.create({ model: 'text-embedding-3-small', input: 'a' }) },
})
