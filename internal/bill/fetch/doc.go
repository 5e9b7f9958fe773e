// Package fetch downloads the reports of OpenAI and Anthropic page by page to the end, and
// passes on whole days in order.
//
// It owns addresses, parameters, retries and limits. It does not own what a page means,
// which internal/bill/reports parses, or SQL, and it does not know where the key comes
// from.
package fetch
