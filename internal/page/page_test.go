package page

import (
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/report"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

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
		assert.Equal(t, want, amount{sum: sum(t, exact)}.Shown(), exact)
	}
	assert.True(t, amount{Unpriced: 1}.Unknown())
	assert.False(t, amount{sum(t, "0.1"), 1}.Unknown())
	assert.False(t, amount{}.Unknown(), "nothing was used")
}

func TestSharesSayWhenTheyAreTooSmallToRound(t *testing.T) {
	t.Parallel()
	for percent, want := range map[string]string{
		"0": "0 %", "0.01": "< 0.1 %", "0.12": "0.1 %", "9.94": "9.9 %", "12.5": "13 %", "99.2": "99 %", "99.6": "> 99 %", "100": "100 %", "1234.5": "1,235 %",
	} {
		assert.Equal(t, want, percentText(decimal.RequireFromString(percent)), percent)
	}
	assert.Empty(t, share(decimal.NewFromInt(1), decimal.Zero))
	assert.Equal(t, "33.33", partOf(decimal.NewFromInt(1), decimal.NewFromInt(3)))
	assert.Equal(t, "1,500", short(1500))
	assert.Equal(t, "2.5 million", short(2_500_000))
	assert.Equal(t, "1 call", plural(1, "call"))
	assert.Equal(t, "1,000 calls", plural(1000, "call"))
	assert.Equal(t, "2 hours ago", ago(2*time.Hour+59*time.Minute))
	assert.Equal(t, "3 days ago", ago(73*time.Hour))
}

// days makes a period of so many days that cost this each.
func days(t testing.TB, from string, n int, cost string) report.Usage {
	t.Helper()
	u := report.Usage{UsageDetail: &report.UsageDetail{Calls: 1}}
	for i := range n {
		u.DailyUsage = append(u.DailyUsage, report.DayCost{Date: parseDate(from).AddDate(0, 0, i).Format(time.DateOnly), Cost: sum(t, cost)})
	}
	return u
}

func TestTheChartHasRoundLinesAndReachesTheTop(t *testing.T) {
	t.Parallel()
	for most, want := range map[string][]string{
		"0.93": {"$0", "$0.25", "$0.50", "$0.75", "$1.00"}, "2.12": {"$0", "$1", "$2", "$3"}, "1234.5": {"$0", "$500", "$1,000", "$1,500"}, "4000": {"$0", "$1,000", "$2,000", "$3,000", "$4,000"},
		"0.00000003": {"$0", "$0.000000010", "$0.000000020", "$0.000000030"}, "0": nil,
	} {
		c := newChart(days(t, "2026-01-05", 7, most), report.Usage{UsageDetail: &report.UsageDetail{}}, &place{})
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
	at := &place{Place{Path: OverviewPath, Chosen: map[string]string{"days": "365", "model": "gpt-4o"}}}
	c := newChart(days(t, "2025-02-01", 365, "1"), days(t, "2024-02-02", 365, "0.5"), at)
	require.True(t, c.Weeks)
	require.Len(t, c.Bars, 53)
	assert.Equal(t, "2025-02-01", c.Bars[0].From)
	assert.Equal(t, "2025-02-02", c.Bars[0].To, "a Sunday")
	assert.Equal(t, "7", c.Bars[1].Cost.Exact())
	assert.Equal(t, "3.5", c.Bars[1].Before.Exact())
	assert.Equal(t, "/calls?endDate=2025-02-09&model=gpt-4o&startDate=2025-02-03", c.Bars[1].URL)
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
	c := newChart(u, u, &place{})
	var heights []string
	for _, b := range c.Bars[:4] {
		heights = append(heights, b.Height)
	}
	assert.Equal(t, []string{"180", "2", "2", "0"}, heights)
	assert.True(t, c.Bars[2].Cost.Unknown())
}

func TestLinksKeepWhatWasChosen(t *testing.T) {
	t.Parallel()
	p := place{Place{
		Path: CallsPath, From: "2026-01-01", To: "2026-01-31", Everybody: true,
		Chosen: map[string]string{"userId": `O'Hare & "x"`, "timezone": "Europe/Berlin", "status": "unpriced", "cursor": "abc", "days": "90"},
	}}
	assert.Equal(t, `/?days=90&timezone=Europe%2FBerlin&userId=O%27Hare+%26+%22x%22`, p.Root(), "an overview has no status and no place in a list")
	assert.Equal(t, `/api/admin/usage/export?endDate=2026-01-31&startDate=2026-01-01&status=unpriced&timezone=Europe%2FBerlin&userId=O%27Hare+%26+%22x%22`, p.CSV())
	p.Everybody, p.Chosen = false, map[string]string{"startDate": "2026-01-01T10:00:00Z"}
	assert.Equal(t, "/api/usage/records?endDate=2026-01-31&limit=50&startDate=2026-01-01T10%3A00%3A00Z", p.JSON())
	for _, l := range p.Periods() {
		assert.False(t, l.Current, l.Text)
	}
	p.Chosen = nil
	assert.Equal(t, "/calls?days=30", p.Periods()[1].URL)
	assert.True(t, p.Periods()[1].Current)
}

func TestTheFormSuggestsWhatFindsTheUser(t *testing.T) {
	t.Parallel()
	sent, managed := usage.UserID("zoe").String(), "7d444840-9dc0-11d1-b245-5ffdce74fad2"
	p := place{Place{Names: map[string]string{sent: "zoe", managed: "ada@example.com"}}}
	assert.Equal(t, []field{{"ada@example.com", managed}, {"zoe", "zoe"}}, p.Users())
}

// TestAComparisonWithHalfAPeriodSaysSo: "982 % more" than before anybody recorded
// anything is no news.
func TestAComparisonWithHalfAPeriodSaysSo(t *testing.T) {
	t.Parallel()
	o := overview{Answer: report.Answer{Previous: days(t, "2026-01-01", 30, "1")}}
	assert.Empty(t, o.beforeBegan())
	for i := range 20 {
		o.Answer.Previous.DailyUsage[i].Cost = usage.Sum{}
	}
	assert.Equal(t, "The period before has costs only from 21 January 2026 on.", o.beforeBegan())
}
