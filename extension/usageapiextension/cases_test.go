package usageapiextension

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/otelcol-usage/otelcol-usage/internal/golden"
	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// TestCases runs every file in testdata/cases; testdata/cases/README.md says
// what is in one. A new file is a new test.
func TestCases(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/cases/*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			db := pgtest.NewEither(t)
			runCase(t, db, file)
			if more := moreOfCase[filepath.Base(file)]; more != nil {
				more(t, db)
			}
		})
	}
}

// moreOfCase asks what is too big for a file of the case's rows.
var moreOfCase = map[string]func(*testing.T, *pgtest.DB){
	"hundred_thousand_users.txtar": checkAHundredThousandUsers,
}

func runCase(t *testing.T, db *pgtest.DB, file string) {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	require.NoError(t, err)
	var answers int
	for i, part := range archive.Files {
		switch {
		case part.Name == "rows.csv":
			insertRows(t, db, part.Data)
			db.Distribute()
		case part.Name == "change.sql":
			db.Exec(string(part.Data))
		case strings.HasPrefix(part.Name, "request"):
			require.Less(t, i+1, len(archive.Files), "%s: no answer after %s", file, part.Name)
			answer := &archive.Files[i+1]
			require.True(t, strings.HasPrefix(answer.Name, "answer"), "%s: %s follows %s", file, answer.Name, part.Name)
			got := askCase(t, db, part.Data)
			if golden.Updating(t) {
				answer.Data = []byte(got)
			} else {
				assert.Equal(t, string(answer.Data), got, "%s: %s (UPDATE_GOLDEN=1 rewrites it)", file, part.Name)
			}
			answers++
		case strings.HasPrefix(part.Name, "answer"):
		default:
			t.Fatalf("%s: %q is none of rows.csv, change.sql, request ..., answer ...", file, part.Name)
		}
	}
	require.NotZero(t, answers, "%s asks nothing", file)
	if golden.Updating(t) {
		require.NoError(t, os.WriteFile(file, txtar.Format(archive), 0o644))
	}
}

// askCase sends a request of a case and writes the answer as the case does: the
// status and the content type, then the document, indented.
func askCase(t *testing.T, db *pgtest.DB, request []byte) string {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(string(request)), "\n")
	method, target, ok := strings.Cut(lines[0], " ")
	require.True(t, ok, "the first line of a request is a method and a path, found %q", lines[0])
	headers := http.Header{}
	for _, line := range lines[1:] {
		name, value, ok := strings.Cut(line, ": ")
		require.True(t, ok, "a line of a request is Name: value, found %q", line)
		headers.Set(name, value)
	}
	return askAs(t, db, method, target, headers)
}

// dayLine is a day of a series, indented; cases write it in one line.
var dayLine = regexp.MustCompile(`\{\s+"date": ("[^"]+"),\s+"cost": (\S+)\s+\}`)

func askAs(t *testing.T, db *pgtest.DB, method, target string, headers http.Header) string {
	t.Helper()
	caller, now := "admin", time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	if c := headers.Get("Caller"); c != "" {
		caller = c
	}
	if at := headers.Get("Now"); at != "" {
		var err error
		now, err = time.Parse(time.RFC3339, at)
		require.NoError(t, err)
	}
	api := newTestAPI(t, db.DSN, now)
	w := api.do(t, method, caller, target, "X-Request-Id", "case")
	body := w.Body.Bytes()
	if strings.HasSuffix(w.Header().Get("Content-Type"), "json") && json.Valid(body) {
		var indented bytes.Buffer
		require.NoError(t, json.Indent(&indented, bytes.TrimSpace(body), "", "  "))
		body = append(dayLine.ReplaceAll(indented.Bytes(), []byte(`{"date": $1, "cost": $2}`)), '\n')
	}
	return fmt.Sprintf("%d %s\n%s", w.Code, w.Header().Get("Content-Type"), body)
}

// rowColumns are the columns that rows.csv may have, with what an absent one
// means.
var rowColumns = map[string]string{
	"time": "2026-01-15T12:00:00Z", "user": "", "dollars": "0", "type": "text", "model": "gpt-4o", "provider": "openai", "service": "shop",
	"environment": "", "status": "priced", "reason": "", "input": "", "output": "", "cacheRead": "", "cacheWrite5m": "", "cacheWrite1h": "", "reasoning": "",
	"requestId": "", "traceId": "", "payer": "", "assumptions": "", "metadata": "{}", "tags": "", "sumTags": "", "repeat": "1",
}

// insertRows fills the tables. Users exist before their calls, as the exporter
// sees to it.
func insertRows(t testing.TB, db *pgtest.DB, text []byte) {
	t.Helper()
	lines, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	require.NoError(t, err)
	var users, calls []map[string]string
	for i, line := range lines {
		if i == 0 {
			for _, name := range line {
				require.Contains(t, rowColumns, name, "rows.csv")
			}
			continue
		}
		call := maps.Clone(rowColumns)
		for j, column := range lines[0] {
			call[column] = line[j]
		}
		if external := call["user"]; external != "" {
			id := usage.UserID(external)
			call["userId"] = id.String()
			user := map[string]string{"id": id.String(), "email": external + "@example.com"}
			if _, isUUID := usage.ParseID(external); !isUUID {
				user["externalId"] = external
			}
			users = append(users, user)
		}
		repeat, err := strconv.Atoi(call["repeat"])
		require.NoError(t, err)
		for range repeat {
			call = maps.Clone(call)
			call["id"] = usage.IDFromResponse("case", strconv.Itoa(len(calls)+1)).String()
			calls = append(calls, call)
		}
	}
	db.Exec(`
		INSERT INTO auth.users (id, external_id, email)
		SELECT id, "externalId", email FROM jsonb_to_recordset($1) AS r (id uuid, "externalId" text, email text)
		ON CONFLICT DO NOTHING`, asJSON(t, users))
	db.Exec(`
		INSERT INTO public.api_usage (id, user_id, timestamp, usage_dollars, api_type, model, provider, service, environment, pricing_status, pricing_reason,
		  input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens, tokens_used, request_id, trace_id, payer, pricing_assumptions, metadata, created_at, tags, sum_tags)
		SELECT id, "userId", time, dollars, type, nullif(model, ''), provider, service, environment, status, nullif(reason, ''),
		  nullif(input, '')::bigint, nullif(output, '')::bigint, nullif("cacheRead", '')::bigint, nullif("cacheWrite5m", '')::bigint,
		  nullif("cacheWrite1h", '')::bigint, nullif(reasoning, '')::bigint, coalesce(nullif(input, '')::bigint, 0) + coalesce(nullif(output, '')::bigint, 0),
		  nullif("requestId", ''), nullif("traceId", ''), nullif(payer, ''), string_to_array(assumptions, '+'), metadata::jsonb, '2026-02-01 00:00:00Z', nullif(tags, ''), nullif("sumTags", '')
		FROM jsonb_to_recordset($1) AS r (id uuid, "userId" uuid, time timestamptz, dollars numeric, type text, model text, provider text, service text,
		  environment text, status text, reason text, input text, output text, "cacheRead" text, "cacheWrite5m" text, "cacheWrite1h" text, reasoning text,
		  "requestId" text, "traceId" text, payer text, assumptions text, metadata text, tags text, "sumTags" text)`, asJSON(t, calls))
}

// asJSON is how a statement takes many rows at once.
func asJSON(t testing.TB, rows []map[string]string) string {
	t.Helper()
	text, err := json.Marshal(slices.Concat([]map[string]string{}, rows)) // never null
	require.NoError(t, err)
	return string(text)
}
