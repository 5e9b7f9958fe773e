package recorder_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/genai"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
	"github.com/otelcol-usage/otelcol-usage/internal/recorder"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

func TestACallFarAheadOfItsArrivalTakesTheTimeOfArrival(t *testing.T) {
	t.Parallel()
	book, err := pricing.Builtin(pricing.DefaultBuiltin)
	require.NoError(t, err)
	now := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		start  time.Time
		stays  bool
		reason usage.Reason
	}{
		"now":                     {now, true, ""},
		"a day ahead":             {now.Add(24 * time.Hour), true, ""},
		"a day and a second":      {now.Add(24*time.Hour + time.Second), false, usage.ReasonTimeOutOfRange},
		"a year ahead":            {now.AddDate(1, 0, 0), false, usage.ReasonTimeOutOfRange},
		"in 1970":                 {time.Unix(0, 0), false, usage.ReasonTimeOutOfRange},
		"a year late, from a log": {now.AddDate(-1, 0, 0), true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := recorder.New(pricing.Pricer{})
			r.Begin(book, now)
			record := r.Make(&genai.Call{
				APIType: usage.APITypeText, Provider: "openai", Model: "gpt-4.1-mini", ResponseID: "chatcmpl-1234567890", Key: "chatcmpl-1234567890",
				Start: c.start, Quantities: usage.Quantities{usage.InputTextTokens: 1000, usage.OutputTextTokens: 200},
			})
			want := now
			if c.stays {
				want = c.start.UTC()
			}
			require.Equal(t, want, record.Time)
			require.Equal(t, c.reason, record.Reason)
			require.Equal(t, !c.stays, record.Missing.Has(usage.MissingTime))
		})
	}
}
