// Strands Agents, whose spans bear the service's name.
import { provider, run, tracing, user } from './harness.mjs'
import { Agent, tool } from '@strands-agents/sdk'
import { BedrockModel } from '@strands-agents/sdk/models/bedrock'
import { OpenAIModel } from '@strands-agents/sdk/models/openai'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import { z } from 'zod'

tracing()
process.env.AWS_ACCESS_KEY_ID = process.env.AWS_SECRET_ACCESS_KEY = 'none'
const weather = tool({ name: 'weather', description: 'the weather', inputSchema: z.object({ city: z.string() }), callback: () => 'sunny' })
const openai = (modelId, api = 'chat') => new OpenAIModel({ modelId, api, apiKey: 'none', clientConfig: { baseURL: provider + '/v1' } })
const bedrock = (modelId) => new BedrockModel({ modelId, region: 'us-east-1', clientConfig: { endpoint: provider, requestHandler: new NodeHttpHandler() } })
const ask = (model, more) => new Agent({ model, printer: false, ...more }).invoke('How is the weather?')

await run({
  openai: { expect: 'exact', call: () => ask(openai('gpt-4o')) },
  openai_tools: { expect: 'exact', user: true, tags: { tenant: 'acme', agent: 'weatherman' }, session: 's-1', call: () => ask(openai('gpt-4o'), { name: 'weatherman', tools: [weather], traceAttributes: { 'user.id': user, 'tenant.id': 'acme', 'session.id': 's-1' } }) },
  reasoning: { expect: 'exact price', call: () => ask(openai('o4-mini')) },
  responses: { expect: 'exact price', call: () => ask(openai('gpt-5-mini', 'responses')) },
  bedrock: { expect: 'cache_ttl_not_reported', call: () => ask(bedrock('anthropic.claude-sonnet-4-5-20250929-v1:0')) },
  bedrock_tools: { expect: 'cache_ttl_not_reported', call: () => ask(bedrock('anthropic.claude-sonnet-4-5-20250929-v1:0'), { tools: [weather] }) },
})
