// Package teams owns the rules of dated teams: what an import changes, and to which team and
// cost centre a user belonged on a day. It owns no statement and no file format:
// internal/store/read and internal/store/upkeep read and write the tables, usagectl the files.
package teams

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// The names of what belongs to no team or cost centre, in reports and exports.
const (
	// Several is the usage of users who are in several teams on its day, of different cost
	// centres if these are asked for: nobody said which of them pays.
	Several = "(several teams)"
	// NoCostCentre is the usage of teams that have no cost centre on its day.
	NoCostCentre = "(no cost centre)"
	// NotAssigned is the usage of users who are in no team on its day.
	NotAssigned = "(unassigned)"
	// NoUser is the usage that no user is known for.
	NoUser = "(no user)"
)

// Nobodys are these names in the order in which reports list them.
var Nobodys = []string{Several, NoCostCentre, NotAssigned, NoUser}

// Days are the UTC days of [Since, Until). A zero time is no bound.
type Days struct{ Since, Until time.Time }

// Include reports whether a moment lies in the days.
func (d Days) Include(at time.Time) bool {
	return !at.Before(d.Since) && (d.Until.IsZero() || at.Before(d.Until))
}

// Overlap reports whether the days share one.
func (d Days) Overlap(other Days) bool {
	return (other.Until.IsZero() || d.Since.Before(other.Until)) && (d.Until.IsZero() || other.Since.Before(d.Until))
}

// within reports whether all of the days are in the list, which does not overlap.
func (d Days) within(list []Days) bool {
	for _, o := range merged(list) {
		if !d.Since.Before(o.Since) && (o.Until.IsZero() || !d.Until.IsZero() && !d.Until.After(o.Until)) {
			return true
		}
	}
	return false
}

// String says when the days begin and end.
func (d Days) String() string {
	switch {
	case d == Days{}:
		return "always"
	case d.Until.IsZero():
		return "since " + d.Since.Format(time.DateOnly)
	case d.Since.IsZero():
		return "until " + d.Until.Format(time.DateOnly)
	}
	return d.Since.Format(time.DateOnly) + " until " + d.Until.Format(time.DateOnly)
}

// merged returns the same days in the fewest pieces, the earliest first.
func merged(list []Days) (all []Days) {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b Days) int { return a.Since.Compare(b.Since) })
	for _, d := range list {
		if n := len(all) - 1; n >= 0 && (all[n].Until.IsZero() || !d.Since.After(all[n].Until)) {
			if !all[n].Until.IsZero() && (d.Until.IsZero() || d.Until.After(all[n].Until)) {
				all[n].Until = d.Until
			}
			continue
		}
		all = append(all, d)
	}
	return all
}

// until returns the days before a day.
func until(list []Days, day time.Time) (kept []Days) {
	for _, d := range list {
		if !d.Since.Before(day) {
			continue
		}
		if d.Until.IsZero() || d.Until.After(day) {
			d.Until = day
		}
		kept = append(kept, d)
	}
	return kept
}

// Assignment is a member or a cost centre of a team.
type Assignment struct {
	Team string
	To   string // the id of the user, or the cost centre
	Days
}

// Change is what an import changes of one member or cost centre of a team.
type Change struct {
	Team, To      string
	Before, After []Days // in the fewest pieces, the earliest first
}

// Shortens reports whether days are taken away.
func (c Change) Shortens() bool {
	return slices.ContainsFunc(c.Before, func(d Days) bool { return !d.within(c.After) })
}

// String says what changes.
func (c Change) String() string {
	text := func(list []Days) string {
		parts := make([]string, len(list))
		for i, d := range list {
			parts[i] = d.String()
		}
		return strings.Join(parts, ", ")
	}
	switch {
	case len(c.Before) == 0:
		return "added " + text(c.After)
	case len(c.After) == 0:
		return "removed, was " + text(c.Before)
	}
	return text(c.After) + ", was " + text(c.Before)
}

type pair struct{ team, to string }

