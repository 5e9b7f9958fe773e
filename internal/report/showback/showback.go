// Package showback assigns what was used to cost centres: by a tag, or by who belonged to
// which team or cost centre on a day. It owns the rule that every call is in exactly one row, so
// that the rows add up to the total. It owns no file format and no statement: the command
// reads files, internal/store/read the sums.
package showback

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/store/read"
	"github.com/otelcol-usage/otelcol-usage/internal/teams"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// HasPayers reports whether anything is known of who pays.
func (s *Report) HasPayers() bool {
	t := &s.Total
	return t.UnknownPayerCost().Cmp(t.Cost) != 0 || !t.PlanCash.IsZero() || t.NoPlanCash
}

// IsNobody reports whether a name is a row that is no cost centre's.
func IsNobody(name string) bool { return slices.Contains(teams.Nobodys, name) }

// Membership says that a user belongs to a cost centre on some days.
type Membership struct {
	CostCentre string
	User       usage.ID
	teams.Days
}

// Memberships answers to which cost centre a user belonged on a day.
type Memberships struct{ byUser map[usage.ID][]Membership }

// Add adds a membership. On each day a user belongs to one cost centre at most, so that
// no usage counts twice; the error names the other one.
func (m *Memberships) Add(one Membership) error {
	for _, other := range m.byUser[one.User] {
		if one.Overlap(other.Days) {
			return fmt.Errorf("the user belongs to %q on some of these days already", other.CostCentre)
		}
	}
	if m.byUser == nil {
		m.byUser = map[usage.ID][]Membership{}
	}
	m.byUser[one.User] = append(m.byUser[one.User], one)
	return nil
}

// on returns the cost centre of a user on a day.
func (m *Memberships) on(day time.Time, user usage.ID) string {
	if user.IsZero() {
		return teams.NoUser
	}
	for _, one := range m.byUser[user] {
		if one.Include(day) {
			return one.CostCentre
		}
	}
	return teams.NotAssigned
}

// Report is what each cost centre used in a period. The rows add up to Total.
type Report struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"` // excluded
	Rows  []Row     `json:"costCentres"`
	Total Row       `json:"total"`
}

// Row is what one cost centre used, or what is no cost centre's.
type Row struct {
	CostCentre string `json:"costCentre,omitempty"`
	// UnpricedCalls are part of Calls and have no part in Cost.
	Calls         int64 `json:"calls"`
	UnpricedCalls int64 `json:"unpricedCalls"`
	Tokens        int64 `json:"tokens"`
	// Cost is at API prices, whoever pays: the API-equivalent. It is null in JSON when no call
	// has a price.
	Cost usage.Sum `json:"cost"`
	// APICost, PlanCost, CreditCost and OwnCost are the parts of Cost that each payer pays, of
	// the calls that retention has left. The payer of the rest is not known.
	APICost    usage.Sum `json:"-"`
	PlanCost   usage.Sum `json:"-"`
	CreditCost usage.Sum `json:"-"`
	OwnCost    usage.Sum `json:"-"`
	// PlanCash is what seats and plans cost, in US dollars. It is never added to Cost.
	// NoPlanCash means that it is not known, because a price or an exchange rate is missing.
	PlanCash   usage.Sum `json:"-"`
	NoPlanCash bool      `json:"-"`
}

// UnknownPayerCost is the part of Cost whose payer is not known.
func (r *Row) UnknownPayerCost() usage.Sum {
	return r.Cost.Minus(r.APICost).Minus(r.PlanCost).Minus(r.CreditCost).Minus(r.OwnCost)
}

// Known reports whether any call has a price; if not, the cost is unknown and not 0.
func (r *Row) Known() bool { return r.Calls == 0 || r.Calls > r.UnpricedCalls }

// MarshalJSON writes the object.
func (r Row) MarshalJSON() ([]byte, error) {
	type plain Row
	type byPayer struct {
		API     usage.Sum `json:"api"`
		Plan    usage.Sum `json:"plan"`
		Credit  usage.Sum `json:"credit"`
		Own     usage.Sum `json:"own"`
		Unknown usage.Sum `json:"(unknown)"`
	}
	document := struct {
		plain
		Cost        *usage.Sum `json:"cost"`
		CostByPayer *byPayer   `json:"costByPayer"`
		PlanCash    *usage.Sum `json:"planCash"`
	}{plain: plain(r)}
	if r.Known() {
		document.Cost, document.CostByPayer = &r.Cost, &byPayer{r.APICost, r.PlanCost, r.CreditCost, r.OwnCost, r.UnknownPayerCost()}
	}
	if !r.NoPlanCash {
		document.PlanCash = &r.PlanCash
	}
	return json.Marshal(document)
}

func (r *Row) add(c *read.Counts) {
	r.Calls, r.UnpricedCalls, r.Tokens, r.Cost = r.Calls+c.Calls, r.UnpricedCalls+c.UnpricedCalls, r.Tokens+c.Tokens, r.Cost.Plus(c.Cost)
	r.APICost, r.PlanCost = r.APICost.Plus(c.APICost), r.PlanCost.Plus(c.PlanCost)
	r.CreditCost, r.OwnCost = r.CreditCost.Plus(c.CreditCost), r.OwnCost.Plus(c.OwnCost)
}

