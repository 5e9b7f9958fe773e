package teams_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/teams"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// day is a day of December 2026; 0 is no bound.
func day(n int) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Date(2026, 12, n, 0, 0, 0, 0, time.UTC)
}

func in(team, to string, since, until int) teams.Assignment {
	return teams.Assignment{Team: team, To: to, Days: teams.Days{Since: day(since), Until: day(until)}}
}

func TestAnImportChangesWhatTheFileSays(t *testing.T) {
	t.Parallel()
	type list = []teams.Assignment
	for _, c := range []struct {
		name         string
		stored, file list
		begins, ends int
		want         string // * where days are taken away
	}{
		{"new, undated", nil, list{in("red", "ada", 0, 0)}, 0, 5, "red ada added always"},
		{"new, dated", nil, list{in("red", "ada", 2, 9)}, 0, 5, "red ada added 2026-12-02 until 2026-12-09"},
		{"new, undated, begins", nil, list{in("red", "ada", 0, 0)}, 5, 5, "red ada added since 2026-12-05"},
		{"the same", list{in("red", "ada", 0, 0)}, list{in("red", "ada", 0, 0)}, 0, 5, ""},
		{"the same, in pieces", list{in("red", "ada", 1, 9)}, list{in("red", "ada", 4, 9), in("red", "ada", 1, 4)}, 0, 5, ""},
		{"a gap", list{in("red", "ada", 1, 9)}, list{in("red", "ada", 5, 9), in("red", "ada", 1, 4)}, 0, 5, "* red ada 2026-12-01 until 2026-12-04, 2026-12-05 until 2026-12-09, was 2026-12-01 until 2026-12-09"},
		{"the list of today again", list{in("red", "ada", 3, 0)}, list{in("red", "ada", 0, 0)}, 5, 5, ""},
		{"came back", list{in("red", "ada", 1, 3)}, list{in("red", "ada", 0, 0)}, 5, 5, "* red ada since 2026-12-05, was 2026-12-01 until 2026-12-03"},
		{"left", list{in("red", "ada", 0, 0), in("red", "ben", 0, 0)}, list{in("red", "ben", 0, 0)}, 0, 5, "* red ada until 2026-12-05, was always"},
		{"left again", list{in("red", "ada", 0, 5), in("red", "ben", 0, 0)}, list{in("red", "ben", 0, 0)}, 0, 6, ""},
		{"never began", list{in("red", "ada", 7, 0), in("red", "ben", 0, 0)}, list{in("red", "ben", 0, 0)}, 0, 5, "* red ada removed, was since 2026-12-07"},
		{"another team", list{in("blue", "ada", 0, 0)}, list{in("red", "ben", 0, 0)}, 0, 5, "red ben added always"},
		{"longer", list{in("red", "ada", 3, 0)}, list{in("red", "ada", 1, 0)}, 0, 5, "red ada since 2026-12-01, was since 2026-12-03"},
		{"shorter", list{in("red", "ada", 3, 0)}, list{in("red", "ada", 3, 9)}, 0, 5, "* red ada 2026-12-03 until 2026-12-09, was since 2026-12-03"},
		{"exactly as the file", list{in("red", "A", 0, 0)}, list{in("red", "B", 0, 0)}, 0, 0, "* red A removed, was always; red B added always"},
	} {
		var got []string
		for _, change := range teams.Plan(c.stored, c.file, day(c.begins), day(c.ends)) {
			mark := ""
			if change.Shortens() {
				mark = "* "
			}
			got = append(got, mark+change.Team+" "+change.To+" "+change.String())
		}
		assert.Equal(t, c.want, strings.Join(got, "; "), c.name)
	}
}

