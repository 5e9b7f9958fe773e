package fetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/bill/reports"
	"github.com/otelcol-usage/otelcol-usage/internal/pause"

	"github.com/otelcol-usage/otelcol-usage/internal/bill"
	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
)

// Limits of requests.
const (
	maxPages     = 10_000
	maxPageBytes = 48 << 20
	maxTries     = 7
	longestPause = time.Minute
	pageTimeout  = 2 * time.Minute
	day          = 24 * time.Hour
)

// Source is a report that can be downloaded.
type Source struct {
	Report bill.Report
	// Optional means that not every organization has the report, so a refusal is not an
	// error.
	Optional bool

	path   string
	groups []string
	// days is the initial number of days per request.
	days int
	// single means that a request covers one day, given as a date.
	single bool
}

// host describes the API of a provider.
type host struct {
	endpoint string
	keyText  string // describes the right kind of key
	sources  []Source
	header   func(h http.Header, key string)
	span     func(q url.Values, from, to time.Time)
}

// address returns the base URL of a provider's API.
func address(provider string) string { return "https://" + catalog.Named(provider).Addresses[0] }

var openAIUsageGroups = []string{"project_id", "user_id", "api_key_id", "model", "batch", "service_tier"}

var hosts = map[string]host{
	catalog.OpenAI: {
		endpoint: address(catalog.OpenAI),
		keyText:  "an admin key of the organization (sk-admin-…); keys of projects and service accounts are refused",
		sources: []Source{
			{Report: bill.OpenAICosts, path: "/v1/organization/costs", groups: []string{"project_id", "line_item", "api_key_id"}, days: 31},
			{Report: bill.OpenAIUsage + "/completions", path: "/v1/organization/usage/completions", groups: openAIUsageGroups, days: 31},
			{Report: bill.OpenAIUsage + "/embeddings", path: "/v1/organization/usage/embeddings", groups: openAIUsageGroups[:4], days: 31, Optional: true},
			{Report: bill.OpenAIUsage + "/images", path: "/v1/organization/usage/images", groups: openAIUsageGroups[:4], days: 31, Optional: true},
			{Report: bill.OpenAIUsage + "/audio_speeches", path: "/v1/organization/usage/audio_speeches", groups: openAIUsageGroups[:4], days: 31, Optional: true},
			{Report: bill.OpenAIUsage + "/audio_transcriptions", path: "/v1/organization/usage/audio_transcriptions", groups: openAIUsageGroups[:4], days: 31, Optional: true},
			{Report: bill.OpenAIUsage + "/moderations", path: "/v1/organization/usage/moderations", groups: openAIUsageGroups[:4], days: 31, Optional: true},
			{Report: bill.OpenAIUsage + "/decisions", path: "/v1/organization/usage/decisions", groups: openAIUsageGroups, days: 31, Optional: true},
			// Rows of the tools' reports are named differently from the paths.
			{Report: bill.OpenAIUsage + "/web_searches", path: "/v1/organization/usage/web_search_calls", groups: openAIUsageGroups[:4], days: 31, Optional: true},
			{Report: bill.OpenAIUsage + "/file_searches", path: "/v1/organization/usage/file_search_calls", groups: openAIUsageGroups[:3], days: 31, Optional: true},
			{Report: bill.OpenAIUsage + "/code_interpreter_sessions", path: "/v1/organization/usage/code_interpreter_sessions", groups: openAIUsageGroups[:1], days: 31, Optional: true},
			{Report: bill.OpenAIUsage + "/vector_stores", path: "/v1/organization/usage/vector_stores", groups: openAIUsageGroups[:1], days: 31, Optional: true},
		},
		header: func(h http.Header, key string) { h.Set("Authorization", "Bearer "+key) },
		span: func(q url.Values, from, to time.Time) {
			q.Set("start_time", strconv.FormatInt(from.Unix(), 10))
			q.Set("end_time", strconv.FormatInt(to.Unix(), 10))
		},
	},
	catalog.Anthropic: {
		endpoint: address(catalog.Anthropic),
		keyText:  "an Admin API key of the organization (sk-ant-admin…)",
		sources: []Source{
			{Report: bill.AnthropicCosts, path: "/v1/organizations/cost_report", groups: []string{"workspace_id", "description"}, days: 31},
			{Report: bill.AnthropicUsage, path: "/v1/organizations/usage_report/messages", groups: []string{"api_key_id", "workspace_id", "model", "service_tier", "context_window"}, days: 31},
			{Report: bill.AnthropicDevelopers, path: "/v1/organizations/usage_report/claude_code", days: 1, single: true, Optional: true},
		},
		header: func(h http.Header, key string) {
			h.Set("X-Api-Key", key)
			h.Set("Anthropic-Version", "2023-06-01")
		},
		span: func(q url.Values, from, to time.Time) {
			q.Set("starting_at", from.Format(time.RFC3339))
			q.Set("ending_at", to.Format(time.RFC3339))
		},
	},
}

