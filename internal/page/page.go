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

// The paths of the pages, and of what they load.
const (
	OverviewPath = "/"
	CallsPath    = "/calls"
	StylePath    = "/page.css"
	IconPath     = "/icon.svg"
)

// ContentSecurityPolicy is what a page may load: its own stylesheet and icon, no script.
const ContentSecurityPolicy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// DaysParam chooses how many days a page covers, the last of them today. The first
// of Days is what is meant without it.
const DaysParam = "days"

// Days are the values of [DaysParam].
var Days = []string{"30", "7", "90", "365"}

// The lists of a page are as long as people read: Top lines of a breakdown, Limit calls.
const (
	Top   = "10"
	Limit = "50"
)

// Style and Icon are the files at [StylePath] and [IconPath].
var (
	//go:embed page.css
	Style []byte
	//go:embed icon.svg
	Icon []byte
)

//go:embed page.html
var files embed.FS

var templates = template.Must(template.New("").ParseFS(files, "page.html"))

// Place is what the address of a page says, and of whom it is.
type Place struct {
	// Path is one of the paths of the pages.
	Path string
	// Chosen are the parameters as the viewer chose them, by the names of the query
	// API and [DaysParam]; those that are left out are not in it.
	Chosen map[string]string
	// From and To are the dates of the first and the last day shown.
	From, To string
	Zone     *time.Location
	// Everybody is set where the viewer sees all users, and not only themselves.
	Everybody bool
	// Viewer is who looks, "" where nobody said.
	Viewer string
	// Names are what people call a user, by id.
	Names map[string]string
	Now   time.Time
}

// place is what the templates ask a place.
type place struct{ Place }

// link is a place to go to.
type link struct {
	Text, URL string
	Current   bool
}

// to is the address of a page with these parameters changed, "" for left out.
func (p *place) to(path string, change ...string) string {
	values := url.Values{}
	for name, value := range p.Chosen {
		values.Set(name, value)
	}
	values.Del("cursor") // a place in another list
	switch path {
	case OverviewPath:
		for _, name := range callParams {
			values.Del(name)
		}
	case BillPath: // a bill is of days of UTC, and of all calls
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

// ofAPI is the address at which the query API says the same.
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

// periodNames are what [Days] are called.
var periodNames = map[string]string{"7": "7 days", "30": "30 days", "90": "90 days", "365": "1 year"}

// Periods are the links to other lengths of the period.
func (p *place) Periods() []link {
	chosen := p.Chosen[DaysParam]
	if chosen == "" && p.Chosen["startDate"] == "" && p.Chosen["endDate"] == "" {
		chosen = Days[0]
	}
	links := make([]link, 0, len(Days))
	for _, days := range []string{"7", "30", "90", "365"} {
		if p.IsBill() && days == "365" {
			continue // more than is compared at once
		}
		links = append(links, link{periodNames[days], p.to(p.Path, DaysParam, days, "startDate", "", "endDate", ""), days == chosen})
	}
	return links
}

// IsBill reports whether it is the page of the bill.
func (p *place) IsBill() bool { return p.Path == BillPath }

// callParams narrow single calls alone.
var callParams = []string{"status", "traceId", "requestId"}

// narrowing are the parameters that narrow what is seen, as people call them.
var narrowing = []struct{ name, title string }{
	{"userId", "User"}, {"apiType", "API type"}, {"provider", "Provider"}, {"model", "Model"}, {"service", "Service"}, {"environment", "Environment"}, {"tag", "Tag"},
	{"status", "Price"}, {"traceId", "Trace"}, {"requestId", "Request"},
}

// filter is a parameter that narrows what is seen, and the link to see it all.
type filter struct{ Title, Value, Without string }

// Filters are the parameters that narrow what is seen.
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

// field is a hidden input of the form, or a value that it suggests.
type field struct{ Name, Value string }

// Kept are the parameters that the form does not ask for and passes on.
func (p *place) Kept() (list []field) {
	for _, name := range slices.Sorted(maps.Keys(p.Chosen)) {
		if name != "userId" && name != "timezone" && name != "cursor" {
			list = append(list, field{name, p.Chosen[name]})
		}
	}
	return list
}

// User is the chosen user as the form shows it.
func (p *place) User() string { return p.Chosen["userId"] }

// Zones are time zones to choose from; the field takes every other name too.
func (p *place) Zones() []string {
	return []string{
		"UTC", "America/Los_Angeles", "America/Denver", "America/Chicago", "America/New_York", "America/Sao_Paulo", "Europe/London", "Europe/Berlin",
		"Europe/Paris", "Europe/Kyiv", "Africa/Lagos", "Africa/Johannesburg", "Asia/Dubai", "Asia/Kolkata", "Asia/Singapore", "Asia/Shanghai",
		"Asia/Tokyo", "Australia/Sydney", "Pacific/Auckland",
	}
}

// Users are the users that the form suggests. Where another application keeps the
// users, the name that people know is not the text that the apps send, so the id
// stands for them.
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

// user is what people call a user, by the id or the name in an address.
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

// Period is the period in words.
func (p *place) Period() string {
	if p.From == p.To {
		return longDate(p.From)
	}
	return longDate(p.From) + " – " + longDate(p.To)
}

// Root, SinglesURL, CSV and JSON lead to the other views of the same.
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

// Problem is an answer that is none.
type Problem struct {
	Status                    int
	Title, Detail             string
	Parameter, Found, Allowed string
	RequestID                 string
	// Styled is set where the viewer may load the stylesheet: not before they are
	// signed in.
	Styled bool
}

// WriteProblem is the page of a problem.
func WriteProblem(p Problem) ([]byte, error) { return write("problem", p) }

func write(name string, data any) ([]byte, error) {
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&b, name, data); err != nil {
		return nil, fmt.Errorf("write the page %s: %w", name, err)
	}
	return b.Bytes(), nil
}

// inWords is a word of the table as people write it.
func inWords(word string) string { return strings.ReplaceAll(word, "_", " ") }
