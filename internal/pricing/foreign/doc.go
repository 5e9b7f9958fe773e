// Package foreign reads the price data of other projects as parts of a price
// book: LiteLLM's model_prices_and_context_window.json, genai-prices' data,
// models.dev's catalogue and Portkey's price files.
//
// It owns the knowledge of their forms and of what they mean by a key; the
// words it translates into are those of the package book. Numbers go through a
// decimal reader. A key it does not know is reported, never guessed, and a
// price of 0 is taken for "not given", because these files use it for plans and
// for what nobody filled in.
//
// Start with read.go.
package foreign
