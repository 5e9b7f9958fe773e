package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
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
}

const logName = "collector.log"

// overlay moves production.yaml to free ports and leaves the API out, which
// would ask a provider of identities at its start.
const overlay = `receivers:
  otlp: {protocols: {grpc: {endpoint: %q}, http: {endpoint: %q}}}
extensions:
  health_check: {endpoint: %q}
service:
  extensions: [health_check, file_storage]
  telemetry:
    metrics:
      readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: %s}}}}]
`

// startCollector returns when the collector accepts connections. Its files are
// those of dir.
func startCollector(ctx context.Context, binary, dir, dsn string) (*collector, error) {
	var addresses [4]string
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
		"overlay.yaml":    fmt.Appendf(nil, overlay, addresses[0], addresses[1], addresses[2], metricsPort),
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
		Binary: binary, Configs: []string{filepath.Join(dir, "production.yaml"), filepath.Join(dir, "overlay.yaml")}, Log: log,
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
	return &collector{process, addresses[0]}, nil
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
