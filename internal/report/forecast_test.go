package report

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestThePeriodAroundADay(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ unit, day, from, to string }{
		{"day", "2026-02-28", "2026-02-28", "2026-03-01"},
		{"week", "2026-02-01", "2026-01-26", "2026-02-02"}, // a Sunday
		{"week", "2026-02-02", "2026-02-02", "2026-02-09"}, // a Monday
		{"month", "2028-02-29", "2028-02-01", "2028-03-01"},
		{"month", "2026-12-31", "2026-12-01", "2027-01-01"},
		{"quarter", "2026-03-31", "2026-01-01", "2026-04-01"},
		{"quarter", "2026-11-15", "2026-10-01", "2027-01-01"},
		{"year", "2026-12-31", "2026-01-01", "2027-01-01"},
	} {
		day, err := time.Parse(time.DateOnly, c.day)
		require.NoError(t, err)
		from, to := periodAround(c.unit, dateOf(day, time.UTC))
		assert.Equal(t, [2]string{c.from, c.to}, [2]string{from.String(), to.String()}, "%s of %s", c.unit, c.day)
	}
}

// TestTheRunningDay: calls of a day still arrive for an hour after it.
func TestTheRunningDay(t *testing.T) {
	t.Parallel()
	tokyo, err := time.LoadLocation("Asia/Tokyo")
	require.NoError(t, err)
	for _, c := range []struct {
		unit         string
		zone         *time.Location
		now, running string
	}{
		{"month", time.UTC, "2026-01-15T12:00:00Z", "2026-01-15"},
		{"month", time.UTC, "2026-01-15T00:59:59Z", "2026-01-14"},
		{"month", time.UTC, "2026-01-15T01:00:00Z", "2026-01-15"},
		{"month", time.UTC, "2026-02-01T00:30:00Z", "2026-02-01"}, // yesterday is not in the month
		{"day", time.UTC, "2026-01-15T00:30:00Z", "2026-01-15"},
		{"month", tokyo, "2026-01-14T16:30:00Z", "2026-01-15"},
		{"month", tokyo, "2026-01-14T15:30:00Z", "2026-01-14"},
	} {
		now, err := time.Parse(time.RFC3339, c.now)
		require.NoError(t, err)
		assert.Equal(t, c.running, calendarOf(c.unit, c.zone, now).running.String(), "%s in %s at %s", c.unit, c.zone, c.now)
	}
}

func TestTheBordersOfDaysEndWithTheRunningDay(t *testing.T) {
	t.Parallel()
	c := calendarOf("month", time.UTC, time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC))
	borders := c.borders()
	assert.Len(t, borders, historyDays+2)
	assert.Equal(t, time.Date(2026, 1, 16, 0, 0, 0, 0, time.UTC), borders[len(borders)-1].UTC())
	assert.Equal(t, "2024-12-11", c.first.String())
}
