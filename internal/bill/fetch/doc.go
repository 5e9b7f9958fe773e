// Package fetch asks OpenAI and Anthropic for their reports, page by page to the
// true end, and hands whole days on in their order.
//
// It owns addresses, parameters, retries and bounds. What a page says is read by
// internal/bill; it owns no SQL, and it never sees where a key came from.
package fetch
