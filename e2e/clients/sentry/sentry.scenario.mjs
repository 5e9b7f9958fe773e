// Sentry's SDK with an OpenTelemetry exporter beside its own.
import { drain, load, provider, run } from './harness.mjs'
import * as Sentry from '@sentry/node'
import Anthropic from '@anthropic-ai/sdk'
import OpenAI from 'openai'

const { OTLPTraceExporter } = load('@opentelemetry/exporter-trace-otlp-proto')
const { BatchSpanProcessor } = load('@opentelemetry/sdk-trace-node')
const processor = new BatchSpanProcessor(new OTLPTraceExporter())
Sentry.init({ tracesSampleRate: 1, openTelemetrySpanProcessors: [processor] })

const openai = Sentry.instrumentOpenAiClient(new OpenAI({ baseURL: provider + '/v1', apiKey: 'none' }))
const anthropic = Sentry.instrumentAnthropicAiClient(new Anthropic({ baseURL: provider, apiKey: 'none' }))
const messages = [{ role: 'user', content: 'How is the weather?' }]
const chat = (more) => openai.chat.completions.create({ model: 'gpt-4o', messages, ...more })
const message = (more) => anthropic.messages.create({ model: 'claude-sonnet-4-5', max_tokens: 100, messages, ...more })
const inside = (call) => () => Sentry.startSpan({ name: 'request' }, call)

await run({
  chat: { expect: 'exact', call: inside(() => chat()) },
  chat_stream: { expect: 'exact', call: inside(() => drain(chat({ stream: true, stream_options: { include_usage: true } }))) },
  chat_stream_no_usage: { expect: 'no_usage', call: inside(() => drain(chat({ stream: true }))) },
  responses: { expect: 'exact', call: inside(() => openai.responses.create({ model: 'gpt-4o', input: 'How is the weather?' })) },
  embeddings: { expect: 'exact', call: inside(() => openai.embeddings.create({ model: 'text-embedding-3-small', input: 'a' })) },
  anthropic: { expect: 'cache_ttl_not_reported', call: inside(() => message()) },
  anthropic_stream: { expect: 'cache_ttl_not_reported', call: inside(() => drain(message({ stream: true }))) },
}, () => processor.forceFlush())
