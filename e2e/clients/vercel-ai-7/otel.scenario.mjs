// The Vercel AI SDK 7 with @ai-sdk/otel, which follows the conventions.
import { cases } from './calls.mjs'
import { load, run, tracing, withBaggage } from './harness.mjs'
import { registerTelemetry } from 'ai'
import { OpenTelemetry } from '@ai-sdk/otel'

const { BaggageSpanProcessor, ALLOW_ALL_BAGGAGE_KEYS } = load('@opentelemetry/baggage-span-processor')
tracing({ processors: [new BaggageSpanProcessor(ALLOW_ALL_BAGGAGE_KEYS)] })
registerTelemetry(new OpenTelemetry())

await run(cases({
  generate_text: { expect: 'exact' },
  generate_text_user: { expect: 'exact', user: true, tags: { tenant: 'acme' }, session: 's-1', wrap: (call) => withBaggage(call, { 'tenant.id': 'acme', 'session.id': 's-1' }) },
  generate_text_tools: { expect: 'exact' },
  generate_text_reasoning: { expect: 'exact price' },
  stream_text: { expect: 'exact' },
  embed_many: { expect: 'exact' },
  transcribe: { expect: 'exact' },
  anthropic: { expect: 'cache_ttl_not_reported' },
  anthropic_stream: { expect: 'cache_ttl_not_reported' },
}))
