package page

import (
	"bytes"
	"cmp"
	"embed"
	"fmt"
	"html/template"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/page/show"
	"github.com/otelcol-usage/otelcol-usage/internal/report"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// Paths of the pages and of the files they load.
const (
	OverviewPath = "/"
	CallsPath    = "/calls"
	SessionsPath = "/sessions"
	OutlookPath  = "/outlook"
	BillPath     = "/bill" // for administrators
	StylePath    = "/page.css"
	IconPath     = "/icon.svg"
)

// Params maps the paths of the pages to the parameters that they take. A link from page to
// page keeps those that the other page takes too.
var Params = map[string][]string{
	OverviewPath: shared,
	CallsPath:    slices.Concat(shared, callParams, []string{"cursor"}),
	SessionsPath: slices.Concat(shared, []string{"search", "cursor"}),
	OutlookPath:  slices.Concat(shared, []string{"period", "scope"}),
	BillPath:     {DaysParam, "startDate", "endDate", "provider"}, // it covers UTC days and all calls
}

// apiParams does the same for the paths of the query API, without what stands before "usage"
// in them.
var apiParams = map[string][]string{
	"usage":         slices.Concat(shared, []string{"top"}),
	"usage/export":  slices.Concat(shared, callParams),
	"usage/records": slices.Concat(shared, callParams, []string{"limit"}),
	"sessions":      slices.Concat(shared, []string{"search", "limit"}),
	"forecast":      slices.Concat(filterParams, []string{"timezone", "period", "scope"}),
	"bill":          Params[BillPath],
}

var (
	filterParams = []string{"userId", "apiType", "provider", "model", "service", "environment", "tag"}
	shared       = slices.Concat([]string{DaysParam, "startDate", "endDate", "timezone"}, filterParams)
	// callParams select only single calls.
	callParams = []string{"status", "traceId", "requestId", "sessionId"}
)

// ContentSecurityPolicy allows a page to load its own stylesheet and icon, and no script.
const ContentSecurityPolicy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// DaysParam is the parameter for the number of days that a page covers, ending today. The
// default is the first of Days.
const DaysParam = "days"

// Days lists the allowed values of [DaysParam].
var Days = []string{"30", "7", "90", "365"}

// Limits of a page's lists: Top rows of a breakdown, Limit calls.
const (
	Top   = "10"
	Limit = "50"
)

// Style and Icon are the contents of [StylePath] and [IconPath].
var (
	//go:embed page.css
	Style []byte
	//go:embed icon.svg
	Icon []byte
)

//go:embed page.html
var files embed.FS

// templates are parsed when the first page is shown.
var templates = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("").ParseFS(files, "page.html"))
})

// Place holds the parameters of a page's URL, and who views it.
type Place struct {
	// Path is one of the paths of the pages.
	Path string
	// Chosen maps the names of the query API's parameters, and [DaysParam], to the values
	// in the URL. Missing parameters are not in it.
	Chosen map[string]string
	// From and To are the dates of the first and the last day shown.
	From, To string
	Zone     *time.Location
	// Everybody is true when the viewer sees all users, and false when they see only their
	// own usage.
	Everybody bool
	// Viewer names the viewer; "" when unknown.
	Viewer string
	// Names maps user ids to names.
	Names map[string]string
	Now   time.Time
}

// place provides a [Place] to the templates.
type place struct{ Place }

// link is a place to go to.
type link struct {
	Text, URL string
	Current   bool
}

// to returns the URL of a page with some parameters changed. change is a list of names and
// values; "" removes a parameter.
func (p *place) to(path string, change ...string) string { return p.link(path, Params[path], change) }

func (p *place) link(path string, takes, change []string) string {
	values := url.Values{}
	for name, value := range p.Chosen {
		if slices.Contains(takes, name) && name != "cursor" { // which belongs to another list
			values.Set(name, value)
		}
	}
	for i := 0; i+1 < len(change); i += 2 {
		values.Set(change[i], change[i+1])
		if change[i+1] == "" {
			values.Del(change[i])
		}
	}
	if len(values) == 0 {
		return path
	}
	return path + "?" + values.Encode()
}

// ofAPI returns the URL of the same data in the query API; path is one of apiParams.
func (p *place) ofAPI(path string, change ...string) string {
	takes := apiParams[path]
	if slices.Contains(takes, "startDate") {
		for name, value := range map[string]string{DaysParam: "", "startDate": cmp.Or(p.Chosen["startDate"], p.From), "endDate": cmp.Or(p.Chosen["endDate"], p.To)} {
			change = append(change, name, value)
		}
	}
	root := "/api/admin/" + path
	if !p.Everybody {
		root = "/api/usage" + strings.TrimPrefix("/"+path, "/usage")
	}
	return p.link(root, takes, change)
}

// periodNames are the labels of [Days].
var periodNames = map[string]string{"7": "7 days", "30": "30 days", "90": "90 days", "365": "1 year"}

// Periods returns links to periods of other lengths.
func (p *place) Periods() []link {
	chosen := p.Chosen[DaysParam]
	if chosen == "" && p.Chosen["startDate"] == "" && p.Chosen["endDate"] == "" {
		chosen = Days[0]
	}
	links := make([]link, 0, len(Days))
	for _, days := range []string{"7", "30", "90", "365"} {
		if p.IsBill() && days == "365" {
			continue // longer than a bill comparison may be
		}
		links = append(links, link{periodNames[days], p.to(p.Path, DaysParam, days, "startDate", "", "endDate", ""), days == chosen})
	}
	return links
}

