// Package catalog holds the names of the field, each once: who hosts models
// (providers.go), where (regions.go), who made a model and what it does (models.go), and what hosts
// and libraries write around a model's name (spelling.go).
//
// Recognition asks it who a span means, price look-up which names a model goes
// by, and the readers of foreign price data whose prices they hold. So what one
// of them recognises, the others know by the same name.
//
// It owns no prices and no telemetry: how a span's provider, address and model
// are weighed against each other is internal/genai's, what a name costs is
// internal/pricing's.
package catalog
