package savings_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/outlook"
	"github.com/otelcol-usage/otelcol-usage/internal/outlook/savings"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// ours has one model at two hosts, and a smaller one, in dollars for a million tokens.
const ours = `
provider: openai
rows:
  - model: large
    per_1m_tokens: {input: 10, output: 50}
    service_tiers: {batch: {times: 0.5}, priority: {times: 2}}
    source: a test
  - model: small
    per_1m_tokens: {input: 1, output: 5}
    service_tiers: {batch: {times: 0.5}}
    source: a test
---
provider: azure.ai.openai
rows:
  - model: large
    per_1m_tokens: {input: 8, output: 40}
    source: a test
`

var midnight = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)

// million is calls with a million tokens of input each.
func million(provider, model string, calls int64, set func(*outlook.Alike)) outlook.Alike {
	a := outlook.Alike{Provider: provider, Model: model, Service: "shop", APIType: usage.APITypeText, Calls: calls}
	a.Quantities[usage.InputTextTokens] = calls * 1_000_000
	if set != nil {
		set(&a)
	}
	return a
}

func ask(t *testing.T, q savings.Question) outlook.AdviceList {
	t.Helper()
	b, err := pricing.Parse("ours.yaml", []byte(ours))
	if err != nil {
		t.Fatal(err)
	}
	q.Book, q.To = b, midnight
	return savings.Of(q)
}

func lines(list []outlook.Advice) string {
	var texts []string
	for _, a := range list {
		texts = append(texts, fmt.Sprintf("%s/%s %s of %s", a.Rule, a.Change, a.SavesPerMonth, a.Rows.Cost))
	}
	return strings.Join(texts, "; ")
}

func equal(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\ngot  %s\nwant %s", what, got, want)
	}
}

// hurried is $20 at the priority tier, $10 at the standard one and $5 in a batch.
func hurried(a *outlook.Alike) { a.Tier, a.Unattended = "priority", true }

var often = []outlook.Rhythm{{Provider: "openai", Model: "large", Service: "shop", Hours: 1, Calls: 100}}

func TestEachAdviceIsOfWhatIsLeftAfterThoseBefore(t *testing.T) {
	t.Parallel()
	calls := []outlook.Alike{million("openai", "large", 1, hurried), million("openai", "small", 1, nil)}
	list := ask(t, savings.Question{Calls: calls, Rhythm: often})
	// The batch comes into reach by the advice before it; the other model saves 4.5 of what
	// is left, and not 19 of what was.
	equal(t, "advice", lines(list.Advice), "priority/tier standard 10 of 20; batch/tier batch 5 of 10; other_model/model small 4.5 of 5")
	equal(t, "cost", list.Cost.String(), "21")
	b := million("openai", "large", 1, func(a *outlook.Alike) { a.Unattended = true })
	list = ask(t, savings.Question{Calls: []outlook.Alike{b, million("azure.ai.openai", "large", 1, nil)}, Rhythm: often})
	equal(t, "what changes no answer comes first", lines(list.Advice), "batch/tier batch 5 of 10")
}

// TestAdviceNeverSavesMoreThanTheCallsCost takes calls to which several rules apply.
func TestAdviceNeverSavesMoreThanTheCallsCost(t *testing.T) {
	t.Parallel()
	list := ask(t, savings.Question{Rhythm: often, Calls: []outlook.Alike{
		million("openai", "large", 5, hurried),
		million("openai", "large", 3, func(a *outlook.Alike) { a.Waste = outlook.WasteFailed }),
		million("openai", "large", 3, func(a *outlook.Alike) { a.Unattended = true }),
		million("openai", "small", 7, nil), million("azure.ai.openai", "large", 2, nil),
	}})
	var saved usage.Sum
	for _, a := range list.Advice {
		saved = saved.Plus(a.SavesPerMonth)
	}
	equal(t, "advice", lines(list.Advice), "priority/tier standard 50 of 100; batch/tier batch 40 of 80; failed_calls/no such calls 30 of 30; other_model/model small 36 of 40")
	if saved.Cmp(list.Cost) >= 0 {
		t.Errorf("%s of %s are saved", saved, list.Cost)
	}
}

func TestDismissedAdviceComesBackWhenItsGroundChanges(t *testing.T) {
	t.Parallel()
	of := func(calls int64, dismissed ...outlook.Dismissal) outlook.AdviceList {
		return ask(t, savings.Question{Calls: []outlook.Alike{million("openai", "large", calls, hurried)}, Dismissed: dismissed})
	}
	first := of(3)
	equal(t, "first", lines(first.Advice), "priority/tier standard 30 of 60")
	dismissed := outlook.Dismissal{ID: first.Advice[0].ID, Dollars: first.Advice[0].SavesPerMonth}
	same := of(6, dismissed)
	equal(t, "twice as much", lines(same.Advice)+"|"+lines(same.Dismissed), "|priority/tier standard 60 of 120")
	more := of(7, dismissed)
	equal(t, "more than twice as much", lines(more.Advice)+"|"+lines(more.Dismissed), "priority/tier standard 70 of 140|")
	equal(t, "another", lines(of(3, outlook.Dismissal{ID: "00000000", Dollars: dismissed.Dollars}).Advice), "priority/tier standard 30 of 60")
}

func TestWhatHasNoCertainPriceIsLeftOut(t *testing.T) {
	t.Parallel()
	strange := million("openai", "large", 2, func(a *outlook.Alike) { a.Quantities[usage.CacheReadTokens], a.Cost = 1, usage.SumOf(3*usage.Dollar) })
	list := ask(t, savings.Question{Calls: []outlook.Alike{strange, million("openai", "unheard", 1, nil)}, LeftOut: []outlook.LeftOut{{Reason: "payer", Calls: 1}}})
	equal(t, "left out", fmt.Sprint(list.LeftOut, list.Calls, len(list.Advice)), "[{payer 1 0} {no_price 3 3}] 0 0")
}

func TestTheListIsBounded(t *testing.T) {
	t.Parallel()
	var calls []outlook.Alike
	for i := range int64(103) {
		calls = append(calls, million("openai", "large", i+1, func(a *outlook.Alike) { hurried(a); a.Service = fmt.Sprint("service ", i) }))
	}
	list := ask(t, savings.Question{Calls: calls})
	equal(t, "bounded", fmt.Sprint(len(list.Advice), list.More), "100 3")
	equal(t, "most first", list.Advice[0].SavesPerMonth.String(), "1030")
	slices.Reverse(calls)
	if again := ask(t, savings.Question{Calls: calls}); lines(again.Advice) != lines(list.Advice) {
		t.Error("the order of the calls changes the advice")
	}
}
