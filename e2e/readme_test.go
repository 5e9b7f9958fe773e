package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"github.com/otelcol-usage/otelcol-usage/e2e/mockprovider"
	"github.com/otelcol-usage/otelcol-usage/internal/pgserver"
)

// readmeBlock is a block of the README that is marked for tests.
func readmeBlock(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	_, rest, _ := strings.Cut(string(text), "<!-- "+name+", run by a test")
	_, rest, found := strings.Cut(rest, "-->\n```sh\n")
	require.True(t, found, "the README has no block %q", name)
	block, _, _ := strings.Cut(rest, "```")
	return block
}

// road is the README's "Use it" as somebody walks it: a user without rights on the
// machine, with a role of the database that owns its database and may create no roles,
// on a server that has none of ours. The blocks run word for word, only names of hosts
// are others: addresses of loopback that are the test's own, since the ports are fixed.
type road struct {
	t        *testing.T
	home     string
	as       *syscall.Credential
	loopback string
	names    *strings.Replacer
	dsn      string // the line of the README that each terminal needs
	began    time.Time
}

// newRoad stops before the first line of the README.
func newRoad(t *testing.T, loopback string) (r *road, server *pgserver.Server) {
	t.Helper()
	for _, program := range []string{"curl", "openssl", "bash"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("NOT TESTED, the README's road: %v", err)
		}
	}
	server, err := pgserver.Start(t.Context(), pgserver.Options{})
	require.NoError(t, err)
	t.Cleanup(server.Stop)
	admin, err := pgx.Connect(t.Context(), server.DSN)
	require.NoError(t, err)
	defer admin.Close(context.Background())
	for _, sql := range []string{`CREATE ROLE app LOGIN PASSWORD 'password'`, `CREATE DATABASE app OWNER app`} {
		_, err := admin.Exec(t.Context(), sql)
		require.NoError(t, err)
	}
	r = &road{t: t, loopback: loopback}
	r.home, r.as = homeOfNobody(t)
	require.NoError(t, os.Mkdir(filepath.Join(r.home, "bin"), 0o755))
	require.NoError(t, os.CopyFS(filepath.Join(r.home, "examples"), os.DirFS("../examples")))
	copyFile(t, binary, filepath.Join(r.home, "bin", "otelcol-usage"))
	out, err := exec.Command("go", "build", "-o", filepath.Join(r.home, "bin", "usagectl"), "../cmd/usagectl").CombinedOutput()
	require.NoError(t, err, "%s", out)
	makeReadable(t, r.home)
	r.names = strings.NewReplacer("db.example.com:5432", "127.0.0.1:"+strconv.Itoa(server.Port), "sslmode=verify-full", "sslmode=disable", "http://127.0.0.1:", "http://"+loopback+":")
	r.dsn = strings.SplitAfterN(r.block("tables"), "\n", 2)[0]
	r.began = time.Now()
	return r, server
}

func (r *road) block(name string) string { return r.names.Replace(readmeBlock(r.t, name)) }

// run prepares a script in a terminal of its own.
func (r *road) run(script string, env ...string) *exec.Cmd {
	cmd := exec.Command("bash", "-euo", "pipefail", "-c", r.dsn+script)
	cmd.Dir = r.home
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + r.home, "OTLP_LISTEN=" + r.loopback, "USAGE_API_LISTEN=" + r.loopback}, env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: r.as, Setpgid: true}
	return cmd
}

func (r *road) output(script string, env ...string) string {
	r.t.Helper()
	out, err := r.run(script, env...).CombinedOutput()
	require.NoError(r.t, err, "%s", out)
	return string(out)
}

// toTheCollector creates the tables and starts the collector.
func (r *road) toTheCollector(server *pgserver.Server) {
	t := r.t
	t.Helper()
	// First only what is to be asked of the administrator; who then does it.
	out, err := r.run("bin/usagectl migrate up --print-roles").Output()
	require.NoError(t, err)
	config, err := pgx.ParseConfig(server.DSN)
	require.NoError(t, err)
	config.Database = "app"
	inApp, err := pgx.ConnectConfig(t.Context(), config)
	require.NoError(t, err)
	defer inApp.Close(context.Background())
	_, err = inApp.Exec(t.Context(), string(out), pgx.QueryExecModeSimpleProtocol)
	require.NoError(t, err, "%s", out)
	assert.Contains(t, r.output(r.block("tables")), "0001_create_tables.up.sql in ")

	var log syncBuffer
	running := r.run(r.block("collector"))
	running.Stdout, running.Stderr = &log, &log
	require.NoError(t, running.Start())
	ended := make(chan struct{})
	go func() { _ = running.Wait(); close(ended) }()
	t.Cleanup(func() {
		_ = syscall.Kill(-running.Process.Pid, syscall.SIGTERM)
		<-ended
		if t.Failed() {
			t.Logf("log of the collector:\n%s", &log)
		}
	})
	eventually(t, "the collector is ready", func() error {
		select {
		case <-ended:
			t.Fatalf("the collector ended:\n%s", &log)
		default:
		}
		return r.run("curl -s -o /dev/null http://" + r.loopback + ":4318/ && curl -s -o /dev/null http://" + r.loopback + ":8080/").Run()
	})
}

