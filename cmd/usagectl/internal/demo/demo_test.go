package demo

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestLiveCallsHaveThePaceOfTheDaysBefore: else today's bar is many times the
// others, and every alert fires.
func TestLiveCallsHaveThePaceOfTheDaysBefore(t *testing.T) {
	t.Parallel()
	flags := New(Commands{}).Flags()
	perDay, err := strconv.Atoi(flags.Lookup("calls-per-day").DefValue)
	require.NoError(t, err)
	assert.Equal(t, 3*time.Minute, pace(perDay))
	assert.InDelta(t, perDay, float64(24*time.Hour/pace(perDay)), float64(perDay)/10)
}

// TestTheDaysOfTheDemoCanBeCompared: 90 days, and the 91 before them.
func TestTheDaysOfTheDemoCanBeCompared(t *testing.T) {
	t.Parallel()
	days, err := strconv.Atoi(New(Commands{}).Flags().Lookup("days").DefValue)
	require.NoError(t, err)
	assert.Greater(t, days, 89+91)
}
