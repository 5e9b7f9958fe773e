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
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/report"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// Paths of the pages and of the files they load.
const (
	OverviewPath = "/"
	CallsPath    = "/calls"
	StylePath    = "/page.css"
	IconPath     = "/icon.svg"
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

var templates = template.Must(template.New("").ParseFS(files, "page.html"))

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
func (p *place) to(path string, change ...string) string {
	values := url.Values{}
	for name, value := range p.Chosen {
		values.Set(name, value)
	}
	values.Del("cursor") // belongs to another list
	switch path {
	case OverviewPath:
		for _, name := range callParams {
			values.Del(name)
		}
	case BillPath: // a bill covers UTC days and all calls
		for name := range values {
			if !slices.Contains([]string{DaysParam, "startDate", "endDate", "provider"}, name) {
				values.Del(name)
			}
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

// ofAPI returns the URL of the same data in the query API.
func (p *place) ofAPI(path string, more ...string) string {
	root := "/api/usage"
	if p.Everybody {
		root = "/api/admin/usage"
	}
	if p.Chosen["startDate"] == "" {
		more = append(more, "startDate", p.From)
	}
	if p.Chosen["endDate"] == "" {
		more = append(more, "endDate", p.To)
	}
	return p.to(root+path, append(more, DaysParam, "")...)
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

// IsBill reports whether this is the page of the bill.
func (p *place) IsBill() bool { return p.Path == BillPath }

// callParams are parameters that filter only single calls.
var callParams = []string{"status", "traceId", "requestId"}

// narrowing lists the parameters that filter what is shown, with their labels.
var narrowing = []struct{ name, title string }{
	{"userId", "User"}, {"apiType", "API type"}, {"provider", "Provider"}, {"model", "Model"}, {"service", "Service"}, {"environment", "Environment"}, {"tag", "Tag"},
	{"status", "Price"}, {"traceId", "Trace"}, {"requestId", "Request"},
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
		if name != "userId" && name != "timezone" && name != "cursor" {
			list = append(list, field{name, p.Chosen[name]})
		}
	}
	return list
}

// User returns the selected user for the form.
func (p *place) User() string { return p.Chosen["userId"] }

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
		return longDate(p.From)
	}
	return longDate(p.From) + " – " + longDate(p.To)
}

// Root, SinglesURL, CSV and JSON return the URLs of other views of the same data.
func (p *place) Root() string       { return p.to(OverviewPath) }
func (p *place) SinglesURL() string { return p.to(CallsPath) }
func (p *place) BillURL() string    { return p.to(BillPath) }
func (p *place) CSV() string        { return p.ofAPI("/export") }
func (p *place) JSON() string {
	switch p.Path {
	case CallsPath:
		return p.ofAPI("/records", "limit", Limit)
	case BillPath:
		return strings.Replace(p.ofAPI(""), "/api/admin/usage", "/api/admin/bill", 1)
	}
	return p.ofAPI("", "top", Top)
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
	if err := templates.ExecuteTemplate(&b, name, data); err != nil {
		return nil, fmt.Errorf("write the page %s: %w", name, err)
	}
	return b.Bytes(), nil
}

// inWords replaces the underscores of a word with spaces.
func inWords(word string) string { return strings.ReplaceAll(word, "_", " ") }
