package explain

import (
	"cmp"
	"slices"
	"strings"

	"github.com/otelcol-usage/otelcol-usage/internal/bill"

	"github.com/shopspring/decimal"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// class groups calls whose cost can differ from the bill for the same reason.
type class struct {
	word    Word
	details Details
	calls   int64
	cost    decimal.Decimal
	counts  amounts
	// gaps means that the counts themselves are doubtful, so missing quantities may belong
	// to these calls.
	gaps bool
}

// comparison holds the sums of a pool.
type comparison struct {
	poolKey
	out *dayCauses

	cost, slack decimal.Decimal
	costs       amounts         // dollars by kind
	loose       decimal.Decimal // dollars without a kind
	hasCost     bool
	counts      amounts // consumed according to the bill
	hasCounts   bool
	requests    int64
	hasRequests bool
	owners      []*share

	// tierReported means that every line of the bill names the standard tier.
	tierReported bool

	calls   int64 // calls that can be a request: all except failed ones
	seen    amounts
	rows    decimal.Decimal
	classes []*class
	rates   amounts // dollars per unit
	// doubted means that some counts of the rows differ, or may differ, from the bill's.
	doubted bool
}

// explain splits the difference of one pool into causes.
func (p *pool) explain(out *dayCauses) {
	c := comparison{poolKey: p.poolKey, out: out}
	c.addBill(p.bill)
	c.addCalls(p.calls)
	switch {
	case !c.hasCost && len(p.calls) == 0:
		return // consumed but not charged, and there are no rows
	case !c.hasCost:
		note := "the bill has no cost for this model"
		if c.hasCounts {
			note = "the bill counts it and charges nothing: a commitment, a free quantity or a plan"
		}
		details := Details{Model: c.model, Tier: c.tier, Note: note}
		gap := (&amounts{}).minus(&c.seen)
		if taken := c.takePlan(&gap); !taken.isZero() && gap.isZero() {
			details.Payer, details.Note = string(usage.PayerPlan), planNote
		}
		out.add(NotOnBill, details, c.rows.Neg(), calls(c.calls))
	case len(p.calls) == 0:
		c.nothingSeen(p.bill)
	case !c.hasCounts:
		c.dollarsOnly()
	default:
		c.setRates()
		c.quantities()
		c.prices()
	}
}

func (c *comparison) addBill(lines []*bill.Line) {
	fromUsage, reported := false, map[usage.QuantityKind]bool{}
	for _, b := range lines {
		if b.Report.HasQuantities() {
			fromUsage = fromUsage || len(b.Quantities) > 0 && !isFee(b)
			for _, q := range b.Quantities {
				reported[q.Kind] = true
			}
		}
	}
	shares := map[owner]*share{}
	c.tierReported = true
	for _, b := range lines {
		if !isFee(b) && (b.Report.HasQuantities() || !fromUsage) {
			c.tierReported = c.tierReported && (b.Tier == bill.StandardTier || b.Tier == "default")
		}
		if b.HasCost {
			c.hasCost = true
			c.cost, c.slack = c.cost.Add(b.Cost), c.slack.Add(b.Slack)
			if b.HasKind {
				c.costs[b.Kind] = c.costs[b.Kind].Add(b.Cost)
			} else {
				c.loose = c.loose.Add(b.Cost)
			}
		}
		// Costs repeat the quantities of the usage report with less detail, so only the
		// usage report is counted. Fees are counted here unless the usage report has them
		// too.
		if !b.Report.HasQuantities() && (fromUsage && !isFee(b) || isFee(b) && reported[b.Kind]) {
			continue
		}
		o := owner{b.Project, b.APIKey, b.User}
		s := shares[o]
		if s == nil {
			s = &share{owner: o}
			shares[o] = s
		}
		s.counts.add(b.Quantities)
		c.counts.add(b.Quantities)
		c.hasCounts = c.hasCounts || len(b.Quantities) > 0
		if b.HasRequests {
			s.requests += b.Requests
			c.requests, c.hasRequests = c.requests+b.Requests, true
		}
	}
	for _, s := range shares {
		if s.requests > 0 || !s.counts.isZero() {
			c.owners = append(c.owners, s)
		}
	}
	slices.SortFunc(c.owners, func(a, b *share) int {
		return cmp.Or(strings.Compare(a.project, b.project), strings.Compare(a.apiKey, b.apiKey), strings.Compare(a.user, b.user))
	})
}

func (c *comparison) addCalls(list []*bill.CallSum) {
	byKey := map[string]*class{}
	for _, s := range list {
		cl := c.classOf(s)
		key := string(cl.word) + "\x00" + cl.details.Reason + "\x00" + cl.details.Assumption
		if byKey[key] == nil {
			cl.details.Model, cl.details.Tier = c.model, c.tier
			byKey[key] = cl
			c.classes = append(c.classes, cl)
		}
		cl = byKey[key]
		cl.gaps = cl.gaps || doubtful(s)
		cl.calls += s.Calls
		cl.cost = cl.cost.Add(s.Cost)
		cl.counts.add(s.Quantities)
		c.seen.add(s.Quantities)
		c.rows = c.rows.Add(s.Cost)
		if s.Reason != usage.ReasonCallFailed {
			c.calls += s.Calls
		}
	}
	slices.SortFunc(c.classes, func(a, b *class) int {
		return strings.Compare(string(a.word)+a.details.Reason+a.details.Assumption, string(b.word)+b.details.Reason+b.details.Assumption)
	})
	// Each row is rounded by up to half a picodollar.
	c.slack = c.slack.Add(decimal.New(c.calls, -places))
}

// doubtful reports whether the counts of the calls may differ from the provider's.
func doubtful(s *bill.CallSum) bool {
	if s.QuantityReason != "" {
		return s.QuantityReason != usage.ReasonCallFailed
	}
	return s.Reason.OfReading() && s.Reason != usage.ReasonCallFailed
}

// classOf returns the class for calls: the reason why their cost may differ.
func (c *comparison) classOf(s *bill.CallSum) *class {
	switch {
	case s.Status == usage.StatusUnpriced:
		return &class{word: Unpriced, details: Details{Reason: string(s.Reason)}}
	case s.Status == usage.StatusEstimated:
		return &class{word: Estimated, details: Details{Reason: string(s.Reason)}}
	case s.QuantityReason != "":
		return &class{word: Estimated, details: Details{Reason: string(s.QuantityReason)}}
	}
	if left := c.open(s.Assumptions); left != "" {
		return &class{word: Assumption, details: Details{Assumption: left}}
	}
	return &class{word: Price}
}

// open removes the assumptions that the bill confirms and returns the rest.
func (c *comparison) open(words string) string {
	if words == "" {
		return ""
	}
	set, unknown := usage.ParseAssumptions(words)
	var fees decimal.Decimal
	for k := range c.costs {
		if usage.QuantityKind(k).Unit() == usage.UnitCall {
			fees = fees.Add(c.costs[k])
		}
	}
	zero := func(kinds ...usage.QuantityKind) bool {
		return c.hasCounts && !slices.ContainsFunc(kinds, func(k usage.QuantityKind) bool { return !c.counts[k].IsZero() })
	}
	for _, confirmed := range []struct {
		word usage.Assumptions
		is   bool
	}{
		{usage.AssumedServiceTier, c.hasCounts && c.tierReported},
		{usage.AssumedTools, fees.IsZero()},
		{usage.AssumedCacheTTL, zero(usage.CacheWrite1hTokens, usage.CacheWrite12hTokens)},
		{usage.AssumedModality, zero(usage.InputAudioTokens, usage.InputImageTokens, usage.InputVideoTokens, usage.OutputAudioTokens, usage.OutputImageTokens)},
	} {
		if confirmed.is {
			set &^= confirmed.word
		}
	}
	return strings.Join(nonEmpty(set.String(), unknown), "+")
}

// nothingSeen explains a pool without any calls.
func (c *comparison) nothingSeen(lines []*bill.Line) {
	if !c.hasCounts || len(c.owners) == 0 {
		c.notSeenByLine(lines)
		return
	}
	c.setRates()
	left := c.cost
	for i := range c.owners {
		o := c.owners[i]
		cost := c.value(&o.counts)
		if i == len(c.owners)-1 {
			cost = left // includes the rounding of the rates
		}
		left = left.Sub(cost)
		c.notSeen(o, cost)
	}
}

// notSeenByLine takes the owners from the lines with costs, because the bill has no
// quantities.
func (c *comparison) notSeenByLine(lines []*bill.Line) {
	for _, b := range lines {
		if b.HasCost {
			o := owner{b.Project, b.APIKey, b.User}
			d := o.details(c.model, c.tier)
			d.Item = b.Item
			c.out.addNotSeen(d, b.Cost, quantity{}, o.known())
		}
	}
}

func (c *comparison) notSeen(o *share, cost decimal.Decimal) {
	q := tokens(o.counts.tokens())
	if c.hasRequests {
		q = calls(o.requests)
	}
	c.out.addNotSeen(o.details(c.model, c.tier), cost, q, o.known())
}

// dollarsOnly compares costs when the bill has no quantities.
func (c *comparison) dollarsOnly() {
	d := c.cost.Sub(c.rows)
	details := Details{Model: c.model, Tier: c.tier, Note: "the bill has no quantities for it: import the usage report too"}
	switch {
	case d.Abs().Cmp(c.slack) <= 0:
		c.out.add(Rounding, Details{}, d, quantity{})
	case len(c.classes) == 1 && c.classes[0].word == Unpriced:
		c.out.add(Unpriced, c.classes[0].details, d, calls(c.calls))
	default:
		c.out.add(Unknown, details, d, quantity{})
	}
}

// setRates computes the price per unit of each kind according to the bill. Where costs and
// counts are split into different kinds, related kinds share one rate.
func (c *comparison) setRates() {
	groups := map[int][]int{}
	for k := range c.costs {
		// A fee without a count: use the count of the rows, if they have one.
		if !c.costs[k].IsZero() && c.counts[k].IsZero() && usage.QuantityKind(k).Unit() == usage.UnitCall && c.seen[k].IsPositive() {
			c.counts[k] = c.seen[k]
		}
		if c.costs[k].IsZero() && c.counts[k].IsZero() {
			continue
		}
		g := family(usage.QuantityKind(k))
		groups[g] = append(groups[g], k)
	}
	if !c.loose.IsZero() {
		c.blend(slices.Concat(valuesOf(groups)...), c.loose)
		return
	}
	for _, kinds := range groups {
		if c.uncounted(kinds) {
			continue
		}
		if slices.ContainsFunc(kinds, func(k int) bool { return c.costs[k].IsZero() != c.counts[k].IsZero() }) {
			c.blend(kinds, decimal.Zero)
			continue
		}
		for _, k := range kinds {
			c.rates[k] = c.costs[k].DivRound(c.counts[k], ratePlaces)
		}
	}
}

// uncounted explains charges for kinds that the bill does not count. It reports whether the
// given kinds are such.
func (c *comparison) uncounted(kinds []int) bool {
	var cost decimal.Decimal
	for _, k := range kinds {
		if !c.counts[k].IsZero() {
			return false
		}
		cost = cost.Add(c.costs[k])
	}
	d := Details{Model: c.model, Tier: c.tier, Category: usage.QuantityKind(kinds[0]).String()}
	isFee := usage.QuantityKind(kinds[0]).Unit() == usage.UnitCall
	switch {
	case isFee && slices.ContainsFunc(c.classes, func(cl *class) bool { return assumesTools(cl.details.Assumption) }):
		d.Assumption = toolsWord
		c.out.add(Assumption, d, cost, quantity{})
	case isFee:
		c.out.add(NotInSpans, d, cost, quantity{})
	default:
		d.Note = "the bill charges it and counts none of it: import the usage report too"
		c.out.add(Unknown, d, cost, quantity{})
	}
	return true
}

// ratePlaces is the number of decimal places of a rate, far more than a price per million
// tokens needs.
const ratePlaces = 30

func valuesOf(groups map[int][]int) (all [][]int) {
	for _, g := range groups {
		all = append(all, g)
	}
	return all
}

// family returns a number that is equal for kinds which may be billed under one name.
func family(k usage.QuantityKind) int {
	switch k {
	case usage.InputTextTokens, usage.CacheReadTokens, usage.CacheWrite5mTokens, usage.CacheWrite1hTokens, usage.CacheWrite30mTokens, usage.CacheWrite12hTokens,
		usage.InputAudioTokens, usage.InputImageTokens, usage.InputVideoTokens, usage.CacheReadAudioTokens, usage.CacheReadImageTokens:
		return -1
	case usage.OutputTextTokens, usage.OutputAudioTokens, usage.OutputImageTokens:
		return -2
	}
	return int(k)
}

// blend gives all the kinds the same rate. more is an additional cost to distribute over
// them.
func (c *comparison) blend(kinds []int, more decimal.Decimal) {
	cost, n := more, decimal.Zero
	for _, k := range kinds {
		cost, n = cost.Add(c.costs[k]), n.Add(c.counts[k])
	}
	if n.IsZero() {
		return
	}
	for _, k := range kinds {
		c.rates[k] = cost.DivRound(n, ratePlaces)
	}
}

// value returns the cost of counts at the rates of the bill.
func (c *comparison) value(counts *amounts) (sum decimal.Decimal) {
	for k := range counts {
		if !counts[k].IsZero() && !c.rates[k].IsZero() {
			sum = sum.Add(counts[k].Mul(c.rates[k]))
		}
	}
	return sum.Round(places)
}

// prices explains differences in price for the same quantities. If calls without any doubt
// show a factor (a discount), it is applied to the other classes first.
func (c *comparison) prices() {
	for _, cl := range c.classes {
		// The bill has the same counts, so they were right despite the doubt.
		if cl.gaps && cl.word == Estimated && !c.doubted {
			cl.word, cl.details = Price, Details{}
		}
	}
	var factor decimal.Decimal
	known := false
	for _, cl := range c.classes {
		if cl.word == Price && cl.cost.IsPositive() && !c.isSlack(c.value(&cl.counts).Sub(cl.cost)) {
			factor, known = c.value(&cl.counts).DivRound(cl.cost, ratePlaces).Sub(one), true
		}
	}
	for _, cl := range c.classes {
		d := c.value(&cl.counts).Sub(cl.cost)
		if known && cl.word != Price && cl.word != Unpriced {
			part := cl.cost.Mul(factor).Round(places)
			if c.isSlack(d.Sub(part)) {
				part = d
			}
			c.price(part, cl.calls)
			d = d.Sub(part)
		}
		switch {
		case d.IsZero():
		case cl.word != Unpriced && c.isSlack(d):
			c.out.add(Rounding, Details{}, d, quantity{})
		case cl.word == Price:
			c.price(d, cl.calls)
		case cl.word == Unpriced:
			details := cl.details
			details.rates = c.impliedRates()
			c.out.addRated(Unpriced, details, d, calls(cl.calls), decimal.Zero, decimal.Zero)
		default:
			c.out.add(cl.word, cl.details, d, calls(cl.calls))
		}
	}
}

func (c *comparison) isSlack(d decimal.Decimal) bool { return d.Abs().Cmp(c.slack) <= 0 }

// price adds a cause for another price of the same quantities, with the rates of the bill.
func (c *comparison) price(d decimal.Decimal, n int64) {
	if d.IsZero() {
		return
	}
	details := Details{Model: c.model, Tier: c.tier, rates: c.impliedRates()}
	c.out.addRated(Price, details, d, calls(n), c.rows, c.value(&c.seen))
}

// impliedRates lists the costs and counts of each kind that the bill both charges and
// counts.
func (c *comparison) impliedRates() (list []rate) {
	for k := range c.rates {
		if !c.costs[k].IsZero() && c.counts[k].IsPositive() {
			list = append(list, rate{usage.QuantityKind(k), c.costs[k], c.counts[k]})
		}
	}
	return list
}
