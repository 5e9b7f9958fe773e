// The calls of the AI SDK that both kinds of its telemetry are tried with.
import { drain, provider } from './harness.mjs'
import { embedMany, generateText, isStepCount, experimental_transcribe as transcribe, stepCountIs, streamText, tool } from 'ai'
import { createAnthropic } from '@ai-sdk/anthropic'
import { createOpenAI } from '@ai-sdk/openai'
import { z } from 'zod'

const openai = createOpenAI({ baseURL: provider + '/v1', apiKey: 'none' })
const anthropic = createAnthropic({ baseURL: provider + '/v1', apiKey: 'none' })
const prompt = 'How is the weather?'
const weather = tool({ inputSchema: z.object({ city: z.string() }), execute: async () => 'sunny' })

const calls = {
  generate_text: () => generateText({ model: openai.chat('gpt-4o'), prompt }),
  generate_text_user: () => generateText({ model: openai.chat('gpt-4o'), prompt }),
  generate_text_tools: () => generateText({ model: openai.chat('gpt-4o'), prompt, tools: { weather }, stopWhen: (stepCountIs ?? isStepCount)(3) }),
  generate_text_reasoning: () => generateText({ model: openai.responses('gpt-5-mini'), prompt }),
  stream_text: () => drain(streamText({ model: openai.chat('gpt-4o'), prompt }).textStream),
  embed_many: () => embedMany({ model: openai.embedding('text-embedding-3-small'), values: ['a', 'b'] }),
  transcribe: () => transcribe({ model: openai.transcription('whisper-1'), audio: new Uint8Array([0xff, 0xfb, 0x90, 0x00]) }),
  anthropic: () => generateText({ model: anthropic('claude-sonnet-4-5'), prompt }),
  anthropic_stream: () => drain(streamText({ model: anthropic('claude-sonnet-4-5'), prompt }).textStream),
}

// cases joins what is expected with the calls.
export const cases = (expected) =>
  Object.fromEntries(Object.entries(expected).map(([name, { wrap = (f) => f, ...more }]) => [name, { call: wrap(calls[name]), ...more }]))
