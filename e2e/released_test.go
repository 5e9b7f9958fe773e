package e2e

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-usage/otelcol-usage/internal/dbmigrate"
	"github.com/otelcol-usage/otelcol-usage/internal/pgserver"
	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
	"github.com/otelcol-usage/otelcol-usage/internal/replay"
)

// What a release left behind stands in testdata/released/VERSION: its database, a queue on
// disk, and what its agent sends to a gateway, all of the same calls. They are written once,
// by the collector of that release:
//
//	WRITE_RELEASED=0.1.0 go test ./e2e -run TestWriteWhatAReleaseLeaves
//
// and never again: the point of them is that they are old. Those of 0.1.0 say that the build
// "dev" made them, since the release had no tag yet; nothing decides by that text. The file
// commit names the tree they were written in.

const (
	releasedDatabase = "database.sql.gz"
	releasedQueue    = "exporter_usage_postgres__traces.gz"
	releasedAgent    = "agent.otlp.gz"
)

// TestWriteWhatAReleaseLeaves writes the files.
func TestWriteWhatAReleaseLeaves(t *testing.T) {
	version := os.Getenv("WRITE_RELEASED")
	if version == "" {
		t.Skip("writes files of a release, once")
	}
	folder := filepath.Join("testdata", "released", version)
	require.NoError(t, os.MkdirAll(folder, 0o755))
	pool, dsn := newDatabase(t)
	calls := callsOfEveryKind(t)

	// What the agent sends, and what the gateway makes of it.
	writeReleased(t, filepath.Join(folder, releasedAgent), sentByAgent(t, calls))

	whole := start(t, configuration{}.String(), dsn)
	for _, td := range calls {
		require.NoError(t, whole.sendHTTP(td))
	}
	quiet(t, pool)
	whole.stop()
	_, err := pool.Exec(t.Context(), `INSERT INTO public.usage_budgets (name, scope, period, dollars) VALUES ('everybody', 'org', 'month', 100)`)
	require.NoError(t, err)
	bin, err := pgserver.Find()
	require.NoError(t, err)
	dump := exec.CommandContext(t.Context(), filepath.Join(bin, "pg_dump"), "--no-owner", dsn[len("DATABASE_URL="):])
	out, err := dump.Output()
	require.NoError(t, err)
	writeReleased(t, filepath.Join(folder, releasedDatabase), out)

	// A queue of a collector that was killed while its database was down.
	directory := t.TempDir()
	down := start(t, configuration{
		exporter:   "    sending_queue: {storage: file_storage}",
		extensions: "  file_storage: {directory: " + directory + ", fsync: true}",
		extNames:   ", file_storage",
	}.String(), "DATABASE_URL=postgres://nobody@127.0.0.1:1/nowhere")
	for _, td := range calls {
		require.NoError(t, down.sendHTTP(td))
	}
	down.kill()
	content, err := os.ReadFile(filepath.Join(directory, "exporter_usage_postgres__traces"))
	require.NoError(t, err)
	writeReleased(t, filepath.Join(folder, releasedQueue), content)
	commit, err := exec.CommandContext(t.Context(), "git", "rev-parse", "HEAD").Output()
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "commit"), commit, 0o644))
}

// sentByAgent is what today's agent sends to a gateway, each request with its length in four
// bytes before it, as the file exporter writes them.
func sentByAgent(t *testing.T, calls []ptrace.Traces) []byte {
	t.Helper()
	sent := filepath.Join(t.TempDir(), "agent.otlp")
	agent := start(t, `
receivers: {otlp: {protocols: {grpc: {endpoint: <GRPC>}, http: {endpoint: <HTTP>}}}}
processors: {genai_usage: {}}
exporters: {file: {path: `+sent+`, format: proto}}
service: {telemetry: {metrics: {level: none}}, pipelines: {traces: {receivers: [otlp], processors: [genai_usage], exporters: [file]}}}
`)
	for _, td := range calls {
		require.NoError(t, agent.sendHTTP(td))
	}
	agent.stop()
	content, err := os.ReadFile(sent)
	require.NoError(t, err)
	return content
}

