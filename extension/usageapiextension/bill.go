package usageapiextension

import (
	"context"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/bill/explain"

	"github.com/otelcol-usage/otelcol-usage/internal/report"
	"github.com/otelcol-usage/otelcol-usage/internal/store/read"
)

// maxBillDays is the longest period of a bill comparison, which reads the calls themselves.
const maxBillDays = 93

// bill answers /api/admin/bill with the document that usagectl bill explain prints.
func (a *api) bill(q *question) (*answer, error) {
	span, err := report.ParseSpan(q.params["startDate"], q.params["endDate"], "", a.now())
	if err != nil {
		return nil, err
	}
	ask := read.BillQuestion{From: span.Current.From, To: span.Current.To, Provider: q.params["provider"]}
	for _, bound := range []struct {
		name string
		at   time.Time
	}{{"startDate", ask.From}, {"endDate", ask.To}} {
		if !bound.at.Equal(bound.at.Truncate(24 * time.Hour)) {
			return nil, paramProblem(bound.name, q.params[bound.name], "a date such as 2026-01-31: bills are by whole UTC days")
		}
	}
	if ask.To.Sub(ask.From) > maxBillDays*24*time.Hour {
		return nil, paramProblem("startDate", q.params["startDate"], "a period of at most 93 days")
	}
	return a.shared.do("bill "+sharedKey(q, report.Question{Span: span}), func() (*answer, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(q), a.readingTime())
		defer cancel()
		var document explain.Answer
		if err := a.reader.Bill(ctx, ask, document.Explain); err != nil {
			return nil, err
		}
		rows := 0
		for _, p := range document.Providers {
			rows += len(p.Causes)
		}
		said, err := jsonAnswer(document, rows)
		if err == nil {
			said.bill = &document
		}
		return said, err
	})
}
