package usageapiextension

import "github.com/otelcol-usage/otelcol-usage/internal/report"

// advice answers /api/admin/advice with what usagectl advise published last.
func (a *api) advice(q *question) (*answer, error) {
	document, err := report.Advice(q, a.reader)
	if err != nil {
		return nil, err
	}
	return jsonAnswer(document, len(document.Advice))
}
