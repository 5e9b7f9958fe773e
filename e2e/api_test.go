package e2e

import (
	"encoding/json"
	"net/url"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

func sendOneCallEach(t *testing.T, c *collector, users ...string) {
	t.Helper()
	payload := ptrace.NewTraces()
	spans := payload.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
	for i, user := range users {
		span := chatSpan(spans.AppendEmpty(), 100, byte(i))
		if user != "" {
			span.Attributes().PutStr("user.id", user)
		}
	}
	require.NoError(t, c.sendHTTP(payload))
}

func dollars(t *testing.T, answer map[string]any) string {
	t.Helper()
	current, ok := answer["current"].(map[string]any)
	require.True(t, ok, "%v", answer)
	d, err := decimal.NewFromString(current["totalCost"].(json.Number).String())
	require.NoError(t, err)
	return d.String()
}

func TestTheAdminAnswerHasTheContractsShapeAndAddsUp(t *testing.T) {
	t.Parallel()
	pool, dsn := newDatabase(t)
	c := start(t, configuration{processor: "    prices: {builtin: openai-2024}"}.String(), dsn)
	sendOneCallEach(t, c, "ada", "grace", "")
	waitForRows(t, pool, 3)

	today := time.Now().UTC()
	status, answer := c.get("/api/admin/usage?"+url.Values{
		"startDate": {today.AddDate(0, 0, -6).Format(time.DateOnly)}, "endDate": {today.Format(time.DateOnly)},
	}.Encode(), "")
	require.Equal(t, 200, status, answer)
	for _, period := range []string{"current", "previous"} {
		part, ok := answer[period].(map[string]any)
		require.True(t, ok, period)
		for _, key := range []string{"totalCost", "usageByType", "usageByUser", "dailyUsage"} {
			assert.Contains(t, part, key, period)
		}
		total := decimal.RequireFromString(part["totalCost"].(json.Number).String())
		for _, key := range []string{"usageByType", "usageByUser"} {
			sum := decimal.Zero
			for _, cost := range part[key].(map[string]any) {
				sum = sum.Add(decimal.RequireFromString(cost.(json.Number).String()))
			}
			assert.True(t, total.Equal(sum), "%s: %s adds up to %s, the total is %s", period, key, sum, total)
		}
		days := part["dailyUsage"].([]any)
		require.Len(t, days, 7, period)
		sum := decimal.Zero
		for _, day := range days {
			sum = sum.Add(decimal.RequireFromString(day.(map[string]any)["cost"].(json.Number).String()))
			_, err := time.Parse(time.DateOnly, day.(map[string]any)["date"].(string))
			assert.NoError(t, err)
		}
		assert.True(t, total.Equal(sum), period)
	}
	assert.Equal(t, "0.00135", dollars(t, answer))
	assert.Contains(t, answer["current"].(map[string]any)["usageByUser"], "unattributed")

	status, problem := c.get("/api/admin/usage?startDate=yesterday", "")
	assert.Equal(t, 400, status)
	assert.Contains(t, problem["detail"], "startDate")
	assert.Equal(t, "yesterday", problem["found"])
}
