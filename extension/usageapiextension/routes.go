package usageapiextension

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/collector/client"
	"go.uber.org/zap"

	"github.com/otelcol-usage/otelcol-usage/internal/access"
	"github.com/otelcol-usage/otelcol-usage/internal/bill/explain"
	"github.com/otelcol-usage/otelcol-usage/internal/report"
	"github.com/otelcol-usage/otelcol-usage/internal/store"
	"github.com/otelcol-usage/otelcol-usage/internal/store/read"
	"github.com/otelcol-usage/otelcol-usage/internal/unsampled"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// audience says who may call a route.
type audience uint8

const (
	administrators audience = iota // the zero value is the most restrictive
	themselves                     // any identified caller, about their own usage
	everybody                      // whoever the authenticator accepts
	eachTheirs                     // administrators, and others about their own usage
)

// route is an endpoint that accepts GET and HEAD.
type route struct {
	path     string
	audience audience
	params   []string
	// page is true when the response is for a browser.
	page bool
	// Exactly one is set: answer returns the whole response, stream sends it while it is
	// read.
	answer func(*api, *question) (*answer, error)
	stream func(*api, *question, http.ResponseWriter, *http.Request) (rows int, err error)
}

// routes lists the endpoints of the API.
var routes = []route{
	{path: "/api/admin/usage", audience: administrators, params: usageParams, answer: (*api).usage},
	{path: "/api/admin/usage/records", audience: administrators, params: slices.Concat(periodParams, recordParams, filterParams, pageParams), answer: (*api).records},
	{path: "/api/admin/usage/export", audience: administrators, params: slices.Concat(periodParams, recordParams, filterParams, []string{"format", "sessions"}), stream: (*api).export},
	{path: "/api/admin/sessions", audience: administrators, params: slices.Concat(periodParams, []string{"userId", "search"}, filterParams, pageParams), answer: (*api).sessions},
	{path: "/api/admin/users", audience: administrators, params: slices.Concat([]string{"search", "sort"}, pageParams), answer: (*api).users},
	{path: "/api/admin/models", audience: administrators, params: []string{"limit"}, answer: (*api).models},
	{path: "/api/admin/bill", audience: administrators, params: []string{"startDate", "endDate", "provider"}, answer: (*api).bill},
	{path: "/api/admin/forecast", audience: administrators, params: slices.Concat([]string{"userId"}, forecastParams), answer: (*api).forecast},
	{path: "/api/admin/advice", audience: administrators, answer: (*api).advice},
	{path: "/api/admin/budgets", audience: administrators, answer: (*api).budgets},
	{path: "/api/admin/plans", audience: administrators, params: plansParams, answer: (*api).plans},
	{path: "/api/usage", audience: themselves, params: usageParams, answer: (*api).usage},
	{path: "/api/usage/records", audience: themselves, params: slices.Concat(periodParams, recordParams, filterParams, pageParams), answer: (*api).records},
	{path: "/api/usage/export", audience: themselves, params: slices.Concat(periodParams, recordParams, filterParams, []string{"format", "sessions"}), stream: (*api).export},
	{path: "/api/usage/sessions", audience: themselves, params: slices.Concat(periodParams, []string{"userId", "search"}, filterParams, pageParams), answer: (*api).sessions},
	{path: "/api/usage/budgets", audience: themselves, params: []string{"userId"}, answer: (*api).budgets},
	{path: "/api/usage/plans", audience: themselves, params: slices.Concat([]string{"userId"}, plansParams), answer: (*api).plans},
	{path: "/api/version", audience: everybody, answer: (*api).version},
	{path: "/api/usage/forecast", audience: themselves, params: slices.Concat([]string{"userId"}, forecastParams), answer: (*api).forecast},
	{path: "/api/openapi.json", audience: everybody, answer: (*api).openAPI},
}

