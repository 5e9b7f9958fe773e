package usageapiextension

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strconv"

	"github.com/otelcol-usage/otelcol-usage/internal/page"
	"github.com/otelcol-usage/otelcol-usage/internal/report"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// pageRoutes are the routes of the dashboard, which `page: true` adds. They take the
// parameters of the API, and one for the length of the period.
var pageRoutes = []route{
	{path: page.OverviewPath, audience: eachTheirs, page: true, params: page.Params[page.OverviewPath], answer: (*api).overviewPage},
	{path: page.CallsPath, audience: eachTheirs, page: true, params: page.Params[page.CallsPath], answer: (*api).callsPage},
	{path: page.SessionsPath, audience: eachTheirs, page: true, params: page.Params[page.SessionsPath], answer: (*api).sessionsPage},
	{path: page.OutlookPath, audience: eachTheirs, page: true, params: page.Params[page.OutlookPath], answer: (*api).outlookPage},
	{path: page.BillPath, audience: administrators, page: true, params: page.Params[page.BillPath], answer: (*api).billPage},
	{path: page.StylePath, audience: everybody, answer: func(*api, *question) (*answer, error) {
		return &answer{contentType: "text/css; charset=utf-8", body: page.Style}, nil
	}},
	{path: page.IconPath, audience: everybody, answer: func(*api, *question) (*answer, error) {
		return &answer{contentType: "image/svg+xml", body: page.Icon}, nil
	}},
}

const htmlType = "text/html; charset=utf-8"

// overviewPage answers [page.OverviewPath] with the API's answer to the same question.
func (a *api) overviewPage(q *question) (*answer, error) {
	place, err := a.place(q, page.OverviewPath)
	if err != nil {
		return nil, err
	}
	q.params["top"] = page.Top
	said, err := a.usage(q)
	if err != nil {
		return nil, err
	}
	users := []string{q.params["userId"]}
	for _, u := range said.usage.Current.UsageByUser {
		users = append(users, u.Key)
	}
	if place.Names, err = a.userNames(q, users); err != nil {
		return nil, err
	}
	shown := page.Overview{Place: place, Answer: *said.usage}
	if shown.Advice, err = a.advicePart(q); err != nil {
		return nil, err
	}
	isOfToday := !said.usage.Current.End.Before(a.now())
	if isOfToday && (q.own || q.params["userId"] == "") {
		if shown.Budgets, err = a.budgetsPart(q); err != nil {
			return nil, err
		}
	}
	if isOfToday && a.isQuickToForecast(q) {
		if shown.Forecast, err = a.forecastPart(q, true); err != nil {
			return nil, err
		}
	}
	body, err := page.WriteOverview(shown)
	return &answer{contentType: htmlType, body: body, rows: said.rows}, err
}

// outlookPage answers [page.OutlookPath].
func (a *api) outlookPage(q *question) (*answer, error) {
	place, err := a.place(q, page.OutlookPath)
	if err != nil {
		return nil, err
	}
	shown := page.Outlook{Place: place}
	if shown.Forecast, err = a.forecastPart(q, false); err != nil {
		return nil, err
	}
	if shown.Advice, err = a.advicePart(q); err != nil {
		return nil, err
	}
	if q.params["scope"] == "budget" {
		if shown.Budgets, err = a.budgetsPart(q); err != nil {
			return nil, err
		}
	}
	if cmp.Or(q.params["scope"], report.ForecastScopes[0]) == report.ForecastScopes[0] && (q.own || q.params["userId"] == "") {
		if shown.Plans, err = a.plansPart(q); err != nil {
			return nil, err
		}
	}
	users := []string{q.params["userId"]}
	for i := range shown.Forecast.Forecasts {
		users = append(users, shown.Forecast.Forecasts[i].Key)
	}
	if shown.Names, err = a.userNames(q, users); err != nil {
		return nil, err
	}
	body, err := page.WriteOutlook(shown)
	return &answer{contentType: htmlType, body: body, rows: len(shown.Forecast.Forecasts)}, err
}

// forecastPart returns the API's answer about the same calls, without drivers when brief.
func (a *api) forecastPart(q *question, brief bool) (*report.ForecastAnswer, error) {
	part := *q
	part.params = maps.Clone(q.params)
	for _, name := range []string{"startDate", "endDate"} {
		delete(part.params, name)
	}
	said, err := a.forecastOf(&part, brief)
	if err != nil {
		return nil, err
	}
	return said.forecast, nil
}

// advicePart returns the published advice, nil for those who see only their own usage.
func (a *api) advicePart(q *question) (*report.AdviceAnswer, error) {
	if q.own {
		return nil, nil
	}
	document, err := report.Advice(q, a.reader)
	return &document, err
}

// budgetsPart returns the API's answer about the budgets that the viewer may see.
func (a *api) budgetsPart(q *question) (*report.BudgetsAnswer, error) {
	document, err := report.Budgets(q, a.reader, q.viewer, a.now())
	return &document, err
}

// plansPart returns the API's answer about plans on the days of the page.
func (a *api) plansPart(q *question) (*report.PlansAnswer, error) {
	span, err := report.ParseSpan(q.params["startDate"], q.params["endDate"], q.params["timezone"], a.now())
	if err != nil {
		return nil, err
	}
	document, err := report.Plans(q, a.reader, q.viewer, span, 0)
	return &document, err
}

