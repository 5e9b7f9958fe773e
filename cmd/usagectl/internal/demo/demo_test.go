package demo

import (
	"bytes"
	"encoding/json"
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

func TestACostThatIsNotKnownIsPrintedAsADash(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	breakdown(&out, "By API type", map[string]json.Number{"text": "1.5", "image": "0", "rerank": "0"}, nil, map[string]json.Number{"image": "12"})
	assert.Contains(t, out.String(), "–   12 calls without a price")
	assert.Contains(t, out.String(), "$0.0000", "what cost nothing cost nothing")
	assert.NotRegexp(t, `image.*\$`, out.String())
}
