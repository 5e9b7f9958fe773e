package explain_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/bill/explain"

	"github.com/shopspring/decimal"

	"github.com/otelcol-usage/otelcol-usage/internal/bill"
	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// world is a month as it really was: what the provider charges, and what the
// rows say, with causes planted between them.
type world struct {
	*rand.Rand
	in      bill.Input
	bill    []bill.Line
	cut     bool
	planted map[explain.Word]decimal.Decimal
	day     time.Time
	serial  int
}

var january = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func newWorld(seed uint64) *world {
	w := &world{Rand: rand.New(rand.NewPCG(seed, 7)), planted: map[explain.Word]decimal.Decimal{}, day: january}
	w.in.From, w.in.To = january, january.AddDate(0, 0, 2)
	for at := w.in.From; at.Before(w.in.To); at = at.AddDate(0, 0, 1) {
		for _, r := range []bill.Report{bill.OpenAICosts, bill.OpenAIUsage + "/completions"} {
			w.in.Days = append(w.in.Days, bill.ImportedDay{Covered: bill.Covered{Provider: catalog.OpenAI, Report: r, Day: at, Until: at.AddDate(0, 0, 1)}, Account: "org-1"})
		}
	}
	return w
}

// batch is calls of one key of one model.
type batch struct {
	calls                 int64
	input, cached, output int64
}

func (w *world) batch() batch {
	n := 1 + w.Int64N(900)
	return batch{n, 1 + w.Int64N(5000*n), w.Int64N(3000 * n), 1 + w.Int64N(2000*n)}
}

// prices are dollars per million.
type prices struct{ input, cached, output decimal.Decimal }

func (w *world) prices() prices {
	p := decimal.New(1+w.Int64N(2000), -2)
	return prices{p, p.Shift(-1), p.Mul(decimal.New(4, 0))}
}

func (p prices) cost(b batch) decimal.Decimal {
	return p.input.Mul(decimal.New(b.input, -6)).Add(p.cached.Mul(decimal.New(b.cached, -6))).Add(p.output.Mul(decimal.New(b.output, -6)))
}

func (w *world) model() string {
	w.serial++
	return fmt.Sprintf("gpt-%d-test", w.serial)
}

func quantities(b batch) []bill.Quantity {
	return []bill.Quantity{
		{Kind: usage.InputTextTokens, Amount: decimal.New(b.input, 0)}, {Kind: usage.CacheReadTokens, Amount: decimal.New(b.cached, 0)},
		{Kind: usage.OutputTextTokens, Amount: decimal.New(b.output, 0)},
	}
}

// charge puts calls on the bill: a row of usage for the key, and its costs.
func (w *world) charge(model, key string, b batch, p prices) {
	line := bill.Line{Provider: catalog.OpenAI, Report: bill.OpenAIUsage + "/completions", Day: w.day, Model: model, APIKey: key, Requests: b.calls, HasRequests: true, Quantities: quantities(b)}
	w.bill = append(w.bill, line)
	for i, rate := range []decimal.Decimal{p.input, p.cached, p.output} {
		q := line.Quantities[i]
		w.bill = append(w.bill, bill.Line{
			Provider: catalog.OpenAI, Report: bill.OpenAICosts, Day: w.day, Model: model, APIKey: key, Kind: q.Kind, HasKind: true, HasCost: true, Currency: "USD", Cost: rate.Mul(q.Amount).Shift(-6),
		})
	}
}

func (w *world) call(model string, b batch, cost decimal.Decimal, status usage.PricingStatus, change func(*bill.CallSum)) {
	c := bill.CallSum{Provider: catalog.OpenAI, Model: model, Day: w.day, Status: status, Calls: b.calls, Cost: cost, Quantities: quantities(b)}
	if change != nil {
		change(&c)
	}
	w.in.Calls = append(w.in.Calls, c)
}