// Pages returns links to all pages.
func (p *place) Pages() []link {
	links := []link{{Text: "Overview", URL: OverviewPath}, {Text: "Calls", URL: CallsPath}, {Text: "Sessions", URL: SessionsPath}, {Text: "Forecast", URL: OutlookPath}}
	if p.Everybody {
		links[3].Text = "Forecast and advice"
		links = append(links, link{Text: "Bill", URL: BillPath})
	}
	for i := range links {
		links[i].URL, links[i].Current = p.to(links[i].URL), links[i].URL == p.Path
	}
	return links
}

// IsBill, IsOutlook and IsSessions report whether this is the page of the bill, of the
// forecast, or of sessions.
func (p *place) IsBill() bool     { return p.Path == BillPath }
func (p *place) IsOutlook() bool  { return p.Path == OutlookPath }
func (p *place) IsSessions() bool { return p.Path == SessionsPath }

// narrowing lists the parameters that filter what is shown, with their labels.
var narrowing = []struct{ name, title string }{
	{"userId", "User"}, {"apiType", "API type"}, {"provider", "Provider"}, {"model", "Model"}, {"service", "Service"}, {"environment", "Environment"}, {"tag", "Tag"},
	{"status", "Price"}, {"traceId", "Trace"}, {"requestId", "Request"}, {"sessionId", "Session"}, {"search", "Session with"},
}

// filter is an active filter, with a link that removes it.
type filter struct{ Title, Value, Without string }

// Filters lists the active filters.
func (p *place) Filters() (list []filter) {
	for _, n := range narrowing {
		if value := p.Chosen[n.name]; value != "" {
			if n.name == "userId" {
				value = p.user(value)
			}
			list = append(list, filter{n.title, value, p.to(p.Path, n.name, "")})
		}
	}
	return list
}

// field is a hidden input of the form, or a suggested value.
type field struct{ Name, Value string }

// Kept lists the parameters that the form has no input for and passes on unchanged.
func (p *place) Kept() (list []field) {
	for _, name := range slices.Sorted(maps.Keys(p.Chosen)) {
		if !slices.Contains([]string{"userId", "timezone", "search", "cursor"}, name) {
			list = append(list, field{name, p.Chosen[name]})
		}
	}
	return list
}

// User and Search return what the form's inputs hold.
func (p *place) User() string   { return p.Chosen["userId"] }
func (p *place) Search() string { return p.Chosen["search"] }

// Zones lists common time zones. The form accepts any other name too.
func (p *place) Zones() []string {
	return []string{
		"UTC", "America/Los_Angeles", "America/Denver", "America/Chicago", "America/New_York", "America/Sao_Paulo", "Europe/London", "Europe/Berlin",
		"Europe/Paris", "Europe/Kyiv", "Africa/Lagos", "Africa/Johannesburg", "Asia/Dubai", "Asia/Kolkata", "Asia/Singapore", "Asia/Shanghai",
		"Asia/Tokyo", "Australia/Sydney", "Pacific/Auckland",
	}
}

// Users lists the users that the form suggests. Where the host application manages the
// users, their names are not the ids that apps send, so the value is the UUID.
func (p *place) Users() (list []field) {
	for _, id := range slices.SortedFunc(maps.Keys(p.Names), func(a, b string) int { return cmp.Compare(p.Names[a], p.Names[b]) }) {
		f := field{Name: p.Names[id], Value: p.Names[id]}
		if usage.UserID(f.Name).String() != id {
			f.Value = id
		}
		list = append(list, f)
	}
	return list
}

// user returns the display name for a user's id or name in the URL.
func (p *place) user(id string) string {
	switch name := p.Names[id]; {
	case id == report.Unattributed:
		return "no user known"
	case name != "":
		return name
	}
	return id
}

// Title says what the numbers are about.
func (p *place) Title() string {
	if !p.Everybody {
		return "Your AI API usage"
	}
	return "AI API usage"
}

// Period returns the period in words.
func (p *place) Period() string {
	if p.From == p.To {
		return show.LongDate(p.From)
	}
	return show.LongDate(p.From) + " – " + show.LongDate(p.To)
}

// Root, SinglesURL, CSV and JSON return the URLs of other views of the same data.
func (p *place) Root() string       { return p.to(OverviewPath) }
func (p *place) SinglesURL() string { return p.to(CallsPath) }
func (p *place) CSV() string        { return p.ofAPI("usage/export") }
func (p *place) JSON() string {
	switch p.Path {
	case CallsPath:
		return p.ofAPI("usage/records", "limit", Limit)
	case SessionsPath:
		return p.ofAPI("sessions", "limit", Limit)
	case OutlookPath:
		return p.ofAPI("forecast")
	case BillPath:
		return p.ofAPI("bill")
	}
	return p.ofAPI("usage", "top", Top)
}

// Problem is an error page.
type Problem struct {
	Status                    int
	Title, Detail             string
	Parameter, Found, Allowed string
	RequestID                 string
	// Styled is true when the viewer may load the stylesheet, which requires that they are
	// signed in.
	Styled bool
}

// WriteProblem renders the error page.
func WriteProblem(p Problem) ([]byte, error) { return write("problem", p) }

func write(name string, data any) ([]byte, error) {
	var b bytes.Buffer
	if err := templates().ExecuteTemplate(&b, name, data); err != nil {
		return nil, fmt.Errorf("write the page %s: %w", name, err)
	}
	return b.Bytes(), nil
}
