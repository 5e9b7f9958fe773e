package outlook_test

import (
	"encoding/json"
	"testing"

	"github.com/otelcol-usage/otelcol-usage/internal/outlook"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// runOf is a run of these calls.
func runOf(calls ...usage.Record) outlook.Run {
	return outlook.Run{Calls: calls, Price: priceByModel}
}

// TestCompareRuns moves one thing at a time, then several. A token of "large" costs 1,000
// picodollars, cached 100; of "small" 10 and 1.
func TestCompareRuns(t *testing.T) {
	t.Parallel()
	base := runOf(call("large", 1000, 0), call("large", 1000, 0))
	for _, c := range []struct {
		name string
		head outlook.Run
		want string // difference and causes
	}{
		{"the same", runOf(call("large", 1000, 0), call("large", 1000, 0)), `0 []`},
		{"one call more", runOf(call("large", 1000, 0), call("large", 1000, 0), call("large", 1000, 0)), `0.000001 [{"cause":"calls","cost":0.000001}]`},
		{"longer prompts", runOf(call("large", 1500, 0), call("large", 1000, 0)), `0.0000005 [{"cause":"prompt","cost":0.0000005}]`},
		{"a cache", runOf(call("large", 500, 500), call("large", 1000, 0)), `-0.00000045 [{"cause":"cache","cost":-0.00000045}]`},
		{"another model", runOf(call("small", 1000, 0), call("small", 1000, 0)), `-0.00000198 [{"cause":"model","cost":-0.00000198}]`},
		{"all at once", runOf(call("small", 1000, 1000), call("large", 3000, 0), call("large", 1000, 0)),
			`0.000002011 [{"cause":"calls","cost":0.000001},{"cause":"prompt","cost":0.000003},{"cause":"cache","cost":-0.0000009},{"cause":"model","cost":-0.000001089}]`},
		{"longer answers", runOf(answered(call("large", 1000, 0), 10), call("large", 1000, 0)), `0.00000005 [{"cause":"output","cost":0.00000005}]`},
		{"a call without a price", runOf(call("large", 1000, 0), call("large", 1000, 0), call("huge", 9, 0)), `0 []`},
		{"nothing", runOf(), `-0.000002 [{"cause":"calls","cost":-0.000002}]`},
	} {
		d := outlook.CompareRuns(base, c.head)
		causes, err := json.Marshal(d.Causes)
		if err != nil {
			t.Fatal(err)
		}
		if got := d.Difference.String() + " " + string(causes); got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", c.name, got, c.want)
		}
		var sum usage.Sum
		for _, cause := range d.Causes {
			sum = sum.Plus(cause.Cost)
		}
		if sum.Cmp(d.Difference) != 0 {
			t.Errorf("%s: the causes add up to %s, the difference is %s", c.name, sum, d.Difference)
		}
	}
}

// answered gives a call output tokens, five times the price of input.
func answered(r usage.Record, output int64) usage.Record {
	r.Quantities[usage.OutputTextTokens] = output
	priceByModel(&r)
	return r
}

func TestARunSaysWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	estimated := call("large", 1000, 0)
	estimated.Status = usage.StatusEstimated
	d := outlook.CompareRuns(runOf(call("large", 1000, 0)), runOf(estimated, call("huge", 9, 0), call("huge", 9, 0), call("", 9, 0)))
	got, err := json.Marshal(d.Head)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"cost":0.000001,"calls":4,"unpricedCalls":3,"unpricedModels":["huge","(no model)"],"estimatedCalls":1}`; string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestTheEffectOfAMonth(t *testing.T) {
	t.Parallel()
	d := outlook.CompareRuns(runOf(call("large", 1000, 0), call("large", 1000, 0), call("large", 1000, 0)), runOf(call("large", 1000, 0)))
	d.AtTraffic(1000)
	got, err := json.Marshal(d.Monthly)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"calls":1000,"runs":333.33,"difference":-0.000666666667}`; string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
