// The Vercel AI SDK 7 with LegacyOpenTelemetry, which keeps the older names.
import { cases } from './calls.mjs'
import { run, tracing } from './harness.mjs'
import { registerTelemetry } from 'ai'
import { LegacyOpenTelemetry } from '@ai-sdk/otel'

tracing()
registerTelemetry(new LegacyOpenTelemetry())

await run(cases({
  generate_text: { expect: 'exact' },
  generate_text_tools: { expect: 'exact' },
  generate_text_reasoning: { expect: 'exact' },
  stream_text: { expect: 'exact' },
  embed_many: { expect: 'exact' },
  anthropic: { expect: 'exact' },
  anthropic_stream: { expect: 'exact' },
}))
