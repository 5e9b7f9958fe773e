// OpenTelemetry's own instrumentation of the openai package.
import { createServer } from 'node:http'
import { context, propagation } from '@opentelemetry/api'
import { drain, load, provider, run, tracing, withBaggage } from './harness.mjs'

const { OpenAIInstrumentation } = load('@opentelemetry/instrumentation-openai')
const { BaggageSpanProcessor, ALLOW_ALL_BAGGAGE_KEYS } = load('@opentelemetry/baggage-span-processor')
tracing({
  instrumentations: [new OpenAIInstrumentation()],
  processors: [new BaggageSpanProcessor(ALLOW_ALL_BAGGAGE_KEYS)],
})
const { OpenAI } = load('openai')
const openai = new OpenAI({ baseURL: provider + '/v1', apiKey: 'none' })

const messages = [{ role: 'user', content: 'How is the weather?' }]
const chat = (more) => openai.chat.completions.create({ model: 'gpt-4o', messages, ...more })

// A service that the request comes to. Instrumentations of HTTP do the first two lines; the
// third is for a header of one's own.
const service = createServer((request, answer) => {
  const incoming = propagation.extract(context.active(), request.headers)
  let baggage = propagation.getBaggage(incoming) ?? propagation.createBaggage()
  if (request.headers['x-tenant-id']) baggage = baggage.setEntry('tenant.id', { value: request.headers['x-tenant-id'] })
  context.with(propagation.setBaggage(incoming, baggage), () => chat()).then(() => answer.end())
}).listen(0, '127.0.0.1')
const ask = async (headers) => (await fetch(`http://127.0.0.1:${service.address().port}`, { headers })).text()

await run({
  chat_short: { expect: 'exact', short: true, call: chat },
  chat: { expect: 'cache_not_reported', call: chat },
  chat_user: { expect: 'exact', short: true, user: true, call: withBaggage(chat) },
  chat_baggage: { expect: 'exact', short: true, user: true, tags: { tenant: 'acme' }, session: 's-1', call: withBaggage(chat, { 'tenant.id': 'acme', 'session.id': 's-1' }) },
  chat_baggage_of_request: { expect: 'exact', short: true, tags: { tenant: 'acme' }, call: () => ask({ baggage: 'tenant.id=acme' }) },
  chat_header_of_request: { expect: 'exact', short: true, tags: { tenant: 'acme' }, call: () => ask({ 'x-tenant-id': 'acme' }) },
  chat_reasoning: { expect: 'exact price', short: true, call: () => chat({ model: 'gpt-5-mini' }) },
  chat_retry: { expect: 'exact', short: true, fail: 1, call: chat },
  chat_twice_equal: { expect: 'exact', short: true, call: async () => { await chat(); await chat() } },
  chat_stream: { expect: 'exact', short: true, call: () => drain(chat({ stream: true, stream_options: { include_usage: true } })) },
  chat_stream_without_usage: { expect: 'no_usage', call: () => drain(chat({ stream: true })) },
  responses: { expect: 'exact price', short: true, call: () => openai.responses.create({ model: 'gpt-5-mini', input: 'How is the weather?' }) },
  embeddings: { expect: 'exact', call: () => openai.embeddings.create({ model: 'text-embedding-3-small', input: ['a', 'b'] }) },
  image: { expect: 'no span', call: () => openai.images.generate({ model: 'gpt-image-1', prompt: 'sun' }) },
  speech: { expect: 'no span', call: () => openai.audio.speech.create({ model: 'tts-1', voice: 'alloy', input: 'sun' }) },
})