// explain compares, with the bill in the days of which it is.
func (w *world) explain(t *testing.T) explain.Answer {
	t.Helper()
	in := w.in
	for _, l := range w.bill {
		if l.HasCost && l.Report.HasCosts() {
			in.Charged = append(in.Charged, bill.Charged{Provider: l.Provider, Currency: l.Currency, Cost: l.Cost})
		}
	}
	broken := errors.New("the connection was lost")
	in.Bill = func(yield func(bill.Billed, error) bool) { yield(bill.Billed{}, broken) }
	if _, err := explain.Difference(in); !errors.Is(err, broken) {
		t.Errorf("a bill that breaks off gives %v", err)
	}
	in.Bill = func(yield func(bill.Billed, error) bool) {
		for at := in.From; at.Before(in.To); at = at.AddDate(0, 0, 1) {
			b := bill.Billed{Provider: catalog.OpenAI, Day: at, Cut: w.cut && at.Equal(in.From)}
			for _, l := range w.bill {
				if l.Day.Equal(at) {
					b.Lines = append(b.Lines, l)
				}
			}
			if !yield(b, nil) {
				return
			}
		}
	}
	a, err := explain.Difference(in)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (w *world) plant(word explain.Word, d decimal.Decimal) { w.planted[word] = w.planted[word].Add(d) }

// plants are the ways in which rows and bill come to differ, each in a model of
// its own; plainly priced calls stand beside it.
var plants = []func(w *world, model string, p prices){
	func(w *world, model string, p prices) {}, // nothing
	func(w *world, model string, p prices) { // two services without instrumentation
		for _, key := range []string{"key_batch", "key_cron"} {
			b := w.batch()
			w.charge(model, key, b, p)
			w.plant(explain.NotSeen, p.cost(b))
		}
	},
	func(w *world, model string, p prices) { // streams without usage
		b := w.batch()
		w.charge(model, "key_web", b, p)
		w.call(model, batch{calls: b.calls}, decimal.Zero, usage.StatusUnpriced, func(c *bill.CallSum) {
			c.Reason, c.QuantityReason = usage.ReasonNoUsage, usage.ReasonNoUsage
		})
		w.plant(explain.Unpriced, p.cost(b))
	},
	func(w *world, model string, p prices) { // a model that no book has
		b := w.batch()
		w.charge(model, "key_web", b, p)
		w.call(model, b, decimal.Zero, usage.StatusUnpriced, func(c *bill.CallSum) { c.Reason = usage.ReasonUnknownModel })
		w.plant(explain.Unpriced, p.cost(b))
	},
	func(w *world, model string, p prices) { // a library that drops what came from the cache
		b := w.batch()
		w.charge(model, "key_web", b, p)
		seen := batch{b.calls, b.input + b.cached, 0, b.output}
		w.call(model, seen, p.cost(seen), usage.StatusEstimated, func(c *bill.CallSum) {
			c.Reason, c.QuantityReason = usage.ReasonCacheNotReported, usage.ReasonCacheNotReported
		})
		w.plant(explain.Estimated, p.cost(b).Sub(p.cost(seen)))
	},
	func(w *world, model string, p prices) { // a tier that the library does not report
		b := w.batch()
		w.charge(model, "key_web", b, p)
		cost := p.cost(b).Mul(decimal.New(2, 0))
		w.call(model, b, cost, usage.StatusPriced, func(c *bill.CallSum) { c.Assumptions = "service_tier" })
		w.plant(explain.Assumption, p.cost(b).Sub(cost))
	},
	func(w *world, model string, p prices) { // a plan pays
		b := w.batch()
		w.call(model, b, p.cost(b), usage.StatusPriced, func(c *bill.CallSum) { c.Payer = usage.PayerPlan })
		w.plant(explain.NotOnBill, p.cost(b).Neg())
	},
	func(w *world, model string, p prices) { // a test with the key of somebody else
		b := w.batch()
		w.call(model, b, p.cost(b), usage.StatusPriced, nil)
		w.plant(explain.NotOnBill, p.cost(b).Neg())
	},
	func(w *world, model string, p prices) { // both a service without instrumentation and streams without usage
		unseen, stream := w.batch(), w.batch()
		unseen.calls = 1000 + w.Int64N(500) // no other set of keys has as many
		w.charge(model, "key_cron", unseen, p)
		w.charge(model, "key_stream", stream, p)
		w.call(model, batch{calls: stream.calls}, decimal.Zero, usage.StatusUnpriced, func(c *bill.CallSum) {
			c.Reason, c.QuantityReason = usage.ReasonNoUsage, usage.ReasonNoUsage
		})
		w.plant(explain.NotSeen, p.cost(unseen))
		w.plant(explain.Unpriced, p.cost(stream))
	},
	func(w *world, _ string, _ prices) { // sessions of agents
		cost := decimal.New(1+w.Int64N(100000), -3)
		w.bill = append(w.bill, bill.Line{
			Provider: catalog.OpenAI, Report: bill.OpenAICosts, Day: w.day, Category: bill.ForSessions, HasCost: true, Currency: "USD", Cost: cost,
		})
		w.plant(explain.NotInSpans, cost)
	},
	func(w *world, model string, p prices) { // the collector was faster than the bill
		b := w.batch()
		w.call(model, b, p.cost(b), usage.StatusPriced, func(c *bill.CallSum) { c.Late = true })
		w.plant(explain.NotFinal, p.cost(b).Neg())
	},
}

func causesOf(p explain.Provider) map[explain.Word]decimal.Decimal {
	sums := map[explain.Word]decimal.Decimal{}
	for _, c := range p.Causes {
		sums[c.Cause] = sums[c.Cause].Add(c.Cost.Decimal)
	}
	return sums
}

// requireSums holds that causes are all of the difference, in total and each day.
func requireSums(t *testing.T, p explain.Provider) {
	t.Helper()
	if !p.Difference.Equal(p.BillCost.Sub(p.RowCost.Decimal)) {
		t.Errorf("difference %s is not %s - %s", p.Difference, p.BillCost, p.RowCost)
	}
	var sum, days decimal.Decimal
	for _, cost := range causesOf(p) {
		sum = sum.Add(cost)
	}
	for _, d := range p.Days {
		var ofDay decimal.Decimal
		for _, cost := range d.Causes {
			ofDay = ofDay.Add(cost.Decimal)
		}
		if !ofDay.Equal(d.Difference.Decimal) {
			t.Errorf("%s: the causes are %s of %s", d.Date, ofDay, d.Difference)
		}
		days = days.Add(ofDay)
	}
	if !sum.Equal(p.Difference.Decimal) || !days.Equal(sum) {
		t.Errorf("causes %s, days %s, difference %s", sum, days, p.Difference)
	}
}

func TestPlantedCausesComeBackWithTheirDollars(t *testing.T) {
	t.Parallel()
	for seed := range uint64(400) {
		w := newWorld(seed)
		for w.day = w.in.From; w.day.Before(w.in.To); w.day = w.day.AddDate(0, 0, 1) {
			for range 1 + w.IntN(6) {
				model, p := w.model(), w.prices()
				plain := w.batch()
				w.charge(model, "key_web", plain, p)
				w.call(model, plain, p.cost(plain), usage.StatusPriced, nil)
				plants[w.IntN(len(plants))](w, model, p)
			}
			// A book that is wrong about a model.
			model, p := w.model(), w.prices()
			b := w.batch()
			w.charge(model, "key_web", b, p)
			wrong := p.cost(b).Mul(decimal.New(9, -1))
			w.call(model, b, wrong, usage.StatusPriced, nil)
			w.plant(explain.Price, p.cost(b).Sub(wrong))
		}
		p := w.explain(t).Providers[0]
		requireSums(t, p)
		got := causesOf(p)
		for _, word := range explain.Words {
			if !got[word].Equal(w.planted[word]) {
				t.Errorf("seed %d: %s is %s, planted were %s", seed, word, got[word], w.planted[word])
			}
		}
		if p.ExplainedShare == nil || !p.ExplainedShare.Equal(decimal.New(1, 0)) {
			t.Errorf("seed %d: explained share %v, want all", seed, p.ExplainedShare)
		}
		if t.Failed() {
			return
		}
	}
}

func TestNoiseLowersTheExplainedShare(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		w := newWorld(seed)
		model, p := w.model(), w.prices()
		b := w.batch()
		w.charge(model, "key_web", b, p)
		seen := b
		seen.output = w.Int64N(b.output + 1) // fewer, and no reason
		w.call(model, seen, p.cost(seen), usage.StatusPriced, nil)
		got := w.explain(t).Providers[0]
		requireSums(t, got)
		noise := p.cost(b).Sub(p.cost(seen))
		if unknown := causesOf(got)[explain.Unknown]; !unknown.Equal(noise) {
			t.Errorf("seed %d: unknown is %s, the noise was %s", seed, unknown, noise)
		}
		want := decimal.New(1, 0).Sub(noise.DivRound(p.cost(b), 30)).Round(6)
		if !got.ExplainedShare.Equal(want) {
			t.Errorf("seed %d: explained share %s, want %s", seed, got.ExplainedShare, want)
		}
	}
}

