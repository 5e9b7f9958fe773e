package e2e

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestCountersInAScrapeAreTheSumsInTheTable runs examples/prometheus.yaml as it
// stands, under what makes counters wrong: many senders at once, resources that
// differ only in their host, several requests between two scrapes.
func TestCountersInAScrapeAreTheSumsInTheTable(t *testing.T) {
	t.Parallel()
	pool, dsn := newDatabase(t)
	example, err := os.ReadFile("../examples/prometheus.yaml")
	require.NoError(t, err)
	scraped, own := freeAddress(t), freeAddress(t)
	_, ownPort, _ := strings.Cut(own, ":")
	c := prepare(t, strings.NewReplacer(
		"127.0.0.1:4317", "<GRPC>", "127.0.0.1:4318", "<HTTP>", "127.0.0.1:9464", scraped, "port: 8888", "port: "+ownPort,
	).Replace(string(example)), dsn, "USAGE_QUEUE_DIR="+t.TempDir())
	c.start()

	const senders, requests = 8, 4
	var (
		billable int64
		sending  sync.WaitGroup
		errs     = make(chan error, senders*requests)
	)
	for s := range senders {
		for r := range requests {
			seed := uint64(s*requests + r)
			payload, calls := replayedCaptures(t, seed, time.Now().Add(-time.Duration(seed+1)*time.Hour))
			billable += calls
			for _, resource := range payload.ResourceSpans().All() {
				resource.Resource().Attributes().PutStr("host.name", fmt.Sprintf("host-%d", s))
			}
			sending.Go(func() { errs <- errors.Join(c.sendGRPC(payload), c.sendGRPC(payload)) }) // as after a lost answer
		}
	}
	sending.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
	waitForRows(t, pool, billable)

	want := countersOfTheTable(t, pool)
	var got map[string]decimal.Decimal
	eventually(t, "the scrape has all calls", func() error {
		counters, err := scrape(t, scraped)
		if err != nil {
			return err
		}
		got = sumsOfCounters(counters)
		for name, value := range want {
			// A counter is a double: 12 decimals of a few dollars are as exact as it gets.
			if !got[name].Round(12).Equal(value.Round(12)) {
				return fmt.Errorf("%s is %s, in the table %s", name, got[name], value)
			}
		}
		return nil
	})
	require.True(t, got["calls"].Equal(decimal.NewFromInt(billable)), "%s of %d calls", got["calls"], billable)
	assert.Len(t, got, len(want), "%v", got)

	metrics, err := scrape(t, own)
	require.NoError(t, err)
	for _, family := range []string{"otelcol_deltatocumulative_datapoints", "otelcol_deltatocumulative_datapoints_total"} {
		metrics.series(family, func(labels map[string]string, _ float64) {
			assert.NotContains(t, labels, "error", "no point was refused")
		})
	}
	counters, err := scrape(t, scraped)
	require.NoError(t, err)
	exist := metrics.names()
	maps.Copy(exist, counters.names())
	assertMetricsExist(t, exist, "../dashboards/prometheus/rules.yaml", "../dashboards/grafana/llm-usage-prometheus.json")
}

// assertMetricsExist: rules and boards on a name that nothing has are silent
// forever. What counts only trouble is not in a scrape of a healthy collector,
// but its name stands in the metadata.yaml of the component.
func assertMetricsExist(t *testing.T, exist map[string]bool, files ...string) {
	t.Helper()
	metadata, err := filepath.Glob("../*/*/metadata.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, metadata)
	exist["otelcol_exporter_send_failed_spans"] = true // the core's, seen in TestWhatKafkaRefusesIsCounted
	for _, file := range metadata {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, m := range regexp.MustCompile(`(?m)^    (\w+):$`).FindAllStringSubmatch(string(text), -1) {
			for _, suffix := range []string{"", "_bucket", "_count"} {
				exist["otelcol_"+m[1]+suffix] = true
			}
		}
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		names := regexp.MustCompile(`\b(otelcol|llm_usage)_\w+`).FindAllString(string(text), -1)
		require.NotEmpty(t, names, file)
		for _, name := range names {
			assert.True(t, exist[name], "%s reads %s", file, name)
		}
	}
}

// countersOfTheTable are the sums that the counters must have: all calls, all
// tokens, the cost, and each of them by the labels that boards use.
func countersOfTheTable(t *testing.T, pool *pgxpool.Pool) map[string]decimal.Decimal {
	t.Helper()
	rows, err := pool.Query(t.Context(), `
		WITH call AS (
		  SELECT CASE WHEN pricing_reason = 'unknown_model' THEN '(unknown)' ELSE coalesce(nullif(model, ''), '(none)') END AS model,
		         pricing_status, usage_dollars, coalesce(tokens_used, 0) AS tokens
		  FROM public.api_usage)
		SELECT 'calls', count(*)::text FROM call
		UNION ALL SELECT 'tokens', sum(tokens)::text FROM call
		UNION ALL SELECT 'cost_usd', sum(usage_dollars)::text FROM call
		UNION ALL SELECT 'calls ' || pricing_status, count(*)::text FROM call GROUP BY pricing_status
		UNION ALL SELECT 'tokens ' || model, sum(tokens)::text FROM call GROUP BY model HAVING sum(tokens) > 0
		UNION ALL SELECT 'cost_usd ' || model, sum(usage_dollars)::text FROM call WHERE pricing_status <> 'unpriced' GROUP BY model`)
	require.NoError(t, err)
	defer rows.Close()
	sums := map[string]decimal.Decimal{}
	for rows.Next() {
		var name, value string
		require.NoError(t, rows.Scan(&name, &value))
		sums[name] = decimal.RequireFromString(value)
	}
	require.NoError(t, rows.Err())
	return sums
}

// sumsOfCounters adds up the samples of a scrape under the names of
// countersOfTheTable.
func sumsOfCounters(scraped families) map[string]decimal.Decimal {
	sums := map[string]decimal.Decimal{}
	for family := range scraped {
		counter, ours := strings.CutPrefix(strings.TrimSuffix(family, "_total"), "llm_usage_")
		if !ours || !strings.HasSuffix(family, "_total") {
			continue
		}
		scraped.series(family, func(labels map[string]string, value float64) {
			by := labels["model"]
			if counter == "calls" {
				by = labels["pricing_status"]
			}
			for _, name := range []string{counter, counter + " " + by} {
				sums[name] = sums[name].Add(decimal.NewFromFloat(value))
			}
		})
	}
	return sums
}
