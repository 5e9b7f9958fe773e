package e2e

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// secrets are texts that must not come out anywhere: what was said in a call,
// and the password of the database.
var secrets = []string{"the-prompt-nobody-may-read", "the-answer-nobody-may-read"}

func TestContentReachesNeitherQueueNorRowNorLog(t *testing.T) {
	t.Parallel()
	pool, dsn := newDatabase(t)
	queue := t.TempDir()
	config := configuration{
		exporter:   "    sending_queue: {storage: file_storage}",
		extensions: "  file_storage: {directory: " + queue + "}",
		extNames:   ", file_storage",
		logLevel:   "debug",
	}.String()
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
	for _, secret := range secrets {
		require.NoError(t, filepath.WalkDir(queue, func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			content, err := os.ReadFile(name)
			assert.NotContains(t, string(content), secret, "in the queue")
			return err
		}))
	}

	// Now it is there: what the queue holds must arrive.
	c.env = []string{dsn, "DEBUG_USAGE=true"}
	c.start()
	waitForRows(t, pool, 20)
	c.stop()
	log := c.log.String()
	assert.Equal(t, 20, strings.Count(log, "\tusage record "), "DEBUG_USAGE=true logs one line for each record")
	var rows string
	require.NoError(t, pool.QueryRow(t.Context(), `SELECT string_agg(u::text, ' ') FROM public.api_usage u`).Scan(&rows))
	for _, secret := range append(secrets, "the-password-nobody-may-read", strings.TrimPrefix(dsn, "DATABASE_URL=")) {
		assert.NotContains(t, log, secret, "in the log")
		assert.NotContains(t, rows, secret, "in the table")
	}
}
