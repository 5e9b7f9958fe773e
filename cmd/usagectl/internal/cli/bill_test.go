package cli

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/bill/explain"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/golden"
	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
	"github.com/otelcol-usage/otelcol-usage/internal/store/read"
)

// billFile writes a report and gives its path.
func billFile(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}

// costsOf is a page of OpenAI's costs: of each day from the first of January, what
// is charged for the input of a model.
func costsOf(days ...string) string {
	page := make([]string, len(days))
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i, cost := range days {
		results := ""
		if cost != "" {
			results = fmt.Sprintf(`{"object":"organization.costs.result","amount":{"value":%s,"currency":"usd"},"line_item":"gpt-4o-mini, input_tokens","quantity":1000000,"quantity_unit":"tokens","project_id":"proj_web","api_key_id":"key_web"}`, cost)
		}
		from := start.AddDate(0, 0, i)
		page[i] = fmt.Sprintf(`{"object":"bucket","start_time":%d,"end_time":%d,"results":[%s]}`, from.Unix(), from.AddDate(0, 0, 1).Unix(), results)
	}
	return `{"object":"page","data":[` + strings.Join(page, ",") + `],"has_more":false,"next_page":null}`
}

const storedBill = `SELECT d.day::text, coalesce(sum(r.cost)::text, 'nothing'), count(r.digest) FROM public.usage_bill_day d LEFT JOIN public.usage_bill_row r ON r.day_id = d.id GROUP BY d.day ORDER BY d.day`

func TestAReportIsStoredOnceHoweverOftenItComes(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	file := billFile(t, "costs.json", costsOf("0.15", "0.30", ""))
	for _, replaced := range []string{"0 days replaced", "3 days replaced", "3 days replaced"} {
		out, err := on(t, db.DSN, "bill", "import", "--provider=openai", "--file="+file)
		require.NoError(t, err)
		assert.Contains(t, out, "openai costs of 3 days: 2 rows stored, 0.45 USD; "+replaced)
		assert.Equal(t, "2026-01-01|0.15|1\n2026-01-02|0.30|1\n2026-01-03|nothing|0", db.Text(storedBill))
	}
	// A month that overlaps and was rewritten: less on one day, nothing on another.
	_, err := on(t, db.DSN, "bill", "import", "--provider=openai", "--file="+billFile(t, "again.json", costsOf("0.10", "", "", "0.7")))
	require.NoError(t, err)
	assert.Equal(t, "2026-01-01|0.10|1\n2026-01-02|nothing|0\n2026-01-03|nothing|0\n2026-01-04|0.7|1", db.Text(storedBill))
	// Another account is another bill.
	_, err = on(t, db.DSN, "bill", "import", "--provider=openai", "--account=lab", "--file="+file)
	require.NoError(t, err)
	assert.Equal(t, "4|3", db.Text(`SELECT count(*) FILTER (WHERE account = 'default'), count(*) FILTER (WHERE account = 'lab') FROM public.usage_bill_day`))
	// What came is what is kept.
	assert.Equal(t, `{"object":"organization.costs.result","amount":{"value":0.10,"currency":"usd"},"line_item":"gpt-4o-mini, input_tokens","quantity":1000000,"quantity_unit":"tokens","project_id":"proj_web","api_key_id":"key_web"}`,
		db.Text(`SELECT raw::text FROM public.usage_bill_row WHERE cost = 0.10`))
}