// Parameters that several routes accept.
var (
	periodParams   = []string{"startDate", "endDate", "timezone"}
	filterParams   = []string{"apiType", "provider", "model", "service", "environment", "tag"}
	pageParams     = []string{"limit", "cursor"}
	forecastParams = slices.Concat([]string{"period", "scope", "timezone", "top"}, filterParams)
	plansParams    = slices.Concat(periodParams, []string{"top"})
	usageParams    = slices.Concat(periodParams, []string{"userId"}, filterParams, []string{"top", "detail", "currency"})
)

// question is an authorised request with its parsed parameters.
type question struct {
	context.Context
	caller access.Caller
	viewer read.Viewer
	params params
	// own is true for a question about the caller's own usage.
	own       bool
	requestID string
}

// answer is a response with status 200.
type answer struct {
	contentType string // empty means application/json
	body        []byte
	// rows is the number of rows of usage or users in the answer, for the audit.
	rows int
	// maxAge is how long the answer may be cached without revalidation.
	maxAge time.Duration

	// The content of the body, if it is one of these documents; the pages use it.
	usage    *report.Answer
	forecast *report.ForecastAnswer
	bill     *explain.Answer
	calls    []read.Call
	sessions []read.Session
	next     string // the cursor after calls or sessions; "" at the end

	// Both are made once, for however many callers share the answer.
	tagged, compressed sync.Once
	tag                string
	gzipped            []byte
}

// jsonAnswer returns an answer with a JSON document.
func jsonAnswer(document any, rows int) (*answer, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(document); err != nil {
		return nil, fmt.Errorf("encode the answer: %w", err)
	}
	return &answer{body: b.Bytes(), rows: rows}, nil
}

// handler returns everything behind the authenticator.
func (a *api) handler() http.Handler {
	byPath := make(map[string]route, len(routes))
	for _, r := range routes {
		byPath[r.path] = r
	}
	for _, r := range pageRoutes {
		if a.config.Page {
			byPath[r.path] = r
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := requestID(r)
		prepareHeader(w.Header(), id)
		defer a.recover(w, r, id)
		if p := a.refuseRebinding(r); p != nil {
			a.refuse(w, r, id, p)
			return
		}
		// Identify the caller before looking at the path: an unknown caller learns nothing,
		// not even which paths exist.
		caller, err := a.policy.Caller(attributesOf(r))
		if err != nil {
			a.refuse(w, r, id, toProblem(err))
			return
		}
		noteCaller(r.Context(), caller)
		if p := a.limiter.refuse(w, r, caller); p != nil {
			a.refuse(w, r, id, p)
			return
		}
		route, ok := byPath[r.URL.Path]
		if !ok {
			a.refuse(w, r, id, newProblem(http.StatusNotFound, "there is nothing at this path; GET /api/openapi.json lists what there is"))
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			a.refuse(w, r, id, newProblem(http.StatusMethodNotAllowed, "only GET and HEAD are answered here: this API changes nothing"))
			return
		}
		a.serve(w, r, route, caller, id)
	})
}

// serve handles a request to a route.
func (a *api) serve(w http.ResponseWriter, r *http.Request, route route, caller access.Caller, id string) {
	start := a.now()
	q, err := a.ask(r, route, caller, id)
	if err != nil {
		a.refuse(w, r, id, toProblem(err))
		return
	}
	rows, err := a.reply(w, r, route, q)
	if errors.Is(err, errCutOff) {
		// The rows that were sent were read, so they are audited like a complete answer.
		a.audit(q, route, rows, a.now().Sub(start), zap.Bool("broke_off", true))
		panic(http.ErrAbortHandler)
	}
	if err != nil {
		if errors.Is(r.Context().Err(), context.Canceled) {
			return // the caller is gone
		}
		p := toProblem(err)
		if p.Status >= http.StatusInternalServerError {
			// The error's text can contain a value; the code cannot.
			a.log.Error("Query failed", zap.String("request_id", id), zap.String("path", route.path),
				zap.Int("status", p.Status), zap.String("sqlstate", store.SQLState(err)), zap.String("problem", p.Detail))
		}
		a.refuse(w, r, id, p)
		return
	}
	if q.viewer == read.Administrator() {
		a.audit(q, route, rows, a.now().Sub(start))
	}
}