func byPair(list []Assignment) map[pair][]Days {
	all := map[pair][]Days{}
	for _, a := range list {
		p := pair{a.Team, a.To}
		all[p] = append(all[p], a.Days)
	}
	for p := range all {
		all[p] = merged(all[p])
	}
	return all
}

// Plan returns what has to change so that a file holds, for the teams that it names. What is
// stored of these teams and not in the file ends on the day ends, and keeps its past; a zero
// day keeps nothing of it. Where begins is not zero, what the file does not date begins on
// that day, unless it is stored already and goes on.
func Plan(stored, file []Assignment, begins, ends time.Time) (changes []Change) {
	before, named := byPair(stored), map[string]bool{}
	file = slices.Clone(file)
	for i := range file {
		a := &file[i]
		named[a.Team] = true
		if a.Since.IsZero() && !begins.IsZero() && (a.Until.IsZero() || a.Until.After(begins)) {
			a.Since = begins
			for _, d := range before[pair{a.Team, a.To}] {
				if d.Include(begins) {
					a.Since = d.Since
				}
			}
		}
	}
	after := byPair(file)
	if !ends.IsZero() {
		for p, days := range before {
			if kept := until(days, ends); after[p] == nil && kept != nil {
				after[p] = kept
			}
		}
	}
	for p, days := range before {
		if named[p.team] && !slices.Equal(days, after[p]) {
			changes = append(changes, Change{p.team, p.to, days, after[p]})
		}
	}
	for p, days := range after {
		if named[p.team] && before[p] == nil {
			changes = append(changes, Change{p.team, p.to, nil, days})
		}
	}
	slices.SortFunc(changes, func(a, b Change) int { return cmp.Or(cmp.Compare(a.Team, b.Team), cmp.Compare(a.To, b.To)) })
	return changes
}

// InSeveral returns the users who are in more than one team on some day after the changes.
func InSeveral(stored []Assignment, changes []Change) (users []string) {
	pairs := byPair(stored)
	for _, c := range changes {
		pairs[pair{c.Team, c.To}] = c.After
	}
	byUser := map[string][]Days{}
	for p, days := range pairs {
		for _, d := range days {
			if slices.ContainsFunc(byUser[p.to], d.Overlap) && !slices.Contains(users, p.to) {
				users = append(users, p.to)
			}
			byUser[p.to] = append(byUser[p.to], d)
		}
	}
	slices.Sort(users)
	return users
}

// Directory answers who was where on a day.
type Directory struct {
	// InUse means that somebody is in some team, perhaps none of the users asked for.
	InUse bool

	teams   map[usage.ID][]Assignment // To is the id again
	centres map[string][]Assignment
}

// NewDirectory makes a directory of the members and the cost centres of teams.
func NewDirectory(inUse bool, members map[usage.ID][]Assignment, centres []Assignment) *Directory {
	d := &Directory{InUse: inUse, teams: members, centres: map[string][]Assignment{}}
	for _, c := range centres {
		d.centres[c.Team] = append(d.centres[c.Team], c)
	}
	return d
}

// Teams returns the teams of a user at a moment, by name and each once.
func (d *Directory) Teams(user usage.ID, at time.Time) (list []string) {
	for _, a := range d.teams[user] {
		if a.Include(at) {
			list = append(list, a.Team)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// CostCentre returns the cost centre of a team at a moment, "" if it has none.
func (d *Directory) CostCentre(team string, at time.Time) string {
	for _, c := range d.centres[team] {
		if c.Include(at) {
			return c.To
		}
	}
	return ""
}

// Of returns the team that a user's usage at a moment belongs to or, with costCentres, the
// cost centre of it; where there is none, one of [Nobodys].
func (d *Directory) Of(user usage.ID, at time.Time, costCentres bool) string {
	if user.IsZero() {
		return NoUser
	}
	list := d.Teams(user, at)
	if costCentres {
		for i, team := range list {
			list[i] = cmp.Or(d.CostCentre(team, at), NoCostCentre)
		}
		slices.Sort(list)
		list = slices.Compact(list)
	}
	switch len(list) {
	case 0:
		return NotAssigned
	case 1:
		return list[0]
	}
	return Several
}
