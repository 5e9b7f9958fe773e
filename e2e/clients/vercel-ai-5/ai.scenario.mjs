// The Vercel AI SDK 5 with its experimental_telemetry.
import { drain, provider, run, tracing, user } from './harness.mjs'
import { generateText, stepCountIs, streamText, tool } from 'ai'
import { createAnthropic } from '@ai-sdk/anthropic'
import { createOpenAI } from '@ai-sdk/openai'
import { z } from 'zod'

tracing()
const openai = createOpenAI({ baseURL: provider + '/v1', apiKey: 'none' })
const anthropic = createAnthropic({ baseURL: provider + '/v1', apiKey: 'none' })
const common = { prompt: 'How is the weather?', experimental_telemetry: { isEnabled: true } }
const weather = tool({ inputSchema: z.object({ city: z.string() }), execute: async () => 'sunny' })

await run({
  generate_text: { expect: 'cache_not_reported', call: () => generateText({ ...common, model: openai.chat('gpt-4o') }) },
  generate_text_short: { expect: 'exact', short: true, call: () => generateText({ ...common, model: openai.chat('gpt-4o') }) },
  generate_text_user: { expect: 'exact', short: true, user: true, call: () => generateText({ ...common, model: openai.chat('gpt-4o'), experimental_telemetry: { isEnabled: true, metadata: { userId: user } } }) },
  generate_text_tools: { expect: 'exact', short: true, call: () => generateText({ ...common, model: openai.chat('gpt-4o'), tools: { weather }, stopWhen: stepCountIs(3) }) },
  stream_text: { expect: 'exact', call: () => drain(streamText({ ...common, model: openai.chat('gpt-4o') }).textStream) },
  anthropic: { expect: 'exact', call: () => generateText({ ...common, model: anthropic('claude-sonnet-4-5') }) },
  anthropic_stream: { expect: 'exact', call: () => drain(streamText({ ...common, model: anthropic('claude-sonnet-4-5') }).textStream) },
})
