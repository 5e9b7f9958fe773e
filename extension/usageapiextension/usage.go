package usageapiextension

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/report"
	"github.com/otelcol-usage/otelcol-usage/internal/store/read"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// Limits of lists.
const (
	defaultTop = 1000
	maxTop     = 10_000
)

// usage answers /api/admin/usage and /api/usage.
func (a *api) usage(q *question) (*answer, error) {
	span, err := report.ParseSpan(q.params["startDate"], q.params["endDate"], q.params["timezone"], a.now())
	if err != nil {
		return nil, err
	}
	filter, err := a.filter(q)
	if err != nil {
		return nil, err
	}
	top, err := q.params.number("top", defaultTop, 0, maxTop)
	if err != nil {
		return nil, err
	}
	detail, err := q.params.choice("detail", "full", "basic")
	if err != nil {
		return nil, err
	}
	currency, err := report.ParseCurrency(q.params["currency"])
	if err != nil {
		return nil, err
	}
	ask := report.Question{Viewer: q.viewer, Filter: filter, Span: span, Top: top, Detail: detail == "full", Currency: currency}
	return a.shared.do(sharedKey(q, ask), func() (*answer, error) {
		// Callers who share this query must not lose it when this one goes away.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(q), a.readingTime())
		defer cancel()
		document, err := report.Ask(ctx, a.reader, ask)
		if err != nil {
			return nil, err
		}
		answer, err := jsonAnswer(document, len(document.Current.UsageByUser)+len(document.Previous.UsageByUser))
		if err == nil {
			answer.usage = &document
		}
		return answer, err
	})
}

// sharedKey is equal for two questions only if they agree in everything that affects the
// answer: whose usage, which period, every parameter.
func sharedKey(q *question, ask report.Question) string {
	values := make(url.Values, len(q.params))
	for name, value := range q.params {
		values.Set(name, value)
	}
	who := "everybody"
	if q.own {
		who = usage.UserID(q.caller.Subject).String()
	}
	return fmt.Sprintf("%s %s %s %s", who, ask.Span.Current.From.Format(time.RFC3339Nano), ask.Span.Current.To.Format(time.RFC3339Nano), values.Encode())
}

// filter parses all filters of the question, including the user.
func (a *api) filter(q *question) (read.Filter, error) {
	f, err := report.ParseFilter(func(name string) string { return q.params[name] })
	if err != nil {
		return read.Filter{}, err
	}
	user, named := q.params["userId"]
	if !named || q.own { // who asks for themselves is not filtered, see ask
		return f, nil
	}
	report.ByUser(&f, user)
	if _, isID := usage.ParseID(user); isID || user == report.Unattributed {
		return f, nil
	}
	found, err := a.reader.FindUser(q, user)
	if err != nil {
		return read.Filter{}, err
	}
	switch {
	case found.Users == 1:
		f.User = found.ID
	case found.Users > 1:
		return read.Filter{}, paramProblem("userId", user, "one user's; several have this e-mail address: /api/admin/users?search= lists them with their UUIDs")
	case !found.Named:
		return read.Filter{}, paramProblem("userId", user, "a UUID or an e-mail address of the users of this database, which another application keeps: /api/admin/users?search= finds them")
	}
	return f, nil
}