// isQuickToForecast reports whether sums have the days of the calls. Otherwise a forecast
// would read a year of calls one by one, which the first page does not wait for.
func (a *api) isQuickToForecast(q *question) bool {
	byUser := q.own || q.params["userId"] != ""
	for _, name := range []string{"provider", "model", "service", "environment", "tag"} {
		if q.params[name] != "" && (byUser || q.params["tag"] != "") {
			return false
		}
	}
	return true
}

// sessionsPage answers [page.SessionsPath].
func (a *api) sessionsPage(q *question) (*answer, error) {
	place, err := a.place(q, page.SessionsPath)
	if err != nil {
		return nil, err
	}
	q.params["limit"] = page.Limit
	said, err := a.sessions(q)
	if err != nil {
		return nil, err
	}
	shown := page.Sessions{Place: place, Rows: said.sessions, Next: said.next}
	users := []string{q.params["userId"]}
	for i := range shown.Rows {
		users = append(users, shown.Rows[i].User.String())
	}
	if shown.Names, err = a.userNames(q, users); err != nil {
		return nil, err
	}
	if shown.TraceURL, err = a.reader.TraceLink(q); err != nil {
		return nil, err
	}
	body, err := page.WriteSessions(shown)
	return &answer{contentType: htmlType, body: body, rows: said.rows}, err
}

// callsPage answers [page.CallsPath].
func (a *api) callsPage(q *question) (*answer, error) {
	place, err := a.place(q, page.CallsPath)
	if err != nil {
		return nil, err
	}
	q.params["limit"] = page.Limit
	said, err := a.records(q)
	if err != nil {
		return nil, err
	}
	document := page.Calls{Place: place, Rows: make([]page.Call, len(said.calls)), Next: said.next}
	users := []string{q.params["userId"]}
	for i := range said.calls {
		call := &said.calls[i]
		document.Rows[i] = page.Call{Call: *call, SpanID: textOf(newRecord(call).SpanID)}
		users = append(users, call.UserID.String())
	}
	if document.Names, err = a.userNames(q, users); err != nil {
		return nil, err
	}
	if document.TraceURL, err = a.reader.TraceLink(q); err != nil {
		return nil, err
	}
	body, err := page.WriteCalls(document)
	return &answer{contentType: htmlType, body: body, rows: said.rows}, err
}

// billPage answers [page.BillPath].
func (a *api) billPage(q *question) (*answer, error) {
	place, err := a.place(q, page.BillPath)
	if err != nil {
		return nil, err
	}
	said, err := a.bill(q)
	if err != nil {
		return nil, err
	}
	body, err := page.WriteBill(page.Bill{Place: place, Answer: *said.bill})
	return &answer{contentType: htmlType, body: body, rows: said.rows}, err
}

// place returns the parameters of a page's URL, and replaces the question's parameters with
// those of the API.
func (a *api) place(q *question, path string) (page.Place, error) {
	p := page.Place{Path: path, Chosen: maps.Clone(q.params), Everybody: !q.own, Viewer: q.caller.Subject, Now: a.now()}
	days, err := q.params.choice(page.DaysParam, page.Days...)
	if err != nil {
		return p, err
	}
	number, err := strconv.Atoi(days)
	if err != nil {
		return p, err
	}
	if q.params["startDate"] != "" || q.params["endDate"] != "" {
		if p.Chosen[page.DaysParam] != "" {
			return p, paramProblem(page.DaysParam, days, "alone, without startDate and endDate")
		}
	} else if q.params["startDate"], q.params["endDate"], err = report.LastDays(number, q.params["timezone"], p.Now); err != nil {
		return p, err
	}
	delete(q.params, page.DaysParam)
	span, err := report.ParseSpan(q.params["startDate"], q.params["endDate"], q.params["timezone"], p.Now)
	if err != nil {
		return p, err
	}
	shown := span.Current.Days
	p.From, p.To, p.Zone = shown[0].Date, shown[len(shown)-1].Date, span.Zone
	return p, nil
}

// userNames returns the names of users by id, and ignores texts that are not ids. A caller
// who sees only their own usage gets no other name.
func (a *api) userNames(q *question, users []string) (map[string]string, error) {
	if q.own {
		return map[string]string{usage.UserID(q.caller.Subject).String(): q.caller.Subject}, nil
	}
	var ids []usage.ID
	for _, user := range users {
		if id, ok := usage.ParseID(user); ok && !id.IsZero() && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	known, err := a.reader.UserNames(q, ids)
	names := make(map[string]string, len(known))
	for id, name := range known {
		names[id.String()] = name
	}
	return names, err
}

// isPage reports whether the path is a page for a browser.
func (a *api) isPage(path string) bool {
	_, is := page.Params[path]
	return a.config.Page && is
}

// preparePage sets headers that limit what the page may load and forbid caching.
func preparePage(h http.Header) {
	h.Set("Content-Security-Policy", page.ContentSecurityPolicy)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "private, no-store")
}

// writePage sends the problem as an HTML page.
func (p *problem) writePage(w http.ResponseWriter) {
	body, err := page.WriteProblem(page.Problem{
		Status: p.Status, Title: cmp.Or(p.Title, "No answer"), Detail: p.Detail, Parameter: p.Parameter, Found: p.Found, Allowed: p.Allowed, RequestID: p.RequestID,
		Styled: p.Status != http.StatusUnauthorized && p.Status != http.StatusTooManyRequests,
	})
	if err != nil { // cannot happen: the template accepts any text
		p.write(w)
		return
	}
	preparePage(w.Header())
	p.send(w, htmlType, body)
}
