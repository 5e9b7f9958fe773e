package usageapiextension

import "github.com/otelcol-usage/otelcol-usage/internal/report"

// budgets answers /api/admin/budgets with all budgets, and /api/usage/budgets with those of
// the caller alone.
func (a *api) budgets(q *question) (*answer, error) {
	document, err := report.Budgets(q, a.reader, q.viewer, a.now())
	if err != nil {
		return nil, err
	}
	return jsonAnswer(document, len(document.Budgets))
}
