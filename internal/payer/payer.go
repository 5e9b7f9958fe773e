// Package payer decides which plan covers a call, and who pays for it: what the call tells
// wins, a plan fills in what it does not. It owns the rule and the order of plans. It owns
// no table, no clock and no amount: what a plan costs is computed in the database.
package payer

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// NoName is the pattern of calls without a provider, service, environment or model.
const NoName = "(none)"

// Terms are what a plan covers from one day until another.
type Terms struct {
	Plan string
	// Until is excluded; zero is open.
	Since, Until time.Time
	// Payer is who pays for the calls that do not tell.
	Payer usage.Payer
	// Everyone means that the calls of everybody are covered, also those without a user.
	// Otherwise only those of the seats are.
	Everyone bool
	// The patterns say which calls are covered; "" is any. * stands for any text, and
	// [NoName] for none.
	Provider, Service, Environment, Model string
	APITypes                              []string // empty is any
}

// Seat says that a user has a seat of a plan from Since until before Until. A zero Until is
// open.
type Seat struct {
	Plan         string
	User         usage.ID
	Since, Until time.Time
}

// Call is what the decision depends on.
type Call struct {
	User                                           usage.ID // zero when unknown
	At                                             time.Time
	Provider, Service, Environment, Model, APIType string
}

// Plans decides. Make it with [New].
type Plans struct {
	terms []Terms
	seats map[usage.ID][]Seat
}

// New orders the plans: those with seats before those for everybody, and of each the one
// that names most of what it covers, then by name.
func New(terms []Terms, seats []Seat) *Plans {
	p := &Plans{terms: slices.Clone(terms), seats: map[usage.ID][]Seat{}}
	slices.SortStableFunc(p.terms, func(a, b Terms) int {
		everyone := func(t *Terms) int {
			if t.Everyone {
				return 1
			}
			return 0
		}
		return cmp.Or(everyone(&a)-everyone(&b), b.named()-a.named(), cmp.Compare(a.Plan, b.Plan), a.Since.Compare(b.Since))
	})
	for _, s := range seats {
		p.seats[s.User] = append(p.seats[s.User], s)
	}
	return p
}

// named is how much of what it covers a plan names.
func (t *Terms) named() (n int) {
	for _, pattern := range []string{t.Provider, t.Service, t.Environment, t.Model} {
		if pattern != "" {
			n++
		}
	}
	if len(t.APITypes) > 0 {
		n++
	}
	return n
}

// Of returns the plan that covers a call, nil for none.
func (p *Plans) Of(c *Call) *Terms {
	for i := range p.terms {
		if t := &p.terms[i]; t.covers(c) && (t.Everyone || p.hasSeat(t, c)) {
			return t
		}
	}
	return nil
}

func (t *Terms) covers(c *Call) bool {
	return !c.At.Before(t.Since) && (t.Until.IsZero() || c.At.Before(t.Until)) &&
		Matches(t.Provider, c.Provider) && Matches(t.Service, c.Service) && Matches(t.Environment, c.Environment) && Matches(t.Model, c.Model) &&
		(len(t.APITypes) == 0 || slices.Contains(t.APITypes, c.APIType))
}

func (p *Plans) hasSeat(t *Terms, c *Call) bool {
	if c.User.IsZero() {
		return false
	}
	for _, s := range p.seats[c.User] {
		if s.Plan == t.Plan && !c.At.Before(s.Since) && (s.Until.IsZero() || c.At.Before(s.Until)) {
			return true
		}
	}
	return false
}

// Paid is who pays for a call.
type Paid struct {
	Payer usage.Payer // "" when nothing tells
	// Plan covers the call, whoever pays; "" for none.
	Plan string
	// Filled means that the payer is the plan's, because the call does not tell.
	Filled bool
}

// For returns who pays for a call that tells this payer; "" when it does not tell.
func (p *Plans) For(c *Call, reported usage.Payer) Paid {
	t := p.Of(c)
	switch {
	case t == nil:
		return Paid{Payer: reported}
	case reported != "":
		return Paid{Payer: reported, Plan: t.Plan}
	}
	return Paid{Payer: t.Payer, Plan: t.Plan, Filled: true}
}

// Reported returns the payer that the call itself tells.
func (p Paid) Reported() usage.Payer {
	if p.Filled {
		return ""
	}
	return p.Payer
}

// Matches reports whether a text has the pattern: "" is any text, * stands for any part,
// and [NoName] for no text at all. Everything else has to be equal.
func Matches(pattern, text string) bool {
	if pattern == "" {
		return true
	}
	if pattern == NoName {
		return text == ""
	}
	first, rest, isPattern := strings.Cut(pattern, "*")
	if !isPattern {
		return pattern == text
	}
	text, ok := strings.CutPrefix(text, first)
	for ok {
		var part string
		if part, rest, isPattern = strings.Cut(rest, "*"); !isPattern {
			return strings.HasSuffix(text, part)
		}
		_, text, ok = strings.Cut(text, part)
	}
	return false
}
