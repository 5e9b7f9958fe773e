package reports_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/bill/reports"

	"github.com/otelcol-usage/otelcol-usage/internal/bill"
	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
	"github.com/otelcol-usage/otelcol-usage/internal/golden"
)

var asOf = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

func readFile(provider, text string, o reports.Options) (lines []bill.Line, p reports.Page, err error) {
	keep := func(l *bill.Line) error {
		lines = append(lines, *l)
		return nil
	}
	if provider == "focus" {
		var n reports.FocusNotes
		n, err = reports.ReadFOCUS(strings.NewReader(text), o, keep)
		return lines, n.Page, err
	}
	p, err = reports.ReadJSON(provider, strings.NewReader(text), o, keep)
	return lines, p, err
}

// providerOf reads the name of a file.
func providerOf(file string) string {
	for _, p := range []string{catalog.OpenAI, catalog.Anthropic} {
		if strings.HasPrefix(filepath.Base(file), p) {
			return p
		}
	}
	return "focus"
}

// TestWorkedExamples reads the examples of the providers' documentation; what was
// read stands beside them.
func TestWorkedExamples(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, ".golden") {
			continue
		}
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			lines, page, err := readFile(providerOf(file), string(text), reports.Options{AsOf: asOf})
			if err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			for _, l := range lines {
				fmt.Fprintln(&b, lineText(&l))
			}
			for _, d := range page.Days {
				fmt.Fprintf(&b, "covered %s %s %s until %s incomplete %t\n", d.Provider, d.Report, d.Day.Format(time.DateOnly), d.Until.Format(time.RFC3339), d.Incomplete)
			}
			fmt.Fprintf(&b, "more %t %s\n", page.HasMore, page.Next)
			golden.Equal(t, file+".golden", b.String())
		})
	}
}

func lineText(l *bill.Line) string {
	parts := []string{l.Provider, string(l.Report), l.Day.Format(time.DateOnly)}
	add := func(name, value string) {
		if value != "" {
			parts = append(parts, name+"="+value)
		}
	}
	if l.HasCost {
		add("cost", l.Cost.String()+" "+l.Currency)
		add("slack", l.Slack.String())
	}
	if l.HasKind {
		add("for", l.Kind.String())
	}
	add("category", string(l.Category))
	add("model", l.Model)
	add("tier", l.Tier)
	add("project", l.Project)
	add("key", l.APIKey)
	add("user", l.User)
	add("item", l.Item)
	add("payer", string(l.Payer))
	if l.HasRequests {
		add("requests", fmt.Sprint(l.Requests))
	}
	for _, q := range l.Quantities {
		add(q.Kind.String(), q.Amount.String())
	}
	return strings.Join(parts, " ")
}