// TestCausesAddUpWhateverTheyAre compares a bill and rows that have nothing to do
// with each other.
func TestCausesAddUpWhateverTheyAre(t *testing.T) {
	t.Parallel()
	statuses := usage.PricingStatuses
	for seed := range uint64(1500) {
		w := newWorld(seed)
		for w.day = w.in.From; w.day.Before(w.in.To); w.day = w.day.AddDate(0, 0, 1) {
			for range w.IntN(12) {
				model := fmt.Sprintf("gpt-%d", w.IntN(3))
				if w.IntN(3) > 0 {
					w.charge(model, []string{"", "key_a", "key_b"}[w.IntN(3)], w.batch(), w.prices())
					last := &w.bill[len(w.bill)-1]
					switch w.IntN(6) {
					case 0:
						last.HasKind = false
					case 1:
						last.Kind = usage.Images
					case 2:
						last.Kind, last.Model = usage.WebSearches, ""
						last.Quantities = []bill.Quantity{{Kind: usage.WebSearches, Amount: decimal.New(w.Int64N(9), 0)}}
					case 3:
						last.Cost = decimal.New(w.Int64N(1e9), -7)
					case 4:
						w.bill = w.bill[:len(w.bill)-1]
					}
				} else {
					status := statuses[w.IntN(len(statuses))]
					cost := decimal.Zero
					if status != usage.StatusUnpriced {
						cost = decimal.New(w.Int64N(1e12), -9)
					}
					w.call(model, w.batch(), cost, status, func(c *bill.CallSum) {
						c.Assumptions = []string{"", "tools", "region+tools"}[w.IntN(3)]
						c.Reason = []usage.Reason{usage.ReasonNoUsage, usage.ReasonPriceFallback, usage.ReasonCallFailed}[w.IntN(3)]
						c.Tier = []string{"", "batch"}[w.IntN(2)]
						if w.IntN(4) == 0 {
							c.Quantities = append(c.Quantities, bill.Quantity{Kind: usage.WebSearches, Amount: decimal.New(w.Int64N(5), 0)})
						}
					})
				}
			}
		}
		requireSums(t, w.explain(t).Providers[0])
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func TestNothingIsSilentlyZero(t *testing.T) {
	t.Parallel()
	has := func(t *testing.T, p explain.Provider, part string) {
		t.Helper()
		if !slices.ContainsFunc(p.Problems, func(s string) bool { return strings.Contains(s, part) }) {
			t.Errorf("no problem says %q: %q", part, p.Problems)
		}
	}
	t.Run("several currencies", func(t *testing.T) {
		w := newWorld(1)
		w.charge("gpt-1", "k", w.batch(), w.prices())
		w.charge("gpt-1", "k", w.batch(), w.prices())
		w.bill[len(w.bill)-1].Currency = "EUR"
		has(t, w.explain(t).Providers[0], "several currencies")
	})
	t.Run("no exchange rate", func(t *testing.T) {
		w := newWorld(1)
		w.charge("gpt-1", "k", w.batch(), w.prices())
		for i := range w.bill {
			w.bill[i].Currency = "EUR"
		}
		has(t, w.explain(t).Providers[0], "no exchange rate for EUR is stored for 2026-01-01")
	})
	t.Run("another currency", func(t *testing.T) {
		w := newWorld(1)
		b, p := w.batch(), w.prices()
		w.charge("gpt-1", "k", b, p)
		for i := range w.bill {
			w.bill[i].Currency = "EUR"
		}
		two := decimal.New(2, 0)
		w.call("gpt-1", b, p.cost(b).Div(two), usage.StatusPriced, nil)
		w.in.Rates = map[bill.RateKey]decimal.Decimal{{Currency: "EUR", Day: january}: two, {Currency: "EUR", Day: january.AddDate(0, 0, 1)}: two}
		got := w.explain(t).Providers[0]
		if got.Currency != "EUR" || !got.Difference.IsZero() || !got.RowCost.Equal(p.cost(b)) {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("days that were not imported, are not whole or not complete", func(t *testing.T) {
		w := newWorld(1)
		w.charge("gpt-1", "k", w.batch(), w.prices())
		w.in.To = w.in.To.AddDate(0, 0, 5)
		w.in.Days[0].Until, w.in.Days[0].Incomplete = january.Add(15*time.Hour), true
		p := w.explain(t).Providers[0]
		has(t, p, "no costs were imported of 2026-01-03 to 2026-01-07")
		has(t, p, "does not cover all of 2026-01-01")
		has(t, p, "no more groups than its limit")
	})
	t.Run("costs without quantities", func(t *testing.T) {
		w := newWorld(1)
		b, p := w.batch(), w.prices()
		w.charge("gpt-1", "k", b, p)
		w.call("gpt-1", b, p.cost(b).Div(decimal.New(2, 0)), usage.StatusPriced, nil)
		w.bill = slices.DeleteFunc(w.bill, func(s bill.Line) bool { return s.Report != bill.OpenAICosts })
		w.in.Days = slices.DeleteFunc(w.in.Days, func(d bill.ImportedDay) bool { return d.Report != bill.OpenAICosts })
		got := w.explain(t).Providers[0]
		has(t, got, "no usage report was imported")
		if !causesOf(got)[explain.Unknown].Equal(got.Difference.Decimal) {
			t.Errorf("causes %v of %s", causesOf(got), got.Difference)
		}
	})
	t.Run("costs that are not divided", func(t *testing.T) {
		w := newWorld(1)
		b, p := w.batch(), w.prices()
		w.bill = append(w.bill, bill.Line{
			Provider: catalog.OpenAI, Report: bill.OpenAICosts, Day: w.day, HasCost: true, Currency: "USD", Cost: p.cost(b),
		})
		w.call("gpt-1", b, p.cost(b), usage.StatusPriced, nil)
		if got := w.explain(t).Providers[0]; !got.Difference.IsZero() || len(got.Causes) != 0 {
			t.Errorf("got %+v", got.Causes)
		}
	})
	t.Run("rows of a provider without a bill", func(t *testing.T) {
		w := newWorld(1)
		b, p := w.batch(), w.prices()
		w.call("claude", b, p.cost(b), usage.StatusPriced, func(c *bill.CallSum) { c.Provider = catalog.Anthropic })
		if got := w.explain(t).WithoutBill; len(got) != 1 || !got[0].RowCost.Equal(p.cost(b)) {
			t.Errorf("got %+v", got)
		}
	})
}

// TestTheBillConfirmsAssumptions holds that a default is no cause where the bill
// says that it held.
func TestTheBillConfirmsAssumptions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, assumed, tier string
		change              func(*bill.Line)
		want                explain.Word
		word                string
	}{
		{"the tier is reported", "service_tier", "standard", nil, explain.Price, ""},
		{"the tier is another", "service_tier", "priority", nil, explain.Assumption, "service_tier"},
		{"the tier is not reported", "service_tier", "", nil, explain.Assumption, "service_tier"},
		{"all but the region", "service_tier+region+cache_ttl+modality+tools", "standard", nil, explain.Assumption, "region"},
		{"images were counted", "modality", "standard", func(l *bill.Line) {
			l.Quantities = append(l.Quantities, bill.Quantity{Kind: usage.InputImageTokens, Amount: decimal.New(1, 0)})
		}, explain.Assumption, "modality"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(1)
			b, p := w.batch(), w.prices()
			w.charge("gpt-1", "k", b, p)
			w.bill[0].Tier = c.tier
			if c.change != nil {
				c.change(&w.bill[0])
			}
			w.call("gpt-1", b, p.cost(b).Mul(decimal.New(2, 0)), usage.StatusPriced, func(s *bill.CallSum) { s.Assumptions = c.assumed })
			got := w.explain(t).Providers[0]
			requireSums(t, got)
			if len(got.Causes) == 0 || !slices.ContainsFunc(got.Causes, func(x explain.Cause) bool { return x.Cause == c.want && x.Details.Assumption == c.word }) {
				t.Errorf("got %+v", got.Causes)
			}
		})
	}
}

func TestTheBillConfirmsCountsThatWereDoubtful(t *testing.T) {
	t.Parallel()
	for want, more := range map[explain.Word]int64{explain.Price: 0, explain.Estimated: 5} {
		w := newWorld(1)
		b, p := w.batch(), w.prices()
		w.charge("gpt-1", "k", b, p)
		b.output += more
		w.call("gpt-1", b, p.cost(b).Mul(decimal.New(2, 0)), usage.StatusEstimated, func(s *bill.CallSum) {
			s.Reason, s.QuantityReason = usage.ReasonUnknownDialect, usage.ReasonUnknownDialect
		})
		got := w.explain(t).Providers[0]
		requireSums(t, got)
		if len(got.Causes) != 1 || got.Causes[0].Cause != want {
			t.Errorf("%d more: got %+v", more, got.Causes)
		}
	}
}

func TestTheDocumentHasNumbersWithAllDigits(t *testing.T) {
	t.Parallel()
	w := newWorld(3)
	b, p := w.batch(), w.prices()
	w.charge("gpt-1", "key_web", b, p)
	w.call("gpt-1", b, p.cost(b).Mul(decimal.New(5, -1)), usage.StatusPriced, nil)
	text, err := json.Marshal(w.explain(t))
	if err != nil {
		t.Fatal(err)
	}
	if want := `"billCost":` + p.cost(b).String() + `,`; !strings.Contains(string(text), want) {
		t.Errorf("no %s in %s", want, text)
	}
	if want := `"factor":2,`; !strings.Contains(string(text), want) {
		t.Errorf("no %s in %s", want, text)
	}
	var back explain.Answer
	if err := json.Unmarshal(text, &back); err != nil || !back.Providers[0].BillCost.Equal(p.cost(b)) {
		t.Errorf("read back: %v, %v", back.Providers[0].BillCost, err)
	}
}

func TestNamesOfABillFindTheirModel(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		bill, call string
		same       bool
	}{
		{"gpt-4o-mini", "gpt-4o-mini-2024-07-18", true},
		{"USE1-Claude4.6Opus-input-tokens", "anthropic.claude-opus-4-6", true},
		{"gpt-4o-mini-0718-Inp-glbl Tokens", "gpt-4o-mini", true},
		{"gpt-4o 0806 Outp glbl Tokens", "gpt-4o", true},
		{"gpt-4.1", "gpt-4o", false},
	} {
		w := newWorld(1)
		b, p := w.batch(), w.prices()
		w.charge(c.bill, "k", b, p)
		w.call(c.call, b, p.cost(b), usage.StatusPriced, nil)
		got := w.explain(t).Providers[0]
		if same := len(got.Causes) == 0; same != c.same {
			t.Errorf("%s and %s: %v", c.bill, c.call, got.Causes)
		}
	}
}

func TestOneOfManyKeysIsFound(t *testing.T) {
	t.Parallel()
	w := newWorld(5)
	model, p := w.model(), w.prices()
	for key := range 300 {
		b := w.batch()
		w.charge(model, fmt.Sprintf("key_%d", key), b, p)
		if key != 170 {
			w.call(model, b, p.cost(b), usage.StatusPriced, nil)
		}
	}
	got := w.explain(t).Providers[0]
	requireSums(t, got)
	if len(got.Causes) != 1 || got.Causes[0].Cause != explain.NotSeen || got.Causes[0].Details.APIKey != "key_170" {
		t.Errorf("got %+v", got.Causes)
	}
}

// TestManySmallCausesAreOneLine holds that a bill by user and key cannot make the
// document as long as itself, and that it loses no cent by that.
func TestManySmallCausesAreOneLine(t *testing.T) {
	t.Parallel()
	w := newWorld(6)
	var most decimal.Decimal
	for w.day = w.in.From; w.day.Before(w.in.To); w.day = w.day.AddDate(0, 0, 1) {
		model, p := w.model(), w.prices()
		for key := range 2000 {
			b := w.batch()
			w.charge(model, fmt.Sprintf("key_%d", key), b, p)
			most = decimal.Max(most, p.cost(b))
		}
	}
	w.cut = true
	got := w.explain(t).Providers[0]
	requireSums(t, got)
	for i := range got.Days {
		list, unexplained := got.Days[i].Details()
		var sum decimal.Decimal
		for _, c := range list {
			sum = sum.Add(c.Cost.Decimal)
		}
		if len(list) != 501 || !sum.Equal(got.Days[i].Difference.Decimal) || !unexplained.IsZero() {
			t.Errorf("%d causes of %s, %s without an owner; want 500 and the rest, of %s", len(list), sum, unexplained, got.Days[i].Difference)
		}
	}
	rest := slices.IndexFunc(got.Causes, func(c explain.Cause) bool { return c.Details.Note == "smaller ones, not listed one by one" })
	if rest < 0 || got.Causes[rest].Cause != explain.NotSeen || got.Causes[rest].Details.APIKey != "" {
		t.Errorf("no cause is the rest: %+v", got.Causes[:3])
	}
	greatest := slices.MaxFunc(slices.Delete(slices.Clone(got.Causes), rest, rest+1), func(a, b explain.Cause) int { return a.Cost.Cmp(b.Cost.Decimal) })
	if !greatest.Cost.Equal(most) {
		t.Errorf("the greatest that is listed is %s, want %s", greatest.Cost, most)
	}
	if len(got.Problems) != 1 || !strings.Contains(got.Problems[0], "2026-01-01 has too many different lines") {
		t.Errorf("problems %q", got.Problems)
	}
}

// TestSearchesOfNoModelAreThoseOfTheUsageReport charges for searches without a model,
// and counts them by model in a report of their own.
func TestSearchesOfNoModelAreThoseOfTheUsageReport(t *testing.T) {
	t.Parallel()
	w := newWorld(8)
	model, p := w.model(), w.prices()
	seen, unseen := w.batch(), w.batch()
	w.charge(model, "key_web", seen, p)
	w.charge(model, "key_cron", unseen, p)
	for i := range w.bill {
		if w.bill[i].Report.HasQuantities() {
			w.bill[i].Tier = bill.StandardTier
		}
	}
	searches := func(n int64) []bill.Quantity {
		return []bill.Quantity{{Kind: usage.WebSearches, Amount: decimal.New(n, 0)}}
	}
	w.call(model, seen, p.cost(seen).Add(decimal.New(3, -2)), usage.StatusPriced, func(c *bill.CallSum) {
		c.Quantities, c.Assumptions = append(c.Quantities, searches(3)...), "service_tier"
	})
	for key, n := range map[string]int64{"key_web": 3, "key_cron": 4} {
		w.bill = append(w.bill,
			bill.Line{Provider: catalog.OpenAI, Report: bill.OpenAIUsage + "/web_searches", Day: w.day, Model: model, APIKey: key, Quantities: searches(n)},
			bill.Line{Provider: catalog.OpenAI, Report: bill.OpenAICosts, Day: w.day, APIKey: key, HasCost: true, Currency: "USD", Cost: decimal.New(n, -2), Kind: usage.WebSearches, HasKind: true, Quantities: searches(n)},
			// Counted and not charged.
			bill.Line{Provider: catalog.OpenAI, Report: bill.OpenAIUsage + "/file_searches", Day: w.day, APIKey: key, Quantities: []bill.Quantity{{Kind: usage.FileSearches, Amount: decimal.New(n, 0)}}},
		)
	}
	got := w.explain(t).Providers[0]
	requireSums(t, got)
	want := p.cost(unseen).Add(decimal.New(4, -2))
	if len(got.Causes) != 1 || got.Causes[0].Cause != explain.NotSeen || got.Causes[0].Details.APIKey != "key_cron" || !got.Causes[0].Cost.Equal(want) {
		t.Errorf("got %+v, want %s not seen of key_cron", got.Causes, want)
	}
}

func TestWhatDevelopersUsedOnASubscriptionIsNotOnTheBill(t *testing.T) {
	t.Parallel()
	w := newWorld(9)
	model, p, other := w.model(), w.prices(), w.model()
	billed, plan, free := w.batch(), w.batch(), w.batch()
	w.charge(model, "key_web", billed, p)
	for i := range w.bill {
		w.bill[i].Requests, w.bill[i].HasRequests = 0, false // as Anthropic
	}
	w.call(model, billed, p.cost(billed), usage.StatusPriced, nil)
	w.call(model, plan, p.cost(plan), usage.StatusPriced, nil)
	w.call(other, free, p.cost(free), usage.StatusPriced, nil)
	w.in.Days = append(w.in.Days, bill.ImportedDay{Covered: bill.Covered{Provider: catalog.OpenAI, Report: bill.AnthropicDevelopers, Day: w.day, Until: w.day.AddDate(0, 0, 1)}})
	for _, l := range []bill.Line{{Model: model, Payer: usage.PayerPlan, Quantities: quantities(plan)}, {Payer: usage.PayerPlan, Quantities: quantities(free)}, {Payer: usage.PayerAPI, Quantities: quantities(billed)}} {
		l.Provider, l.Report, l.Day, l.HasCost, l.Currency, l.Cost = catalog.OpenAI, bill.AnthropicDevelopers, w.day, true, "USD", decimal.New(1, 0)
		w.bill = append(w.bill, l)
	}
	got := w.explain(t).Providers[0]
	requireSums(t, got)
	sums := map[string]decimal.Decimal{}
	for _, c := range got.Causes {
		if c.Cause != explain.NotOnBill || c.Details.Payer != "plan" {
			t.Errorf("got %+v", c)
		}
		sums[c.Details.Model] = c.Cost.Decimal
	}
	if !sums[model].Equal(p.cost(plan).Neg()) || !sums[other].Equal(p.cost(free).Neg()) {
		t.Errorf("got %v, want -%s and -%s", sums, p.cost(plan), p.cost(free))
	}
	if list := got.CustomerTypes; len(list) != 2 || list[0].CustomerType != "api" || list[1].CustomerType != "subscription" || list[1].EstimatedCost.String() != "2" ||
		!list[0].Tokens.Equal(decimal.New(billed.input+billed.cached+billed.output, 0)) {
		t.Errorf("customer types %+v", list)
	}
}

// TestOneModelOfManyKeysWithEveryCauseAtOnce: thirty keys use one model, some of them without
// rows; the customer has a discount, and the calls of one more key have no usage.
func TestOneModelOfManyKeysWithEveryCauseAtOnce(t *testing.T) {
	t.Parallel()
	for seed := range uint64(60) {
		w := newWorld(seed)
		paid := w.prices()
		fiveQuarters := decimal.New(125, -2)
		listed := prices{paid.input.Mul(fiveQuarters), paid.cached.Mul(fiveQuarters), paid.output.Mul(fiveQuarters)}
		unseen := map[string]decimal.Decimal{}
		hidden, doubts := 1+w.IntN(4), seed%4 == 0
		if doubts {
			hidden = 1 // of several, one set in a million others would fit
		}
		for n := range 30 {
			key, b := fmt.Sprintf("key_%02d", n), w.batch()
			if doubts {
				b.calls = 1000 + int64(n) // so that the requests say which
			}
			w.charge("gpt-x", key, b, paid)
			if n < hidden {
				unseen[key] = paid.cost(b)
				w.plant(explain.NotSeen, paid.cost(b))
				continue
			}
			w.call("gpt-x", b, listed.cost(b), usage.StatusPriced, nil)
			w.plant(explain.Price, paid.cost(b).Sub(listed.cost(b)))
		}
		if doubts {
			b := w.batch()
			w.charge("gpt-x", "key_streams", b, paid)
			w.call("gpt-x", batch{calls: b.calls}, decimal.Zero, usage.StatusUnpriced, func(c *bill.CallSum) { c.Reason = usage.ReasonNoUsage })
			w.plant(explain.Unpriced, paid.cost(b))
		}
		got := w.explain(t).Providers[0]
		requireSums(t, got)
		for _, c := range got.Causes {
			if c.Cause == explain.NotSeen && !c.Cost.Equal(unseen[c.Details.APIKey]) {
				t.Errorf("seed %d: %q was not seen with %s, planted were %v", seed, c.Details.APIKey, c.Cost, unseen)
			}
		}
		for word, cost := range w.planted {
			if !causesOf(got)[word].Equal(cost) {
				t.Errorf("seed %d: %s is %s, planted were %s", seed, word, causesOf(got)[word], cost)
			}
		}
		if !got.ExplainedShare.Equal(one) {
			t.Errorf("seed %d: explained share %s", seed, got.ExplainedShare)
		}
	}
}

var one = decimal.New(1, 0)
