package outlook_test

import (
	"encoding/json"
	"testing"

	"github.com/otelcol-usage/otelcol-usage/internal/outlook"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// priceByModel is a book of one price for each token of a model, whatever else the call is.
func priceByModel(r *usage.Record) {
	price, known := map[string]usage.Money{"large": 1000, "small": 10}[r.Model]
	if r.ServiceTier == "batch" {
		price /= 2
	}
	r.Status, r.Reason = usage.StatusPriced, ""
	switch {
	case !known:
		r.Cost, r.Status, r.Reason = 0, usage.StatusUnpriced, usage.ReasonUnknownModel
		return
	case r.HasReportedCost:
		r.Cost, r.Status = r.ReportedCost, usage.StatusReported
		return
	}
	cached := usage.Money(r.Quantities[usage.CacheReadTokens])
	r.Cost = price*usage.Money(r.Quantities[usage.InputTextTokens]) + price/10*cached + 5*price*usage.Money(r.Quantities[usage.OutputTextTokens])
}

func call(model string, input, cached int64) usage.Record {
	r := usage.Record{Provider: "acme", Model: model}
	r.Quantities[usage.InputTextTokens], r.Quantities[usage.CacheReadTokens] = input, cached
	priceByModel(&r)
	return r
}

// TestWhatIf changes a call of 1,000 tokens, which costs 1,000,000 picodollars, and others.
func TestWhatIf(t *testing.T) {
	t.Parallel()
	half := outlook.Share(500_000)
	reported := call("large", 1000, 0)
	reported.ReportedCost, reported.HasReportedCost = 77, true
	priceByModel(&reported)
	for _, c := range []struct {
		name   string
		change outlook.Change
		call   usage.Record
		want   string
	}{
		{"another model", outlook.Change{Models: map[string]string{"large": "small"}}, call("large", 1000, 0),
			`{"cost":0.000001,"whatIf":0.00000001,"difference":-0.00000099,"calls":1,"changedCalls":1}`},
		{"a model that is not changed", outlook.Change{Models: map[string]string{"small": "large"}, Tier: "batch"}, call("large", 1000, 0),
			`{"cost":0.000001,"whatIf":0.000001,"difference":0,"calls":1,"changedCalls":0}`},
		{"a model without a price", outlook.Change{Models: map[string]string{"large": "huge"}}, call("large", 1000, 0),
			`{"cost":0,"whatIf":0,"difference":0,"calls":0,"changedCalls":0,"unknownCalls":1,"unknownCost":0.000001}`},
		{"a call without a price", outlook.Change{Models: map[string]string{"huge": "small"}}, call("huge", 1000, 0),
			`{"cost":0,"whatIf":0,"difference":0,"calls":0,"changedCalls":0,"unpricedCalls":1}`},
		{"batch", outlook.Change{Tier: "batch"}, call("large", 1000, 0),
			`{"cost":0.000001,"whatIf":0.0000005,"difference":-0.0000005,"calls":1,"changedCalls":1}`},
		{"half of the input cached", outlook.Change{Cached: &half}, call("large", 1000, 0),
			`{"cost":0.000001,"whatIf":0.00000055,"difference":-0.00000045,"calls":1,"changedCalls":1}`},
		{"more is cached already", outlook.Change{Cached: &half}, call("large", 100, 900),
			`{"cost":0.00000019,"whatIf":0.00000019,"difference":0,"calls":1,"changedCalls":0}`},
		{"a discount", outlook.Change{Discount: 125_000}, call("large", 1000, 0),
			`{"cost":0.000001,"whatIf":0.000000875,"difference":-0.000000125,"calls":1,"changedCalls":1}`},
		{"all at once", outlook.Change{Models: map[string]string{"large": "small"}, Tier: "batch", Cached: &half, Discount: 500_000}, call("large", 1000, 0),
			`{"cost":0.000001,"whatIf":0.00000000125,"difference":-0.00000099875,"calls":1,"changedCalls":1}`},
		{"a reported cost is that of the call as it was", outlook.Change{Tier: "batch"}, reported,
			`{"cost":0.000000000077,"whatIf":0.0000005,"difference":0.000000499923,"calls":1,"changedCalls":1}`},
	} {
		var w outlook.WhatIf
		after := c.call
		w.Add(&c.call, &after, c.change.Price(&after, priceByModel))
		got, err := json.Marshal(w.WhatIfSums)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", c.name, got, c.want)
		}
	}
}

func TestWhatIfByModelAddsUp(t *testing.T) {
	t.Parallel()
	var w outlook.WhatIf
	change := outlook.Change{Models: map[string]string{"large": "small"}, Provider: "other"}
	for range 3 {
		for _, r := range []usage.Record{call("large", 1000, 0), call("small", 1000, 0), call("huge", 1, 0)} {
			after := r
			w.Add(&r, &after, change.Price(&after, priceByModel))
			if r.Model == "large" && after.Provider != "other" {
				t.Errorf("the call goes to %s", after.Provider)
			}
		}
	}
	w.Finish()
	var sum usage.Sum
	var models []string
	for _, m := range w.ByModel {
		sum = sum.Plus(m.Difference)
		models = append(models, m.Model)
	}
	if sum.Cmp(w.Difference) != 0 || w.Calls != 6 || w.Unpriced != 3 {
		t.Errorf("the models differ by %s, all by %s of %d calls, %d unpriced", sum, w.Difference, w.Calls, w.Unpriced)
	}
	if models[0] != "large" {
		t.Errorf("listed as %v, the one that changes most comes first", models)
	}
}

func TestParsePercent(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]outlook.Share{"0%": 0, "12.5%": 125_000, "100 %": 1_000_000, "0.0001%": 1} {
		if got, err := outlook.ParsePercent(text); err != nil || got != want {
			t.Errorf("%q: got %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "%", "10", "0.1", "-1%", "101%", "0.00001%", "ten%", "1e2%%", "1000000000000000000000%"} {
		if got, err := outlook.ParsePercent(text); err == nil {
			t.Errorf("%q: got %v", text, got)
		}
	}
}
