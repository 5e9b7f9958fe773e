package usageapiextension

import (
	"encoding/csv"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"golang.org/x/net/html"

	"github.com/otelcol-usage/otelcol-usage/internal/outlook"
	"github.com/otelcol-usage/otelcol-usage/internal/page"
	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
	"github.com/otelcol-usage/otelcol-usage/internal/report"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

func withPage(c *Config) { c.Page = true }

// pageRows have two periods, every status, and calls without this and that.
var pageRows = []byte(`time,user,dollars,type,model,provider,service,status,reason,assumptions,input,output,traceId,payer,repeat
2026-01-30T12:00:00Z,ada,1.000000000001,text,gpt-4o,openai,shop,priced,,,10,20,0af7651916cd43dd8448eb211c80319c,plan,1
2026-01-30T23:30:00Z,ada,0.25,text,gpt-4o,openai,shop,priced,,region+service_tier,10,20,,api,3
2026-01-29T12:00:00Z,eve,0.0042,embedding,emb,openai,search,estimated,cache_not_reported,,1000,,,,1
2026-01-28T12:00:00Z,eve,0,image,new-image,acme,art,unpriced,unknown_model,,,,,,2
2026-01-27T12:00:00Z,,0,text,,openai,shop,unpriced,no_usage,,,,,,1
2026-01-26T12:00:00Z,,1234.5,tts,tts-1,openai,shop,reported,,,,,,,1
2025-12-30T12:00:00Z,eve,500,text,gpt-4o,openai,shop,priced,,,10,20,,,1
2025-12-20T12:00:00Z,ada,0.5,tts,tts-1,openai,shop,priced,,,,,,,1
2025-03-20T12:00:00Z,zoe,7.5,text,gpt-4,openai,old-shop,priced,,,10,20,,,1
`)

// getPage asks for a page and reads it as a browser does.
func (a *testAPI) getPage(t testing.TB, caller, target string) *html.Node {
	t.Helper()
	w := a.get(t, caller, target)
	require.Equal(t, 200, w.Code, "%s: %s", target, w.Body)
	document, err := html.Parse(w.Body)
	require.NoError(t, err)
	return document
}

func attributeOf(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// all gives the elements below n that have an attribute, or with "" that are of a kind.
func all(n *html.Node, kind, name string) (list []*html.Node) {
	for d := range n.Descendants() {
		if d.Type == html.ElementNode && (kind == "" || d.Data == kind) && (name == "" || attributeOf(d, name) != "") {
			list = append(list, d)
		}
	}
	return list
}

// textOfNode is what stands in an element.
func textOfNode(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data + " ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// values are the exact numbers in an element, in their order.
func values(n *html.Node) (list []string) {
	for _, d := range all(n, "data", "value") {
		list = append(list, attributeOf(d, "value"))
	}
	return list
}

// linkTo is the address of the link with this text.
func linkTo(t testing.TB, n *html.Node, text string) string {
	t.Helper()
	for _, a := range all(n, "a", "href") {
		if textOfNode(a) == text {
			return attributeOf(a, "href")
		}
	}
	t.Fatalf("there is no link %q", text)
	return ""
}

// byID finds an element.
func byID(n *html.Node, id string) *html.Node {
	for _, d := range all(n, "", "id") {
		if attributeOf(d, "id") == id {
			return d
		}
	}
	return nil
}

// numbersOf are all numbers of an overview: the exact ones by where they stand.
func numbersOf(document *html.Node) map[string][]string {
	found := map[string][]string{}
	for _, e := range all(document, "", "data-name") {
		found[attributeOf(e, "data-name")] = values(e)
	}
	for _, table := range all(document, "table", "id") {
		for _, row := range all(table, "tr", "data-key") {
			key := attributeOf(table, "id") + " " + attributeOf(row, "data-key")
			found[key] = values(row)
			for _, n := range all(row, "span", "data-unpriced") {
				found[key] = append(found[key], attributeOf(n, "data-unpriced")+" unpriced")
			}
			for _, name := range []string{"estimated", "assumed"} {
				for _, n := range all(row, "span", "data-"+name) {
					found[key] = append(found[key], attributeOf(n, "data-"+name)+" "+name)
				}
			}
		}
	}
	return found
}

// numbersOfAPI are the same of an answer of the API, built without the page.
func numbersOfAPI(a report.Answer) map[string][]string {
	current, previous := a.Current, a.Previous
	want := map[string][]string{}
	money := func(s usage.Sum, unpriced int64) []string {
		if s.IsZero() && unpriced > 0 {
			return nil // no known cost
		}
		return []string{s.String()}
	}
	percent := func(p *report.Percent) []string {
		if p == nil {
			return nil
		}
		return []string{p.String()}
	}
	number := func(n int64) []string { return []string{strconv.FormatInt(n, 10)} }
	before := func(list []string) []string { // nothing is compared with nothing
		if previous.Calls == 0 {
			return nil
		}
		return list
	}
	was, is := previous.Unpriced.Calls, current.Unpriced.Calls
	want["totalCost"] = slices.Concat(money(current.TotalCost, is), percent(a.Change.TotalCost), before(money(previous.TotalCost, was)))
	for _, p := range current.CostByPayer {
		if len(current.CostByPayer) > 1 || p.Key != report.UnknownPayer {
			want["totalCost"] = append(want["totalCost"], p.Cost.String())
		}
	}
	want["dailyAverage"] = slices.Concat(money(current.DailyAverage, is), percent(a.Change.DailyAverage), before(money(previous.DailyAverage, was)))
	want["calls"] = slices.Concat(number(current.Calls), percent(a.Change.Calls), before(number(previous.Calls)))
	want["activeUsers"] = slices.Concat(number(current.ActiveUsers), percent(a.Change.ActiveUsers), before(number(previous.ActiveUsers)))
	want["unpriced"], want["estimated"], want["assumed"] = nil, nil, nil
	for total, parts := range map[usage.Sum]report.Parts{current.EstimatedCost: current.Estimated, current.AssumedCost: current.Assumed} {
		for _, list := range []report.Costs{parts.Types, parts.Models, parts.Providers, parts.Services} {
			left := total
			for _, c := range list {
				left = left.Minus(c.Cost)
			}
			if !left.IsZero() {
				want["the parts"] = append(want["the parts"], left.String())
			}
		}
	}
	if current.EstimatedCalls > 0 {
		want["estimated"] = []string{current.EstimatedCost.String()}
	}
	if current.AssumedCalls > 0 {
		want["assumed"] = []string{current.AssumedCost.String()}
	}
	countIn := func(list report.Numbers, key string) int64 {
		for _, n := range list {
			if n.Key == key {
				return n.Count
			}
		}
		return 0
	}
	sumIn := func(list report.Costs, key string) (sum usage.Sum) {
		for _, c := range list {
			if c.Key == key {
				sum = sum.Plus(c.Cost)
			}
		}
		return sum
	}
	for name, b := range map[string]struct {
		is, was               report.Costs
		unpriced, unpricedWas report.Numbers
		estimated, assumed    report.Costs
	}{
		"usageByType":    {current.UsageByType, previous.UsageByType, current.Unpriced.Types, previous.Unpriced.Types, current.Estimated.Types, current.Assumed.Types},
		"usageByUser":    {current.UsageByUser, previous.UsageByUser, current.Unpriced.Users, previous.Unpriced.Users, *current.Estimated.Users, *current.Assumed.Users},
		"usageByModel":   {current.UsageByModel, previous.UsageByModel, current.Unpriced.Models, previous.Unpriced.Models, current.Estimated.Models, current.Assumed.Models},
		"usageByService": {current.UsageByService, previous.UsageByService, current.Unpriced.Services, previous.Unpriced.Services, current.Estimated.Services, current.Assumed.Services},
	} {
		for _, c := range b.is {
			unpriced := countIn(b.unpriced, c.Key)
			row := slices.Concat(money(c.Cost, unpriced), before(money(sumIn(b.was, c.Key), countIn(b.unpricedWas, c.Key))))
			if unpriced > 0 {
				row = append(row, strconv.FormatInt(unpriced, 10)+" unpriced")
			}
			for _, part := range []struct {
				costs report.Costs
				word  string
			}{{b.estimated, " estimated"}, {b.assumed, " assumed"}} {
				if sum := sumIn(part.costs, c.Key); !sum.IsZero() {
					row = append(row, sum.String()+part.word)
				}
			}
			want[name+" "+c.Key] = row
		}
	}
	// Weeks begin on Mondays.
	var key string
	var cost, costBefore usage.Sum
	var unpriced, unpricedBefore int64
	for i, d := range current.DailyUsage {
		day, _ := time.Parse(time.DateOnly, d.Date)
		if i == 0 || len(current.DailyUsage) < 100 || day.Weekday() == time.Monday {
			key, cost, costBefore, unpriced, unpricedBefore = "dailyUsage "+d.Date, usage.Sum{}, usage.Sum{}, 0, 0
		}
		cost, costBefore = cost.Plus(d.Cost), costBefore.Plus(previous.DailyUsage[i].Cost)
		unpriced += countIn(current.Unpriced.Days, d.Date)
		unpricedBefore += countIn(previous.Unpriced.Days, previous.DailyUsage[i].Date)
		want[key] = slices.Concat(money(cost, unpriced), before(money(costBefore, unpricedBefore)))
	}
	return want
}

// TestEveryNumberOnThePageIsThatOfTheAPI compares all of them, with all their digits,
// for every length of the period, filter and time zone.
func TestEveryNumberOnThePageIsThatOfTheAPI(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	insertRows(t, db, pageRows)
	api := newTestAPI(t, db.DSN, endOfJanuary, withPage)
	for _, target := range []string{
		"/", "/?days=7", "/?days=90", "/?days=365", "/?timezone=Asia/Kolkata", "/?days=7&timezone=America/Los_Angeles", "/?apiType=text", "/?model=gpt-4o", "/?service=shop&days=90",
		"/?startDate=2026-01-26&endDate=2026-01-28", "/?startDate=2026-01-28", "/?model=%28none%29", "/?provider=acme",
	} {
		t.Run(target, func(t *testing.T) {
			t.Parallel()
			document := api.getPage(t, "admin", target)
			w := api.get(t, "admin", linkTo(t, document, "This page as JSON"))
			require.Equal(t, 200, w.Code, w.Body)
			var answer report.Answer
			require.NoError(t, json.Unmarshal(w.Body.Bytes(), &answer))
			want := numbersOfAPI(answer)
			if answer.Current.End.After(endOfJanuary) {
				for _, f := range askForecast(t, api, "admin", target).Forecasts {
					f.Drivers = nil // they are on the page of forecasts
					addForecast(want, f)
				}
			}
			assert.Equal(t, want, numbersOf(document))
		})
	}
}

// askForecast asks the API what the page of this address should forecast.
func askForecast(t testing.TB, api *testAPI, caller, target string) (answer report.ForecastAnswer) {
	t.Helper()
	u, err := url.Parse(target)
	require.NoError(t, err)
	query := u.Query()
	for _, name := range []string{"days", "startDate", "endDate"} {
		query.Del(name)
	}
	path := map[bool]string{true: "/api/admin/forecast?", false: "/api/usage/forecast?"}[caller == "admin"]
	w := api.get(t, caller, path+query.Encode())
	require.Equal(t, 200, w.Code, w.Body)
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &answer))
	return answer
}

// addForecast adds the numbers that a page shows of one forecast.
func addForecast(want map[string][]string, f report.ScopeForecast) {
	money := func(s usage.Sum) []string {
		if s.IsZero() && f.UnpricedCalls > 0 {
			return nil // no known cost
		}
		return []string{s.String()}
	}
	share := func(s *outlook.Share) []string {
		if s == nil {
			return nil
		}
		return []string{s.String()}
	}
	var line []string
	if f.Method != outlook.RunRate { // else it is the same
		line = share(f.LineError)
	}
	var band []string
	if b, ok := f.Bands["80"]; ok {
		band = []string{b[0].String(), b[1].String()}
	}
	if f.Scope != "org" {
		row := slices.Concat(money(f.Spent), money(f.Expected), band)
		if f.Budget != nil {
			row = slices.Concat(row, []string{f.Budget.Limit.String()}, share(f.Budget.Exceeds))
		}
		want["forecasts "+f.Key] = slices.Concat(row, share(f.PastError), line)
		return
	}
	want["forecast"] = slices.Concat(money(f.Expected), band, money(f.Spent), share(f.PastError), line, share(f.Coverage))
	if len(f.Drivers) > 0 {
		want["drivers"] = nil
		for _, d := range f.Drivers {
			want["drivers"] = append(want["drivers"], d.Before.String(), d.After.String())
		}
	}
}

func TestWhatIsShownOfANumberIsThatNumber(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	insertRows(t, db, pageRows)
	api := newTestAPI(t, db.DSN, endOfJanuary, withPage)
	text := textOfNode(api.getPage(t, "admin", "/"))
	for _, want := range []string{
		"Total cost $1,236.25 ▲ 147 % more before: $500.50", "$1.00 within a plan", "$0.75 billed by the API", "Calls 9 ▲ 350 % more before: 2",
		"Unpriced 3 calls , 33 %", "Estimated 1 call , 11 % $0.0042 , < 0.1 % of the cost", "Assumed 3 calls, 33 % $0.75 , < 0.1 % of the cost",
		"image 2 unpriced 2 no known cost $0.00", "no user known 1 unpriced $1,234.50 > 99 %", "eve 2 unpriced 100 % estimated $0.0042 < 0.1 % $500.00",
		"Wed 28 Jan 2026 no known cost 2 $0.00", "Everybody’s usage",
	} {
		assert.Contains(t, text, want)
	}
	assert.NotContains(t, text, "Tue 27 Jan 2026 $0", "what has no price is not $0")

	calls := textOfNode(api.getPage(t, "admin", "/calls"))
	for _, want := range []string{
		"12:00:00 28 Jan 2026 eve new-image image · acme · art not known no known cost unpriced unknown model none known",
		"23:30:00 30 Jan 2026 ada gpt-4o text · openai · shop 10 in 20 out $0.25 api priced assumed: region, service tier none known",
		"no user known no model known text · openai · shop not known no known cost unpriced no usage", "$1.00 plan priced 0af76519…",
	} {
		assert.Contains(t, calls, want)
	}
}

// TestPagesShowEachCallerWhatTheyMaySee asks both pages as everybody.
func TestPagesShowEachCallerWhatTheyMaySee(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	insertRows(t, db, pageRows)
	api := newTestAPI(t, db.DSN, endOfJanuary, withPage)
	eve := usage.UserID("eve").String()
	for target, want := range map[string]map[string]int{
		"/":                     {"admin": 200, "ada": 200, "nameless": 403, "stranger": 401, "nobody": 401},
		"/calls":                {"admin": 200, "ada": 200, "nameless": 403, "stranger": 401, "nobody": 401},
		"/?userId=eve":          {"admin": 200, "ada": 403},
		"/?userId=" + eve:       {"admin": 200, "ada": 403},
		"/calls?userId=eve":     {"admin": 200, "ada": 403},
		"/?userId=ada":          {"admin": 200, "ada": 200},
		"/?userId=":             {"admin": 200, "ada": 200},
		"/?userId=unattributed": {"admin": 200, "ada": 403},
		"/?userId=a&userId=b":   {"admin": 400, "ada": 400},
		"/?userid=eve":          {"admin": 400, "ada": 400},
		"/sessions":             {"admin": 200, "ada": 200, "nameless": 403, "stranger": 401, "nobody": 401},
		"/sessions?userId=eve":  {"admin": 200, "ada": 403},
		"/outlook":              {"admin": 200, "ada": 200, "nameless": 403, "stranger": 401, "nobody": 401},
		"/outlook?userId=eve":   {"admin": 200, "ada": 403},
		"/outlook?scope=user":   {"admin": 200, "ada": 400},
		"/outlook?scope=budget": {"admin": 200, "ada": 400},
		"/outlook?scope=team":   {"admin": 200, "ada": 400},
		"/page.css":             {"admin": 200, "ada": 200, "nobody": 401},
		"/icon.svg":             {"admin": 200, "ada": 200, "nobody": 401},
	} {
		for caller, status := range want {
			w := api.get(t, caller, target)
			assert.Equal(t, status, w.Code, "%s as %s", target, caller)
			if caller != "admin" {
				for _, secret := range []string{"eve", eve, "1,234.50", "1234.5", "new-image"} {
					if target != "/?userid=eve" { // the name of a parameter is repeated
						assert.NotRegexp(t, `\b`+regexp.QuoteMeta(secret)+`\b`, w.Body.String(), "%s as %s", target, caller)
					}
				}
			}
			if strings.HasSuffix(target, "svg") || strings.HasSuffix(target, "css") {
				continue
			}
			assert.Equal(t, htmlType, w.Header().Get("Content-Type"), "%s as %s", target, caller)
			if status == 401 {
				assert.NotEmpty(t, w.Header().Get("WWW-Authenticate"))
				assert.NotContains(t, w.Body.String(), "page.css", "which nobody may load before they sign in")
			}
		}
	}
	mine := api.getPage(t, "ada", "/")
	assert.Equal(t, []string{"1.750000000001", "250", "0.5", "0.75", "1.000000000001"}, numbersOf(mine)["totalCost"])
	assert.Contains(t, textOfNode(mine), "Only your own usage")
	assert.Nil(t, byID(mine, "usageByUser"))
	assert.Equal(t, 2, len(api.logs.FilterMessage("An administrator read usage").FilterField(zap.String("path", "/calls")).All()))
	var own report.Answer
	require.NoError(t, json.Unmarshal(api.get(t, "ada", linkTo(t, mine, "This page as JSON")).Body.Bytes(), &own))
	assert.Equal(t, "1.750000000001", own.Current.TotalCost.String())
}

// TestPagesLeadToTheCallsBehindThem follows the links.
func TestPagesLeadToTheCallsBehindThem(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	insertRows(t, db, pageRows)
	api := newTestAPI(t, db.DSN, endOfJanuary, withPage)
	const kolkata = "/?days=7&timezone=Asia/Kolkata"
	home := api.getPage(t, "admin", kolkata)
	var current []string
	for _, a := range all(home, "a", "aria-current") {
		current = append(current, textOfNode(a))
	}
	assert.Equal(t, []string{"Overview", "7 days"}, current)
	for text, want := range map[string]string{
		"90 days": "/?days=90&timezone=Asia%2FKolkata", "ada": "/?days=7&timezone=Asia%2FKolkata&userId=" + usage.UserID("ada").String(),
		"no user known": "/?days=7&timezone=Asia%2FKolkata&userId=unattributed", "gpt-4o": "/?days=7&model=gpt-4o&timezone=Asia%2FKolkata",
		"3 calls": "/calls?days=7&status=unpriced&timezone=Asia%2FKolkata", "Sat 31 Jan 2026": "/calls?endDate=2026-01-31&startDate=2026-01-31&timezone=Asia%2FKolkata",
		"Single calls, with their reasons and traces →": "/calls?days=7&timezone=Asia%2FKolkata",
	} {
		assert.Equal(t, want, linkTo(t, home, text))
	}
	rows := func(target string) int { return len(all(byID(api.getPage(t, "admin", target), "calls"), "tr", "id")) }
	assert.Equal(t, 3, rows(linkTo(t, home, "3 calls")))
	assert.Equal(t, 3, rows(linkTo(t, home, "Sat 31 Jan 2026")), "the night in Kolkata")
	ada := api.getPage(t, "admin", linkTo(t, home, "ada"))
	assert.Contains(t, textOfNode(ada), "User: ada")
	assert.Equal(t, kolkata, strings.ReplaceAll(linkTo(t, ada, "✕"), "%2F", "/"), "without the filter")

	for caller, want := range map[string]int{"admin": 9, "ada": 4} {
		lines, err := csv.NewReader(api.get(t, caller, linkTo(t, api.getPage(t, caller, "/calls"), "Calls as CSV")).Body).ReadAll()
		require.NoError(t, err)
		assert.Len(t, lines, 1+want)
	}

	// Where traces are is said once, for the boards and here.
	trace := "/calls?traceId=0af7651916cd43dd8448eb211c80319c"
	assert.Equal(t, trace, linkTo(t, api.getPage(t, "ada", "/calls"), "0af76519…"))
	for setting, want := range map[string]string{
		"https://jaeger.example.com/trace/{trace_id}?span={span_id}": "https://jaeger.example.com/trace/0af7651916cd43dd8448eb211c80319c?span=",
		"/explore?trace={trace_id}":                                  "", "javascript:alert('{trace_id}')": "",
	} {
		db.Exec(`INSERT INTO public.usage_setting (name, value) VALUES ('trace_url', $1) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, setting)
		document := api.getPage(t, "ada", "/calls")
		if want == "" {
			assert.Equal(t, trace, linkTo(t, document, "0af76519…"))
		} else {
			assert.Equal(t, want, linkTo(t, document, "Open the trace"))
		}
	}
}

func TestPagesOfCallsFollowEachOther(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	insertRows(t, db, []byte("time,user,dollars,repeat\n2026-01-30T12:00:00Z,ada,1,60\n2026-01-29T12:00:00Z,ada,1,50\n"))
	api := newTestAPI(t, db.DSN, endOfJanuary, withPage)
	seen := map[string]bool{}
	next := "/calls?userId=ada&days=7"
	for _, want := range []int{50, 50, 10} {
		document := api.getPage(t, "admin", next)
		rows := all(byID(document, "calls"), "tr", "id")
		assert.Len(t, rows, want)
		for _, r := range rows {
			seen[attributeOf(r, "id")] = true
		}
		if want == 50 {
			next = linkTo(t, document, "Older calls →")
		} else {
			assert.Equal(t, "/calls?days=7&userId=ada", linkTo(t, document, "Newest calls"))
		}
	}
	assert.Len(t, seen, 110)
}

// TestEveryFilterIsShown: a page that is narrowed says by what, and how to see all.
func TestEveryFilterIsShown(t *testing.T) {
	t.Parallel()
	api := newTestAPI(t, pgtest.New(t).DSN, endOfJanuary, withPage)
	for _, r := range pageRoutes {
		for _, name := range r.params {
			value := map[string]string{
				page.DaysParam: "", "startDate": "", "endDate": "", "timezone": "", "cursor": "", "period": "", "scope": "", // not filters
				"apiType": "text", "status": "priced", "traceId": "0af7651916cd43dd8448eb211c80319c", "tag": "team:search",
			}
			text, known := value[name]
			if !known {
				text = "something"
			}
			if text == "" {
				continue
			}
			document := api.getPage(t, "admin", r.path+"?"+url.Values{name: {text}}.Encode())
			assert.Contains(t, textOfNode(document), text, "%s?%s", r.path, name)
			assert.Equal(t, r.path, linkTo(t, document, "✕"), "%s?%s", r.path, name)
		}
	}
}

func TestPagesRefuseInWords(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	api := newTestAPI(t, db.DSN, endOfJanuary, withPage)
	for target, want := range map[string]string{
		"/?timezone=Mars":               "Found Mars Allowed an IANA time zone",
		"/?days=8":                      "Parameter days Found 8 Allowed 30, 7, 90, 365",
		"/?days=7&startDate=2026-01-01": "Allowed alone, without startDate and endDate",
		"/?startDate=2026-02-01":        "Parameter startDate",
		"/?apiType=%3Cscript%3E":        "Found <script> Allowed text, speech",
		"/?top=5":                       "there is no such parameter here",
		"/?cursor=x":                    "there is no such parameter here",
		"/calls?cursor=x":               "Parameter cursor Found x",
		"/calls?traceId=12":             "Allowed 32 hexadecimal digits",
		"/calls?status=free":            "Allowed priced, estimated, reported, unpriced",
		"/?model=%00":                   "without NUL",
	} {
		w := api.get(t, "admin", target)
		assert.Equal(t, 400, w.Code, target)
		assert.Equal(t, "private, no-store", w.Header().Get("Cache-Control"))
		document, err := html.Parse(w.Body)
		require.NoError(t, err)
		assert.Contains(t, textOfNode(document), want, target)
	}
	w := api.do(t, http.MethodPost, "admin", "/")
	assert.Equal(t, 405, w.Code)
}

func TestPageIsOffByDefault(t *testing.T) {
	t.Parallel()
	api := newTestAPI(t, pgtest.New(t).DSN, endOfJanuary)
	for _, r := range pageRoutes {
		w := api.get(t, "admin", r.path)
		assert.Equal(t, 404, w.Code, r.path)
		assert.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
	}
}

// hostileNames are what an app may call its users, models and services.
var hostileNames = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `'; DROP TABLE api_usage; --`, `javascript:alert(1)`, `</title></style><svg onload=alert(1)>`,
	`{{.}} &amp; %2e%2e/ ?a=b&c=d#e`, "\u202eright to left\u202c שלום", "🦄👩‍👩‍👧", strings.Repeat("w", 256), `O'Hare & Sons "x"`,
}

// TestHostileNamesAreText: a name is text wherever it stands, and links with it lead
// to its own calls.
func TestHostileNamesAreText(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	var rows strings.Builder
	w := csv.NewWriter(&rows)
	require.NoError(t, w.Write([]string{"time", "user", "dollars", "model", "service", "provider", "status", "reason", "requestId"}))
	for _, name := range hostileNames {
		require.NoError(t, w.Write([]string{"2026-01-30T12:00:00Z", name, "1", name, name, name, "estimated", "price_fallback", name}))
	}
	w.Flush()
	insertRows(t, db, []byte(rows.String()))
	api := newTestAPI(t, db.DSN, endOfJanuary, withPage)
	pages := map[string]*html.Node{"/": api.getPage(t, "admin", "/"), "/calls": api.getPage(t, "admin", "/calls")}
	for _, name := range hostileNames {
		query := url.Values{"userId": {name}, "model": {name}, "service": {name}}.Encode()
		pages[name] = api.getPage(t, "admin", "/?"+query)
		assert.Contains(t, numbersOf(pages[name])["totalCost"], "1", name)
		assert.Equal(t, 1, len(all(byID(api.getPage(t, "admin", linkTo(t, pages["/"], strings.Join(strings.Fields(name), " "))), "usageByModel"), "tr", "data-key")), name)
	}
	allowed := map[string]bool{"html": true, "head": true, "meta": true, "title": true, "link": true, "body": true}
	for _, e := range all(api.getPage(t, "ada", "/"), "", "") {
		allowed[e.Data] = true // an empty page of somebody else
	}
	for _, kind := range []string{"section", "article", "data", "table", "thead", "tbody", "tr", "th", "td", "text", "line", "g", "details", "summary", "dl", "dt", "dd", "time", "h2", "span", "bdi", "code"} {
		allowed[kind] = true
	}
	for at, document := range pages {
		for _, e := range all(document, "", "") {
			assert.True(t, allowed[e.Data], "%s: an element %s", at, e.Data)
			for _, a := range e.Attr {
				assert.False(t, strings.HasPrefix(a.Key, "on") || a.Key == "style" || a.Key == "srcdoc", "%s: %s", at, a.Key)
				if a.Key == "href" || a.Key == "src" || a.Key == "action" {
					assert.Regexp(t, `^(/[^/\\]?|#)`, a.Val, at)
				}
			}
		}
	}
}

func TestPagesMayLoadNothingFromElsewhere(t *testing.T) {
	t.Parallel()
	api := newTestAPI(t, pgtest.New(t).DSN, endOfJanuary, withPage)
	for _, target := range []string{"/", "/calls", "/?days=1"} {
		h := api.get(t, "ada", target).Header()
		assert.Equal(t, page.ContentSecurityPolicy, h.Get("Content-Security-Policy"))
		assert.NotContains(t, h.Get("Content-Security-Policy"), "unsafe")
		assert.Equal(t, "private, no-store", h.Get("Cache-Control"))
		assert.Equal(t, "nosniff", h.Get("X-Content-Type-Options"))
		assert.Equal(t, "no-referrer", h.Get("Referrer-Policy"))
		assert.Empty(t, h.Get("ETag"))
	}
	css := api.get(t, "ada", "/page.css")
	assert.Equal(t, "text/css; charset=utf-8", css.Header().Get("Content-Type"))
	assert.NotContains(t, css.Body.String(), "url(")
	assert.NotContains(t, css.Body.String(), "@import")
	assert.Equal(t, 304, api.get(t, "ada", "/page.css", "If-None-Match", css.Header().Get("ETag")).Code)
	assert.Contains(t, textOfNode(api.getPage(t, "ada", "/")), "No call is stored yet of yours")
}

// TestTheFormPassesOnWhatItDoesNotAskFor sends what a browser would.
func TestTheFormPassesOnWhatItDoesNotAskFor(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	insertRows(t, db, pageRows)
	api := newTestAPI(t, db.DSN, endOfJanuary, withPage)
	document := api.getPage(t, "admin", "/?days=90&model=gpt-4o&timezone=Europe/Berlin")
	sent := map[string]string{}
	for _, input := range all(all(document, "form", "action")[0], "input", "name") {
		sent[attributeOf(input, "name")] = attributeOf(input, "value")
	}
	assert.Equal(t, map[string]string{"days": "90", "model": "gpt-4o", "timezone": "Europe/Berlin", "userId": ""}, sent)
	query := url.Values{}
	for _, name := range slices.Sorted(maps.Keys(sent)) {
		query.Set(name, sent[name])
	}
	assert.Equal(t, numbersOf(document), numbersOf(api.getPage(t, "admin", "/?"+query.Encode())))
}

// TestTheBillPageSaysWhatTheAPISays compares every number of the page with the
// document, and asks as everybody.
func TestTheBillPageSaysWhatTheAPISays(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	insertRows(t, db, pageRows)
	api := newTestAPI(t, db.DSN, endOfJanuary, withPage)
	assert.Contains(t, textOfNode(api.getPage(t, "admin", "/bill?days=7")), "No bill is stored for this period")
	db.Exec(`
		WITH day AS (
		  INSERT INTO public.usage_bill_day (provider, account, report, day, covered_until, incomplete)
		  SELECT 'openai', '<b>acme</b>', 'costs', d, d + 1, false FROM unnest('{2026-01-29,2026-01-30}'::date[]) AS d
		  RETURNING id, day
		)
		INSERT INTO public.usage_bill_row (day_id, digest, cost, slack, currency, category, cost_kind, model, tier, project, api_key, user_name, item, kinds, quantities, raw)
		SELECT day.id, gen_random_uuid(), r.cost, 0, 'USD', r.category, r.kind, r.model, '', 'proj_a', '<script>', '', r.item, r.kinds, r.quantities, '{}'
		FROM day, (VALUES (1.5, '', 'input_text', 'gpt-4o', '', '{input_text}'::text[], '{10}'::numeric[]), (0.25, 'storage', NULL, '', 'vector store', '{}', '{}'), (7, '', 'output_text', 'o9', '', '{output_text}', '{99}'))
		  AS r (cost, category, kind, model, item, kinds, quantities)`)
	document := api.getPage(t, "admin", "/bill?days=7")
	var answer struct {
		Providers []struct {
			BillCost, RowCost, Difference, ExplainedShare json.Number
			Causes                                        []struct {
				Cause string
				Cost  json.Number
			}
			Days     []struct{ BillCost, RowCost, Difference json.Number }
			Problems []string
		}
	}
	w := api.get(t, "admin", linkTo(t, document, "This page as JSON"))
	require.Equal(t, 200, w.Code, w.Body)
	decoder := json.NewDecoder(w.Body)
	decoder.UseNumber()
	require.NoError(t, decoder.Decode(&answer))
	require.Len(t, answer.Providers, 1)
	p := answer.Providers[0]
	want := []string{p.BillCost.String(), p.RowCost.String(), p.Difference.String(), p.ExplainedShare.String()}
	require.Greater(t, len(p.Causes), 3)
	var all decimal.Decimal
	for from := 0; from < len(p.Causes); { // what a cause adds up to, and what of
		var sum decimal.Decimal
		var parts []string
		for word := p.Causes[from].Cause; from < len(p.Causes) && p.Causes[from].Cause == word; from++ {
			sum = sum.Add(decimal.RequireFromString(p.Causes[from].Cost.String()))
			parts = append(parts, p.Causes[from].Cost.String())
		}
		want, all = append(append(want, sum.String()), parts...), all.Add(sum)
	}
	assert.Equal(t, p.Difference.String(), all.String(), "the causes add up to the difference")
	for _, d := range p.Days {
		want = append(want, d.BillCost.String(), d.RowCost.String(), d.Difference.String())
	}
	assert.Equal(t, want, values(document))
	text := textOfNode(document)
	assert.NotContains(t, text, "{")
	for _, part := range append(p.Problems, "openai <b>acme</b>", "<b>acme</b>", "key <script>", "vector store", "not in spans") {
		assert.Contains(t, text, part)
	}
	for caller, status := range map[string]int{"admin": 200, "ada": 403, "nobody": 401} {
		assert.Equal(t, status, api.get(t, caller, "/bill").Code, caller)
	}
	assert.Equal(t, 400, api.get(t, "admin", "/bill?days=365").Code)
	assert.Contains(t, linkTo(t, api.getPage(t, "admin", "/?days=7&model=gpt-4o&timezone=Asia/Kolkata"), "Bill"), "/bill?days=7")
}

// fillHundredDays makes a call of each of three users on each of the hundred days before the
// end of January, cheaper at weekends, in two services and with a tag.
func fillHundredDays(db *pgtest.DB) {
	db.Exec(`INSERT INTO auth.users (id, external_id) SELECT $1::uuid, 'ada' UNION ALL SELECT $2::uuid, 'eve'`, usage.UserID("ada").String(), usage.UserID("eve").String())
	db.Exec(`
		INSERT INTO public.api_usage (user_id, timestamp, usage_dollars, api_type, model, provider, service, tokens_used, input_tokens, output_tokens, tags)
		SELECT (ARRAY[$1::uuid, $2::uuid, NULL])[1 + who], '2026-01-31T10:00Z'::timestamptz - day * interval '1 day',
		       CASE WHEN extract(isodow FROM '2026-01-31'::date - day) > 5 THEN 0.1 ELSE 1 + day % 3 * 0.01 END * (1 + who) + 0.000000000001,
		       'text', (ARRAY['gpt-4o', '<i>model</i>'])[1 + who % 2], 'openai', (ARRAY['search', 'shop'])[1 + who / 2], 30, 20, 10,
		       CASE WHEN who < 2 THEN 'team=' || (ARRAY['find', '"><b>:x'])[1 + who] END
		FROM generate_series(0, 99) day, generate_series(0, 2) who`, usage.UserID("ada").String(), usage.UserID("eve").String())
}

// TestForecastsOnThePageAreThoseOfTheAPI compares all numbers of every scope and period.
func TestForecastsOnThePageAreThoseOfTheAPI(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	fillHundredDays(db)
	db.Exec(`INSERT INTO public.usage_budgets (name, scope, service, period, dollars) VALUES
		('<b>shop</b>', 'service', 'shop', 'month', 60.5), ('all', 'org', NULL, 'month', 1000)`)
	db.Exec(`INSERT INTO public.usage_team_members (team, user_id) VALUES ('<b>core</b>', $1)`, usage.UserID("ada").String())
	api := newTestAPI(t, db.DSN, endOfJanuary, withPage)
	for caller, targets := range map[string][]string{
		"admin": {
			"/outlook", "/outlook?period=quarter&timezone=Asia/Kolkata", "/outlook?scope=user", "/outlook?scope=model&period=week", "/outlook?scope=service&userId=ada",
			"/outlook?scope=provider&period=year", "/outlook?scope=budget", "/outlook?scope=team", "/outlook?scope=tag:team", "/outlook?model=gpt-4o&days=7",
		},
		"ada": {"/outlook", "/outlook?scope=model", "/outlook?scope=service&period=quarter", "/outlook?scope=tag:team"},
	} {
		for _, target := range targets {
			t.Run(caller+" "+target, func(t *testing.T) {
				t.Parallel()
				want := map[string][]string{}
				for _, f := range askForecast(t, api, caller, target).Forecasts {
					addForecast(want, f)
				}
				require.NotEmpty(t, want)
				document := api.getPage(t, caller, target)
				assert.Equal(t, want, numbersOf(document))
				w := api.get(t, caller, linkTo(t, document, "This page as JSON"))
				require.Equal(t, 200, w.Code, w.Body)
				var answer report.ForecastAnswer
				require.NoError(t, json.Unmarshal(w.Body.Bytes(), &answer))
				assert.Equal(t, len(askForecast(t, api, caller, target).Forecasts), len(answer.Forecasts))
			})
		}
	}
	text := textOfNode(api.getPage(t, "admin", "/outlook?scope=budget"))
	for _, want := range []string{"<b>shop</b>", "$60.50 used up since", "January 2026", "Chance to exceed", "100 %"} {
		assert.Contains(t, text, want)
	}
	mine := textOfNode(api.getPage(t, "ada", "/"))
	assert.Contains(t, mine, "Forecast of January 2026 Expected by 31 January 2026 $")
	assert.Contains(t, mine, "; a straight line was off by")
	assert.Equal(t, "/?service=search&userId="+usage.UserID("ada").String(), linkTo(t, api.getPage(t, "admin", "/outlook?scope=service&userId="+usage.UserID("ada").String()), "search"))
}

func TestAForecastSaysWhyThereIsNone(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	api := newTestAPI(t, db.DSN, endOfJanuary, withPage)
	for target, want := range map[string]string{
		"/outlook": "No call of the last 400 days has a cost", "/outlook?scope=budget": "No budget is set", "/outlook?scope=team": "There is no team", "/outlook?scope=user": "No call of the last 30 days has a cost that belongs to one user",
	} {
		assert.Contains(t, textOfNode(api.getPage(t, "admin", target)), want, target)
		assert.Contains(t, textOfNode(api.getPage(t, "admin", target)), "No advice was computed yet", target)
	}
	assert.NotContains(t, textOfNode(api.getPage(t, "ada", "/outlook")), "advice")

	// Three days say nothing about how wrong a forecast is.
	insertRows(t, db, []byte("time,user,dollars\n2026-01-28T12:00:00Z,ada,1\n2026-01-29T12:00:00Z,ada,1\n"))
	text := textOfNode(api.getPage(t, "ada", "/"))
	assert.Contains(t, text, "There are too few days for a range")
	assert.Contains(t, text, "a straight line at the mean of the last seven days")
	assert.NotContains(t, text, "In 8 of 10 cases")
	// A page of days that are over looks at them.
	assert.NotContains(t, textOfNode(api.getPage(t, "ada", "/?startDate=2026-01-28&endDate=2026-01-29")), "Forecast of")
}

// TestBudgetsOnThePageAreThoseOfTheAPI: administrators see all, others their own alone; what is
// not known says why.
func TestBudgetsOnThePageAreThoseOfTheAPI(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	fillHundredDays(db)
	db.Exec(`INSERT INTO public.usage_exchange_rates (currency, valid_from, rate, source) VALUES ('EUR', '2025-01-01', 0.8, 'test'), ('CHF', '2026-01-20', 0.9, 'test')`)
	db.Exec(`INSERT INTO public.usage_budgets (name, scope, period, dollars, amount, currency, thresholds) VALUES
		('<b>all</b>', 'org', 'month', 80, NULL, NULL, '{50,80}'), ('in euro', 'org', 'quarter', 800, 640, 'EUR', '{90}'), ('in francs', 'org', 'year', 10, 9, 'CHF', '{90}')`)
	db.Exec(`INSERT INTO public.usage_budgets (name, scope, user_id, period, dollars) VALUES ('ada alone', 'user', $1, 'month', 8), ('eve alone', 'user', $2, 'week', 900)`, usage.UserID("ada").String(), usage.UserID("eve").String())
	db.Exec(`INSERT INTO public.usage_budgets (name, scope, period, dollars) VALUES ('small', 'org', 'day', 1000), ('tiny', 'org', 'day', 2000)`)
	db.Exec(`INSERT INTO public.usage_budget_crossing (budget, first_day, last_day, threshold, amount, currency, spent, cause, crossed_at, delivery) VALUES ('<b>all</b>', '2026-01-01', '2026-01-31', 50, 80, 'USD', 41, '[]', '2026-01-12 08:05Z', 'none')`)
	db.Exec(`INSERT INTO public.usage_outlook (kind, published_at, document) VALUES ('forecast', '2026-01-31 01:30Z', '{"timezone": "UTC", "forecasts": [
		{"scope": "budget", "key": "<b>all</b>", "period": {"unit": "month", "start": "2026-01-01", "end": "2026-01-31"}, "spent": 9, "expected": 9.5, "method": "weekday", "budget": {"limit": 80, "exceeds": 0.31}}]}')`)
	api := newTestAPI(t, db.DSN, endOfJanuary, withPage)
	for caller, path := range map[string]string{"admin": "/api/admin/budgets", "ada": "/api/usage/budgets"} {
		var answer report.BudgetsAnswer
		require.NoError(t, json.Unmarshal(api.get(t, caller, path).Body.Bytes(), &answer))
		want := map[string][]string{}
		for _, b := range answer.Budgets {
			var row []string
			for _, s := range []*usage.Sum{b.Percent, b.Spent, &b.Amount, b.Projected} {
				if s != nil {
					row = append(row, s.String())
				}
			}
			if b.Forecast != nil {
				row = append(row, b.Forecast.Exceeds.String())
			}
			want[b.Name] = row
		}
		shown := func(target string) (found map[string][]string, order []string) {
			found = map[string][]string{}
			section := byID(api.getPage(t, caller, target), "budgets")
			require.NotNil(t, section, "%s as %s", target, caller)
			for _, row := range all(section, "tr", "data-key") {
				order = append(order, attributeOf(row, "data-key"))
				found[attributeOf(row, "data-key")] = values(row)
			}
			return found, order
		}
		found, order := shown("/")
		if caller == "admin" {
			require.Len(t, want, 7)
			assert.Equal(t, []string{"in francs", "ada alone", "<b>all</b>"}, order[:3], "what is not known, then what is used most")
			assert.Len(t, order, 5)
			found, _ = shown("/outlook?scope=budget")
		}
		assert.Equal(t, want, found, caller)
	}
	text := textOfNode(api.getPage(t, "admin", "/"))
	for _, want := range []string{"<b>all</b> everyone · January 2026 · reached 50 % on 12 Jan 2026, 80 %", "used up", "31 %", " EUR", "not known 9.00 CHF", "2 more, and forecasts of budgets →", "quarter 1 of 2026"} {
		assert.Contains(t, text, want)
	}
	assert.Equal(t, "/outlook?scope=budget", linkTo(t, api.getPage(t, "admin", "/"), "2 more, and forecasts of budgets →"))
	mine := textOfNode(api.getPage(t, "ada", "/"))
	assert.Contains(t, mine, "ada alone")
	for _, other := range []string{"eve alone", "everyone", "EUR", "tiny"} {
		assert.NotContains(t, mine, other)
	}
	assert.Nil(t, byID(api.getPage(t, "admin", "/?userId=ada"), "budgets"), "of one user the page does not say whose all others are")
	assert.Nil(t, byID(api.getPage(t, "ada", "/?startDate=2026-01-01&endDate=2026-01-05"), "budgets"))
}

// publishAdvice stores two pieces of advice and one that was dismissed.
func publishAdvice(db *pgtest.DB) {
	db.Exec(`INSERT INTO public.usage_outlook (kind, published_at, document) VALUES ('advice', '2026-01-31T05:00Z', '{"from": "2026-01-01", "to": "2026-01-31",
	  "calls": 3, "cost": 104.000000000001, "leftOut": [{"reason": "payer", "calls": 1, "cost": 2.5}], "more": 4,
	  "advice": [{"id": "8e7a59ba", "rule": "batch", "change": "tier batch", "savesPerMonth": 52.0000000000005, "assumption": "nobody waits",
	    "rows": {"calls": 2, "cost": 104, "service": "<b>reports</b>", "provider": "openai", "model": "gpt-4o", "link": "/api/admin/usage/records?service=%3Cb%3Ereports%3C%2Fb%3E&model=gpt-4o&startDate=2026-01-01&endDate=2026-01-30&evil=1"}},
	    {"id": "1c481ac1", "rule": "other_model", "change": "model gpt-4o-mini", "savesPerMonth": 1.5, "assumption": "the answers are good enough",
	    "rows": {"calls": 1, "cost": 2, "service": "", "provider": "openai", "model": "gpt-4o", "link": "/api/admin/usage/records?service=%28none%29&model=gpt-4o"}}],
	  "dismissed": [{"id": "57073f62", "rule": "prompt_caching", "change": "cache on", "savesPerMonth": 7.3974, "assumption": "a conversation goes on",
	    "rows": {"calls": 300, "cost": 13.95, "service": "assistant", "provider": "anthropic", "model": "claude-sonnet-4-5", "link": ""}}]}')`)
}

// TestAdviceOnThePageIsThatOfTheAPI: dollars a month, assumption and calls of each piece, for
// administrators only. What was dismissed is not among it.
func TestAdviceOnThePageIsThatOfTheAPI(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	insertRows(t, db, pageRows)
	publishAdvice(db)
	api := newTestAPI(t, db.DSN, endOfJanuary, withPage)
	document := api.getPage(t, "admin", "/outlook")
	assert.Equal(t, []string{"53.5000000000005", "52.0000000000005", "104", "1.5", "2"}, values(byID(document, "advised"))[:5], "the sum and each piece")
	text := textOfNode(document)
	for _, want := range []string{
		"$53.50 a month could be saved", "Computed 7 hours ago from 3 calls of 1 January 2026 – 30 January 2026 (UTC)", "batch : tier batch if nobody waits 8e7a59ba $52.00 2 calls of $104.00 <b>reports</b> · gpt-4o · openai",
		"no service · gpt-4o · openai", "4 more save less", "Dismissed: 1", "prompt caching : cache on", "Not looked at: 1 call of $2.50 that a plan, credits or hardware of one's own pay for",
	} {
		assert.Contains(t, text, want)
	}
	assert.Equal(t, "/calls?endDate=2026-01-30&model=gpt-4o&service=%3Cb%3Ereports%3C%2Fb%3E&startDate=2026-01-01", linkTo(t, document, "2 calls"))
	home := api.getPage(t, "admin", "/?days=7&timezone=Asia/Kolkata")
	assert.Equal(t, "/outlook?days=7&timezone=Asia%2FKolkata#advised", linkTo(t, home, "All 2 pieces, and what they assume →"))
	assert.Contains(t, textOfNode(home), "$53.50 a month could be saved: batch <b>reports</b> · gpt-4o · openai $52.00")
	for _, target := range []string{"/", "/outlook"} {
		assert.NotContains(t, textOfNode(api.getPage(t, "ada", target)), "could be saved")
	}
	db.Exec(`UPDATE public.usage_outlook SET document = document || '{"advice": [], "more": 0}'`)
	assert.Contains(t, textOfNode(api.getPage(t, "admin", "/")), "Nothing would have saved a cent a month, of 3 calls")
}

// TestTagsOnThePage: each tag adds up to the total, with the calls that do not have it, and a
// value leads to its page.
func TestTagsOnThePage(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	fillHundredDays(db)
	api := newTestAPI(t, db.DSN, endOfJanuary, withPage)
	home := api.getPage(t, "admin", "/?days=7&timezone=UTC")
	var answer report.Answer
	require.NoError(t, json.Unmarshal(api.get(t, "admin", linkTo(t, home, "This page as JSON")).Body.Bytes(), &answer))
	require.Len(t, answer.Current.UsageByTag, 1)
	assert.Len(t, answer.Current.UsageByTag[0].Values, 3)
	var sum usage.Sum
	for _, c := range answer.Current.UsageByTag[0].Values {
		assert.Equal(t, c.Cost.String(), numbersOf(home)["usageByTag1 "+c.Key][0], c.Key)
		sum = sum.Plus(c.Cost)
		name := c.Key
		if name == report.NoName {
			name = "without this tag"
		}
		link := linkTo(t, home, name)
		assert.Equal(t, "/?"+url.Values{"days": {"7"}, "timezone": {"UTC"}, "tag": {"team:" + c.Key}}.Encode(), link)
		assert.Equal(t, c.Cost.String(), numbersOf(api.getPage(t, "admin", link))["totalCost"][0], "what the link leads to")
	}
	assert.Equal(t, answer.Current.TotalCost.String(), sum.String())
	assert.Contains(t, textOfNode(home), "Tag “team”")
	assert.Contains(t, textOfNode(api.getPage(t, "admin", "/?service=shop")), "No breakdown by tag: no sums are kept")
	assert.Contains(t, textOfNode(api.getPage(t, "ada", "/")), "Tag “team” Name Cost")
	assert.NotContains(t, textOfNode(api.getPage(t, "ada", "/")), ":x", "somebody else's")
	db.Exec(`DELETE FROM public.api_usage WHERE tags IS NOT NULL`)
	assert.Contains(t, textOfNode(api.getPage(t, "admin", "/?days=7")), "No breakdown by tag: no call has one")
}

// TestSessionsOnThePage: all for administrators, one's own for everybody else, with links to
// calls and traces.
func TestSessionsOnThePage(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	insertRows(t, db, pageRows)
	db.Exec(`UPDATE public.api_usage SET session_id = CASE model WHEN 'gpt-4o' THEN 'chat "<b>1</b>"' WHEN 'new-image' THEN 'pictures' WHEN 'tts-1' THEN 'voice' END`)
	api := newTestAPI(t, db.DSN, endOfJanuary, withPage)
	document := api.getPage(t, "admin", "/sessions?timezone=Asia/Kolkata")
	var answer sessionsDocument
	w := api.get(t, "admin", linkTo(t, document, "This page as JSON"))
	require.Equal(t, 200, w.Code, w.Body)
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &answer))
	require.Len(t, answer.Sessions, 3)
	rows := all(byID(document, "sessions"), "tr", "data-key")
	require.Len(t, rows, 3)
	for i, s := range answer.Sessions {
		want := []string{strconv.FormatInt(s.Calls, 10), strconv.FormatInt(s.Tokens, 10)}
		if s.Cost != nil {
			want = append([]string{s.Cost.String()}, want...)
		}
		assert.Equal(t, want, values(rows[i]), s.SessionID)
		assert.Equal(t, s.SessionID, attributeOf(rows[i], "data-key"))
		calls := api.getPage(t, "admin", attributeOf(all(all(rows[i], "data", "value")[len(want)-2].Parent.Parent, "a", "href")[0], "href"))
		assert.Len(t, all(byID(calls, "calls"), "tr", "id"), int(s.Calls), s.SessionID)
	}
	text := textOfNode(document)
	for _, want := range []string{`chat "<b>1</b>" ada $1.75 4`, "until 31 Jan 2026, 05:00:00 gpt-4o shop 0af76519…", "pictures eve no known cost 2 unpriced 2", "voice no user known $1,234.50"} {
		assert.Contains(t, text, want)
	}
	assert.Equal(t, "/calls?endDate=2026-01-31&startDate=2026-01-30&timezone=Asia%2FKolkata&traceId=0af7651916cd43dd8448eb211c80319c", linkTo(t, document, "0af76519…"))
	db.Exec(`INSERT INTO public.usage_setting (name, value) VALUES ('trace_url', 'https://jaeger.example.com/trace/{trace_id}') ON CONFLICT (name) DO UPDATE SET value = excluded.value`)
	assert.Equal(t, "https://jaeger.example.com/trace/0af7651916cd43dd8448eb211c80319c", linkTo(t, api.getPage(t, "ada", "/sessions"), "0af76519…"))

	mine := api.getPage(t, "ada", "/sessions")
	assert.Len(t, all(byID(mine, "sessions"), "tr", "data-key"), 1)
	assert.NotContains(t, textOfNode(mine), "pictures")
	assert.Len(t, all(byID(api.getPage(t, "ada", linkTo(t, mine, "4")), "calls"), "tr", "id"), 4)
	assert.Contains(t, textOfNode(api.getPage(t, "admin", "/sessions?search=zzz")), "No sessions with that id in this period")
	assert.Len(t, all(byID(api.getPage(t, "admin", "/sessions?search=oic"), "sessions"), "tr", "data-key"), 1)

	db.Exec(`INSERT INTO public.api_usage (user_id, timestamp, usage_dollars, api_type, provider, session_id) SELECT $1::uuid, '2026-01-30Z', 1, 'text', 'openai', n FROM generate_series(1, 60) n`, usage.UserID("eve").String())
	next := api.getPage(t, "admin", linkTo(t, api.getPage(t, "admin", "/sessions?days=7&userId=eve"), "Less expensive →"))
	assert.Len(t, all(byID(next, "sessions"), "tr", "data-key"), 61-50)
	assert.Equal(t, "/sessions?days=7&userId=eve", linkTo(t, next, "Most expensive"))
}

// TestThePageShowsWhatPlansCostAndAreWorth compares the section with the API: all plans for an
// administrator, one's own for a user, none where there is none.
func TestThePageShowsWhatPlansCostAndAreWorth(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	ada, eve := usage.UserID("ada"), usage.UserID("eve")
	for id, name := range map[usage.ID]string{ada: "ada", eve: "eve"} {
		db.Exec(`INSERT INTO auth.users (id, external_id) VALUES ($1::text::uuid, $2)`, id.String(), name)
	}
	api := newTestAPI(t, db.DSN, endOfJanuary, withPage)
	assert.NotContains(t, textOfNode(api.getPage(t, "admin", "/outlook")), "At API prices")
	db.Exec(`INSERT INTO public.usage_plans (name, since, price, currency, period) VALUES ('<b>seat', '2026-01-01', 31, 'USD', 'month'), ('free', '2026-01-01', NULL, NULL, NULL)`)
	db.Exec(`INSERT INTO public.usage_plan_seats (plan, user_id, since) VALUES ('<b>seat', $1::text::uuid, '2026-01-01'), ('<b>seat', $2::text::uuid, '2026-01-01'), ('free', $2::text::uuid, '2026-01-01')`, ada.String(), eve.String())
	db.Exec(`INSERT INTO public.api_usage (user_id, timestamp, usage_dollars, api_type, payer, payer_plan, payer_filled) VALUES ($1::text::uuid, '2026-01-15Z', 83.5, 'text', 'plan', '<b>seat', true)`, ada.String())
	const days = "/outlook?startDate=2026-01-01&endDate=2026-01-31"
	text := textOfNode(api.getPage(t, "admin", days))
	for _, want := range []string{"Plans", "<b>seat", "$62.00", "$83.50", "$21.50", "$31.00", "free", "not known: the plan has no price"} {
		assert.Contains(t, text, want)
	}
	own := textOfNode(api.getPage(t, "ada", days))
	for _, want := range []string{"Your plans", "$31.00", "$83.50", "$52.50"} {
		assert.Contains(t, own, want)
	}
	assert.NotContains(t, own, "$62.00", "another's seat")
	assert.NotContains(t, own, "free", "another's plan")
	for _, other := range []string{days + "&scope=model", days + "&userId=" + ada.String()} {
		assert.NotContains(t, textOfNode(api.getPage(t, "admin", other)), "Paid beside", other)
	}
}
