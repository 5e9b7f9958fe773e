// Calls for the comparison with the provider's bill, which a test of its own
// makes: as an app with instrumentation, and with BILL_PART=cron as one without.
import { drain, load, provider, run, tracing } from './harness.mjs'

const cron = process.env.BILL_PART === 'cron'
if (!cron) {
  const { OpenAIInstrumentation } = load('@opentelemetry/instrumentation-openai')
  tracing({ instrumentations: [new OpenAIInstrumentation()] })
}
const { OpenAI } = load('openai')
const openai = new OpenAI({ baseURL: provider + '/v1', apiKey: cron ? 'key_cron' : 'key_web' })
const chat = (model, more) => openai.chat.completions.create({ model, messages: [{ role: 'user', content: 'How is the weather?' }], ...more })
const times = async (n, call) => {
  for (let i = 0; i < n; i++) await call()
}

await run(
  cron
    ? { unseen: { expect: 'no span', short: true, call: () => times(3, () => chat('gpt-4o')) } }
    : {
        plain: { expect: 'exact', short: true, call: () => times(5, () => chat('gpt-4o')) },
        streams: { expect: 'no_usage', short: true, call: () => times(2, async () => drain(chat('gpt-4o-mini', { stream: true }))) },
        cheaper: { expect: 'exact', short: true, call: () => times(4, () => chat('gpt-4.1')) },
      },
  cron ? async () => {} : undefined,
)
