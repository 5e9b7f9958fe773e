package report

import (
	"context"
	"regexp"
	"strings"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/store/read"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// Question is a request to the store; [Ask] answers it.
type Question struct {
	Viewer read.Viewer
	Filter read.Filter
	Span   Span
	// Top is how many users, models, providers and services are listed individually. The
	// rest of each is summed under [Others].
	Top    int
	Detail bool
	// Currency of the answer; see [ParseCurrency].
	Currency string
}

// ParseCurrency parses the parameter currency: an ISO 4217 code, or "" for US dollars. The
// store decides which currencies have rates.
func ParseCurrency(text string) (string, error) {
	switch {
	case text == "":
		return read.Dollar, nil
	case !currencyCode.MatchString(text):
		return "", &ParamError{"currency", text, `three capital letters of ISO 4217 such as "EUR"`}
	}
	return text, nil
}

var currencyCode = regexp.MustCompile(`^[A-Z]{3}$`)

// ParseFilter parses the parameters that filter an answer: apiType, provider, model,
// service, environment and tag. parameter returns "" for a missing one.
func ParseFilter(parameter func(name string) string) (f read.Filter, err error) {
	if text := parameter("apiType"); text != "" {
		if _, err := usage.ParseAPIType(text); err != nil {
			names := make([]string, len(usage.APITypes))
			for i, t := range usage.APITypes {
				names[i] = string(t)
			}
			return f, &ParamError{"apiType", text, strings.Join(names, ", ")}
		}
		f.APIType = &text
	}
	for _, p := range []struct {
		name string
		to   **string
	}{{"provider", &f.Provider}, {"model", &f.Model}, {"service", &f.Service}, {"environment", &f.Environment}} {
		if text := parameter(p.name); text != "" {
			key := KeyText(text)
			*p.to = &key
		}
	}
	if text := parameter("tag"); text != "" {
		name, value, found := strings.Cut(text, ":")
		if name == "" || value == "" || !found {
			return f, &ParamError{"tag", text, `a tag and its value, such as "team:search"; "team:` + NoName + `" for calls without that tag`}
		}
		f.Tag = &read.TagValue{Name: name, Value: KeyText(value)}
	}
	return f, nil
}

// ByUser narrows a filter to one user, given as a UUID, as another id that apps send, or as
// [Unattributed].
func ByUser(f *read.Filter, user string) {
	f.ByUser = true
	if user != Unattributed {
		f.User = usage.UserID(user)
	}
}

// Ask reads the sums from the store and builds the answer.
func Ask(ctx context.Context, r *read.Reader, q Question) (Answer, error) {
	previous, current, dataThrough, err := r.Summaries(ctx, q.ForStore())
	if err != nil {
		return Answer{}, err
	}
	return q.answer(previous, current, dataThrough), nil
}

// ForStore translates the question into the store's terms.
func (q Question) ForStore() read.SummaryQuestion {
	previous, current := q.Span.Previous, q.Span.Current
	days := make([]time.Time, 0, len(previous.Days)+len(current.Days)+1)
	for _, p := range []Period{previous, current} {
		for _, d := range p.Days {
			days = append(days, d.From)
		}
	}
	return read.SummaryQuestion{
		Viewer: q.Viewer, Filter: q.Filter,
		Days: append(days, current.To), Split: len(previous.Days),
		TopUsers: q.Top, Detail: q.Detail, Currency: q.Currency,
	}
}