// callsOfEveryKind are the built-in captures, for several users on several days, and every
// case of the processor.
func callsOfEveryKind(t *testing.T) (calls []ptrace.Traces) {
	t.Helper()
	captures, err := replay.Builtin()
	require.NoError(t, err)
	for i, user := range []string{"ada", "eve", "grace", "", "alan", "ada", "kurt", "", "emmy"} {
		for j, c := range captures {
			td, err := c.Replay(replay.Options{At: time.Date(2026, 11, 2+3*i, j, 10, 0, 0, time.UTC), Seed: uint64(i), User: user})
			require.NoError(t, err)
			calls = append(calls, td)
		}
	}
	cases, err := filepath.Glob("../processor/genaiusageprocessor/testdata/cases/*/input.json")
	require.NoError(t, err)
	for _, file := range cases {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		td, err := new(ptrace.JSONUnmarshaler).UnmarshalTraces(content)
		require.NoError(t, err)
		calls = append(calls, td)
	}
	return calls
}

// quiet waits until the number of rows has not changed for three seconds.
func quiet(t *testing.T, pool *pgxpool.Pool) {
	t.Helper()
	var before int64
	since := time.Now()
	eventually(t, "no more rows come", func() error {
		var rows int64
		if err := pool.QueryRow(t.Context(), `SELECT count(*) FROM public.api_usage`).Scan(&rows); err != nil {
			return err // not migrated yet
		}
		if rows != before || rows == 0 {
			before, since = rows, time.Now()
		}
		if time.Since(since) < 3*time.Second {
			return fmt.Errorf("%d rows, still growing", rows)
		}
		return nil
	})
}

func writeReleased(t *testing.T, file string, content []byte) {
	t.Helper()
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	require.NoError(t, err)
	_, err = w.Write(content)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	require.NoError(t, os.WriteFile(file, b.Bytes(), 0o644))
	t.Logf("%s: %d bytes", file, b.Len())
}

func readReleased(t *testing.T, folder, name string) []byte {
	t.Helper()
	packed, err := os.Open(filepath.Join(folder, name))
	require.NoError(t, err)
	defer packed.Close()
	r, err := gzip.NewReader(packed)
	require.NoError(t, err)
	content, err := io.ReadAll(r)
	require.NoError(t, err)
	return content
}

// TestWhatAReleaseLeftIsTakenOver: of each release, the database is brought to today's schema
// and keeps every sum; today's collector stores what its agent sent, and what its queue
// held, and finds that it is all there already.
func TestWhatAReleaseLeftIsTakenOver(t *testing.T) {
	t.Parallel()
	folders, err := filepath.Glob("testdata/released/*")
	require.NoError(t, err)
	if len(folders) == 0 {
		t.Skip("nothing was released yet")
	}
	for _, folder := range folders {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			t.Parallel()
			pgtest.New(t) // the roles, which belong to the whole server and are in no dump
			pool, dsn := newDatabase(t)
			restore(t, dsn[len("DATABASE_URL="):], readReleased(t, folder, releasedDatabase))
			before := readTotals(t, pool)
			assert.Greater(t, before.Rows, int64(200))

			_, err := dbmigrate.New().Up(t.Context(), pool)
			require.NoError(t, err)
			require.NoError(t, dbmigrate.Check(t.Context(), pool))
			assert.Equal(t, before, readTotals(t, pool), "the upgrade keeps every sum")
			requireRollupsEqualRows(t, pool)

			// The same calls as its agent sent them, and as they waited in its queue.
			directory := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(directory, "exporter_usage_postgres__traces"), readReleased(t, folder, releasedQueue), 0o600))
			gateway := start(t, `
receivers: {otlp: {protocols: {grpc: {endpoint: <GRPC>}, http: {endpoint: <HTTP>}}}}
exporters: {usage_postgres: {dsn: "${env:DATABASE_URL}", sending_queue: {storage: file_storage}}}
extensions: {file_storage: {directory: `+directory+`}}
service: {extensions: [file_storage], telemetry: {metrics: {level: none}}, pipelines: {traces: {receivers: [otlp], exporters: [usage_postgres]}}}
`, dsn)
			sent := releasedPayloads(t, folder)
			for _, td := range sent {
				require.NoError(t, gateway.sendHTTP(td))
			}
			_, empty := newDatabase(t)
			fresh := start(t, `
receivers: {otlp: {protocols: {grpc: {endpoint: <GRPC>}, http: {endpoint: <HTTP>}}}}
exporters: {usage_postgres: {dsn: "${env:DATABASE_URL}", migrate: true}}
service: {telemetry: {metrics: {level: none}}, pipelines: {traces: {receivers: [otlp], exporters: [usage_postgres]}}}
`, empty)
			for _, td := range sent {
				require.NoError(t, fresh.sendHTTP(td))
			}
			made, err := pgxpool.New(t.Context(), empty[len("DATABASE_URL="):])
			require.NoError(t, err)
			defer made.Close()
			waitForRows(t, made, before.Rows)
			assert.Equal(t, before, readTotals(t, made), "an agent of the release with today's gateway")
			requireRollupsEqualRows(t, made)
			gateway.stop()
			assert.Equal(t, before, readTotals(t, pool), "nothing of it is a new call")
			var parked int
			require.NoError(t, pool.QueryRow(t.Context(), `SELECT count(*) FROM public.usage_dead_letter`).Scan(&parked))
			assert.Zero(t, parked)
		})
	}
}

