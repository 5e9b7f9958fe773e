// OpenTelemetry's instrumentation of the AWS SDK, calling Bedrock.
import { load, provider, run, tracing } from './harness.mjs'

const { AwsInstrumentation } = load('@opentelemetry/instrumentation-aws-sdk')
tracing({ instrumentations: [new AwsInstrumentation()] })
const { BedrockRuntimeClient, ConverseCommand } = load('@aws-sdk/client-bedrock-runtime')
const { NodeHttpHandler } = load('@smithy/node-http-handler') // HTTP/1, as the mock speaks
const bedrock = new BedrockRuntimeClient({
  region: 'us-east-1',
  endpoint: provider,
  credentials: { accessKeyId: 'none', secretAccessKey: 'none' },
  requestHandler: new NodeHttpHandler(),
})
const conversation = { modelId: 'us.anthropic.claude-sonnet-4-5-20250929-v1:0', messages: [{ role: 'user', content: [{ text: 'How is the weather?' }] }] }

await run({
  converse: { expect: 'cache_not_reported', call: () => bedrock.send(new ConverseCommand(conversation)) },
})
