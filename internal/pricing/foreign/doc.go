// Package foreign reads the price data of other projects as parts of a price book:
// LiteLLM's model_prices_and_context_window.json, genai-prices' data, models.dev's
// catalogue and Portkey's price files.
//
// It owns the knowledge of their formats and of the meaning of their keys; it does not own
// the terms it translates them into, which are those of package book. Numbers are read as
// decimals. An unknown key is reported, never guessed. A price of 0 counts as "not given",
// because these files use it for subscription plans and for values that nobody filled in.
//
// Start with read.go.
package foreign
