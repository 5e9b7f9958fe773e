// Package mockprovider answers as providers of AI models do, on loopback: the
// documented shapes of OpenAI, Anthropic, Gemini and Bedrock, streams included,
// with quantities that it draws for every call. It keeps what it billed,
// so that a test can compare that with what became of the client's telemetry.
//
// It owns no judgement: it knows nothing of spans, prices and rows.
package mockprovider
