package usagepostgresexporter

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
)

func TestAnOutageIsOneErrorAfterAMinuteAndALastingFaultOneAtOnce(t *testing.T) {
	t.Parallel()
	core, logs := observer.New(zap.InfoLevel)
	logger, start, away := zap.New(core), time.Unix(1_700_000_000, 0), errors.New("connection refused")
	left := func(taken int64) (time.Duration, bool) { return time.Duration(100-taken) * time.Minute, true }
	var o outage
	for _, second := range []int{0, 30, 59} {
		o.failed(logger, start.Add(time.Duration(second)*time.Second), away, false, left)
		o.took(10)
	}
	assert.Zero(t, logs.Len(), "a restart of the database is no error")
	for _, second := range []int{60, 61, 600} {
		o.failed(logger, start.Add(time.Duration(second)*time.Second), away, false, left)
	}
	require.Equal(t, 1, logs.Len(), "one line, not one for each try")
	assert.Equal(t, "1h10m0s", logs.All()[0].ContextMap()["queue_full_in_about"])
	assert.True(t, o.ended())
	o.failed(logger, start.Add(time.Hour), away, true, left)
	assert.Equal(t, 2, logs.Len(), "who has no rights gets none by waiting")
}

func TestThePaceIsTheMeanOfTheLastDay(t *testing.T) {
	t.Parallel()
	var p pace
	start := time.Unix(1_700_000_000, 0)
	assert.Zero(t, p.perSecond(start))
	p.took(start, 500)
	p.took(start.Add(50*time.Second), 500)
	assert.InDelta(t, 10, p.perSecond(start.Add(100*time.Second)), 1e-9)
	p.took(start.Add(48*time.Hour), 86400)
	assert.InDelta(t, 1, p.perSecond(start.Add(48*time.Hour)), 1e-9, "what is older than a day does not count")
}

func TestAQueueOnDiskIsMadeForDisks(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		queue map[string]any
		want  int64
	}{
		"in memory":    {map[string]any{}, 64 << 20},
		"on disk":      {map[string]any{"storage": "file_storage"}, 4 << 30},
		"said":         {map[string]any{"storage": "file_storage", "queue_size": 1 << 20}, 1 << 20},
		"another unit": {map[string]any{"storage": "file_storage", "sizer": "items"}, 4 << 30 / 450},
	} {
		cfg := createDefaultConfig().(*Config)
		conf := confmap.NewFromStringMap(map[string]any{"dsn": "postgres://127.0.0.1/x", "sending_queue": c.queue})
		require.NoError(t, conf.Unmarshal(cfg), name)
		require.NoError(t, cfg.Validate(), name)
		assert.Equal(t, c.want, cfg.QueueConfig.Get().QueueSize, name)
		assert.True(t, cfg.QueueConfig.Get().BlockOnOverflow, name)
	}
}

func replaceDB(sql, name string) string { return strings.ReplaceAll(sql, `"DB"`, name) }

// asRole is the database in one of its roles.
func asRole(t *testing.T, db *pgtest.DB, role string) string {
	t.Helper()
	u, err := url.Parse(db.DSN)
	require.NoError(t, err)
	q := u.Query()
	q.Set("role", role)
	u.RawQuery = q.Encode()
	return u.String()
}

func TestLackingRightsAndAReadOnlyDatabaseAreAnErrorWithItsCure(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		damage []string
		says   string
	}{
		"no rights": {[]string{`REVOKE ALL ON public.api_usage FROM usage_writer`}, "GRANT usage_writer TO"},
		"read-only": {[]string{`ALTER DATABASE "DB" SET default_transaction_read_only = on`}, "target_session_attrs=read-write"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.New(t)
			for _, sql := range c.damage {
				db.Exec(replaceDB(sql, db.Name))
			}
			cfg := fast(asRole(t, db, "usage_writer"))
			f := start(t, cfg, nil)
			require.NoError(t, f.ConsumeTraces(t.Context(), traces(0, 3)))
			const message = "usage cannot be stored and waits in the queue"
			require.Eventually(t, func() bool { return f.logs.FilterMessage(message).Len() > 0 }, time.Minute, 10*time.Millisecond)
			time.Sleep(300 * time.Millisecond) // of tries, each of which could be a line
			lines := f.logs.FilterMessage(message).All()
			assert.Len(t, lines, 1)
			assert.Equal(t, zap.ErrorLevel, lines[0].Level)
			assert.Contains(t, lines[0].ContextMap()["error"], c.says)
			assert.Zero(t, f.logs.FilterMessage("the database is ready").Len())
			f.stop(t)
		})
	}
}
