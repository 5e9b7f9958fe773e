package sums

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestCutCoversThePeriodOnce adds up the pieces of random periods hour by
// hour: one inside, zero outside, and no piece of a coarse level divides a
// bucket or takes away what retention deleted.
func TestCutCoversThePeriodOnce(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	start := time.Date(2026, 1, 20, 0, 0, 0, 0, time.UTC)
	const hours = 60 * 24
	at := func(hour int) time.Time { return start.Add(time.Duration(hour) * time.Hour) }
	for range 200 {
		from := r.IntN(hours)
		to := from + r.IntN(hours-from)
		e := Extent{Newest: at(r.IntN(2 * hours))}
		if r.IntN(2) == 0 {
			e.Retained = Day.Floor(at(r.IntN(hours)))
		}
		counts := map[int]int{}
		for _, p := range e.Cut(at(from), at(to), HalfMonthUser, DayUser, QuarterType, Single) {
			require.Equal(t, p.From, p.Level.Width.Floor(p.From))
			require.Equal(t, p.To, p.Level.Width.Floor(p.To))
			require.False(t, p.Minus && p.From.Before(e.Retained), "%v takes away deleted calls", p)
			sign := 1
			if p.Minus {
				sign = -1
			}
			for h := p.From; h.Before(p.To); h = h.Add(time.Hour) {
				counts[int(h.Sub(start)/time.Hour)] += sign
			}
		}
		for hour := -31 * 24; hour < hours+31*24; hour++ {
			want := 0
			if hour >= from && hour < to {
				want = 1
			}
			if counts[hour] != want {
				t.Fatalf("%v stands %d times in %v to %v of %+v", at(hour), counts[hour], at(from), at(to), e)
			}
		}
	}
}

// TestCutReadsFewCalls holds which pieces a usual question is made of.
func TestCutReadsFewCalls(t *testing.T) {
	t.Parallel()
	at := func(text string) time.Time {
		v, err := time.Parse("01-02T15:04", text)
		require.NoError(t, err)
		return v.AddDate(2026, 0, 0)
	}
	e := Extent{Newest: at("05-14T16:45")}
	assert.Equal(t, []Piece{
		{Level: DayUser, From: at("03-01T00:00"), To: at("03-02T00:00"), Minus: true},
		{Level: Single, From: at("03-01T18:30"), To: at("03-02T00:00")},
		{Level: HalfMonthUser, From: at("03-01T00:00"), To: at("05-16T00:00")},
		{Level: Single, From: at("05-14T16:37"), To: at("05-15T00:00"), Minus: true},
		{Level: DayUser, From: at("05-15T00:00"), To: at("05-16T00:00"), Minus: true},
	}, e.Cut(at("03-01T18:30"), at("05-14T16:37"), HalfMonthUser, DayUser, Single))
}

// TestAQuestionIsReadFromTheFewestRows holds which levels answer what.
func TestAQuestionIsReadFromTheFewestRows(t *testing.T) {
	t.Parallel()
	byTag := &Level{Name: "by_tag", Width: Day, Keys: []Key{{Name: "tag_value"}}, Measures: basicMeasures, Unnest: &Unnest{}}
	all := append(Levels[:len(Levels):len(Levels)], byTag)
	for _, c := range []struct {
		name string
		need Need
		want []*Level
	}{
		{"the total", Need{Longest: HalfMonth}, []*Level{DayType, QuarterType, Single}},
		{"by API type", Need{Keys: []string{"api_type"}, Longest: HalfMonth}, []*Level{DayType, QuarterType, Single}},
		{"by model", Need{Keys: []string{"model"}, Longest: HalfMonth}, []*Level{HalfMonthKeys, DayKeys, QuarterHour, Single}},
		{"by model and day", Need{Keys: []string{"model"}, Longest: Day}, []*Level{DayKeys, QuarterHour, Single}},
		{"a measure that is kept by all keys alone", Need{Measures: []string{"reasoning_tokens"}, Longest: Day}, []*Level{DayKeys, QuarterHour, Single}},
		{"by user", Need{Keys: []string{"user_id"}, Longest: HalfMonth}, []*Level{HalfMonthUser, DayUser, Single}},
		{"by user and API type", Need{Keys: []string{"user_id", "api_type"}, Longest: HalfMonth}, []*Level{DayUser, Single}},
		{"by user and model", Need{Keys: []string{"user_id", "model"}, Longest: HalfMonth}, []*Level{Single}},
		{"one's own", Need{Keys: []string{"user_id"}, Own: true, Longest: HalfMonth}, []*Level{DayUser, Single}},
		{"by a key that only tags have", Need{Keys: []string{"tag_value"}, Longest: HalfMonth}, []*Level{byTag, Single}},
	} {
		assert.Equal(t, namesOf(c.want), namesOf(levelsFor(all, c.need)), c.name)
	}
}

// TestLevelsStandInOrder holds what the statements rest on.
func TestLevelsStandInOrder(t *testing.T) {
	t.Parallel()
	seen := map[*Level]bool{}
	for _, l := range Levels {
		if l.Of != nil {
			assert.True(t, seen[l.Of], "%s stands before the level that it is a sum of", l.Name)
			for _, k := range l.Keys {
				assert.True(t, l.Of.Has(k.Name), "%s has a key that %s does not have", l.Name, l.Of.Name)
			}
			for _, m := range l.Measures {
				assert.True(t, l.Of.keeps(m.Name), "%s has a measure that %s does not have", l.Name, l.Of.Name)
			}
		}
		for _, m := range basicMeasures {
			assert.True(t, l.keeps(m.Name), "%s is without %s", l.Name, m.Name)
		}
		for _, m := range l.Measures {
			assert.True(t, Single.keeps(m.Name), "%s of one call", m.Name)
		}
		assert.True(t, slices.IsSortedFunc(l.Measures, func(a, b Measure) int { return a.Since - b.Since }), "%s: the columns stand in the order of their migrations", l.Name)
		seen[l] = true
	}
}

func namesOf(levels []*Level) (list []string) {
	for _, l := range levels {
		list = append(list, l.Name)
	}
	return list
}

func TestUsersAreNeverFolded(t *testing.T) {
	t.Parallel()
	var names []string
	bits := 0
	for _, k := range boundedKeys() {
		names = append(names, k.Name)
		assert.Zero(t, bits&k.Bit, "the bit of %s is another's", k.Name)
		bits |= k.Bit
	}
	assert.Equal(t, []string{"provider", "model", "service", "environment"}, names)
	assert.Equal(t, combinationBits, bits&^boundedKeys()[0].Bit, "of a combination too many the provider stays")
}
