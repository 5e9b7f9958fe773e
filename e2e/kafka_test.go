package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestKafkaBetweenTheTiersAsInTheExamples runs agent-kafka.yaml and gateway-kafka.yaml around
// a broker with TLS and SCRAM: each call becomes one row although the gateway is killed three
// times, once while the database does not answer, and the broker once, a message that is not
// OTLP stands at the front of each partition, and every message is delivered once more in the
// end. What was said in a call does not reach the broker.
func TestKafkaBetweenTheTiersAsInTheExamples(t *testing.T) {
	t.Parallel()
	pool, dsn := newDatabase(t)
	kafka := newBroker(t)
	kafka.start("-garbage")
	startGateway := func(group string) *collector {
		g := prepareExample(t, "gateway-kafka.yaml", `
receivers: {kafka: {session_timeout: 1500ms, heartbeat_interval: 300ms, autocommit: {interval: 100ms}}}
exporters: {usage_postgres: {migrate: true}}
service: {telemetry: {metrics: {readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: <METRICS PORT>}}}}]}}}
`, append(kafka.env, dsn, "KAFKA_GROUP="+group)...)
		g.grpc, g.http = g.metrics, g.metrics // what it listens on
		g.start()
		return g
	}
	gateway := startGateway("usage")
	agent := startExample(t, "agent-kafka.yaml", `
receivers: {otlp: {protocols: {grpc: {endpoint: "<GRPC>"}, http: {endpoint: "<HTTP>"}}}}
exporters: {kafka: {producer: {compression: none}, retry_on_failure: {initial_interval: 100ms, max_interval: 500ms}}}
`+telemetryOverlay, append(kafka.env, "TRACES_ENDPOINT="+freeAddress(t), "USAGE_QUEUE_DIR="+t.TempDir())...)

	const requests = 60
	var sent, billable atomic.Int64
	done := make(chan error, 1)
	go func() {
		for seed := uint64(1); seed <= requests; seed++ {
			payload, n := replayedCaptures(t, seed, time.Now().Add(-time.Duration(seed)*time.Hour))
			if err := agent.sendGRPC(payload); err != nil {
				done <- err
				return
			}
			sent.Add(1)
			billable.Add(n)
		}
		done <- nil
	}()
	for fault := int64(1); fault <= 3; fault++ {
		for sent.Load() < fault*requests/4 && len(done) == 0 {
			time.Sleep(time.Millisecond)
		}
		unlock := func() {}
		if fault == 1 {
			unlock = standStill(t, pool)
			before := gateway.metric("kafka_receiver_records")
			eventually(t, "messages that wait for the database", func() error {
				if gateway.metric("kafka_receiver_records") == before {
					return fmt.Errorf("none yet")
				}
				return nil
			})
			time.Sleep(500 * time.Millisecond) // five times as long as until offsets are committed
		}
		gateway.kill()
		unlock()
		if fault == 2 { // the agent keeps what it cannot deliver
			kafka.kill()
			time.Sleep(100 * time.Millisecond)
			kafka.start()
		}
		gateway.start()
	}
	require.NoError(t, <-done)
	sendTalkativeCall(t, agent)
	calls := billable.Load() + 1
	waitForRows(t, pool, calls)
	want := readTotals(t, pool)

	// Another group begins with the oldest message.
	again := startGateway("usage-again")
	eventually(t, "each call delivered again", func() error {
		if n := again.metric("usage_postgres_duplicates"); n < float64(calls) {
			return fmt.Errorf("%v duplicates of %d calls", n, calls)
		}
		return nil
	})
	for _, c := range []*collector{agent, again, gateway} {
		c.stop()
	}
	assert.Equal(t, want, readTotals(t, pool))
	requireRollupsEqualRows(t, pool)
	kafka.stop()
	requireNoSecretIn(t, kafka.data, "in the topic") // which is not compressed here
}