// addSeat adds what seats cost.
func (r *Row) addSeat(d read.SeatDay) {
	if d.Cash == nil {
		r.NoPlanCash = true
		return
	}
	r.PlanCash = r.PlanCash.Plus(*d.Cash)
}

// addSeats adds what seats cost to the rows of their users; centre says which one that is.
func (s *Report) addSeats(ctx context.Context, r *read.Reader, rows map[string]*Row, centre func(usage.ID, time.Time) string) error {
	return r.EachSeatDay(ctx, s.Start, s.End, func(d read.SeatDay) {
		name := teams.NotAssigned
		if !d.User.IsZero() {
			name = centre(d.User, d.Day)
		}
		s.row(rows, name).addSeat(d)
		s.Total.addSeat(d)
	})
}

// ByMembers assigns the usage of each user and UTC day of [from, to) to the cost
// centre of that day.
func ByMembers(ctx context.Context, r *read.Reader, from, to time.Time, members *Memberships) (Report, error) {
	s := Report{Start: from, End: to}
	rows := map[string]*Row{}
	err := r.EachUserDay(ctx, from, to, func(d read.UserDay) {
		s.row(rows, members.on(d.Day, d.User)).add(&d.Counts)
		s.Total.add(&d.Counts)
	})
	if err != nil {
		return s, err
	}
	err = s.addSeats(ctx, r, rows, func(user usage.ID, day time.Time) string { return members.on(day, user) })
	return s.sorted(rows), err
}

// ByTeams assigns the usage of each user and UTC day of [from, to) to their team of that
// day or, with costCentres, to the cost centre of the team.
func ByTeams(ctx context.Context, r *read.Reader, from, to time.Time, costCentres bool) (Report, error) {
	s := Report{Start: from, End: to}
	directory, err := r.TeamDirectory(ctx, read.Administrator())
	if err != nil {
		return s, err
	}
	rows := map[string]*Row{}
	err = r.EachUserDay(ctx, from, to, func(d read.UserDay) {
		s.row(rows, directory.Of(d.User, d.Day, costCentres)).add(&d.Counts)
		s.Total.add(&d.Counts)
	})
	if err != nil {
		return s, err
	}
	err = s.addSeats(ctx, r, rows, func(user usage.ID, day time.Time) string { return directory.Of(user, day, costCentres) })
	return s.sorted(rows), err
}

// ByTag takes the values of a tag as cost centres or, with costCentres, as teams, whose cost
// centres it takes. What seats cost is nobody's.
func ByTag(ctx context.Context, r *read.Reader, from, to time.Time, tag string, costCentres bool) (Report, error) {
	s := Report{Start: from, End: to}
	centre := func(value string, _ time.Time) string { return value }
	if costCentres {
		directory, err := r.TeamDirectory(ctx, read.Administrator())
		if err != nil {
			return s, err
		}
		centre = func(value string, day time.Time) string {
			return cmp.Or(directory.CostCentre(value, day), teams.NoCostCentre)
		}
	}
	rows := map[string]*Row{}
	var assigned Row
	total, err := r.EachTagDay(ctx, tag, from, to, func(d read.TagDay) {
		s.row(rows, centre(d.Value, d.Day)).add(&d.Counts)
		assigned.add(&d.Counts)
	})
	if err != nil {
		return s, err
	}
	s.Total.add(&total)
	rest := read.Counts{
		Calls: total.Calls - assigned.Calls, UnpricedCalls: total.UnpricedCalls - assigned.UnpricedCalls,
		Tokens: total.Tokens - assigned.Tokens, Cost: total.Cost.Minus(assigned.Cost),
		APICost: total.APICost.Minus(assigned.APICost), PlanCost: total.PlanCost.Minus(assigned.PlanCost),
		CreditCost: total.CreditCost.Minus(assigned.CreditCost), OwnCost: total.OwnCost.Minus(assigned.OwnCost),
	}
	if rest.Calls != 0 || !rest.Cost.IsZero() {
		s.row(rows, teams.NotAssigned).add(&rest)
	}
	// A seat is a user's, and has no tag.
	err = s.addSeats(ctx, r, rows, func(usage.ID, time.Time) string { return teams.NotAssigned })
	return s.sorted(rows), err
}

func (s *Report) row(rows map[string]*Row, costCentre string) *Row {
	row, ok := rows[costCentre]
	if !ok {
		row = &Row{CostCentre: costCentre}
		rows[costCentre] = row
	}
	return row
}

// sorted lists the rows, the most expensive first and what is no cost centre's last.
func (s Report) sorted(rows map[string]*Row) Report {
	s.Rows = make([]Row, 0, len(rows))
	for _, r := range rows {
		s.Rows = append(s.Rows, *r)
	}
	place := func(r Row) int { return slices.Index(teams.Nobodys, r.CostCentre) } // -1 for a cost centre
	slices.SortFunc(s.Rows, func(a, b Row) int {
		return cmp.Or(cmp.Compare(place(a), place(b)), b.Cost.Cmp(a.Cost), cmp.Compare(a.CostCentre, b.CostCentre))
	})
	return s
}