// reply sends the answer. It returns an error only if nothing was sent, except errCutOff.
func (a *api) reply(w http.ResponseWriter, r *http.Request, route route, q *question) (rows int, err error) {
	if err := a.refuseDerivedID(r.Context(), q); err != nil {
		return 0, err
	}
	if route.stream != nil {
		q.Context = r.Context()
		return route.stream(a, q, w, r)
	}
	ctx, cancel := context.WithTimeout(r.Context(), a.readingTime())
	defer cancel()
	q.Context = ctx
	answer, err := route.answer(a, q)
	if err != nil {
		return 0, err
	}
	if route.page {
		preparePage(w.Header())
	}
	send(w, r, answer)
	return answer.rows, nil
}

// refuseDerivedID refuses a caller whose name is a user id that was derived from another
// name. Where callers choose their names, anybody could compute such an id for somebody
// else.
func (a *api) refuseDerivedID(ctx context.Context, q *question) error {
	id, ok := usage.ParseID(q.caller.Subject)
	if !q.own || !ok || !id.IsNameBased() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, a.readingTime())
	defer cancel()
	derived, err := a.reader.HasDerivedID(ctx, id)
	if err == nil && derived {
		err = &access.Denied{Because: "the credentials name a user id that stands for another name; sign in by that name"}
	}
	return err
}

// readingTime limits one use of the database. The server ends each statement on time; this
// also ends the wait for a connection.
func (a *api) readingTime() time.Duration { return a.config.StatementTimeout + 5*time.Second }

// ask checks whether the caller may use the route, and parses the parameters.
func (a *api) ask(r *http.Request, route route, caller access.Caller, id string) (*question, error) {
	q := &question{caller: caller, requestID: id}
	audience := route.audience
	if audience == eachTheirs {
		audience = themselves
		if caller.Admin {
			audience = administrators
		}
	}
	switch audience {
	case administrators:
		scope, err := caller.All()
		if err != nil {
			return nil, err
		}
		if !scope.Everybody() {
			return nil, &access.Denied{Because: "the scope is not everybody's usage"}
		}
		q.viewer = read.Administrator()
	case themselves:
		scope, err := caller.Own()
		if err != nil {
			return nil, err
		}
		user, ok := scope.Own()
		if !ok {
			return nil, &access.Denied{Because: "the scope is not the caller's own usage"}
		}
		q.own = true
		q.viewer = read.OwnUsage(user)
	case everybody:
		// The viewer stays without rights, because these routes read no usage.
	}
	var err error
	if q.params, err = parseParams(r.URL.RawQuery, route.params, route.page); err != nil {
		return nil, err
	}
	// Callers may name themselves. A caller who names another user gets an error, and not
	// their own numbers as if they were the other user's.
	if user, named := q.params["userId"]; q.own && named && usage.UserID(user) != usage.UserID(caller.Subject) {
		return nil, &access.Denied{Because: "this is your own usage only; leave userId out"}
	}
	return q, nil
}

// audit logs which administrator read usage, by which parameters, without their values.
// Lines are never sampled.
func (a *api) audit(q *question, route route, rows int, took time.Duration, more ...zap.Field) {
	names := make([]string, 0, len(q.params))
	for name := range q.params {
		names = append(names, name)
	}
	slices.Sort(names)
	who := q.caller.Subject
	if who == "" {
		who = "(no identity)"
	}
	unsampled.Info(a.log, "An administrator read usage", append(more, zap.String("who", who), zap.String("path", route.path),
		zap.Strings("parameters", names), zap.Int("rows", rows), zap.Duration("took", took), zap.String("request_id", q.requestID))...)
}

// refuse sends a problem.
func (a *api) refuse(w http.ResponseWriter, r *http.Request, id string, p *problem) {
	if p.Status == http.StatusForbidden {
		a.log.Info("A caller was refused", zap.String("path", r.URL.Path[:min(len(r.URL.Path), maxFound)]), zap.String("problem", p.Detail), zap.String("request_id", id))
	}
	own := *p // callers who share a reading also share the problem; see [sharer]
	own.RequestID = id
	if a.isPage(r.URL.Path) {
		own.writePage(w)
		return
	}
	own.write(w)
}

