package page

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/page/show"
	"github.com/otelcol-usage/otelcol-usage/internal/report"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

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
	one, err := usage.ParseSum("1")
	require.NoError(t, err)
	var before report.Usage
	for i := range 30 {
		before.DailyUsage = append(before.DailyUsage, report.DayCost{Date: show.ParseDate("2026-01-01").AddDate(0, 0, i).Format(time.DateOnly), Cost: one})
	}
	o := overview{Answer: report.Answer{Previous: before}}
	assert.Empty(t, o.beforeBegan())
	for i := range 20 {
		o.Answer.Previous.DailyUsage[i].Cost = usage.Sum{}
	}
	assert.Equal(t, "The period before has costs only from 21 January 2026 on.", o.beforeBegan())
}
