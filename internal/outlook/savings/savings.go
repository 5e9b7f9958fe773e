package savings

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"net/url"
	"slices"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/outlook"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// Days is over how many days calls are looked at: a month.
const Days = 30

// Question is what [Of] is asked.
type Question struct {
	Book *pricing.Book
	// To is the midnight UTC after the last day; its prices are those of today.
	To time.Time
	// Calls are those of the [Days] before, and LeftOut those that they do not hold.
	Calls   []outlook.Alike
	LeftOut []outlook.LeftOut
	// Rhythm is that of each service and model.
	Rhythm []outlook.Rhythm
	// Seats are those of plans, in the same days; empty where plans are not applied to the
	// calls as they are now.
	Seats     []outlook.Seat
	Dismissed []outlook.Dismissal
}

// most is how many pieces of advice are given.
const most = 100

// least is what advice saves at least in a month: a cent.
var least = usage.SumOf(usage.Dollar / 100)

// Borders are the numbers of input tokens by which calls have to be kept apart: the
// thresholds of the book, and a quarter above each, up to where input is a little too
// long.
func Borders(b *pricing.Book) []int64 {
	var list []int64
	for _, t := range b.Thresholds() {
		list = append(list, t, t+t/4)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// state is the calls as they are after all advice that was taken.
type state struct {
	q          *Question
	calls      []outlook.Alike
	costs      []usage.Sum // of calls
	scopes     map[scope][]int
	rhythm     map[scope]outlook.Rhythm
	hours      int64
	thresholds []int64
	hosts      []string
	models     map[scope][]string // of a service at a provider
}

// Of applies the advice that saves most, again and again until nothing is left to
// save. What changes no answer comes before what lets another model or host answer.
func Of(q Question) outlook.AdviceList {
	list := outlook.AdviceList{
		From: q.To.AddDate(0, 0, -Days).Format(time.DateOnly), To: q.To.Format(time.DateOnly),
		LeftOut: q.LeftOut, Advice: []outlook.Advice{},
	}
	s := newState(&q, &list)
	dismissed := map[string]usage.Sum{}
	for _, d := range q.Dismissed {
		dismissed[d.ID] = d.Dollars
	}
	var open []*candidate
	for _, of := range slices.SortedFunc(maps.Keys(s.scopes), compareScopes) {
		for _, p := range s.proposals(of) {
			c := &candidate{proposal: p}
			c.advice, c.after = s.try(p)
			open = append(open, c)
		}
	}
	open = append(open, seatAdvice(&q)...)
	for len(open) > 0 {
		best := slices.MinFunc(open, (*candidate).compare)
		if !best.isWorthIt() {
			break
		}
		open = slices.DeleteFunc(open, func(c *candidate) bool { return c == best })
		then, is := dismissed[best.advice.ID]
		switch {
		case is && best.advice.SavesPerMonth.Cmp(then.Plus(then)) <= 0:
			list.Dismissed = append(list.Dismissed, best.advice)
			continue
		case len(list.Advice) == most:
			list.More++
		default:
			list.Advice = append(list.Advice, best.advice)
		}
		for i, after := range best.after {
			s.calls[i] = after
			s.costs[i], _ = s.price(&after)
		}
		for _, c := range open {
			if c.scope == best.scope && !c.fixed {
				c.advice, c.after = s.try(c.proposal)
			}
		}
	}
	return list
}

func newState(q *Question, list *outlook.AdviceList) *state {
	s := &state{q: q, scopes: map[scope][]int{}, rhythm: map[scope]outlook.Rhythm{}, hours: Days * 24, models: map[scope][]string{}}
	s.thresholds = q.Book.Thresholds()
	noPrice := outlook.LeftOut{Reason: outlook.LeftOutNoPrice}
	for _, a := range q.Calls {
		cost, certain := s.price(&a)
		if !certain {
			noPrice.Calls, noPrice.Cost = noPrice.Calls+a.Calls, noPrice.Cost.Plus(a.Cost)
			continue
		}
		of := scope{a.Service, a.Provider, a.Model}
		s.scopes[of] = append(s.scopes[of], len(s.calls))
		s.calls, s.costs = append(s.calls, a), append(s.costs, cost)
		list.Calls, list.Cost = list.Calls+a.Calls, list.Cost.Plus(cost)
	}
	if noPrice.Calls > 0 {
		list.LeftOut = append(list.LeftOut, noPrice)
	}
	for _, r := range q.Rhythm {
		s.rhythm[scope{r.Service, r.Provider, r.Model}] = r
	}
	hosts := map[string]bool{}
	for of := range s.scopes {
		hosts[of.provider] = true
		at := scope{of.service, of.provider, ""}
		s.models[at] = append(s.models[at], of.model)
	}
	s.hosts = slices.Sorted(maps.Keys(hosts))
	for _, models := range s.models {
		slices.Sort(models)
	}
	return s
}

// price is what calls cost today.
func (s *state) price(a *outlook.Alike) (usage.Sum, bool) {
	if a.Calls == 0 {
		return usage.Sum{}, true
	}
	return s.q.Book.Several(&pricing.Call{
		Provider: a.Provider, Model: a.Model, At: s.q.To.Add(-1), ServiceTier: a.Tier, Region: a.Region, Variant: a.Variant,
		Quantities: a.Quantities, Unreported: a.Missing.Unreported(),
	}, a.Calls, a.Input)
}

// candidate is a proposal with what it saves now.
type candidate struct {
	*proposal
	advice outlook.Advice
	after  map[int]outlook.Alike
	// fixed advice rests on nothing that other advice changes.
	fixed bool
}

func (c *candidate) isWorthIt() bool { return c.advice.SavesPerMonth.Cmp(least) >= 0 }

// compare orders by what comes first.
func (c *candidate) compare(o *candidate) int {
	first := func(c, o bool) int {
		switch {
		case c == o:
			return 0
		case c:
			return -1
		}
		return 1
	}
	return cmp.Or(first(c.isWorthIt(), o.isWorthIt()), first(!c.other, !o.other),
		o.advice.SavesPerMonth.Cmp(c.advice.SavesPerMonth), compareScopes(c.scope, o.scope),
		cmp.Compare(c.rule, o.rule), cmp.Compare(c.change, o.change))
}

func compareScopes(a, b scope) int {
	return cmp.Or(cmp.Compare(a.service, b.service), cmp.Compare(a.provider, b.provider), cmp.Compare(a.model, b.model))
}

// try says what a proposal saves of what is left, and how its calls are then. Calls
// that have no certain price then stay as they are.
func (s *state) try(p *proposal) (outlook.Advice, map[int]outlook.Alike) {
	a := outlook.Advice{Rule: p.rule, Change: p.change, Assumption: p.assumption}
	a.Rows = outlook.Rows{Service: p.scope.service, Provider: p.scope.provider, Model: p.scope.model, Link: s.link(p.scope)}
	id := sha256.Sum256([]byte(p.rule + "\x00" + p.change + "\x00" + p.scope.service + "\x00" + p.scope.provider + "\x00" + p.scope.model))
	a.ID = hex.EncodeToString(id[:4])
	after := map[int]outlook.Alike{}
	for _, i := range s.scopes[p.scope] {
		changed := s.calls[i]
		if changed.Calls == 0 || !p.to(&changed) {
			continue
		}
		cost, certain := s.price(&changed)
		if !certain {
			continue
		}
		after[i] = changed
		a.Rows.Calls, a.Rows.Cost = a.Rows.Calls+s.calls[i].Calls, a.Rows.Cost.Plus(s.costs[i])
		a.SavesPerMonth = a.SavesPerMonth.Plus(s.costs[i].Minus(cost))
	}
	return a, after
}

// link lists the calls of a scope.
func (s *state) link(of scope) string {
	values := url.Values{
		"startDate": {s.q.To.AddDate(0, 0, -Days).Format(time.DateOnly)}, "endDate": {s.q.To.AddDate(0, 0, -1).Format(time.DateOnly)},
		"service": {cmp.Or(of.service, "(none)")}, "provider": {cmp.Or(of.provider, "(none)")}, "model": {cmp.Or(of.model, "(none)")},
	}
	return "/api/admin/usage/records?" + values.Encode()
}
