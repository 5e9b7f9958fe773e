package payer_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/otelcol-usage/otelcol-usage/internal/payer"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

func date(text string) time.Time {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		panic(err)
	}
	return t
}

func TestWhatACallTellsWinsAndAPlanFillsInTheRest(t *testing.T) {
	t.Parallel()
	ada, eve := usage.UserID("ada"), usage.UserID("eve")
	p := payer.New([]payer.Terms{
		{Plan: "everything", Since: date("2026-01-01"), Payer: usage.PayerAPI, Everyone: true},
		{Plan: "gpu", Since: date("2026-01-01"), Payer: usage.PayerOwn, Everyone: true, Provider: "vllm"},
		{Plan: "team", Since: date("2026-01-01"), Until: date("2026-02-20"), Payer: usage.PayerPlan, Provider: "anthropic", Service: "claude-*", APITypes: []string{"text"}},
		{Plan: "pro", Since: date("2026-01-01"), Payer: usage.PayerPlan, Provider: "anthropic"},
	}, []payer.Seat{
		{Plan: "team", User: ada, Since: date("2026-02-01"), Until: date("2026-03-01")},
		{Plan: "pro", User: ada, Since: date("2026-01-01")},
		{Plan: "gone", User: eve, Since: date("2026-01-01")},
	})
	code := payer.Call{User: ada, At: date("2026-02-10"), Provider: "anthropic", Service: "claude-code", Model: "claude-opus-4-6", APIType: "text"}
	with := func(change func(*payer.Call)) payer.Call { c := code; change(&c); return c }
	for name, c := range map[string]struct {
		call     payer.Call
		reported usage.Payer
		want     payer.Paid
	}{
		"a seat":                         {code, "", payer.Paid{Payer: "plan", Plan: "team", Filled: true}},
		"a seat, and the call tells":     {code, "api", payer.Paid{Payer: "api", Plan: "team"}},
		"the first moment":               {with(func(c *payer.Call) { c.At = date("2026-02-01") }), "", payer.Paid{Payer: "plan", Plan: "team", Filled: true}},
		"before it":                      {with(func(c *payer.Call) { c.At = date("2026-02-01").Add(-1) }), "", payer.Paid{Payer: "plan", Plan: "pro", Filled: true}},
		"after the last day":             {with(func(c *payer.Call) { c.At = date("2026-02-20") }), "", payer.Paid{Payer: "plan", Plan: "pro", Filled: true}},
		"another type":                   {with(func(c *payer.Call) { c.APIType = "image" }), "", payer.Paid{Payer: "plan", Plan: "pro", Filled: true}},
		"another provider":               {with(func(c *payer.Call) { c.Provider = "vllm" }), "", payer.Paid{Payer: "own", Plan: "gpu", Filled: true}},
		"nobody's":                       {with(func(c *payer.Call) { c.User = usage.ID{} }), "", payer.Paid{Payer: "api", Plan: "everything", Filled: true}},
		"a seat of a plan without terms": {with(func(c *payer.Call) { c.User = eve }), "", payer.Paid{Payer: "api", Plan: "everything", Filled: true}},
		"before all plans":               {with(func(c *payer.Call) { c.At = date("2025-12-31") }), "", payer.Paid{}},
		"before all plans, and it tells": {with(func(c *payer.Call) { c.At = date("2025-12-31") }), "plan", payer.Paid{Payer: "plan"}},
	} {
		assert.Equal(t, c.want, p.For(&c.call, c.reported), name)
		assert.Equal(t, c.reported, c.want.Reported(), name)
	}
}

func TestPatterns(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"", "x", true}, {"", "", true}, {"x", "x", true}, {"x", "xy", false}, {"(none)", "", true}, {"(none)", "x", false},
		{"claude-*", "claude-code", true}, {"claude-*", "my-claude-code", false}, {"*opus*", "claude-opus-4", true}, {"*opus*", "opus", true},
		{"a*b*c", "abc", true}, {"a*b*c", "acb", false}, {"a*b", "ab/x/b", true}, {"*", "", true}, {"a*a", "a", false}, {"*.5", "gpt-5.5", true}, {"*.5", "gpt-5.5-mini", false},
	} {
		assert.Equal(t, c.want, payer.Matches(c.pattern, c.text), "%q in %q", c.pattern, c.text)
	}
}