// TestWhatKafkaRefusesIsCounted: what the ACL forbids is dropped, and the alert UsageDropped reads
// the counter of it.
func TestWhatKafkaRefusesIsCounted(t *testing.T) {
	t.Parallel()
	kafka := newBroker(t)
	kafka.start("-deny")
	agent := startExample(t, "agent-kafka.yaml", `
receivers: {otlp: {protocols: {grpc: {endpoint: "<GRPC>"}, http: {endpoint: "<HTTP>"}}}}
service: {telemetry: {metrics: {readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: <METRICS PORT>}}}}]}}}
`, append(kafka.env, "TRACES_ENDPOINT="+freeAddress(t), "USAGE_QUEUE_DIR="+t.TempDir())...)
	sendOneCallEach(t, agent, "ada", "eve")
	eventually(t, "two records that were dropped", func() error {
		if n := agent.metric("exporter_send_failed_spans", "exporter=\"kafka\""); n != 2 {
			return fmt.Errorf("found %v", n)
		}
		return nil
	})
	assert.Contains(t, agent.log.String(), "TOPIC_AUTHORIZATION_FAILED")
}

// standStill lets nobody write calls until unlock.
func standStill(t *testing.T, pool *pgxpool.Pool) (unlock func()) {
	t.Helper()
	tx, err := pool.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), `LOCK TABLE public.api_usage IN EXCLUSIVE MODE`)
	require.NoError(t, err)
	return func() { assert.NoError(t, tx.Rollback(t.Context())) }
}

// broker is an in-memory Kafka, a program of tools/kafka, whose topic outlives its kills.
type broker struct {
	t             *testing.T
	program, data string
	port          string
	tls           string // folder
	env           []string
	cmd           *exec.Cmd
	stdin         io.Closer
}

func newBroker(t *testing.T) *broker {
	t.Helper()
	b := &broker{t: t, program: filepath.Join(t.TempDir(), "kafka"), data: filepath.Join(t.TempDir(), "topic"), tls: t.TempDir()}
	out, err := exec.CommandContext(t.Context(), "go", "build", "-C", "../tools/kafka", "-o", b.program, ".").CombinedOutput()
	require.NoError(t, err, string(out))
	authority := newAuthority(t)
	authority.write(t, filepath.Join(b.tls, "ca.crt"))
	authority.issue(t, b.tls, "broker")
	address := freeAddress(t)
	_, b.port, err = net.SplitHostPort(address)
	require.NoError(t, err)
	b.env = []string{"KAFKA_BROKERS=[" + address + "]", "KAFKA_TLS_DIR=" + b.tls, "KAFKA_USER=usage", "KAFKA_PASSWORD=a-password-of-the-test"}
	t.Cleanup(b.stop)
	return b
}

// start waits until the broker answers.
func (b *broker) start(flags ...string) {
	b.t.Helper()
	b.cmd = exec.Command(b.program, append(flags, "-port", b.port, "-data", b.data, //nolint:noctx // stop ends it
		"-cert", filepath.Join(b.tls, "broker.crt"), "-key", filepath.Join(b.tls, "broker.key"))...)
	b.cmd.Env = append(os.Environ(), b.env...)
	b.cmd.Stderr = os.Stderr
	stdin, err := b.cmd.StdinPipe()
	require.NoError(b.t, err)
	b.stdin = stdin
	stdout, err := b.cmd.StdoutPipe()
	require.NoError(b.t, err)
	require.NoError(b.t, b.cmd.Start())
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(b.t, err)
	require.True(b.t, strings.HasSuffix(strings.TrimSpace(line), ":"+b.port), line)
}

func (b *broker) kill() {
	_ = b.cmd.Process.Kill()
	_ = b.cmd.Wait()
}

// stop lets it end in order.
func (b *broker) stop() {
	if b.cmd == nil {
		return
	}
	_ = b.stdin.Close()
	_ = b.cmd.Wait()
	b.cmd = nil
}