func TestEqualRowsOfADayAreBothKept(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	const line = "0.25,USD,Usage,2026-01-01T00:00:00Z,2026-01-01T01:00:00Z,openai,gpt-4o,output_text,100,Tokens\n"
	file := billFile(t, "focus.csv", "BilledCost,BillingCurrency,ChargeCategory,ChargePeriodStart,ChargePeriodEnd,ProviderName,SkuId,SkuMeter,ConsumedQuantity,ConsumedUnit\n"+line+line+
		"9,USD,Usage,2026-01-01T00:00:00Z,2026-01-01T01:00:00Z,Cloud,vm,hours,1,Hours\n")
	for range 2 {
		out, err := on(t, db.DSN, "bill", "import", "--provider=focus", "--file="+file)
		require.NoError(t, err)
		assert.Contains(t, out, "2 rows stored, 0.5 USD")
		assert.Contains(t, out, "left out: 1 of (no ServiceName)")
		assert.Equal(t, "2026-01-01|0.50|2", db.Text(storedBill))
	}
}

func TestAWrongFileStoresNothing(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	good := costsOf("0.15", "0.30")
	_, err := on(t, db.DSN, "bill", "import", "--provider=openai", "--file="+billFile(t, "good.json", good))
	require.NoError(t, err)
	before := db.Text(storedBill)
	for _, c := range []struct{ name, text, want string }{
		{"cut.json", good[:len(good)-200], "ends early"},
		{"mistake.json", strings.Replace(good, `"value":0.30`, `"value":"a lot"`, 1), "nothing was stored"},
		{"empty.json", `{"data":[],"has_more":false}`, "it has no line"},
	} {
		_, err := on(t, db.DSN, "bill", "import", "--provider=openai", "--file="+billFile(t, c.name, c.text))
		require.ErrorContains(t, err, c.want)
		assert.Equal(t, before, db.Text(storedBill))
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--provider=mistral", "--file=x"}, "must be openai, anthropic or focus"},
		{[]string{"--provider=openai", "--file=/does/not/exist"}, "no such file"},
		{[]string{"--provider=openai", "--account=", "--file=x"}, "--account"},
		{[]string{"--provider=openai", "--file=" + t.TempDir()}, "not a regular file"},
		{[]string{"--provider=focus"}, "--file: must be set to the file of a report"},
		{[]string{"--provider=openai", "--key-file=/does/not/exist"}, "--key-file: open /does/not/exist"},
		{[]string{"--provider=openai", "--key-file=" + billFile(t, "empty", " \n")}, "--key-file is empty"},
		{[]string{"--provider=openai", "--key-file=" + billFile(t, "two", "a\nb")}, "--key-file contains more than a key"},
		{[]string{"--provider=openai", "--endpoint=http://proxy.example.com"}, "must begin with https"},
		{[]string{"--provider=openai", "--file=x", "--since=2026-01-01"}, "file since"},
		{[]string{"--provider=openai", "--key-file=" + billFile(t, "key", "k"), "--since=2099-01-01"}, "not later than today"},
		{[]string{"--provider=openai", "--key-file=" + billFile(t, "key", "k"), "--report=nothing"}, "can be asked for costs, usage/completions"},
	} {
		_, err := on(t, db.DSN, append([]string{"bill", "import"}, c.args...)...)
		require.ErrorContains(t, err, c.want)
	}
}

// TestWhoImportsBillsSeesNoCalls gives a login nothing but the role.
func TestWhoImportsBillsSeesNoCalls(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`DO $$ BEGIN CREATE ROLE bill_login LOGIN PASSWORD 'pw'; EXCEPTION WHEN duplicate_object THEN NULL; END $$`)
	db.Exec(`GRANT usage_biller TO bill_login`)
	dsn := asLogin(t, db.DSN, "bill_login", "pw")
	_, err := on(t, dsn, "bill", "import", "--provider=openai", "--file="+billFile(t, "costs.json", costsOf("0.15")))
	require.NoError(t, err)
	_, err = on(t, dsn, "bill", "explain", "--from=2026-01-01", "--to=2026-01-01")
	require.ErrorContains(t, err, "usage_reader")
	for _, sql := range []string{`SELECT FROM public.api_usage`, `SELECT FROM public.usage_day`, `SELECT FROM auth.users`, `UPDATE public.api_usage SET usage_dollars = 0`} {
		_, err := db.Pool.Exec(t.Context(), `DO $$ BEGIN SET LOCAL ROLE usage_biller; EXECUTE '`+sql+`'; END $$`)
		require.ErrorContains(t, err, "permission denied", sql)
	}
}

