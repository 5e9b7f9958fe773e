package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/otelcol-usage/otelcol-usage/examples"
	"github.com/otelcol-usage/otelcol-usage/internal/collectorproc"
	"github.com/otelcol-usage/otelcol-usage/internal/pgserver"
)

// collector is the built binary with examples/production.yaml.
type collector struct {
	*collectorproc.Process
	address string // of OTLP over gRPC
	api     string
	pprof   string // answers with a profile only
}

const logName = "collector.log"

// overlay moves production.yaml to free ports and lets one administrator ask the
// API: a provider of identities would be asked at its start.
const overlay = `receivers:
  otlp: {protocols: {grpc: {endpoint: %q}, http: {endpoint: %q}}}
extensions:
  health_check: {endpoint: %q}
  basicauth: {htpasswd: {inline: "admin:bench"}}
  usage_api:
    http: {endpoint: %q, auth: {authenticator: basicauth}}
    access: {subject: username, admin: {attribute: username, values: [admin]}}
service:
  extensions: [health_check, file_storage, basicauth, usage_api]
  telemetry:
    metrics:
      readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: %s}}}}]
`

// profiler writes a profile of the whole run.
const profiler = `extensions:
  pprof: {endpoint: %q, save_to_file: %q}
service:
  extensions: [health_check, file_storage, basicauth, usage_api, pprof]
`

// startCollector returns when the collector accepts connections. Its files are
// those of dir.
func startCollector(ctx context.Context, o options, dir, dsn string) (*collector, error) {
	var addresses [6]string
	for i := range addresses {
		var err error
		if addresses[i], err = pgserver.FreeAddress(); err != nil {
			return nil, err
		}
	}
	_, metricsPort, _ := net.SplitHostPort(addresses[3])
	production, err := examples.Files.ReadFile("production.yaml")
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{
		"production.yaml": production,
		"overlay.yaml":    fmt.Appendf(nil, overlay, addresses[0], addresses[1], addresses[2], addresses[4], metricsPort),
	}
	configs := []string{filepath.Join(dir, "production.yaml"), filepath.Join(dir, "overlay.yaml")}
	if o.profile != "" {
		files["profiler.yaml"] = fmt.Appendf(nil, profiler, addresses[5], o.profile)
		configs = append(configs, filepath.Join(dir, "profiler.yaml"))
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			return nil, err
		}
	}
	log, err := os.Create(filepath.Join(dir, logName)) //nolint:gosec // a folder of our own
	if err != nil {
		return nil, err
	}
	defer log.Close() //nolint:errcheck // the collector holds its own copy
	process, err := collectorproc.Start(collectorproc.Options{
		Binary: o.collector, Configs: configs, Log: log,
		Env: []string{
			"DATABASE_URL=" + dsn, "USAGE_QUEUE_DIR=" + filepath.Join(dir, "queue"),
			"OIDC_ISSUER_URL=https://127.0.0.1", "OIDC_AUDIENCE=none",
		},
	})
	if err != nil {
		return nil, err
	}
	if err := process.WaitAccepting(ctx, addresses[0]); err != nil {
		process.Kill()
		return nil, err
	}
	return &collector{process, addresses[0], "http://" + addresses[4], "http://" + addresses[5]}, nil
}

// saveAllocations writes what the process allocated since its start.
func (c *collector) saveAllocations(ctx context.Context, path string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.pprof+"/debug/pprof/allocs", nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close() //nolint:errcheck // it is read to its end
	profile, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	return os.WriteFile(path, profile, 0o600)
}

// ask asks what an administrator asks, each three times, and reports the longest
// time of the fastest: other work on the machine only adds to it.
func (c *collector) ask(ctx context.Context, out io.Writer) error {
	day := time.Now().UTC()
	month := "/api/admin/usage?startDate=" + day.AddDate(0, 0, -29).Format(time.DateOnly) + "&endDate=" + day.Format(time.DateOnly)
	slowest := time.Duration(0)
	for _, path := range []string{month, month + "&top=10000", month + "&detail=basic", "/api/admin/models?limit=10000", "/api/admin/users?limit=1000", "/api/admin/usage/records?limit=1000"} {
		fastest, size := time.Hour, int64(0)
		for range 3 {
			start := time.Now()
			request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.api+path, nil)
			if err != nil {
				return err
			}
			request.SetBasicAuth("admin", "bench")
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				return err
			}
			size, err = io.Copy(io.Discard, response.Body)
			_ = response.Body.Close() // it was read to its end
			if err != nil {
				return err
			}
			if response.StatusCode != http.StatusOK {
				return fmt.Errorf("GET %s: %s", path, response.Status)
			}
			fastest = min(fastest, time.Since(start))
		}
		fmt.Fprintf(out, "%7.3f s %7d kB  GET %s\n", fastest.Seconds(), size>>10, path)
		slowest = max(slowest, fastest)
	}
	fmt.Fprintf(out, "admin API: slowest %.3f s\n", slowest.Seconds())
	return nil
}

func (c *collector) stop() { c.Stop(20 * time.Second) }

// used is what the process has taken since its start; nothing where there is no
// /proc.
type used struct {
	cpu     time.Duration // in steps of 10 ms
	peakMiB int           // resident, rounded up
}

func (c *collector) measure() used {
	dir := filepath.Join("/proc", strconv.Itoa(c.PID()))
	stat, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return used{}
	}
	status, err := os.ReadFile(filepath.Join(dir, "status"))
	if err != nil {
		return used{}
	}
	var u used
	// After the name, which may hold anything: user and system time are the
	// 12th and 13th, in hundredths of a second.
	if fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:]); len(fields) > 12 {
		for _, field := range fields[11:13] {
			ticks, _ := strconv.Atoi(string(field)) // the kernel's own number
			u.cpu += time.Duration(ticks) * 10 * time.Millisecond
		}
	}
	for line := range bytes.Lines(status) {
		if fields := bytes.Fields(line); len(fields) == 3 && string(fields[0]) == "VmHWM:" {
			kib, _ := strconv.Atoi(string(fields[1])) // the kernel's own number
			u.peakMiB = (kib + 1023) / 1024
		}
	}
	return u
}