// refuseEarly answers requests that the collector's own handlers refuse: failed
// authentication, a body that cannot be decompressed. Their text is not passed on, because
// it may contain parts of the credentials.
func (a *api) refuseEarly(w http.ResponseWriter, r *http.Request, _ string, status int) {
	id := requestID(r)
	prepareHeader(w.Header(), id)
	if tooMany, ok := r.Context().Value(tooManyFailures{}).(*bool); ok && *tooMany {
		p := newProblem(http.StatusTooManyRequests, "too many logins failed, more than rate_limit::failed_logins_per_minute allows; the right credentials are still let in, a little later")
		p.retryAfter = int(loginMemory / time.Second)
		a.refuse(w, r, id, p)
		return
	}
	detail := noBody
	if status == http.StatusUnauthorized {
		detail = "the credentials are missing, not valid or expired"
		w.Header().Set("WWW-Authenticate", a.challenge())
	}
	a.refuse(w, r, id, newProblem(status, detail))
}

const noBody = "questions have no body; send none"

// refuseBody answers a request that announces a body before anything waits for it. A caller
// who sends it slowly, or never, would otherwise hold a connection.
func (a *api) refuseBody(w http.ResponseWriter, r *http.Request) {
	id := requestID(r)
	prepareHeader(w.Header(), id)
	w.Header().Set("Connection", "close")
	a.refuse(w, r, id, newProblem(http.StatusBadRequest, noBody))
	// Otherwise the server would read the rest of the body to reuse the connection.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now())
}

// challenge returns the value of WWW-Authenticate.
func (a *api) challenge() string {
	if auth := a.config.HTTP.Auth.Get(); auth != nil && auth.Config.AuthenticatorID.Type().String() == basicType {
		return `Basic realm="usage", charset="UTF-8"`
	}
	return `Bearer realm="usage"`
}

// refuseRebinding protects a server without an authenticator from DNS rebinding by web
// pages: a name that an attacker points to 127.0.0.1 makes the browser send that page's
// requests here, but with that name as Host.
func (a *api) refuseRebinding(r *http.Request) *problem {
	if !a.config.Access.InsecureLoopbackAdmin {
		return nil
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if isLoopback(strings.Trim(host, "[]")) {
		return nil
	}
	return newProblem(http.StatusForbidden, "without an authenticator only requests to 127.0.0.1, [::1] or localhost are answered")
}

// recover answers a request whose handler panicked.
func (a *api) recover(w http.ResponseWriter, r *http.Request, id string) {
	fault := recover()
	if fault == nil {
		return
	}
	if fault == http.ErrAbortHandler { //nolint:errorlint // net/http compares it in this way
		panic(fault)
	}
	a.log.Error("Query failed by a fault in the program", zap.String("request_id", id), zap.String("path", r.URL.Path), zap.ByteString("stack", debug.Stack()))
	a.refuse(w, r, id, newProblem(http.StatusInternalServerError, "a fault in the program; the collector's log has it under the request id"))
}

// attributesOf returns the authenticator's attributes, or nil for none.
func attributesOf(r *http.Request) access.Attributes {
	auth := client.FromContext(r.Context()).Auth
	if auth == nil {
		return nil // not an interface that contains nil
	}
	return auth
}

const requestIDHeader = "X-Request-Id"

// requestID returns the caller's request id if it is harmless, so that a request can be
// traced through proxies, and otherwise a new one.
func requestID(r *http.Request) string {
	id := r.Header.Get(requestIDHeader)
	harmless := func(c rune) bool {
		return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '-' || c == '_' || c == '.'
	}
	if id != "" && len(id) <= 64 && strings.IndexFunc(id, func(c rune) bool { return !harmless(c) }) < 0 {
		return id
	}
	var random [12]byte
	_, _ = rand.Read(random[:]) // never fails, as documented
	return hex.EncodeToString(random[:])
}

func prepareHeader(h http.Header, id string) {
	h.Set(requestIDHeader, id)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
}
