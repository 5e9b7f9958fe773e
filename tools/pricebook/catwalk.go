package main

import (
	"encoding/json"
	"fmt"

	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing/foreign"
)

// catwalk is charmbracelet/catwalk (MIT): one file for each provider, kept by
// hand or read from the provider's own interface. Its price of a cache means
// different things in different files, so it only confirms input and output.
const catwalk = foreign.Format("catwalk")

// catwalkProviders are the files that follow the provider's list; those of the
// clouds repeat the maker's prices.
var catwalkProviders = map[string]string{
	"openai": catalog.OpenAI, "anthropic": catalog.Anthropic, "gemini": catalog.Gemini, "xai": catalog.XAI,
	"openrouter": catalog.OpenRouter, "vercel": catalog.Vercel, "huggingface": "huggingface", "groq": "groq",
	"zai": catalog.Book("zai"), "moonshot": catalog.Moonshot, "fireworks": catalog.Fireworks, "baseten": "baseten", "cerebras": "cerebras",
}

func readCatwalk(name string, content []byte) (*foreign.Result, error) {
	var file struct {
		ID     string `json:"id"`
		Models []struct {
			ID  string      `json:"id"`
			In  json.Number `json:"cost_per_1m_in"`
			Out json.Number `json:"cost_per_1m_out"`
		} `json:"models"`
	}
	if err := json.Unmarshal(content, &file); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	provider, ok := catwalkProviders[file.ID]
	if !ok {
		return &foreign.Result{}, nil
	}
	models := map[string]any{}
	for _, m := range file.Models {
		models[m.ID] = map[string]any{"cost": map[string]any{"input": m.In, "output": m.Out}}
	}
	// In the format of models.dev, so that one reader checks all numbers.
	text, err := json.Marshal(map[string]any{"catwalk": map[string]any{"models": models}})
	if err != nil {
		return nil, err
	}
	result, err := foreign.Read(name, text, foreign.ModelsDev)
	if err != nil {
		return nil, err
	}
	for _, f := range result.Files {
		f.Provider = provider
		for i := range f.Rows {
			f.Rows[i].Source = "charmbracelet/catwalk " + file.ID + "/" + f.Rows[i].Model
		}
	}
	return result, nil
}