// Sources lists the reports of a provider that can be downloaded. It returns nil for a
// provider without such an API.
func Sources(provider string) []Source { return hosts[provider].sources }

// Fetcher downloads reports from one provider. Key never appears in an error or a log.
type Fetcher struct {
	Provider string
	Key      string
	// Endpoint is the base URL of the API; empty for the provider's own.
	Endpoint string
	// Client sends the requests. nil means a client that follows no redirects, so that the
	// key is sent nowhere else.
	Client *http.Client
	// Pause waits between attempts; nil waits in real time.
	Pause func(context.Context, time.Duration) error
	// Retried, if not nil, is called before another attempt.
	Retried func(why string, pause time.Duration)
}

// Days is what a provider reported for some whole days.
type Days struct {
	Covered []bill.Covered
	Lines   []bill.Line
	// Until is the end of these days: all days before it are complete.
	Until time.Time
}

// ErrRefused means that the key has no access, or that the organization does not have the
// report.
var ErrRefused = errors.New("the provider refuses the report")

// errTooDense means that an answer exceeds the provider's limit or ours.
var errTooDense = errors.New("too many groups for one page")

// Each downloads a report for the UTC days from from to to (excluded) and passes them on in
// order. Each day is passed on whole, although a page may end within one.
func (f *Fetcher) Each(ctx context.Context, s Source, from, to, now time.Time, o reports.Options, each func(Days) error) error {
	r := run{f: f, s: s, o: o, host: hosts[f.Provider], from: from, to: to, now: now, each: each, limit: s.days}
	for r.from.Before(to) {
		err := r.pages(ctx)
		if errors.Is(err, errTooDense) && r.limit > 1 {
			r.limit = (r.limit + 1) / 2 // restarts at the first day not read yet
			continue
		}
		if err != nil {
			return fmt.Errorf("%s %s from %s: %w", f.Provider, s.Report, r.from.Format(time.DateOnly), err)
		}
	}
	return nil
}

type run struct {
	f        *Fetcher
	s        Source
	o        reports.Options
	host     host
	from, to time.Time // from is the first day not read yet
	now      time.Time
	limit    int
	each     func(Days) error

	held Days // the last day, which the next page may continue
}

// pages requests all pages from the first day not read yet to the end. For a report of
// single days it requests one of them.
func (r *run) pages(ctx context.Context) error {
	r.held = Days{}
	token, seen := "", map[string]bool{}
	end := r.to
	if r.s.single {
		end = r.from.Add(day)
	}
	for range maxPages {
		body, err := r.f.get(ctx, r.address(token, end))
		if err != nil {
			return err
		}
		r.o.AsOf, r.o.Report = r.now, r.s.Report
		page, err := reports.ReadJSON(r.f.Provider, bytes.NewReader(body), r.o, func(l *bill.Line) error {
			r.held.Lines = append(r.held.Lines, *l)
			return nil
		})
		if err != nil {
			return err
		}
		r.held.Covered = mergeDays(r.held.Covered, page.Days)
		switch {
		case !page.HasMore:
			return r.finish(end)
		case page.Next == "" || seen[page.Next]:
			return errors.New("the page says that more follow but does not lead to them: nothing after it can be read")
		}
		token = page.Next
		seen[token] = true
		if err := r.handOn(); err != nil {
			return err
		}
	}
	return fmt.Errorf("the report has more than %d pages; ask for fewer days with --since", maxPages)
}

// mergeDays appends days. A day that continues on the next page is listed once.
func mergeDays(have, more []bill.Covered) []bill.Covered {
	for _, d := range more {
		if n := len(have) - 1; n >= 0 && have[n].Day.Equal(d.Day) {
			have[n].Incomplete = have[n].Incomplete || d.Incomplete
			if d.Until.After(have[n].Until) {
				have[n].Until = d.Until
			}
			continue
		}
		have = append(have, d)
	}
	return have
}

// handOn passes on all days except the last.
func (r *run) handOn() error {
	n := len(r.held.Covered) - 1
	if n <= 0 {
		return nil
	}
	last := r.held.Covered[n]
	out := Days{Covered: r.held.Covered[:n], Until: last.Day}
	var rest []bill.Line
	for _, l := range r.held.Lines {
		if l.Day.Before(last.Day) {
			out.Lines = append(out.Lines, l)
		} else {
			rest = append(rest, l)
		}
	}
	if err := r.each(out); err != nil {
		return err
	}
	r.from, r.held = last.Day, Days{Covered: []bill.Covered{last}, Lines: rest}
	return nil
}

