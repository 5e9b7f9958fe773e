// OpenAI Agents with OpenInference's instrumentation: an agent that calls a
// tool makes two calls; its own span repeats neither.
import { load, provider, run, tracing } from './harness.mjs'
import * as agents from '@openai/agents'
import { OpenAIAgentsInstrumentation } from '@arizeai/openinference-instrumentation-openai-agents'
import OpenAI from 'openai'
import { z } from 'zod'

const tracerProvider = tracing()
const instrumentation = new OpenAIAgentsInstrumentation({ tracerProvider })
instrumentation.manuallyInstrument(agents)
agents.setDefaultOpenAIClient(new OpenAI({ baseURL: provider + '/v1', apiKey: 'none' }))
const weather = agents.tool({ name: 'weather', description: 'tells the weather', parameters: z.object({ city: z.string() }), execute: async () => 'sunny' })
const agent = new agents.Agent({ name: 'assistant', model: 'gpt-5-mini', tools: [weather] })

await run({
  responses_tools: { expect: 'exact', call: () => agents.run(agent, 'How is the weather?') },
})
