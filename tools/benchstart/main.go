// Command benchstart measures the start of collectors, in turns: the time until the first
// request is accepted, the processor time of it, and the memory a second later, with OTLP
// in, genai_usage, and nothing out. Linux only, since it reads /proc.
//
// It owns the measuring; running a collector is internal/collectorproc.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/collectorproc"
	"github.com/otelcol-usage/otelcol-usage/internal/pgserver"
)

const config = `receivers: {otlp: {protocols: {http: {endpoint: "%s"}}}}
processors: {genai_usage: {}}
exporters: {nop: {}}
service: {telemetry: {metrics: {level: none}, logs: {level: error}}, pipelines: {traces: {receivers: [otlp], processors: [genai_usage], exporters: [nop]}}}
`

// figures are those of one start.
type figures struct {
	wall, cpu time.Duration
	// memory of the process in KiB: resident, and the part that is not pages of its file
	resident, own int
}

func main() {
	collectors := flag.String("collectors", "bin/otelcol-usage", "the binaries, with commas between them")
	starts := flag.Int("starts", 10, "starts of each")
	flag.Parse()
	if err := run(context.Background(), strings.Split(*collectors, ","), *starts); err != nil {
		fmt.Fprintln(os.Stderr, "benchstart:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, collectors []string, starts int) error {
	all := make([][]figures, len(collectors))
	for range starts {
		for i, binary := range collectors {
			f, err := start(ctx, binary)
			if err != nil {
				return err
			}
			all[i] = append(all[i], f)
		}
	}
	for i, binary := range collectors {
		info, err := os.Stat(binary)
		if err != nil {
			return err
		}
		median := func(of func(figures) int) int {
			values := make([]int, 0, starts)
			for _, f := range all[i] {
				values = append(values, of(f))
			}
			slices.Sort(values)
			return values[len(values)/2]
		}
		fmt.Printf("%s: %.1f MB; median of %d starts: %d ms until the first request, %d ms of processor time; %.1f MiB resident, %.1f without pages of its file\n",
			binary, float64(info.Size())/1e6, starts,
			median(func(f figures) int { return int(f.wall.Milliseconds()) }), median(func(f figures) int { return int(f.cpu.Milliseconds()) }),
			float64(median(func(f figures) int { return f.resident }))/1024, float64(median(func(f figures) int { return f.own }))/1024)
	}
	return nil
}

func start(ctx context.Context, binary string) (f figures, err error) {
	address, err := pgserver.FreeAddress()
	if err != nil {
		return f, err
	}
	directory, err := os.MkdirTemp("", "benchstart-")
	if err != nil {
		return f, err
	}
	defer os.RemoveAll(directory) //nolint:errcheck // of the system's folder for such
	file := filepath.Join(directory, "config.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, config, address), 0o600); err != nil {
		return f, err
	}
	begun := time.Now()
	p, err := collectorproc.Start(collectorproc.Options{Binary: binary, Configs: []string{file}, Log: io.Discard})
	if err != nil {
		return f, err
	}
	defer p.Stop(10 * time.Second)
	for !accepts(ctx, address) {
		if err := p.Ended(); err != nil {
			return f, err
		}
		if time.Since(begun) > time.Minute {
			return f, errors.New("no request was accepted within a minute")
		}
		time.Sleep(time.Millisecond)
	}
	f.wall = time.Since(begun)
	if f.cpu, err = processorTime(p.PID()); err != nil {
		return f, err
	}
	time.Sleep(time.Second) // idle
	f.resident, f.own, err = memory(p.PID())
	return f, err
}

// accepts sends an empty request.
func accepts(ctx context.Context, address string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+"/v1/traces", bytes.NewReader([]byte("{}")))
	if err != nil {
		return false
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	_ = answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

// processorTime is what a process took so far. The kernel counts it in hundredths of a second.
func processorTime(pid int) (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	user, errUser := strconv.Atoi(fields[11])
	system, errSystem := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond, errors.Join(errUser, errSystem)
}

func memory(pid int) (resident, own int, err error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.Lines(string(status)) {
		fields := strings.Fields(line)
		switch fields[0] {
		case "VmRSS:":
			resident, err = strconv.Atoi(fields[1])
		case "RssAnon:":
			own, err = strconv.Atoi(fields[1])
		}
		if err != nil {
			return 0, 0, err
		}
	}
	return resident, own, nil
}