// billedMonth stores calls and the reports about them: one call fits, one has no
// cost, a service was not seen, and the output is cheaper on the bill.
func billedMonth(t *testing.T, db *pgtest.DB) {
	t.Helper()
	db.Exec(`
INSERT INTO public.api_usage (timestamp, usage_dollars, api_type, model, provider, service, tokens_used, input_tokens, output_tokens, pricing_status, pricing_reason, metadata) VALUES
 ('2026-01-01T10:00Z', 0.15, 'text', 'gpt-4o-mini-2024-07-18', 'openai', 'web', 1000000, 1000000, 0, 'priced', NULL, '{}'),
 ('2026-01-01T11:00Z', 0, 'text', 'gpt-5', 'openai', 'chat', NULL, NULL, NULL, 'unpriced', 'no_usage', '{"quantity_reason": "no_usage", "dialect": "openllmetry"}'),
 ('2026-01-02T00:00Z', 12, 'text', 'gpt-4o', 'openai', 'web', 1000000, 0, 1000000, 'priced', NULL, '{}'),
 ('2026-01-02T00:00Z', 3, 'text', 'claude-sonnet-4-5', 'anthropic', 'web', 1000000, 1000000, 0, 'priced', NULL, '{}')`)
	cost := func(model, kind string, value string, n int) string {
		return fmt.Sprintf(`{"object":"organization.costs.result","amount":{"value":%s,"currency":"usd"},"line_item":"%s, %s_tokens","quantity":%d,"quantity_unit":"tokens","project_id":"proj_a","api_key_id":null}`, value, model, kind, n)
	}
	used := func(model, key string, requests, input, output int) string {
		return fmt.Sprintf(`{"object":"organization.usage.completions.result","input_tokens":%d,"output_tokens":%d,"num_model_requests":%d,"model":"%s","project_id":"proj_a","api_key_id":"%s","batch":false,"service_tier":"default"}`, input, output, requests, model, key)
	}
	page := func(days ...[]string) string {
		var buckets []string
		for i, results := range days {
			from := time.Date(2026, 1, 1+i, 0, 0, 0, 0, time.UTC)
			buckets = append(buckets, fmt.Sprintf(`{"object":"bucket","start_time":%d,"end_time":%d,"results":[%s]}`, from.Unix(), from.AddDate(0, 0, 1).Unix(), strings.Join(results, ",")))
		}
		return `{"object":"page","data":[` + strings.Join(buckets, ",") + `],"has_more":false,"next_page":null}`
	}
	costs := page(
		[]string{cost("gpt-4o-mini", "input", "0.45", 3000000), cost("gpt-5", "input", "0.0125", 10000), cost("gpt-5", "output", "0.05", 5000)},
		[]string{cost("gpt-4o", "output", "10", 1000000), `{"object":"organization.costs.result","amount":{"value":0.3,"currency":"usd"},"line_item":"vector store storage","project_id":"proj_a"}`},
	)
	usage := page(
		[]string{used("gpt-4o-mini-2024-07-18", "key_web", 1, 1000000, 0), used("gpt-4o-mini-2024-07-18", "key_cron", 7, 2000000, 0), used("gpt-5", "key_chat", 1, 10000, 5000)},
		[]string{used("gpt-4o-2024-08-06", "key_web", 1, 0, 1000000)},
	)
	for name, text := range map[string]string{"costs.json": costs, "usage.json": usage} {
		_, err := on(t, db.DSN, "bill", "import", "--provider=openai", "--account=acme", "--file="+billFile(t, name, text))
		require.NoError(t, err)
	}
}

