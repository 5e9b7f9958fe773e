package e2e

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
)

// watched has everything an operator watches, and a way around genai_usage, by
// which records come that nobody can read.
const watched = `receivers:
  otlp:
    protocols: {grpc: {endpoint: <GRPC>}}
  otlp/raw:
    protocols: {http: {endpoint: <HTTP>}}
processors:
  genai_usage: {}
exporters:
  usage_postgres:
    dsn: ${env:DATABASE_URL}
    migrate: true
    connect_timeout: 2s
    sending_queue: {batch: {flush_timeout: 10ms}}
    retry_on_failure: {initial_interval: 50ms, max_interval: 200ms}
extensions:
  health_check:
    http: {endpoint: <API>, status: {enabled: true, path: /}}
    component_health: {include_recoverable_errors: true, recovery_duration: 1ms}
service:
  extensions: [health_check]
  telemetry:
    metrics: {readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: <METRICS PORT>}}}}]}
  pipelines:
    traces: {receivers: [otlp], processors: [genai_usage], exporters: [usage_postgres]}
    traces/raw: {receivers: [otlp/raw], exporters: [usage_postgres]}
`

// TestWhatAnOperatorWatches takes the database away and brings it back, twice,
// and looks at health and at every metric of the exporter in a scrape.
func TestWhatAnOperatorWatches(t *testing.T) {
	t.Parallel()
	db := pgtest.NewEmpty(t)
	// The users are another application's, and it has none.
	db.Exec(`CREATE SCHEMA auth`)
	db.Exec(`CREATE TABLE auth.users (id uuid PRIMARY KEY)`)
	link := newLink(t, db.DSN)
	c := prepare(t, watched, "DATABASE_URL="+link.dsn)
	c.args = []string{"--feature-gates=extension.healthcheck.useComponentStatus"}
	c.start()

	payload, billable := replayedCaptures(t, 1, time.Now().Add(-time.Hour))
	require.NoError(t, c.sendGRPC(clone(payload)))
	eventually(t, "a batch is tried again", func() error {
		if c.metric("usage_postgres_retries", `class="connection"`) < 2 {
			return errors.New("not yet")
		}
		return nil
	})
	c.eventuallyHealth(http.StatusInternalServerError)
	first := c.metric("usage_postgres_queue_age")
	eventually(t, "what waits grows older", func() error {
		if now := c.metric("usage_postgres_queue_age"); now < first+0.5 {
			return fmt.Errorf("%v and %v s", first, now)
		}
		return nil
	})

	link.connect()
	waitForRows(t, db.Pool, billable)
	c.eventuallyHealth(http.StatusOK)
	eventually(t, "the rows are counted, and nothing waits", func() error {
		if rows, age := c.metric("usage_postgres_rows", `method="copy"`), c.metric("usage_postgres_queue_age"); rows != float64(billable) || age != 0 {
			return fmt.Errorf("%v rows, %v s", rows, age)
		}
		return nil
	})
	assert.Positive(t, c.metric("usage_postgres_unknown_users"))
	assert.Positive(t, c.metric("usage_postgres_spans_without_record"))

	link.disconnect()
	more, moreBillable := replayedCaptures(t, 2, time.Now().Add(-time.Hour))
	require.NoError(t, c.sendGRPC(clone(more)))
	require.NoError(t, c.sendGRPC(clone(payload)))
	c.eventuallyHealth(http.StatusInternalServerError)
	link.connect()
	waitForRows(t, db.Pool, billable+moreBillable)
	c.eventuallyHealth(http.StatusOK)
	eventually(t, "duplicates are counted", func() error {
		if n := c.metric("usage_postgres_duplicates"); n < float64(billable) {
			return fmt.Errorf("%v", n)
		}
		return nil
	})

	db.Exec(`ALTER TABLE public.api_usage ADD CONSTRAINT not_this CHECK (request_id NOT LIKE 'refused%') NOT VALID`)
	refused := ptrace.NewTraces()
	chatSpan(refused.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty(), 100, 1).Attributes().PutStr("gen_ai.response.id", "refused-1")
	require.NoError(t, c.sendGRPC(refused))
	unreadable := ptrace.NewTraces()
	unreadable.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty().Attributes().PutStr("usage.record", "9;of the future")
	require.NoError(t, c.sendHTTP(unreadable))
	eventually(t, "both are parked", func() error {
		if n := db.Text(`SELECT count(*) FROM public.usage_dead_letter`); n != "2" {
			return errors.New(n)
		}
		return nil
	})
	eventually(t, "both are counted", func() error {
		if c.metric("usage_postgres_parked", `sqlstate="23514"`) != 1 || c.metric("usage_postgres_unreadable", `reason="version"`) != 1 {
			return errors.New("not yet")
		}
		return nil
	})
	assert.EqualValues(t, billable+moreBillable, c.metric("usage_postgres_rows"))

	documented, err := os.ReadFile("../exporter/usagepostgresexporter/documentation.md")
	require.NoError(t, err)
	names := regexp.MustCompile(`(?m)^### otelcol_(\w+)$`).FindAllStringSubmatch(string(documented), -1)
	require.Greater(t, len(names), 8)
	scraped, err := scrape(t, c.metrics)
	require.NoError(t, err)
	for _, name := range names {
		assert.True(t, slices.ContainsFunc([]string{"", "_total", "_seconds", "_seconds_total"}, func(suffix string) bool {
			return scraped["otelcol_"+name[1]+suffix] != nil
		}), name[1])
	}
}

// eventuallyHealth waits until the health check answers with the status.
func (c *collector) eventuallyHealth(want int) {
	c.t.Helper()
	eventually(c.t, "health "+http.StatusText(want), func() error {
		if status, answer := c.get("/", ""); status != want {
			return fmt.Errorf("%d: %v", status, answer)
		}
		return nil
	})
}

// link is the only way to a database, and can be cut. It begins cut.
type link struct {
	dsn     string // through it
	t       *testing.T
	address string
	target  string

	mu       sync.Mutex
	listener net.Listener
	open     []net.Conn
}

func newLink(t *testing.T, dsn string) *link {
	t.Helper()
	u, err := url.Parse(dsn)
	require.NoError(t, err)
	l := &link{t: t, address: freeAddress(t), target: u.Host}
	u.Host = l.address
	l.dsn = u.String()
	t.Cleanup(l.disconnect)
	return l
}

func (l *link) connect() {
	l.t.Helper()
	listener, err := net.Listen("tcp", l.address)
	require.NoError(l.t, err)
	l.mu.Lock()
	l.listener = listener
	l.mu.Unlock()
	go func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			to, err := net.Dial("tcp", l.target)
			if err != nil {
				from.Close()
				continue
			}
			l.mu.Lock()
			l.open = append(l.open, from, to)
			l.mu.Unlock()
			for _, way := range [][2]net.Conn{{from, to}, {to, from}} {
				go func() {
					_, _ = io.Copy(way[0], way[1])
					way[0].Close()
				}()
			}
		}
	}()
}

func (l *link) disconnect() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.listener != nil {
		l.listener.Close()
	}
	for _, conn := range l.open {
		conn.Close()
	}
	l.listener, l.open = nil, nil
}
