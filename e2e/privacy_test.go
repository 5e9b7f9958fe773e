package e2e

import (
	"bytes"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// secrets are texts that must not come out anywhere: what was said in a call.
var secrets = []string{"the-prompt-nobody-may-read", "the-answer-nobody-may-read"}

func TestContentReachesNeitherQueueNorRowNorLog(t *testing.T) {
	t.Parallel()
	pool, dsn := newDatabase(t)
	queue := t.TempDir()
	config := configuration{
		exporter:   "    sending_queue: {storage: file_storage}",
		extensions: "  file_storage: {directory: " + queue + "}\n  bearertokenauth: {token: the-token-nobody-may-read}",
		extNames:   ", file_storage, bearertokenauth",
		api:        "    access: {bearer_is_admin: true}\n",
		apiHTTP:    "      auth: {authenticator: bearertokenauth}\n",
		logLevel:   "debug",
	}.String()
	metrics := freeAddress(t)
	host, port, err := net.SplitHostPort(metrics)
	require.NoError(t, err)
	config = strings.Replace(config, "metrics: {level: none}",
		"metrics: {level: detailed, readers: [{pull: {exporter: {prometheus: {host: "+host+", port: "+port+"}}}}]}", 1)
	// The database is not there at first, so that everything stays in the queue.
	c := prepare(t, config, "DATABASE_URL=postgres://nobody:the-password-nobody-may-read@127.0.0.1:1/none", "DEBUG_USAGE=true")
	c.start()
	payload := ptrace.NewTraces()
	spans := payload.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
	for n := range 20 {
		span := chatSpan(spans.AppendEmpty(), 200, byte(n))
		span.Attributes().PutStr("gen_ai.input.messages", `[{"role":"user","content":"`+secrets[0]+`"}]`)
		span.Attributes().PutStr("gen_ai.prompt.0.content", secrets[0])
		span.Attributes().PutStr("output.value", `{"id":"x","content":"`+secrets[1]+`"}`)
		span.Events().AppendEmpty().Attributes().PutStr("gen_ai.completion", secrets[1])
		span.Status().SetMessage(secrets[1])
	}
	require.NoError(t, c.sendGRPC(payload))
	eventually(t, "a refused connection in the log", func() error {
		if !strings.Contains(c.log.String(), "usage_postgres") {
			return fs.ErrNotExist
		}
		return nil
	})
	c.kill()
	requireNoSecretIn(t, queue, "in the queue")

	// Now it is there: what the queue holds must arrive.
	c.env = []string{dsn, "DEBUG_USAGE=true"}
	c.start()
	waitForRows(t, pool, 20)

	// The database refuses one call more, which is kept beside the table.
	_, err = pool.Exec(t.Context(), `ALTER TABLE public.api_usage ADD CONSTRAINT no_more CHECK (created_at < now() - interval '1 day') NOT VALID`)
	require.NoError(t, err)
	spans.RemoveIf(func(span ptrace.Span) bool { return span.SpanID() != spans.At(0).SpanID() })
	spans.At(0).SetSpanID([8]byte{99})
	spans.At(0).SetTraceID([16]byte{99})
	spans.At(0).Attributes().PutStr("gen_ai.response.id", "one-more")
	require.NoError(t, c.sendGRPC(payload))
	var parked string
	eventually(t, "a refused call", func() error {
		return pool.QueryRow(t.Context(), `SELECT d::text FROM public.usage_dead_letter d`).Scan(&parked)
	})
	for token, status := range map[string]int{"the-token-nobody-may-read": 200, "the-wrong-token-nobody-may-read": 401} {
		answer, _ := request(t, "GET", "http://"+c.api+"/api/admin/usage", "Bearer "+token)
		assert.Equal(t, status, answer.StatusCode)
	}
	_, metricsText := request(t, "GET", "http://"+metrics+"/metrics", "")
	assert.Contains(t, metricsText, "usage_postgres_parked")
	c.stop()
	log := c.log.String()
	assert.Equal(t, 21, strings.Count(log, "\tusage record "), "DEBUG_USAGE=true logs one line for each record")
	var rows string
	require.NoError(t, pool.QueryRow(t.Context(), `SELECT string_agg(u::text, ' ') FROM public.api_usage u`).Scan(&rows))
	own, err := url.Parse(strings.TrimPrefix(dsn, "DATABASE_URL="))
	require.NoError(t, err)
	password, _ := own.User.Password()
	for _, secret := range append(secrets, "the-password-nobody-may-read", password, own.String(), "the-token-nobody-may-read", "the-wrong-token-nobody-may-read") {
		assert.NotContains(t, parked, secret, "in the dead letter")
		assert.NotContains(t, metricsText, secret, "in the metrics")
		assert.NotContains(t, log, secret, "in the log")
		assert.NotContains(t, rows, secret, "in the table")
	}
}

// requireNoSecretIn reads all files of a folder.
func requireNoSecretIn(t *testing.T, folder, where string) {
	t.Helper()
	read := 0
	require.NoError(t, filepath.WalkDir(folder, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(name)
		for _, secret := range secrets {
			assert.False(t, bytes.Contains(content, []byte(secret)), "%s: %s holds %q", where, filepath.Base(name), secret)
		}
		read += len(content)
		return err
	}))
	require.NotZero(t, read, "nothing was there to read: %s", where)
}