// answered waits until the terminal shows calls of a service that are priced and
// made for ada.
func (r *road) answered(service string) {
	r.t.Helper()
	eventually(r.t, "the call of "+service+" has a price", func() error {
		out, err := r.run("bin/usagectl usage --service " + service).CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		if !regexp.MustCompile(`(?s)calls +1 .*by user\n +ada +0\.0*[1-9].*by service\n +`+service+` +0\.0*[1-9]`).Match(out) || strings.Contains(string(out), "unpriced") {
			return errors.New(string(out))
		}
		return nil
	})
}

func TestTheREADMEsRoadToTheFirstRow(t *testing.T) {
	t.Parallel()
	r, server := newRoad(t, "127.0.213.1")
	r.toTheCollector(server)
	out := r.output(r.block("first call"))
	t.Logf("%s from the first line to the first answer", time.Since(r.began).Round(time.Second))
	assert.Contains(t, out, `"totalCost":0.0045`, "the answer of the API")
	assert.Regexp(t, `total cost +0\.004500`, out, "and in the terminal")
	assert.Less(t, time.Since(r.began), 5*time.Minute)
	assert.Regexp(t, `total cost +0\.004500`, r.output(`echo 'admin:choose a password' >secret
		DATABASE_URL= bin/usagectl usage --user ada --api http://`+r.loopback+`:8080 --api-credentials secret`), "and by the API")

	r.sendsAsPython()
	r.answered("python-app")
	t.Run("apps", r.apps)
}

// sendsAsPython sends what README's Python app does: the spans of one call, captured
// from its library, with what the README's variables add.
func (r *road) sendsAsPython() {
	r.t.Helper()
	capture, err := os.ReadFile("../internal/genai/testdata/corpus/otel-python-openai-v2-2.5b0/chat.json")
	require.NoError(r.t, err)
	sent := ptraceotlp.NewExportRequest()
	require.NoError(r.t, sent.UnmarshalJSON(capture))
	span := sent.Traces().ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0)
	span.SetStartTimestamp(pcommon.NewTimestampFromTime(time.Now()))
	span.SetEndTimestamp(span.StartTimestamp())
	span.Attributes().PutInt("gen_ai.usage.input_tokens", 13) // a short prompt, as the app's
	resource := sent.Traces().ResourceSpans().At(0).Resource().Attributes()
	resource.PutStr("service.name", "python-app")
	resource.PutStr("user.id", "ada")
	body, err := sent.MarshalProto()
	require.NoError(r.t, err)
	require.NoError(r.t, os.WriteFile(filepath.Join(r.home, "spans.pb"), body, 0o644))
	r.output("curl -sf http://" + r.loopback + ":4318/v1/traces -H 'Content-Type: application/x-protobuf' --data-binary @spans.pb")
}

// apps makes the calls of both apps with their real libraries, against a provider that
// answers as OpenAI does.
func (r *road) apps(t *testing.T) {
	if os.Getenv("E2E_CLIENTS") == "" {
		t.Skip("skipped: real clients need npm and its registry; run make e2e-clients")
	}
	openAI := httptest.NewServer(mockprovider.New(1))
	defer openAI.Close()
	announced, err := http.Post(openAI.URL+"/_case", "application/json", strings.NewReader(`{"name": "README", "expect": ["exact"], "short": true}`))
	require.NoError(t, err)
	announced.Body.Close()
	env := []string{"OPENAI_BASE_URL=" + openAI.URL + "/v1", "NO_PROXY=127.0.0.1," + r.loopback}
	for _, name := range []string{"NODE_EXTRA_CA_CERTS", "PIP_CERT"} { // of the machine, to reach its registries
		env = append(env, name+"="+os.Getenv(name))
	}
	variables := r.block("variables of an app")
	t.Run("Node.js", func(t *testing.T) {
		requireNPM(t)
		r.output(variables+r.block("Node.js app"), env...)
		r.answered("node-app")
	})
	t.Run("Python", func(t *testing.T) {
		// One look, without retries: is there a registry?
		if out, err := r.run("python3 -m venv look && look/bin/pip download --quiet --retries 0 --no-deps --dest look opentelemetry-distro", env...).CombinedOutput(); err != nil {
			skipClients(t, "pip does not reach its registry: "+string(out))
		}
		r.output(variables+r.block("Python app"), env...)
		r.answered("python-app")
	})
}

// homeOfNobody is a directory for a user without rights; nil as is ourselves, who
// are not root.
func homeOfNobody(t *testing.T) (home string, as *syscall.Credential) {
	t.Helper()
	home, err := os.MkdirTemp("", "otelcol-usage-readme-") // below t.TempDir only root may enter
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(home)) })
	if as, err = pgserver.UnprivilegedUser("nobody"); as == nil {
		require.NoError(t, err)
		return home, nil
	}
	nobody, err := user.Lookup("nobody")
	require.NoError(t, err)
	gid, err := strconv.Atoi(nobody.Gid)
	require.NoError(t, err)
	require.NoError(t, os.Chown(home, int(as.Uid), gid))
	return home, as
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(to, bytes.Clone(content), 0o755))
}

func makeReadable(t *testing.T, dir string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		return os.Chmod(path, 0o755)
	}))
}
