package store

import (
	"math/rand/v2"
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
		e := extent{newest: at(r.IntN(2 * hours))}
		if r.IntN(2) == 0 {
			e.retained = wholeDay.floor(at(r.IntN(hours)))
		}
		counts := map[int]int{}
		for _, p := range e.cut(at(from), at(to), halfMonthUser, wholeDayUser, quarterType, rawCalls) {
			require.Equal(t, p.from, p.level.floor(p.from))
			require.Equal(t, p.to, p.level.floor(p.to))
			require.False(t, p.minus && p.from.Before(e.retained), "%v takes away deleted calls", p)
			sign := 1
			if p.minus {
				sign = -1
			}
			for h := p.from; h.Before(p.to); h = h.Add(time.Hour) {
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
	e := extent{newest: at("05-14T16:45")}
	assert.Equal(t, []piece{
		{level: wholeDayUser, from: at("03-01T00:00"), to: at("03-02T00:00"), minus: true},
		{level: rawCalls, from: at("03-01T18:30"), to: at("03-02T00:00")},
		{level: halfMonthUser, from: at("03-01T00:00"), to: at("05-16T00:00")},
		{level: rawCalls, from: at("05-14T16:37"), to: at("05-15T00:00"), minus: true},
		{level: wholeDayUser, from: at("05-15T00:00"), to: at("05-16T00:00"), minus: true},
	}, e.cut(at("03-01T18:30"), at("05-14T16:37"), halfMonthUser, wholeDayUser, rawCalls))
}
