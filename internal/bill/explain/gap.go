package explain

import (
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// quantities explains quantities that only one side has.
func (c *comparison) quantities() {
	gap := c.counts.minus(&c.seen)
	c.orphans(&gap)
	c.onPlan(&gap)
	if gap.isZero() {
		return
	}
	doubts := slices.DeleteFunc(slices.Clone(c.classes), func(cl *class) bool { return !cl.gaps })
	missing := c.requests - c.calls
	positive, negative := gap.signs()
	switch {
	case c.hasRequests && missing > 0:
		c.unseenRequests(&gap, missing, doubts)
	case c.hasRequests && missing < 0 && !positive:
		c.out.add(NotOnBill, Details{Model: c.model, Tier: c.tier}, c.value(&gap), calls(-missing))
	case len(doubts) > 0:
		c.doubtful(&gap, doubts)
	case c.hasRequests, positive && negative:
		c.unknown(&gap, "the bill counts otherwise, and no row says why")
	case positive:
		c.unseenTokens(&gap)
	default:
		c.out.add(NotOnBill, Details{Model: c.model, Tier: c.tier}, c.value(&gap), tokens(gap.tokens().Neg()))
	}
}

// takePlan takes quantities that only the rows have out of what developers used on a
// subscription, and returns them.
func (c *comparison) takePlan(gap *amounts) (taken amounts) {
	for _, model := range []string{c.model, ""} {
		plan := c.out.plans[model]
		for k := range gap {
			if plan == nil || !gap[k].IsNegative() {
				continue
			}
			n := decimal.Min(gap[k].Neg(), plan[k])
			gap[k], plan[k], taken[k] = gap[k].Add(n), plan[k].Sub(n), taken[k].Add(n)
		}
	}
	return taken
}

// onPlan explains quantities that were used on a subscription according to the provider.
func (c *comparison) onPlan(gap *amounts) {
	if taken := c.takePlan(gap); !taken.isZero() {
		c.out.add(NotOnBill, Details{Model: c.model, Tier: c.tier, Payer: string(usage.PayerPlan), Note: planNote}, c.value(&taken).Neg(), tokens(taken.tokens()))
	}
}

const planNote = "the provider's report of developers says so"

// orphans explains charges for tools that the rows do not count. What the bill counts but
// does not charge is not a gap.
func (c *comparison) orphans(gap *amounts) {
	for _, k := range []usage.QuantityKind{usage.WebSearches, usage.FileSearches, usage.CodeSessions} {
		if gap[k].IsZero() {
			continue
		}
		if c.rates[k].IsZero() {
			gap[k] = decimal.Zero
			continue
		}
		var part amounts
		part[k] = gap[k]
		cost := c.value(&part)
		for _, cl := range c.classes {
			if assumesTools(cl.details.Assumption) {
				gap[k] = decimal.Zero
				c.out.add(Assumption, Details{Model: c.model, Tier: c.tier, Assumption: toolsWord, Category: k.String()}, cost, calls(part[k].IntPart()))
				break
			}
		}
	}
}

var toolsWord = usage.AssumedTools.String()

func assumesTools(words string) bool {
	return slices.Contains(strings.Split(words, "+"), toolsWord)
}

func (c *comparison) unknown(gap *amounts, note string) {
	c.doubted = true
	c.out.add(Unknown, Details{Model: c.model, Tier: c.tier, Note: note}, c.value(gap), tokens(gap.tokens()))
}

// doubtful attributes a gap to the calls with doubtful counts.
func (c *comparison) doubtful(gap *amounts, doubts []*class) {
	c.divide(c.value(gap), doubts, !c.hasRequests && gap.tokens().IsPositive())
}

// divide splits a cost among the classes with doubtful counts in proportion to their calls.
func (c *comparison) divide(cost decimal.Decimal, doubts []*class, mayHideCalls bool) {
	c.doubted = true
	var all int64
	for _, cl := range doubts {
		all += cl.calls
	}
	left := cost
	for i, cl := range doubts {
		part := left
		if i < len(doubts)-1 {
			part = cost.Mul(decimal.New(cl.calls, 0)).DivRound(decimal.New(all, 0), places)
		}
		left = left.Sub(part)
		d := cl.details
		d.Divided = len(doubts) > 1
		if mayHideCalls {
			d.Note = "this bill counts no requests: calls that were not seen may be in it"
		}
		c.out.add(cl.word, d, part, calls(cl.calls))
	}
}

// unseenTokens explains more tokens on the bill when it does not count requests.
func (c *comparison) unseenTokens(gap *amounts) {
	owners := c.find(target{counts: gap, exact: true})
	c.unseen(gap, owners, tokens(gap.tokens()))
}

// unseenRequests explains more requests on the bill than there are rows.
func (c *comparison) unseenRequests(gap *amounts, missing int64, doubts []*class) {
	if len(doubts) == 0 {
		_, negative := gap.signs()
		if negative {
			gap = c.withoutNegative(gap)
		}
		owners := c.find(target{requests: missing, hasRequests: true, counts: gap, exact: true})
		c.unseen(gap, owners, calls(missing))
		return
	}
	// Some calls were not seen, and the counts of others are unknown. Find the owners with
	// exactly the missing number of requests and quantities within the gap.
	owners := c.find(target{requests: missing, hasRequests: true, counts: gap})
	if owners == nil {
		c.divideRequests(gap, missing, doubts)
		return
	}
	var unseen amounts
	for _, o := range owners {
		unseen.addAll(&o.counts)
		c.notSeen(o, c.value(&o.counts))
	}
	rest := gap.minus(&unseen)
	if !rest.isZero() {
		c.doubtful(&rest, doubts)
	}
}

// divideRequests splits a gap in proportion to the number of calls and marks the causes as
// divided.
func (c *comparison) divideRequests(gap *amounts, missing int64, doubts []*class) {
	var doubted int64
	for _, cl := range doubts {
		doubted += cl.calls
	}
	cost := c.value(gap)
	part := cost.Mul(decimal.New(missing, 0)).DivRound(decimal.New(missing+doubted, 0), places)
	d, known := c.onlyOwner()
	d.Divided = true
	c.out.addNotSeen(d, part, calls(missing), known)
	c.divide(cost.Sub(part), doubts, false)
}

// onlyOwner describes the owner if the pool has exactly one, and otherwise lists
// candidates.
func (c *comparison) onlyOwner() (d Details, known bool) {
	if len(c.owners) == 1 {
		return c.owners[0].details(c.model, c.tier), c.owners[0].known()
	}
	d = Details{Model: c.model, Tier: c.tier}
	for _, o := range c.owners {
		if name := strings.Join(nonEmpty(o.project, o.apiKey, o.user), "/"); name != "" && len(d.Candidates) < maxCandidates {
			d.Candidates = append(d.Candidates, name)
		}
	}
	return d, false
}

// maxCandidates is how many possible owners are listed.
const maxCandidates = 5

func nonEmpty(list ...string) []string {
	return slices.DeleteFunc(list, func(s string) bool { return s == "" })
}

// unseen attributes a gap to its owners, or to nobody in particular if owners is nil.
func (c *comparison) unseen(gap *amounts, owners []*share, q quantity) {
	if owners == nil {
		d, known := c.onlyOwner()
		c.out.addNotSeen(d, c.value(gap), q, known)
		return
	}
	left := c.value(gap)
	for i, o := range owners {
		cost := c.value(&o.counts)
		if i == len(owners)-1 {
			cost = left
		}
		left = left.Sub(cost)
		c.notSeen(o, cost)
	}
}

// withoutNegative reports the quantities that only the rows have as unknown, and returns
// the rest of the gap.
func (c *comparison) withoutNegative(gap *amounts) *amounts {
	var more, less amounts
	for k := range gap {
		if gap[k].IsNegative() {
			less[k] = gap[k]
		} else {
			more[k] = gap[k]
		}
	}
	c.unknown(&less, "rows count more of this kind than the bill, though it has more requests")
	return &more
}
