package usageapiextension

import (
	"context"
	"fmt"

	"github.com/otelcol-usage/otelcol-usage/internal/report"
)

// plans answers /api/admin/plans and /api/usage/plans.
func (a *api) plans(q *question) (*answer, error) {
	span, err := report.ParseSpan(q.params["startDate"], q.params["endDate"], q.params["timezone"], a.now())
	if err != nil {
		return nil, err
	}
	top, err := q.params.number("top", defaultTop, 0, maxTop)
	if err != nil {
		return nil, err
	}
	key := "plans " + sharedKey(q, report.Question{Span: span})
	return a.shared.do(key, func() (*answer, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(q), a.readingTime())
		defer cancel()
		document, err := report.Plans(ctx, a.reader, q.viewer, span, top)
		if err != nil {
			return nil, fmt.Errorf("plans: %w", err)
		}
		rows := 0
		for i := range document.Plans {
			rows += len(document.Plans[i].Users)
		}
		return jsonAnswer(document, rows)
	})
}
