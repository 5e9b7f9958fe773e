package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/otelcol-usage/otelcol-usage/internal/collectorproc"
	"github.com/otelcol-usage/otelcol-usage/internal/pgserver"
)

// binary is the built collector.
var binary string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "otelcol-usage-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if binary = os.Getenv("OTELCOL_USAGE_BINARY"); binary == "" {
		binary = filepath.Join(dir, "otelcol-usage")
		build := exec.Command("go", "build", "-C", "../distribution", "-o", binary, ".")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build the collector: %v\n%s", err, out)
			return 1
		}
	}
	status := m.Run()
	if attacking() {
		tell(status)
	}
	return status
}

// collector is a running binary.
type collector struct {
	t               testing.TB
	configFile      string
	env             []string
	args            []string // beside --config
	grpc, http, api string
	metrics         string // address of its own metrics
	process         *collectorproc.Process
	log             *syncBuffer
}

// start runs the binary with a configuration, in which the texts GRPC, HTTP
// and API in angle brackets stand for free addresses, and waits until it
// accepts OTLP.
func start(t testing.TB, config string, env ...string) *collector {
	t.Helper()
	c := prepare(t, config, env...)
	c.start()
	return c
}

func prepare(t testing.TB, config string, env ...string) *collector {
	t.Helper()
	c := &collector{t: t, env: env, grpc: freeAddress(t), http: freeAddress(t), api: freeAddress(t), metrics: freeAddress(t), log: &syncBuffer{}}
	_, metricsPort, _ := strings.Cut(c.metrics, ":")
	config = strings.NewReplacer("<GRPC>", c.grpc, "<HTTP>", c.http, "<API>", c.api, "<METRICS PORT>", metricsPort).Replace(config)
	c.configFile = filepath.Join(t.TempDir(), "config.yaml")
	require.NoError(t, os.WriteFile(c.configFile, []byte(config), 0o600))
	t.Cleanup(func() {
		c.stop()
		if t.Failed() {
			t.Logf("log of the collector:\n%s", c.log)
		}
	})
	return c
}

func (c *collector) start() {
	c.t.Helper()
	var err error
	c.process, err = collectorproc.Start(collectorproc.Options{Binary: binary, Configs: []string{c.configFile}, Args: c.args, Env: c.env, Log: c.log})
	require.NoError(c.t, err)
	if err := c.process.WaitAccepting(c.t.Context(), c.grpc, c.http); err != nil {
		c.t.Fatalf("%v:\n%s", err, c.log)
	}
}

// stop ends the collector in order.
func (c *collector) stop() {
	if c.process != nil && !c.process.Stop(time.Minute) {
		c.t.Error("the collector did not end within a minute")
	}
}

// kill ends it as a crash does.
func (c *collector) kill() { c.process.Kill() }

// runBinary runs the binary to its end and gives its output.
func runBinary(t testing.TB, env []string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (c *collector) sendGRPC(td ptrace.Traces) error {
	conn, err := grpc.NewClient(c.grpc, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_, err = ptraceotlp.NewGRPCClient(conn).Export(ctx, ptraceotlp.NewExportRequestFromTraces(td), grpc.MaxCallSendMsgSize(64<<20))
	return err
}

func (c *collector) sendHTTP(td ptrace.Traces) error {
	body, err := ptraceotlp.NewExportRequestFromTraces(td).MarshalProto()
	if err != nil {
		return err
	}
	return c.post("/v1/traces", body)
}

// post sends a protobuf body to an OTLP path.
func (c *collector) post(path string, body []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+c.http+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		answer, _ := io.ReadAll(io.LimitReader(res.Body, 1000))
		return fmt.Errorf("%s: %s", res.Status, answer)
	}
	return nil
}

// get asks the query API; login is "user:password" or empty.
func (c *collector) get(path, login string) (int, map[string]any) {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, "http://"+c.api+path, http.NoBody)
	require.NoError(c.t, err)
	if user, password, ok := strings.Cut(login, ":"); ok {
		req.SetBasicAuth(user, password)
	} else if login != "" {
		req.Header.Set("Authorization", "Bearer "+login)
	}
	res, err := http.DefaultClient.Do(req)
	require.NoError(c.t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(c.t, err)
	answer := map[string]any{}
	if strings.Contains(res.Header.Get("Content-Type"), "json") {
		decoder := json.NewDecoder(bytes.NewReader(body))
		decoder.UseNumber()
		require.NoError(c.t, decoder.Decode(&answer), "%s", body)
	}
	return res.StatusCode, answer
}

// eventually repeats check until it succeeds, for at most a minute.
func eventually(t testing.TB, what string, check func() error) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within a minute: %v", what, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func freeAddress(t testing.TB) string {
	t.Helper()
	address, err := pgserver.FreeAddress()
	require.NoError(t, err)
	return address
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// environmentWithout is the environment of this process but for one variable.
func environmentWithout(name string) []string {
	return slices.DeleteFunc(os.Environ(), func(entry string) bool { return strings.HasPrefix(entry, name+"=") })
}
