package usageapiextension

import (
	"context"
	"fmt"
	"slices"

	"github.com/otelcol-usage/otelcol-usage/internal/report"
)

// Limits of a list of forecasts, each of which reads 400 days.
const (
	defaultForecasts = 5
	maxForecasts     = 20
)

// forecast answers /api/admin/forecast and /api/usage/forecast.
func (a *api) forecast(q *question) (*answer, error) { return a.forecastOf(q, false) }

// forecastOf answers the same, briefly for the first page.
func (a *api) forecastOf(q *question, brief bool) (*answer, error) {
	ask, err := report.ParseForecast(func(name string) string { return q.params[name] }, a.now())
	if err != nil {
		return nil, err
	}
	ask.Viewer, ask.Brief = q.viewer, brief
	if ask.Filter, err = a.filter(q); err != nil {
		return nil, err
	}
	if q.own && (slices.Contains([]string{"user", "team", "budget"}, ask.Scope)) {
		return nil, paramProblem("scope", ask.Scope, "org, which is all that you use, service, model, provider or tag:NAME: this is your own usage only")
	}
	if ask.Top, err = q.params.number("top", defaultForecasts, 1, maxForecasts); err != nil {
		return nil, err
	}
	key := fmt.Sprintf("forecast %t %s %s", brief, ask.Day(), sharedKey(q, report.Question{}))
	return a.shared.do(key, func() (*answer, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(q), a.readingTime())
		defer cancel()
		document, err := report.Forecasts(ctx, a.reader, ask)
		if err != nil {
			return nil, err
		}
		answer, err := jsonAnswer(document, len(document.Forecasts))
		if err == nil {
			answer.forecast = &document
		}
		return answer, err
	})
}