// TestAnImportIsDoneOnce: the second import of a file finds nothing to change, on the same
// day and on a later one, and the days of the file are those that are stored.
func TestAnImportIsDoneOnce(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(22, 6))
	some := func(n int) (list []teams.Assignment) {
		for range n {
			since := random.IntN(20)
			a := in([]string{"red", "blue"}[random.IntN(2)], []string{"ada", "ben", "eve"}[random.IntN(3)], since, 0)
			if random.IntN(2) == 0 {
				a.Until = day(since + 1 + random.IntN(9))
			}
			list = append(list, a)
		}
		return list
	}
	for range 2000 {
		stored, file := some(random.IntN(6)), some(1+random.IntN(6))
		begins := day([]int{0, 10}[random.IntN(2)])
		after := apply(stored, teams.Plan(stored, file, begins, day(10)))
		require.Empty(t, teams.Plan(after, file, begins, day(10)), "%v", file)
		require.Empty(t, teams.Plan(after, file, begins, day(12)), "two days later: %v", file)
		for _, a := range file {
			for d := 1; d < 31; d++ {
				if a.Include(day(d)) && (begins.IsZero() || !a.Since.IsZero()) {
					require.True(t, includes(after, a, d), "%v on %s", a, day(d))
				}
			}
		}
		for _, a := range stored {
			for d := 1; d < 10; d++ {
				if a.Include(day(d)) && !names(file, a) {
					require.True(t, includes(after, a, d), "the past of who is not in the file: %v on %s", a, day(d))
				}
			}
		}
	}
}

func apply(stored []teams.Assignment, changes []teams.Change) (after []teams.Assignment) {
	changed := map[string]bool{}
	for _, c := range changes {
		changed[c.Team+c.To] = true
		for _, d := range c.After {
			after = append(after, teams.Assignment{Team: c.Team, To: c.To, Days: d})
		}
	}
	for _, a := range stored {
		if !changed[a.Team+a.To] {
			after = append(after, a)
		}
	}
	return after
}

func includes(list []teams.Assignment, a teams.Assignment, d int) bool {
	for _, o := range list {
		if o.Team == a.Team && o.To == a.To && o.Include(day(d)) {
			return true
		}
	}
	return false
}

func names(file []teams.Assignment, a teams.Assignment) bool {
	for _, o := range file {
		if o.Team == a.Team && o.To == a.To {
			return true
		}
	}
	return false
}

func TestWhoIsInSeveralTeams(t *testing.T) {
	t.Parallel()
	stored := []teams.Assignment{in("red", "ada", 0, 5), in("blue", "ada", 5, 0), in("red", "ben", 0, 0), in("red", "eve", 0, 0)}
	changes := teams.Plan(stored, []teams.Assignment{in("blue", "ada", 5, 0), in("blue", "ben", 9, 0)}, time.Time{}, day(10))
	assert.Equal(t, []string{"ben"}, teams.InSeveral(stored, changes))
}

func TestTheCostCentreOfAUser(t *testing.T) {
	t.Parallel()
	ada, ben, eve := usage.UserID("ada"), usage.UserID("ben"), usage.UserID("eve")
	d := teams.NewDirectory(true, map[usage.ID][]teams.Assignment{
		ada: {in("red", "", 0, 5), in("blue", "", 5, 0), in("red", "", 3, 5)},
		ben: {in("red", "", 0, 0), in("green", "", 0, 0)},
	}, []teams.Assignment{in("red", "R1", 0, 4), in("red", "R2", 4, 0), in("green", "R1", 0, 0)})
	var got []string
	for _, c := range []struct {
		user usage.ID
		day  int
	}{{ada, 3}, {ada, 4}, {ada, 5}, {ben, 3}, {ben, 4}, {eve, 3}, {usage.ID{}, 3}} {
		got = append(got, fmt.Sprint(d.Teams(c.user, day(c.day)), " ", d.Of(c.user, day(c.day), false), " ", d.Of(c.user, day(c.day), true)))
	}
	assert.Equal(t, []string{
		"[red] red R1", "[red] red R2", "[blue] blue (no cost centre)", "[green red] (several teams) R1", "[green red] (several teams) (several teams)",
		"[] (unassigned) (unassigned)", "[] (no user) (no user)",
	}, got)
}
