// What every client shares: tracing as an app sets it up, and the loop over
// the cases. README.md beside this file says how a client is written.
import { createRequire } from 'node:module'
import { context, propagation, trace } from '@opentelemetry/api'

// load requires a package as CommonJS, where instrumentations reach it.
export const load = createRequire(import.meta.url)

export const provider = process.env.PROVIDER_URL // base URL of the mock
export const user = process.env.CLIENT_USER // drawn for each run

// tracing registers a tracer provider that exports by OTLP, with what the
// client adds: instrumentations and span processors.
export function tracing({ instrumentations = [], processors = [] } = {}) {
  const { NodeTracerProvider, BatchSpanProcessor } = load('@opentelemetry/sdk-trace-node')
  const { OTLPTraceExporter } = load('@opentelemetry/exporter-trace-otlp-proto')
  const { registerInstrumentations } = load('@opentelemetry/instrumentation')
  const { detectResources, envDetector } = load('@opentelemetry/resources')
  const tracerProvider = new NodeTracerProvider({
    // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES, as NodeSDK reads them.
    resource: detectResources({ detectors: [envDetector] }),
    spanProcessors: [...processors, new BatchSpanProcessor(new OTLPTraceExporter())],
  })
  tracerProvider.register()
  registerInstrumentations({ instrumentations, tracerProvider })
  return tracerProvider
}

// withBaggage calls with entries in OpenTelemetry's baggage: the user, and more.
export const withBaggage = (call, more = {}) => () => {
  const entries = Object.entries({ 'user.id': user, ...more }).map(([name, value]) => [name, { value }])
  return context.with(propagation.setBaggage(context.active(), propagation.createBaggage(Object.fromEntries(entries))), call)
}

// drain reads a stream to its end.
export async function drain(stream) {
  for await (const _ of await stream);
}

// run announces each case to the mock, makes its calls and flushes the spans:
//   expect  what becomes of each call: one word, or one for each call
//   user    true when the rows must name the user
//   tags    tags that the rows must have
//   session session that the rows must have
//   short   true for prompts too short for a cache
//   fail    requests that are refused before one is answered
export async function run(cases, flush) {
  for (const [name, { call, expect, user: named, tags = {}, session = '', short = false, fail = 0 }] of Object.entries(cases)) {
    await post('/_case', { name, expect: [expect].flat(), user: named ? user : '', tags, session, short, fail })
    await call()
    await (flush ?? flushGlobal)()
  }
  await (flush ?? flushGlobal)()
  process.exit(0)
}

async function flushGlobal() {
  const registered = trace.getTracerProvider()
  await (registered.getDelegate?.() ?? registered).forceFlush()
}

async function post(path, body) {
  const answer = await fetch(provider + path, { method: 'POST', body: JSON.stringify(body) })
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
}