// finish passes on the rest. Days for which the provider has no bucket were charged
// nothing.
func (r *run) finish(end time.Time) error {
	covered := map[time.Time]bool{}
	for _, d := range r.held.Covered {
		covered[d.Day] = true
	}
	for at := r.from; at.Before(end); at = at.Add(day) {
		if !covered[at] && at.Before(r.now) {
			until := at.Add(day)
			if r.now.Before(until) {
				until = r.now
			}
			r.held.Covered = append(r.held.Covered, bill.Covered{Provider: r.f.Provider, Report: r.s.Report, Day: at, Until: until})
		}
	}
	r.held.Until = end
	if err := r.each(r.held); err != nil {
		return err
	}
	r.from, r.held = end, Days{}
	return nil
}

// address returns the URL of the next page.
func (r *run) address(token string, end time.Time) string {
	q := url.Values{}
	if r.s.single {
		q.Set("starting_at", r.from.Format(time.DateOnly))
		q.Set("limit", "1000")
	} else {
		r.host.span(q, r.from, end)
		q.Set("bucket_width", "1d")
		q.Set("limit", strconv.Itoa(r.limit))
		q["group_by[]"] = r.s.groups
	}
	if token != "" {
		q.Set("page", token)
	}
	endpoint := r.f.Endpoint
	if endpoint == "" {
		endpoint = r.host.endpoint
	}
	return strings.TrimSuffix(endpoint, "/") + r.s.path + "?" + q.Encode()
}

// get retries until it has an answer or a permanent refusal.
func (f *Fetcher) get(ctx context.Context, address string) ([]byte, error) {
	for try := 1; ; try++ {
		body, again, err := f.once(ctx, address)
		if err == nil || again < 0 || try == maxTries {
			return body, err
		}
		pause := time.Second << (try - 1)
		pause = min(max(pause+rand.N(pause/2), again), longestPause)
		if f.Retried != nil {
			f.Retried(err.Error(), pause)
		}
		if err := f.pause(ctx, pause); err != nil {
			return nil, err
		}
	}
}

func (f *Fetcher) pause(ctx context.Context, d time.Duration) error {
	if f.Pause != nil {
		return f.Pause(ctx, d)
	}
	return pause.For(ctx, d)
}

var plainClient = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// once sends one request. again is how long to wait before another attempt; it is negative
// when a retry is pointless.
func (f *Fetcher) once(ctx context.Context, address string) (body []byte, again time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, pageTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, -1, err
	}
	hosts[f.Provider].header(request.Header, f.Key)
	request.Header.Set("User-Agent", "otelcol-usage usagectl")
	client := f.Client
	if client == nil {
		client = plainClient
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, 0, err // contains the address, never a header
	}
	defer response.Body.Close() //nolint:errcheck // only read from
	body, err = io.ReadAll(io.LimitReader(response.Body, maxPageBytes+1))
	switch {
	case err != nil:
		return nil, 0, fmt.Errorf("the answer broke off: %w", err)
	case len(body) > maxPageBytes:
		return nil, -1, fmt.Errorf("%w: it has more than %d MiB", errTooDense, maxPageBytes>>20)
	case response.StatusCode == http.StatusOK:
		return body, 0, nil
	}
	again, err = f.fault(response, body)
	return nil, again, err
}

// fault returns the error for a status code.
func (f *Fetcher) fault(response *http.Response, body []byte) (again time.Duration, err error) {
	said := f.said(body)
	if f.Key != "" { // a provider may echo the key
		said = strings.ReplaceAll(said, f.Key, "…")
	}
	switch code := response.StatusCode; {
	case code == http.StatusBadRequest, code == http.StatusRequestEntityTooLarge:
		return -1, fmt.Errorf("%w, or a parameter that it does not accept: status %d: %s", errTooDense, code, said)
	case code == http.StatusUnauthorized:
		return -1, fmt.Errorf("%w: the key is not accepted (%s); it must be %s", ErrRefused, said, hosts[f.Provider].keyText)
	case code == http.StatusForbidden:
		return -1, fmt.Errorf("%w: the key has no right to it (%s); it must be %s", ErrRefused, said, hosts[f.Provider].keyText)
	case code == http.StatusNotFound:
		return -1, fmt.Errorf("%w: there is no such report at this address: %s", ErrRefused, said)
	case code == http.StatusTooManyRequests || code >= 500:
		seconds, err := strconv.Atoi(response.Header.Get("Retry-After"))
		if err != nil || seconds < 0 {
			seconds = 0
		}
		return time.Duration(min(seconds, 3600)) * time.Second, fmt.Errorf("status %d: %s", code, said)
	default:
		return -1, fmt.Errorf("found status %d instead of a report: %s", code, said)
	}
}

// said returns the provider's error message in one line.
func (f *Fetcher) said(body []byte) string {
	_, err := reports.ReadJSON(f.Provider, bytes.NewReader(body), reports.Options{}, func(*bill.Line) error { return nil })
	if err == nil {
		return "no reason given"
	}
	text := err.Error()
	if i := strings.Index(text, reports.RefusedPrefix); i >= 0 {
		return text[i+len(reports.RefusedPrefix):]
	}
	return "no reason given"
}
