// The Vercel AI SDK 6 before several providers, each with its own usage object.
import { drain, provider, run, tracing } from './harness.mjs'
import { embedMany, generateObject, generateText, stepCountIs, streamObject, streamText, tool } from 'ai'
import { createAmazonBedrock } from '@ai-sdk/amazon-bedrock'
import { createCohere } from '@ai-sdk/cohere'
import { createGoogleGenerativeAI } from '@ai-sdk/google'
import { createOpenAI } from '@ai-sdk/openai'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { createOpenRouter } from '@openrouter/ai-sdk-provider'
import { z } from 'zod'

tracing()
const at = (vendor) => ({ baseURL: `${provider}/${vendor}/v1`, apiKey: 'none' })
const openai = createOpenAI({ baseURL: provider + '/v1', apiKey: 'none' })
const google = createGoogleGenerativeAI({ baseURL: provider + '/v1beta', apiKey: 'none' })
const cohere = createCohere({ baseURL: provider + '/v2', apiKey: 'none' })
const bedrock = createAmazonBedrock({ baseURL: provider, apiKey: 'none', region: 'us-east-1' })
const together = createOpenAICompatible({ ...at('together'), name: 'together' })
const openrouter = createOpenRouter(at('openrouter'))

const common = { prompt: 'How is the weather?', experimental_telemetry: { isEnabled: true } }
const weather = tool({ inputSchema: z.object({ city: z.string() }), execute: async () => 'sunny' })
const steps = { ...common, tools: { weather }, stopWhen: stepCountIs(3) }
const object = { ...common, schema: z.object({ city: z.string() }) }

await run({
  openai: { expect: 'exact', call: () => generateText({ ...steps, model: openai('gpt-5-mini') }) },
  openai_object: { expect: 'cache_not_reported', call: () => generateObject({ ...object, model: openai.chat('gpt-4o') }) },
  openai_stream_object: { expect: 'exact', call: () => drain(streamObject({ ...object, model: openai.chat('gpt-4o') }).partialObjectStream) },
  openai_retry: { expect: 'exact', fail: 1, call: () => generateText({ ...common, model: openai.chat('gpt-4o') }) },
  openai_metadata: { expect: 'exact', tags: { tenant: 'acme' }, session: 's-1', call: () => generateText({ ...common, experimental_telemetry: { isEnabled: true, metadata: { tenant: 'acme', sessionId: 's-1' } }, model: openai.chat('gpt-4o') }) },
  google: { expect: 'exact', call: () => generateText({ ...steps, model: google('gemini-2.5-flash') }) },
  google_stream: { expect: 'exact', call: () => drain(streamText({ ...common, model: google('gemini-2.5-flash') }).textStream) },
  bedrock: { expect: 'cache_ttl_not_reported', call: () => generateText({ ...common, model: bedrock('anthropic.claude-sonnet-4-5-20250929-v1:0') }) },
  bedrock_stream_object: { expect: 'cache_ttl_not_reported', call: () => drain(streamObject({ ...object, model: bedrock('anthropic.claude-sonnet-4-5-20250929-v1:0') }).partialObjectStream) },
  cohere: { expect: 'instrumentation_estimate', call: () => generateText({ ...common, model: cohere('command-a-03-2025') }) },
  cohere_embed: { expect: 'exact', call: () => embedMany({ ...common, model: cohere.embedding('embed-v4.0'), values: ['a', 'b'] }) },
  openrouter: { expect: 'reported', call: () => generateText({ ...common, model: openrouter('openai/gpt-5-mini') }) },
  together: { expect: 'unconfirmed_price', call: () => generateText({ ...common, model: together('meta-llama/Llama-3.3-70B-Instruct-Turbo') }) },
})