// TestAGatewayOfAReleaseReadsTodaysAgent compiles what reads records in the tree of each
// release, and gives it what today's agent sends: it refuses none, and reads the same calls at
// the same costs as today's code.
func TestAGatewayOfAReleaseReadsTodaysAgent(t *testing.T) {
	t.Parallel()
	folders, err := filepath.Glob("testdata/released/*")
	require.NoError(t, err)
	require.NotEmpty(t, folders)
	sent := sentByAgent(t, callsOfEveryKind(t))
	now := t.TempDir()
	for _, name := range readerNeeds {
		if content, err := os.ReadFile(filepath.Join("..", name)); err == nil {
			require.NoError(t, os.WriteFile(filepath.Join(now, name), content, 0o600))
			continue
		}
		require.NoError(t, os.CopyFS(filepath.Join(now, name), os.DirFS(filepath.Join("..", name))))
	}
	today := readRecords(t, now, sent)
	require.Greater(t, strings.Count(today, "\n"), 200)
	require.NotContains(t, today, "error:")
	require.Contains(t, today, "\nuser ")
	for _, folder := range folders {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			commit, err := os.ReadFile(filepath.Join(folder, "commit"))
			require.NoError(t, err)
			tree := t.TempDir()
			archive := exec.CommandContext(t.Context(), "git", append([]string{"-C", "..", "archive", strings.TrimSpace(string(commit))}, readerNeeds...)...)
			packed, err := archive.Output()
			if err != nil {
				t.Skipf("the history of this clone does not reach back to the release: %v", err)
			}
			unpack := exec.CommandContext(t.Context(), "tar", "-x", "-C", tree)
			unpack.Stdin = bytes.NewReader(packed)
			require.NoError(t, unpack.Run())
			old := strings.Split(readRecords(t, tree, sent), "\n")
			for i, line := range strings.Split(today, "\n") {
				// What the release does not know stands in brackets at the end.
				known, _, _ := strings.Cut(line, " [")
				require.True(t, i < len(old) && strings.HasPrefix(old[i], known), "today's code reads %q", line)
			}
		})
	}
}

// readerNeeds is what records are read with.
var readerNeeds = []string{"go.mod", "go.sum", "internal/usage", "internal/usageattr"}

// readRecords has the code of a tree read what an agent sent.
func readRecords(t *testing.T, tree string, sent []byte) string {
	t.Helper()
	source, err := os.ReadFile("testdata/reader/main.go.txt")
	require.NoError(t, err)
	// A package below internal/usageattr may import what is internal.
	folder := filepath.Join(tree, "internal", "usageattr", "reader-of-a-test")
	require.NoError(t, os.MkdirAll(folder, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "main.go"), source, 0o600))
	reader := exec.CommandContext(t.Context(), "go", "run", ".")
	reader.Dir, reader.Stdin = folder, bytes.NewReader(sent)
	var stderr strings.Builder
	reader.Stderr = &stderr
	out, err := reader.Output()
	require.NoError(t, err, stderr.String())
	return string(out)
}

// releasedPayloads are the requests of the release's agent, in the form of sentByAgent.
func releasedPayloads(t *testing.T, folder string) (payloads []ptrace.Traces) {
	t.Helper()
	content := readReleased(t, folder, releasedAgent)
	for len(content) > 0 {
		n := int(content[0])<<24 | int(content[1])<<16 | int(content[2])<<8 | int(content[3])
		td, err := new(ptrace.ProtoUnmarshaler).UnmarshalTraces(content[4 : 4+n])
		require.NoError(t, err)
		payloads = append(payloads, td)
		content = content[4+n:]
	}
	return payloads
}

func restore(t *testing.T, dsn string, sql []byte) {
	t.Helper()
	bin, err := pgserver.Find()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), filepath.Join(bin, "psql"), "--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--output", os.DevNull, dsn)
	cmd.Stdin = bytes.NewReader(sql)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
}
