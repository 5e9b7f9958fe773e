package genai

import (
	"encoding/json"
	"os"
	"path/filepath"
	"sort"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/golden"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// expectedCase is what a case folder expects: the calls in order, and how many
// spans were skipped by "dialect reason".
type expectedCase struct {
	Calls []expectedCall `json:"calls"`
	Skips map[string]int `json:"skips,omitempty"`
}

type expectedCall struct {
	Dialect      string            `json:"dialect"`
	Operation    string            `json:"operation,omitempty"`
	APIType      string            `json:"api_type"`
	Provider     string            `json:"provider"`
	Model        string            `json:"model"`
	RequestModel string            `json:"request_model,omitempty"`
	ResponseID   string            `json:"response_id,omitempty"`
	Key          string            `json:"key,omitempty"`
	Quantities   map[string]string `json:"quantities,omitempty"`
	Reason       string            `json:"reason,omitempty"`
	Missing      []string          `json:"missing,omitempty"`
	ReportedCost string            `json:"reported_cost,omitempty"`
	User         string            `json:"user,omitempty"`
	Session      string            `json:"session,omitempty"`
	Service      string            `json:"service,omitempty"`
	Environment  string            `json:"environment,omitempty"`
	ServiceTier  string            `json:"service_tier,omitempty"`
	Region       string            `json:"region,omitempty"`
	Variant      string            `json:"variant,omitempty"`
	Tags         map[string]string `json:"tags,omitempty"`
}

func expect(c *Call) expectedCall {
	e := expectedCall{
		Dialect: c.Dialect, Operation: c.Operation, APIType: string(c.APIType), Provider: c.Provider, Model: c.Model,
		RequestModel: c.RequestModel, ResponseID: c.ResponseID, Key: c.Key, Reason: string(c.Reason),
		User: c.User, Session: c.SessionID, Service: c.Service, Environment: c.Environment,
		ServiceTier: c.ServiceTier, Region: c.Region, Variant: c.Variant,
		Quantities: map[string]string{}, Tags: map[string]string{},
	}
	if c.KeySpace != "" {
		e.Key = c.KeySpace + " " + c.Key
	}
	for k, n := range c.Quantities {
		if n != 0 {
			e.Quantities[usage.QuantityKind(k).String()] = string(usage.AppendQuantity(nil, usage.QuantityKind(k), n))
		}
	}
	for _, m := range []struct {
		bit  Missing
		name string
	}{{MissingCache, "cache"}, {MissingCacheTTL, "cache_ttl"}, {MissingReasoning, "reasoning"}, {MissingAudio, "audio"}, {MissingInput, "input"}} {
		if c.Missing.Has(m.bit) {
			e.Missing = append(e.Missing, m.name)
		}
	}
	if c.HasReportedCost {
		e.ReportedCost = c.ReportedCost.String()
	}
	for _, tag := range c.Tags {
		e.Tags[tag.Key] = tag.Value
	}
	return e
}

// TestCases reads every folder testdata/cases/<dialect>/<case>: input.json is
// an OTLP traces payload, input.logs.json one of logs, expected.json what it
// reports. A new case needs no Go: write the input, run with UPDATE_GOLDEN=1,
// and read what comes out.
func TestCases(t *testing.T) {
	t.Parallel()
	folders, err := filepath.Glob("testdata/cases/*/*")
	require.NoError(t, err)
	seen := map[string]bool{}
	for _, folder := range folders {
		dialect := filepath.Base(filepath.Dir(folder))
		t.Run(dialect+"/"+filepath.Base(folder), func(t *testing.T) {
			t.Parallel()
			config := Config{
				TrackUsers: true, Tags: []Tag{{"team", []string{"team"}}, {"feature", []string{"feature"}}},
				InputAudioSeconds: "usage.audio_seconds", InputCharacters: "usage.characters", InputImages: "usage.images",
			}
			var calls []Call
			got := expectedCase{}
			if _, err := os.Stat(filepath.Join(folder, "input.logs.json")); err == nil {
				config.AgentLogs = true
				calls = readLogs(t, config, loadLogs(t, filepath.Join(folder, "input.logs.json")))
			} else {
				calls, got.Skips = readAll(t, config, loadTraces(t, filepath.Join(folder, "input.json")))
			}
			for i := range calls {
				got.Calls = append(got.Calls, expect(&calls[i]))
			}
			require.False(t, len(got.Calls) == 0 && len(got.Skips) == 0,
				"no span was looked at: genAINames in gate.go need a name of %s", dialect)
			raw, err := json.MarshalIndent(got, "", "  ")
			require.NoError(t, err)
			golden.Equal(t, filepath.Join(folder, "expected.json"), string(raw)+"\n")
		})
		seen[dialect] = true
	}
	var missing []string
	for _, dialect := range Dialects() {
		if !seen[dialect] {
			missing = append(missing, dialect)
		}
	}
	sort.Strings(missing)
	require.Empty(t, missing, "every dialect has a folder of cases")
}
