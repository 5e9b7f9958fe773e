package show

import (
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/report"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

func noURL(string, string) string { return "" }

func sum(t testing.TB, text string) usage.Sum {
	t.Helper()
	s, err := usage.ParseSum(text)
	require.NoError(t, err)
	return s
}

func TestAmountsAreRoundedForTheEye(t *testing.T) {
	t.Parallel()
	for exact, want := range map[string]string{
		"0": "$0.00", "12.005": "$12.01", "1234567.891": "$1,234,567.89", "999.999": "$1,000.00", "0.01": "$0.01", "0.009999": "$0.0100", "0.00425": "$0.0043",
		"0.000000000001": "$0.000000000001", "0.00000012": "$0.00000012", "-3.5": "−$3.50", "100": "$100.00",
	} {
		assert.Equal(t, want, Amount{Sum: sum(t, exact)}.Shown(), exact)
	}
	assert.True(t, Amount{Unpriced: 1}.Unknown())
	assert.False(t, Amount{sum(t, "0.1"), 1}.Unknown())
	assert.False(t, Amount{}.Unknown(), "nothing was used")
}

func TestSharesSayWhenTheyAreTooSmallToRound(t *testing.T) {
	t.Parallel()
	for percent, want := range map[string]string{
		"0": "0 %", "0.01": "< 0.1 %", "0.12": "0.1 %", "9.94": "9.9 %", "12.5": "13 %", "99.2": "99 %", "99.6": "> 99 %", "100": "100 %", "1234.5": "1,235 %",
	} {
		assert.Equal(t, want, PercentText(decimal.RequireFromString(percent)), percent)
	}
	assert.Empty(t, Share(decimal.NewFromInt(1), decimal.Zero))
	assert.Equal(t, "33.33", PartOf(decimal.NewFromInt(1), decimal.NewFromInt(3)))
	assert.Equal(t, "1,500", Short(1500))
	assert.Equal(t, "2.5 million", Short(2_500_000))
	assert.Equal(t, "1 call", Plural(1, "call"))
	assert.Equal(t, "1,000 calls", Plural(1000, "call"))
	assert.Equal(t, "2 hours ago", Ago(2*time.Hour+59*time.Minute))
	assert.Equal(t, "3 days ago", Ago(73*time.Hour))
}

// days makes a period of so many days that cost this each.
func days(t testing.TB, from string, n int, cost string) report.Usage {
	t.Helper()
	u := report.Usage{UsageDetail: &report.UsageDetail{Calls: 1}}
	for i := range n {
		u.DailyUsage = append(u.DailyUsage, report.DayCost{Date: ParseDate(from).AddDate(0, 0, i).Format(time.DateOnly), Cost: sum(t, cost)})
	}
	return u
}

func TestTheChartHasRoundLinesAndReachesTheTop(t *testing.T) {
	t.Parallel()
	for most, want := range map[string][]string{
		"0.93": {"$0", "$0.25", "$0.50", "$0.75", "$1.00"}, "2.12": {"$0", "$1", "$2", "$3"}, "1234.5": {"$0", "$500", "$1,000", "$1,500"}, "4000": {"$0", "$1,000", "$2,000", "$3,000", "$4,000"},
		"0.00000003": {"$0", "$0.000000010", "$0.000000020", "$0.000000030"}, "0": nil,
	} {
		c := NewChart(days(t, "2026-01-05", 7, most), report.Usage{UsageDetail: &report.UsageDetail{}}, noURL)
		var labels []string
		for _, tick := range c.Ticks {
			labels = append(labels, tick.Label)
		}
		assert.Equal(t, want, labels, most)
		assert.Equal(t, most == "0", c.Highest == nil)
		assert.False(t, c.Bars[0].HasBefore, "there is nothing before")
	}
}

func TestAYearIsDrawnInWeeksThatBeginOnMonday(t *testing.T) {
	t.Parallel()
	at := func(from, to string) string { return from + " " + to }
	c := NewChart(days(t, "2025-02-01", 365, "1"), days(t, "2024-02-02", 365, "0.5"), at)
	require.True(t, c.Weeks)
	require.Len(t, c.Bars, 53)
	assert.Equal(t, "2025-02-01", c.Bars[0].From)
	assert.Equal(t, "2025-02-02", c.Bars[0].To, "a Sunday")
	assert.Equal(t, "7", c.Bars[1].Cost.Exact())
	assert.Equal(t, "3.5", c.Bars[1].Before.Exact())
	assert.Equal(t, "2025-02-03 2025-02-09", c.Bars[1].URL)
	labels := 0
	for _, b := range c.Bars {
		if b.Label != "" {
			labels++
		}
	}
	assert.LessOrEqual(t, labels, labelled)
	assert.NotEmpty(t, c.Bars[52].Label, "the last one says where the chart ends")
}

func TestWhatIsNotNothingIsDrawn(t *testing.T) {
	t.Parallel()
	u := days(t, "2026-01-05", 7, "0")
	u.DailyUsage[0].Cost, u.DailyUsage[1].Cost = sum(t, "1000000"), sum(t, "0.000001")
	u.Unpriced = &report.Unpriced{Days: report.Numbers{{Key: "2026-01-07", Count: 3}}}
	c := NewChart(u, u, noURL)
	var heights []string
	for _, b := range c.Bars[:4] {
		heights = append(heights, b.Height)
	}
	assert.Equal(t, []string{"180", "2", "2", "0"}, heights)
	assert.True(t, c.Bars[2].Cost.Unknown())
}
