// OpenInference's instrumentation of LangChain, together with that of the
// openai package: each call is reported twice, in two traces.
import { load, provider, run, tracing, user } from './harness.mjs'

const { LangChainInstrumentation } = load('@arizeai/openinference-instrumentation-langchain')
const { OpenAIInstrumentation } = load('@arizeai/openinference-instrumentation-openai')
const langchain = new LangChainInstrumentation()
tracing({ instrumentations: [langchain, new OpenAIInstrumentation()] })
langchain.manuallyInstrument(load('@langchain/core/callbacks/manager'))
const { ChatOpenAI } = load('@langchain/openai')
const model = new ChatOpenAI({ model: 'gpt-4o', apiKey: 'none', configuration: { baseURL: provider + '/v1' } })

await run({
  chat: { expect: 'exact', call: () => model.invoke('How is the weather?') },
  chat_user: { expect: 'exact', user: true, call: () => model.invoke('How is the weather?', { metadata: { user_id: user } }) },
})