func TestADifferenceIsExplainedInItsCauses(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	billedMonth(t, db)
	explained := func(more ...string) string {
		out, err := on(t, db.DSN, append([]string{"bill", "explain", "--from=2026-01-01", "--to=2026-01-03"}, more...)...)
		require.NoError(t, err)
		return out
	}
	golden.Equal(t, "testdata/bill_explain.golden", explained())
	golden.Equal(t, "testdata/bill_explain.json.golden", explained("--json"))
	golden.Equal(t, "testdata/bill_explain.csv.golden", explained("--csv", "--provider=openai"))

	var a explain.Answer
	require.NoError(t, json.Unmarshal([]byte(explained("--json")), &a))
	causes := map[explain.Word]string{}
	for _, c := range a.Providers[0].Causes {
		causes[c.Cause] = c.Cost.String()
	}
	assert.Equal(t, map[explain.Word]string{explain.NotSeen: "0.3", explain.Unpriced: "0.0625", explain.Price: "-2", explain.NotInSpans: "0.3"}, causes)

	rows, err := csv.NewReader(strings.NewReader(explained("--csv"))).ReadAll()
	require.NoError(t, err)
	sum := decimal.Zero
	for _, r := range rows[1:] {
		cost, err := decimal.NewFromString(r[7])
		require.NoError(t, err)
		sum = sum.Add(cost)
	}
	assert.Equal(t, a.Providers[0].Difference.String(), sum.String(), "the lines of the CSV file add up")
}

func TestAnExplanationIsStoredForTheBoard(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	billedMonth(t, db)
	for range 2 {
		_, err := on(t, db.DSN, "bill", "explain", "--from=2026-01-01", "--to=2026-01-03", "--store")
		require.NoError(t, err)
		assert.Equal(t, "2026-01-01|0.5125|0.15|0.3625\n2026-01-02|10.3|12|-1.7", db.Text(`
SELECT d.day::text, trim_scale(bill_cost)::text, trim_scale(row_cost)::text, (SELECT trim_scale(sum(cost))::text FROM usage_report.bill_cause c WHERE c.day = d.day)
FROM usage_report.bill_day d ORDER BY 1`))
	}
	// A day that fits has no causes any more.
	db.Exec(`UPDATE public.api_usage SET usage_dollars = 10 WHERE model = 'gpt-4o'`)
	_, err := on(t, db.DSN, "bill", "explain", "--from=2026-01-02", "--to=2026-01-02", "--store")
	require.NoError(t, err)
	assert.Equal(t, "not_in_spans", db.Text(`SELECT string_agg(cause, ',') FROM usage_report.bill_cause WHERE day = '2026-01-02'`))
}

// TestAProposalIsAPriceFileThatEndsTheDifference goes all the way: what is proposed
// validates, and repricing with it makes the rows cost what the bill says.
func TestAProposalIsAPriceFileThatEndsTheDifference(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	billedMonth(t, db)
	out, err := on(t, db.DSN, "bill", "propose", "--from=2026-01-01", "--to=2026-01-03")
	require.NoError(t, err)
	golden.Equal(t, "testdata/bill_propose.golden", out)
	file := billFile(t, "ours.yaml", out)
	_, err = run(t, "prices", "validate", file)
	require.NoError(t, err)
	dry, err := on(t, db.DSN, "reprice", "--from=2026-01-01", "--to=2026-01-03", "--provider=openai", "--file="+file, "--dry-run")
	require.NoError(t, err)
	assert.Regexp(t, `gpt-4o +1 +1 +12 +10 +-2`, dry)
	_, err = on(t, db.DSN, "reprice", "--from=2026-01-01", "--to=2026-01-03", "--provider=openai", "--file="+file)
	require.NoError(t, err)
	explained, err := on(t, db.DSN, "bill", "explain", "--from=2026-01-01", "--to=2026-01-03", "--csv")
	require.NoError(t, err)
	assert.NotContains(t, explained, ",price,")
	out, err = on(t, db.DSN, "bill", "propose", "--from=2026-01-01", "--to=2026-01-03")
	require.ErrorContains(t, err, "no price differs from the bill")
	assert.Contains(t, out, "key key_cron: instrument what uses it")
}

