package usageapiextension

import (
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// modelsDocument is the response of GET /api/admin/models.
type modelsDocument struct {
	Models []modelDocument `json:"models"`
	// Complete is false when there are more models than the limit.
	Complete bool `json:"complete"`
	// OtherModels is the number of models left out.
	OtherModels int64     `json:"otherModels"`
	OtherCalls  int64     `json:"otherCalls"`
	OtherCost   usage.Sum `json:"otherCost"`
}

type modelDocument struct {
	Provider string `json:"provider"`
	Model    string `json:"model"`
	APIType  string `json:"apiType"`
	// Status is unpriced when no call has a cost, priced when all have one, and otherwise
	// partly.
	Status         string    `json:"status"`
	Calls          int64     `json:"calls"`
	UnpricedCalls  int64     `json:"unpricedCalls"`
	EstimatedCalls int64     `json:"estimatedCalls"`
	Tokens         int64     `json:"tokens"`
	UnpricedTokens int64     `json:"unpricedTokens"`
	TotalCost      usage.Sum `json:"totalCost"`
	AssumedCalls   int64     `json:"assumedCalls"`
	AssumedCost    usage.Sum `json:"assumedCost"`
	FirstDay       string    `json:"firstDay"`
	LastDay        string    `json:"lastDay"`
}

// models answers /api/admin/models.
func (a *api) models(q *question) (*answer, error) {
	limit, err := q.params.number("limit", 1000, 1, 10_000)
	if err != nil {
		return nil, err
	}
	models, others, err := a.reader.Models(q, limit)
	if err != nil {
		return nil, err
	}
	document := modelsDocument{Models: make([]modelDocument, len(models)), Complete: others.Models == 0,
		OtherModels: others.Models, OtherCalls: others.Calls, OtherCost: others.Cost}
	for i, m := range models {
		status := "partly"
		switch m.UnpricedCalls {
		case 0:
			status = "priced"
		case m.Calls:
			status = "unpriced"
		}
		document.Models[i] = modelDocument{
			Provider: m.Provider, Model: m.Model, APIType: m.APIType, Status: status,
			Calls: m.Calls, UnpricedCalls: m.UnpricedCalls, EstimatedCalls: m.EstimatedCalls,
			Tokens: m.Tokens, UnpricedTokens: m.UnpricedTokens, TotalCost: m.Cost,
			AssumedCalls: m.AssumedCalls, AssumedCost: m.AssumedCost,
			FirstDay: m.FirstDay.Format(time.DateOnly), LastDay: m.LastDay.Format(time.DateOnly),
		}
	}
	return jsonAnswer(document, len(models))
}
