package outlook

import (
	"cmp"
	"encoding/json"

	"github.com/shopspring/decimal"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// Run holds the calls of one recorded run of an application, such as a test or an
// evaluation, with their prices.
type Run struct {
	Calls []usage.Record
	// Price sets the cost of a record from its other fields.
	Price func(*usage.Record)
}

// RunCost is the cost of a run.
type RunCost struct {
	Cost  usage.Sum `json:"cost"`
	Calls int64     `json:"calls"`
	// Unpriced is the number of calls without a known cost, which Cost does not include.
	// UnpricedModels are their models.
	Unpriced       int64    `json:"unpricedCalls,omitempty"`
	UnpricedModels []string `json:"unpricedModels,omitempty"`
	// Estimated is the number of calls with a cost that may differ from the bill.
	Estimated int64 `json:"estimatedCalls,omitempty"`
}

// RunCause is a part of the difference between two runs.
type RunCause struct {
	// Cause is calls, prompt, cache, output or model.
	Cause string    `json:"cause"`
	Cost  usage.Sum `json:"cost"`
}

// RunDifference compares two runs. The causes add up to the difference exactly.
type RunDifference struct {
	Base       RunCost    `json:"base"`
	Head       RunCost    `json:"head"`
	Difference usage.Sum  `json:"difference"`
	Causes     []RunCause `json:"causes"`
	// Monthly is the difference at current traffic; nil when the traffic is unknown.
	Monthly *MonthlyEffect `json:"monthly,omitempty"`
}

// MonthlyEffect is a difference at the traffic of the last 30 days.
type MonthlyEffect struct {
	// Calls is the number of calls that the services of the base made in that time, and
	// Runs the number of runs that equals.
	Calls      int64       `json:"calls"`
	Runs       json.Number `json:"runs"`
	Difference usage.Sum   `json:"difference"`
}

// parts splits the cost of several calls: the input at prices without a cache, what the
// cache adds to that (usually negative), and everything else.
type parts struct{ prompt, cache, output usage.Sum }

func (p parts) total() usage.Sum { return p.prompt.Plus(p.cache).Plus(p.output) }

// CompareRuns returns the difference in cost between two runs, split by cause: the number
// of calls, the length of prompts, the cache, the length of answers, and the models. Calls
// without a known cost are counted but add nothing to it.
//
// The base is scaled to the number of calls of the head, so that the rest of the difference
// lies in the calls themselves. Calls to models that the base does not use are also priced
// as its most used model of the same API type. This separates the effect of the price from
// that of the usage.
func CompareRuns(base, head Run) RunDifference {
	d := RunDifference{Base: base.cost(), Head: head.cost()}
	d.Difference = d.Head.Cost.Minus(d.Base.Cost)

	before, same := base.parts(nil), head.parts(base.usual())
	scaled := before.times(d.Head.Calls-d.Head.Unpriced, d.Base.Calls-d.Base.Unpriced)
	for _, c := range []RunCause{
		{"calls", scaled.total().Minus(before.total())},
		{"prompt", same.prompt.Minus(scaled.prompt)},
		{"cache", same.cache.Minus(scaled.cache)},
		{"output", same.output.Minus(scaled.output)},
		{"model", d.Head.Cost.Minus(same.total())},
	} {
		if !c.Cost.IsZero() {
			d.Causes = append(d.Causes, c)
		}
	}
	if d.Causes == nil {
		d.Causes = []RunCause{}
	}
	return d
}

// AtTraffic sets the difference for a month with the given number of calls.
func (d *RunDifference) AtTraffic(calls int64) {
	if d.Base.Calls == 0 {
		return
	}
	of := decimal.NewFromInt(d.Base.Calls)
	m := &MonthlyEffect{Calls: calls, Runs: json.Number(decimal.NewFromInt(calls).DivRound(of, 2).String())}
	m.Difference = sumOfDecimal(d.Difference.Decimal().Mul(decimal.NewFromInt(calls)).DivRound(of, usage.MoneyScale))
	d.Monthly = m
}

func (r Run) cost() (c RunCost) {
	models := map[string]bool{}
	for i := range r.Calls {
		call := &r.Calls[i]
		c.Calls++
		switch call.Status {
		case usage.StatusUnpriced:
			c.Unpriced++
			if name := cmp.Or(call.Model, "(no model)"); !models[name] {
				models[name] = true
				c.UnpricedModels = append(c.UnpricedModels, name)
			}
		case usage.StatusEstimated:
			c.Estimated++
		}
		c.Cost = c.Cost.Plus(usage.SumOf(call.Cost))
	}
	return c
}

// usual returns a function that maps the model of another run's call to the model that this
// run uses instead.
func (r Run) usual() func(*usage.Record) (provider, model string) {
	type name struct{ provider, model string }
	counts := map[usage.APIType]map[name]int{}
	has := map[name]bool{}
	most := map[usage.APIType]name{}
	for i := range r.Calls {
		call := &r.Calls[i]
		if call.Status == usage.StatusUnpriced {
			continue
		}
		n := name{call.Provider, call.Model}
		has[n] = true
		if counts[call.APIType] == nil {
			counts[call.APIType] = map[name]int{}
		}
		counts[call.APIType][n]++
		if now := most[call.APIType]; counts[call.APIType][n] > counts[call.APIType][now] {
			most[call.APIType] = n
		}
	}
	return func(call *usage.Record) (string, string) {
		n := name{call.Provider, call.Model}
		if other, known := most[call.APIType]; known && !has[n] {
			return other.provider, other.model
		}
		return n.provider, n.model
	}
}

// parts prices each call as it is, without its output, and without cache and output. If
// usual is not nil, it prices each call for the model that usual returns.
func (r Run) parts(usual func(*usage.Record) (provider, model string)) (p parts) {
	for i := range r.Calls {
		if r.Calls[i].Status == usage.StatusUnpriced {
			continue
		}
		call := r.Calls[i]
		if usual != nil {
			provider, model := usual(&call)
			if other := r.as(call, provider, model); other.Status != usage.StatusUnpriced {
				call = other
			}
		}
		whole := usage.SumOf(call.Cost)
		if call.Status == usage.StatusReported {
			p.prompt = p.prompt.Plus(whole) // a single amount, which cannot be split
			continue
		}
		input := r.priced(call, withoutOutput)
		uncached := r.priced(call, withoutOutput, withoutCache)
		p.prompt = p.prompt.Plus(uncached)
		p.cache = p.cache.Plus(input.Minus(uncached))
		p.output = p.output.Plus(whole.Minus(input))
	}
	return p
}

// as prices a call as one of another model.
func (r Run) as(call usage.Record, provider, model string) usage.Record {
	if call.Provider == provider && call.Model == model {
		return call
	}
	call.Provider, call.Model, call.RequestModel = provider, model, ""
	call.ReportedCost, call.HasReportedCost, call.ReportedIsBill = 0, false, false
	r.Price(&call)
	return call
}

func (r Run) priced(call usage.Record, without ...func(*usage.Quantities)) usage.Sum {
	before := call.Quantities
	for _, f := range without {
		f(&call.Quantities)
	}
	if call.Quantities != before {
		r.Price(&call)
	}
	return usage.SumOf(call.Cost)
}

func withoutOutput(q *usage.Quantities) {
	for _, k := range []usage.QuantityKind{usage.OutputTextTokens, usage.OutputReasoningTokens, usage.OutputAudioTokens, usage.OutputImageTokens} {
		q[k] = 0
	}
}

// withoutCache turns cache reads and writes into plain input.
func withoutCache(q *usage.Quantities) {
	for _, k := range []usage.QuantityKind{usage.CacheReadTokens, usage.CacheWrite5mTokens, usage.CacheWrite30mTokens, usage.CacheWrite1hTokens, usage.CacheWrite12hTokens} {
		q[usage.InputTextTokens] += q[k]
		q[k] = 0
	}
	q[usage.InputAudioTokens] += q[usage.CacheReadAudioTokens]
	q[usage.InputImageTokens] += q[usage.CacheReadImageTokens]
	q[usage.CacheReadAudioTokens], q[usage.CacheReadImageTokens] = 0, 0
}

// times scales the parts to another number of calls, rounding each.
func (p parts) times(calls, of int64) parts {
	if of == 0 {
		return parts{}
	}
	scaled := func(s usage.Sum) usage.Sum {
		return sumOfDecimal(s.Decimal().Mul(decimal.NewFromInt(calls)).DivRound(decimal.NewFromInt(of), usage.MoneyScale))
	}
	return parts{scaled(p.prompt), scaled(p.cache), scaled(p.output)}
}