func TestWrongFilesAreRefusedWithTheirPlace(t *testing.T) {
	t.Parallel()
	const bucket = `{"data":[{"start_time":1730419200,"end_time":1730505600,"results":[%s]}],"has_more":false}`
	cost := func(more string) string {
		return fmt.Sprintf(bucket, `{"object":"organization.costs.result","amount":{"value":1,"currency":"usd"}`+more+`}`)
	}
	anthropic := func(result string) string {
		return `{"data":[{"starting_at":"2026-08-01T00:00:00Z","ending_at":"2026-08-02T00:00:00Z","results":[` + result + `]}]}`
	}
	for _, c := range []struct{ name, provider, text, want string }{
		{"empty", catalog.OpenAI, ``, "the file is empty"},
		{"cut off", catalog.OpenAI, cost("")[:60], "ends early"},
		{"no page", catalog.OpenAI, `{"object":"list"}`, "without data"},
		{"a refusal", catalog.OpenAI, `{"error":{"message":"Incorrect API key","type":"invalid_request_error"}}`, "the provider refused instead of reporting: Incorrect API key"},
		{"a refusal of the other", catalog.Anthropic, `{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"}}`, "invalid x-api-key"},
		{"results that are not unwrapped", catalog.OpenAI, `{"data":[{"object":"organization.costs.result"}]}`, "has no results"},
		{"another provider's file", catalog.OpenAI, anthropic(`{"amount":"1","currency":"USD"}`), "object: found \"\""},
		{"the other way round", catalog.Anthropic, cost(""), "amount: found {"},
		{"dollars where cents are text", catalog.Anthropic, anthropic(`{"amount":12.5,"currency":"USD"}`), "must be the text of a number of cents"},
		{"a bucket of a month", catalog.OpenAI, strings.Replace(cost(""), "1730505600", "1733011200", 1), "longer than a UTC day"},
		{"two reports", catalog.OpenAI, cost("") + fmt.Sprintf(bucket, `{"object":"organization.usage.images.result","images":1}`), "give each report its own file"},
		{"nothing that names the report", catalog.OpenAI, fmt.Sprintf(bucket, ""), "name it with --report"},
		{"no currency", catalog.OpenAI, strings.Replace(cost(""), `"usd"`, `"$"`, 1), "currency: found \"$\""},
		{"a negative count", catalog.OpenAI, fmt.Sprintf(bucket, `{"object":"organization.usage.completions.result","input_tokens":-1}`), "input_tokens: found -1"},
		{"parts above their total", catalog.OpenAI, fmt.Sprintf(bucket, `{"object":"organization.usage.completions.result","input_tokens":1,"input_cached_tokens":2}`), "more than their total"},
		{"an absurd exponent", catalog.OpenAI, strings.Replace(cost(""), `"value":1`, `"value":1e99`, 1), "out of range"},
		{"an unknown payer", catalog.Anthropic, `{"data":[{"date":"2026-09-01","actor":{},"customer_type":"gift"}]}`, "customer_type: found \"gift\""},
		{"no FOCUS", "focus", "a,b\n1,2\n", "the column BilledCost is missing"},
		{"a FOCUS amount", "focus", "BilledCost,BillingCurrency,ChargeCategory,ChargePeriodStart,ChargePeriodEnd,ProviderName\n\"1,5\",EUR,Usage,2026-01-01,2026-01-02,openai\n", "line 2: BilledCost: found \"1,5\""},
		{"a provider without pages", "mistral", "{}", "only pages of openai and anthropic can be read"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, _, err := readFile(c.provider, c.text, reports.Options{AsOf: asOf})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestAnEmptyBucketIsCoveredAndNotTheEnd(t *testing.T) {
	t.Parallel()
	text := `{"data":[{"start_time":1730419200,"end_time":1730505600,"results":[]}],"has_more":true,"next_page":"p"}`
	_, page, err := readFile(catalog.OpenAI, text, reports.Options{AsOf: asOf, Report: bill.OpenAICosts})
	if err != nil || len(page.Days) != 1 || page.Days[0].Report != bill.OpenAICosts || !page.HasMore || page.Next != "p" {
		t.Errorf("got %+v, %v", page, err)
	}
}

func TestAFullListWithoutARestIsIncomplete(t *testing.T) {
	t.Parallel()
	row := `{"amount":"1","currency":"USD","cost_type":"tokens","token_type":"output_tokens","model":"claude-x","service_tier":"standard","workspace_id":"w"}`
	for groups, want := range map[int]bool{99: false, 100: true, 101: false} {
		text := `{"data":[{"starting_at":"2026-08-01T00:00:00Z","ending_at":"2026-08-02T00:00:00Z","results":[` +
			strings.Join(slices.Repeat([]string{row}, groups), ",") + `]}]}`
		_, page, err := readFile(catalog.Anthropic, text, reports.Options{AsOf: asOf})
		if err != nil || page.Days[0].Incomplete != want {
			t.Errorf("%d groups: %+v, %v", groups, page.Days, err)
		}
	}
}

func TestHalfADayIsCoveredHalf(t *testing.T) {
	t.Parallel()
	text := `{"data":[{"start_time":1730419200,"end_time":1730505600,"results":[{"object":"organization.costs.result","amount":{"value":1,"currency":"usd"}}]}]}`
	noon := time.Unix(1730419200, 0).UTC().Add(12 * time.Hour)
	lines, page, err := readFile(catalog.OpenAI, text, reports.Options{AsOf: noon})
	if err != nil || !page.Days[0].Until.Equal(noon) || !lines[0].Until.Equal(noon) {
		t.Errorf("got %+v, %v", page, err)
	}
	if _, _, err = readFile(catalog.OpenAI, text, reports.Options{AsOf: noon.AddDate(0, 0, -1)}); err == nil || !strings.Contains(err.Error(), "--as-of") {
		t.Errorf("a bucket of the future: %v", err)
	}
}

func TestAddressesOfPeopleAreKeptOnlyWhenAsked(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/anthropic_claude_code.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, keep := range []bool{false, true} {
		lines, _, err := readFile(catalog.Anthropic, string(text), reports.Options{AsOf: asOf, KeepEmails: keep})
		if err != nil {
			t.Fatal(err)
		}
		inRow := strings.Contains(string(lines[0].Raw), "developer@company.com")
		if inRow != keep || (lines[0].User != "") != keep {
			t.Errorf("keep %t: in the row %t, user %q", keep, inRow, lines[0].User)
		}
	}
}

func TestReadingEndsWithTheErrorOfItsReceiver(t *testing.T) {
	t.Parallel()
	stop := errors.New("stop")
	text, err := os.ReadFile("testdata/openai_costs.json")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := reports.ReadJSON(catalog.OpenAI, bytes.NewReader(text), reports.Options{AsOf: asOf}, func(*bill.Line) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
}

func FuzzRead(f *testing.F) {
	files, err := filepath.Glob("testdata/*.*")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, provider := range []string{catalog.OpenAI, catalog.Anthropic, "focus"} {
			lines, _, _ := readFile(provider, text, reports.Options{AsOf: asOf})
			for _, l := range lines {
				if l.Day.After(l.Until) || l.HasCost != (l.Currency != "") || len(l.Raw) == 0 {
					t.Errorf("%s: %s", provider, lineText(&l))
				}
				for _, q := range l.Quantities {
					if provider != "focus" && q.Amount.IsNegative() {
						t.Errorf("%s: %s", provider, lineText(&l))
					}
				}
			}
		}
	})
}

// TestEveryExporterWritesFOCUSInItsOwnWay: a byte order mark before a quoted header, names in
// lower case, another order, columns of one's own, lines inside of a field, CRLF.
func TestEveryExporterWritesFOCUSInItsOwnWay(t *testing.T) {
	t.Parallel()
	plain := "BilledCost,BillingCurrency,ChargeCategory,ChargePeriodStart,ChargePeriodEnd,ProviderName,ServiceName,SkuMeter,ConsumedQuantity,ConsumedUnit,SubAccountId\n" +
		"0.275,EUR,Usage,2026-01-01T00:00:00Z,2026-01-02T00:00:00Z,Microsoft,Azure OpenAI Service,gpt 4o 0806 Inp glbl Tokens,110,1K Tokens,sub-1\n"
	want, _, err := readFile("focus", plain, reports.Options{AsOf: asOf})
	if err != nil || len(want) != 1 {
		t.Fatal(want, err)
	}
	for name, text := range map[string]string{
		"a byte order mark": "\uFEFF" + plain,
		"quotes, another order, more columns, lines in a field": "\uFEFF\"Tags\",\"SubAccountId\",\"ConsumedUnit\",\"ConsumedQuantity\",\"SkuMeter\",\"ServiceName\",\"ProviderName\",\"ChargePeriodEnd\",\"ChargePeriodStart\",\"ChargeCategory\",\"BillingCurrency\",\"BilledCost\",\"x_Own\"\r\n" +
			"\"{\"\"a\"\":\r\n \"\"b, c\"\"}\",\"sub-1\",\"1K Tokens\",\"110\",\"gpt 4o 0806 Inp glbl Tokens\",\"Azure OpenAI Service\",\"Microsoft\",\"2026-01-02T00:00Z\",\"2026-01-01 00:00:00+00:00\",\"Usage\",\"eur\",\"2.75E-1\",\"\"\r\n",
		"lower case and NULL": strings.Replace(strings.ToLower(plain[:strings.Index(plain, "\n")]), ",subaccountid", ",Tags,subaccountid", 1) + strings.Replace(plain[strings.Index(plain, "\n"):], ",sub-1", ",NULL,sub-1", 1),
	} {
		got, _, err := readFile("focus", text, reports.Options{AsOf: asOf})
		if err != nil || len(got) != 1 || lineText(&got[0]) != lineText(&want[0]) {
			t.Errorf("%s: %v\ngot  %+v\nwant %s", name, err, got, lineText(&want[0]))
		}
	}
	cost := "\uFEFF" + `{"data":[{"start_time":1730419200,"end_time":1730505600,"results":[{"object":"organization.costs.result","amount":{"value":1,"currency":"usd"}}]}]}`
	if lines, _, err := readFile(catalog.OpenAI, cost, reports.Options{AsOf: asOf}); err != nil || len(lines) != 1 {
		t.Errorf("JSON with a byte order mark: %v", err)
	}
}
