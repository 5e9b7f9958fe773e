package e2e

import (
	"bytes"
	"encoding/json"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestWithoutUsersEverythingIsCountedAndNobodyIsNamed: USER_AUTH=false, asked
// through the API and through usagectl, which answer the same.
func TestWithoutUsersEverythingIsCountedAndNobodyIsNamed(t *testing.T) {
	t.Parallel()
	pool, dsn := newDatabase(t)
	c := start(t, configuration{processor: "    prices: {builtin: openai-2024}"}.String(), dsn, "USER_AUTH=false")
	sendOneCallEach(t, c, "ada", "grace", "")
	waitForRows(t, pool, 3)

	today := time.Now().UTC().Format(time.DateOnly)
	status, answer := c.get("/api/admin/usage?startDate="+today+"&endDate="+today, "")
	require.Equal(t, 200, status, answer)
	assert.Equal(t, "0.00135", dollars(t, answer))
	current := answer["current"].(map[string]any)
	assert.Equal(t, map[string]any{"unattributed": json.Number("0.00135")}, current["usageByUser"])
	assert.Equal(t, json.Number("0"), current["activeUsers"])
	_, users := c.get("/api/admin/users", "")
	assert.Empty(t, users["users"])

	same := buildUsagectl(t, dsn)("usage", "--output", "json", "--start", today, "--end", today, "--top", "1000")
	assert.Equal(t, answer, same, "usagectl usage and the API say the same")
}

// TestUsagectlAndTheAPIAnswerTheSame: every question that both can ask.
func TestUsagectlAndTheAPIAnswerTheSame(t *testing.T) {
	t.Parallel()
	pool, dsn := newDatabase(t)
	c := start(t, configuration{processor: "    prices: {builtin: openai-2024}"}.String(), dsn)
	sendOneCallEach(t, c, "ada", "grace", "linus", "")
	waitForRows(t, pool, 4)

	usagectl := buildUsagectl(t, dsn)
	day := time.Now().UTC()
	from, to := day.AddDate(0, 0, -6).Format(time.DateOnly), day.Format(time.DateOnly)
	instant := day.Truncate(time.Hour).Add(time.Hour).Format(time.RFC3339)
	for _, flags := range []map[string]string{
		{},
		{"end": instant, "timezone": "Asia/Kolkata"},
		{"user": "ada"},
		{"user": "unattributed", "timezone": "America/New_York"},
		{"top": "1"},
		{"type": "text", "provider": "openai"},
		{"model": "none-such"},
		{"service": "(none)"},
	} {
		query, args := url.Values{}, []string{"usage", "--output", "json"}
		for name, def := range map[string]string{"start": from, "end": to, "timezone": "", "user": "", "top": "1000", "type": "", "provider": "", "model": "", "service": ""} {
			value := def
			if v, ok := flags[name]; ok {
				value = v
			}
			if value == "" {
				continue
			}
			parameter := map[string]string{"start": "startDate", "end": "endDate", "user": "userId", "type": "apiType"}[name]
			if parameter == "" {
				parameter = name
			}
			query.Set(parameter, value)
			args = append(args, "--"+name, value)
		}
		status, answer := c.get("/api/admin/usage?"+query.Encode(), "")
		require.Equal(t, 200, status, answer)
		assert.Equal(t, answer, usagectl(args...), "%v", flags)
	}
}

// TestTheExamplesOfTheReadmeWork asks what README.md asks, and finds what it
// shows.
func TestTheExamplesOfTheReadmeWork(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	block := func(language, after string) string {
		_, rest, ok := strings.Cut(string(text), after)
		require.True(t, ok, after)
		found := regexp.MustCompile("(?s)```" + language + "\n(.*?)```").FindStringSubmatch(rest)
		require.NotNil(t, found, language)
		return found[1]
	}
	pool, dsn := newDatabase(t)
	c := start(t, configuration{processor: "    prices: {builtin: openai-2024}"}.String(), dsn)
	sendOneCallEach(t, c, "ada", "")
	waitForRows(t, pool, 2)

	question := regexp.MustCompile(`curl .*'http://127\.0\.0\.1:8080([^']+)'`).FindStringSubmatch(block("sh", "## Ask it"))
	require.NotNil(t, question)
	status, answer := c.get(question[1], "")
	require.Equal(t, 200, status, answer)
	requireShape(t, "", decodeAnswer(t, []byte(block("json", "## Ask it"))), answer)

	rows, err := pool.Query(t.Context(), block("sql", "## Ask it"))
	require.NoError(t, err)
	var columns []string
	for _, f := range rows.FieldDescriptions() {
		columns = append(columns, f.Name)
	}
	found := 0
	for rows.Next() {
		found++
	}
	require.NoError(t, rows.Err())
	assert.Equal(t, []string{"model", "count", "sum", "unpriced"}, columns)
	assert.Equal(t, 1, found)
}

// requireShape finds every key of an example in an answer, with the same kind of
// value. Keys of costs are users, types and the like: they differ.
func requireShape(t *testing.T, path string, example, answer any) {
	t.Helper()
	require.IsType(t, example, answer, path)
	switch shown := example.(type) {
	case map[string]any:
		if strings.Contains(path, "usageBy") {
			return
		}
		for key, value := range shown {
			require.Contains(t, answer, key, path)
			requireShape(t, path+"."+key, value, answer.(map[string]any)[key])
		}
	case []any:
		if len(shown) > 0 {
			require.NotEmpty(t, answer, path)
			requireShape(t, path+"[0]", shown[0], answer.([]any)[0])
		}
	}
}

// buildUsagectl builds the command and gives what asks it for an answer.
func buildUsagectl(t *testing.T, env string) func(args ...string) map[string]any {
	t.Helper()
	usagectl := filepath.Join(t.TempDir(), "usagectl")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", usagectl, "../cmd/usagectl").CombinedOutput()
	require.NoError(t, err, "%s", out)
	return func(args ...string) map[string]any {
		cmd := exec.CommandContext(t.Context(), usagectl, args...)
		cmd.Env = append(os.Environ(), env)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		return decodeAnswer(t, out)
	}
}

func decodeAnswer(t *testing.T, text []byte) map[string]any {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	answer := map[string]any{}
	require.NoError(t, decoder.Decode(&answer), "%s", text)
	return answer
}
