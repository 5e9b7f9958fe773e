// Package showback assigns what was used to cost centres: by a tag, or by who belonged to
// which cost centre on a day. It owns the rule that every call is in exactly one row, so
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
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// The rows of a [Report] that are no cost centre's.
const (
	// NotAssigned is the usage of users who belong to no cost centre on its day, or of
	// calls without the tag.
	NotAssigned = "(unassigned)"
	// NoKnownUser is the usage that no user is known for.
	NoKnownUser = "(no user)"
)

// Membership says that a user belongs to a cost centre on the UTC days of [Since, Until).
// A zero time is no bound.
type Membership struct {
	CostCentre   string
	User         usage.ID
	Since, Until time.Time
}

// includes reports whether the membership holds on a day.
func (m *Membership) includes(day time.Time) bool {
	return !day.Before(m.Since) && (m.Until.IsZero() || day.Before(m.Until))
}

// Memberships answers to which cost centre a user belonged on a day.
type Memberships struct{ byUser map[usage.ID][]Membership }

// Add adds a membership. On each day a user belongs to one cost centre at most, so that
// no usage counts twice; the error names the other one.
func (m *Memberships) Add(one Membership) error {
	for _, other := range m.byUser[one.User] {
		if (other.Until.IsZero() || one.Since.Before(other.Until)) && (one.Until.IsZero() || other.Since.Before(one.Until)) {
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
		return NoKnownUser
	}
	for _, one := range m.byUser[user] {
		if one.includes(day) {
			return one.CostCentre
		}
	}
	return NotAssigned
}

// Report is what each cost centre used in a period. The rows add up to Total.
type Report struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"` // excluded
	Rows  []Row     `json:"costCentres"`
	Total Row       `json:"total"`
}

// Row is what one cost centre used, or one of [NotAssigned] and [NoKnownUser].
type Row struct {
	CostCentre string `json:"costCentre,omitempty"`
	// UnpricedCalls are part of Calls and have no part in Cost.
	Calls         int64     `json:"calls"`
	UnpricedCalls int64     `json:"unpricedCalls"`
	Tokens        int64     `json:"tokens"`
	Cost          usage.Sum `json:"cost"` // null when no call has a price
}

// Known reports whether any call has a price; if not, the cost is unknown and not 0.
func (r *Row) Known() bool { return r.Calls == 0 || r.Calls > r.UnpricedCalls }

// MarshalJSON writes the object.
func (r Row) MarshalJSON() ([]byte, error) {
	type plain Row
	document := struct {
		plain
		Cost *usage.Sum `json:"cost"`
	}{plain: plain(r)}
	if r.Known() {
		document.Cost = &r.Cost
	}
	return json.Marshal(document)
}

func (r *Row) add(c *read.Counts) {
	r.Calls, r.UnpricedCalls, r.Tokens, r.Cost = r.Calls+c.Calls, r.UnpricedCalls+c.UnpricedCalls, r.Tokens+c.Tokens, r.Cost.Plus(c.Cost)
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
	return s.sorted(rows), err
}

// ByTag takes the values of a tag as cost centres.
func ByTag(ctx context.Context, r *read.Reader, from, to time.Time, tag string) (Report, error) {
	s := Report{Start: from, End: to}
	rows := map[string]*Row{}
	values, total, err := r.TagValues(ctx, tag, from, to)
	if err != nil {
		return s, err
	}
	s.Total.add(&total)
	rest := s.Total
	for i := range values {
		v := &values[i]
		s.row(rows, v.Key).add(&v.Counts)
		rest.Calls, rest.UnpricedCalls, rest.Tokens, rest.Cost = rest.Calls-v.Calls, rest.UnpricedCalls-v.UnpricedCalls, rest.Tokens-v.Tokens, rest.Cost.Minus(v.Cost)
	}
	if rest.Calls != 0 || !rest.Cost.IsZero() {
		s.row(rows, NotAssigned).add(&read.Counts{Calls: rest.Calls, UnpricedCalls: rest.UnpricedCalls, Tokens: rest.Tokens, Cost: rest.Cost})
	}
	return s.sorted(rows), nil
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
	nobodys := func(r Row) int {
		return slices.Index([]string{"", NotAssigned, NoKnownUser}, r.CostCentre) // -1 for a cost centre
	}
	slices.SortFunc(s.Rows, func(a, b Row) int {
		return cmp.Or(cmp.Compare(nobodys(a), nobodys(b)), b.Cost.Cmp(a.Cost), cmp.Compare(a.CostCentre, b.CostCentre))
	})
	return s
}