func TestQuestionsThatABillCannotAnswerAreRefused(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--from=2026-01-01T12:00:00Z", "--to=2026-01-03"}, "--from: found 2026-01-01T12:00:00Z, which is inside a day"},
		{[]string{"--from=2026-01-01"}, "--to must be set"},
		{[]string{"--from=2026-01-01", "--to=2026-01-31"}, "no bill is stored for those days"},
		{[]string{"--from=2026-01-01", "--to=2026-01-31", "--provider=opnai"}, `no bill of "opnai" is stored for those days`},
		{[]string{"--from=2026-01-01", "--to=2026-01-31", "--causes=-1"}, "--causes"},
		{[]string{"--from=2026-01-01", "--to=2026-01-31", "--json", "--csv"}, "json csv"},
		{[]string{"--days=35", "--to=2026-01-31"}, "days to"},
		{[]string{"--days=-1"}, "--days: found -1"},
		{[]string{"--days=35"}, "no bill is stored for those days"},
	} {
		_, err := on(t, db.DSN, append([]string{"bill", "explain"}, c.args...)...)
		require.ErrorContains(t, err, c.want)
	}
}

// asLogin is a DSN for another user.
func asLogin(t *testing.T, dsn, user, password string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	require.NoError(t, err)
	u.User = url.UserPassword(user, password)
	q := u.Query()
	q.Del("user")
	q.Del("password")
	u.RawQuery = q.Encode()
	return u.String()
}

func TestAModelWithoutAPriceIsProposedWithTheRatesOfItsBill(t *testing.T) {
	t.Parallel()
	amount := func(text string) explain.Amount { return explain.Amount{Decimal: decimal.RequireFromString(text)} }
	calls := amount("3")
	text, rows := proposal(explain.Answer{From: "2026-01-01", To: "2026-02-01", Providers: []explain.Provider{{
		Provider: "openai", Account: "acme", Currency: "USD",
		Causes: []explain.Cause{{Cause: explain.Unpriced, Cost: amount("8.000001"), Quantity: &calls, Unit: "call", Details: explain.Details{
			Model: "acme-large", Reason: "unknown_model",
			Rates: []explain.Rate{
				{Kind: "input_text", Quantity: amount("1000000"), Cost: amount("2.0000004"), PerMillion: amount("2.0000004")},
				{Kind: "output_text", Quantity: amount("1000000"), Cost: amount("6"), PerMillion: amount("6")},
				{Kind: "cache_read", Quantity: amount("3"), Cost: amount("0.0000006"), PerMillion: amount("0.2")},
			},
		}}},
	}}}, []read.BillSender{
		{Provider: "openai", Word: "no_usage", Service: "other", Calls: 9}, {Provider: "openai", Word: "unknown_model", Service: "web", Dialect: "otel", Calls: 2}, {Provider: "openai", Word: "unknown_model", Calls: 1},
		{Provider: "other", Word: "unknown_model", Service: "elsewhere", Calls: 2},
	})
	assert.Equal(t, 1, rows)
	assert.Contains(t, text, "\n# unknown_model is of web reported by otel (2 calls), a service without a name reported by an unknown library (1 call)\n")
	assert.NotContains(t, text, "elsewhere")
	assert.NotContains(t, text, "no_usage")
	assert.Contains(t, text, `model: "acme-large"  # 3 calls without a cost (unknown_model), 8.000001 USD on the bill`)
	assert.Contains(t, text, "per_1m_tokens: {input: 2, output: 6, cache_read: 0.2}")
	_, err := run(t, "prices", "validate", billFile(t, "ours.yaml", text))
	require.NoError(t, err)
}
