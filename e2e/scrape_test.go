package e2e

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"
)

// families are the metrics of a scrape by their names.
type families map[string]*dto.MetricFamily

// scrape reads what Prometheus would read at an address.
func scrape(t testing.TB, address string) (families, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/metrics", http.NoBody)
	require.NoError(t, err)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	return parser.TextToMetricFamilies(res.Body)
}

// series calls do with each series of a family: its labels, and its value, which
// for a histogram is the number of its observations.
func (f families) series(family string, do func(labels map[string]string, value float64)) {
	for _, m := range f[family].GetMetric() {
		labels := map[string]string{}
		for _, l := range m.GetLabel() {
			labels[l.GetName()] = l.GetValue()
		}
		value := m.GetGauge().GetValue() + m.GetCounter().GetValue() + m.GetUntyped().GetValue() + float64(m.GetHistogram().GetSampleCount())
		do(labels, value)
	}
}

// names are those of the families and of the series that a histogram has.
func (f families) names() map[string]bool {
	names := map[string]bool{}
	for name := range maps.Keys(f) {
		for _, suffix := range []string{"", "_bucket", "_count", "_sum"} {
			names[name+suffix] = true
		}
	}
	return names
}

// metric is the sum of a metric of our own over its series that have all the
// labels, such as method="copy"; 0 when there is none.
func (c *collector) metric(name string, labels ...string) (sum float64) {
	c.t.Helper()
	scraped, err := scrape(c.t, c.metrics)
	require.NoError(c.t, err)
	for family := range maps.Keys(scraped) {
		if strings.TrimSuffix(family, "_total") != "otelcol_"+name {
			continue
		}
		scraped.series(family, func(has map[string]string, value float64) {
			lacks := func(label string) bool {
				key, want, _ := strings.Cut(label, "=")
				return fmt.Sprintf("%q", has[key]) != want
			}
			if !slices.ContainsFunc(labels, lacks) {
				sum += value
			}
		})
	}
	return sum
}
