package usagepostgresexporter

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/otelcol-usage/otelcol-usage/exporter/usagepostgresexporter/internal/metadata"
	"github.com/otelcol-usage/otelcol-usage/internal/dbmigrate"
	"github.com/otelcol-usage/otelcol-usage/internal/pgserver"
	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
	"github.com/otelcol-usage/otelcol-usage/internal/usageattr"
)

func configopaqueString(text string) configopaque.String { return configopaque.String(text) }

func call(n int) usage.Record {
	return usage.Record{
		ID: usage.IDFromResponse("openai", fmt.Sprint(n)), Time: time.Date(2026, 3, 14, 15, 9, n%60, 0, time.UTC),
		APIType: usage.APITypeText, Provider: "openai", Model: "gpt-4o", RequestID: fmt.Sprint(n),
		UserID: usage.UserID("ada"), UserExternalID: "ada",
		Quantities: usage.Quantities{usage.InputTextTokens: 10}, Cost: 1000, Status: usage.StatusPriced,
	}
}

// traces has one span for each of the calls, and one without a record.
func traces(from, to int) ptrace.Traces {
	td := ptrace.NewTraces()
	spans := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
	for n := from; n < to; n++ {
		r := call(n)
		span := spans.AppendEmpty()
		span.Attributes().PutStr("gen_ai.prompt", "my secret prompt")
		span.Attributes().PutStr(usageattr.Record, string(usageattr.Append(nil, &r)))
	}
	spans.AppendEmpty().Attributes().PutStr("http.method", "GET")
	return td
}

type fixture struct {
	exporter.Traces
	logs      *observer.ObservedLogs
	telemetry *componenttest.Telemetry
	host      *testHost
}

// testHost keeps the status events and hands out a storage.
type testHost struct {
	extensions map[component.ID]component.Component
	mu         sync.Mutex
	events     []componentstatus.Status
}

func (h *testHost) GetExtensions() map[component.ID]component.Component { return h.extensions }

func (h *testHost) Report(e *componentstatus.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = append(h.events, e.Status())
}

func (h *testHost) statuses() []componentstatus.Status {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]componentstatus.Status(nil), h.events...)
}

// fast makes a test see its batches and retries soon.
func fast(dsn string) *Config {
	cfg := createDefaultConfig().(*Config)
	cfg.DSN = configopaqueString(dsn)
	cfg.BackOffConfig.InitialInterval = 10 * time.Millisecond
	cfg.BackOffConfig.MaxInterval = 100 * time.Millisecond
	cfg.QueueConfig.Get().Batch.Get().FlushTimeout = 10 * time.Millisecond
	return cfg
}

func start(t *testing.T, cfg *Config, extensions map[component.ID]component.Component) *fixture {
	t.Helper()
	require.NoError(t, cfg.Validate())
	core, logs := observer.New(zap.DebugLevel)
	f := &fixture{logs: logs, telemetry: componenttest.NewTelemetry(), host: &testHost{extensions: extensions}}
	t.Cleanup(func() { _ = f.telemetry.Shutdown(context.Background()) })
	set := exportertest.NewNopSettings(metadata.Type)
	set.TelemetrySettings = f.telemetry.NewTelemetrySettings()
	set.Logger = zap.New(core)
	e, err := NewFactory().CreateTraces(t.Context(), set, cfg)
	require.NoError(t, err)
	require.NoError(t, e.Start(t.Context(), f.host))
	f.Traces = e
	return f
}

func (f *fixture) stop(t *testing.T) {
	t.Helper()
	require.NoError(t, f.Shutdown(context.Background()))
}

func (f *fixture) send(t *testing.T, td ptrace.Traces) {
	t.Helper()
	td.MarkReadOnly()
	require.NoError(t, f.ConsumeTraces(t.Context(), td))
}

// text is everything that was logged.
func (f *fixture) text() string {
	var b strings.Builder
	for _, entry := range f.logs.All() {
		fmt.Fprintln(&b, entry.Level, entry.Message, entry.ContextMap())
	}
	return b.String()
}

// counter is the sum of a metric over its attributes.
func (f *fixture) counter(t *testing.T, name string) int64 {
	t.Helper()
	m, err := f.telemetry.GetMetric("otelcol_" + name)
	if err != nil {
		return 0 // nothing was counted yet
	}
	var sum int64
	for _, p := range sumPoints(m) {
		sum += p
	}
	return sum
}

// queueAge is in seconds.
func (f *fixture) queueAge(t *testing.T) float64 {
	t.Helper()
	m, err := f.telemetry.GetMetric("otelcol_usage_postgres_queue_age")
	require.NoError(t, err)
	return m.Data.(metricdata.Gauge[float64]).DataPoints[0].Value
}

// eventually polls; 20 seconds are for a loaded machine.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	require.Eventually(t, ok, time.Minute, 10*time.Millisecond, what)
}

const countRows = `SELECT count(*) FROM public.api_usage`

func TestRecordsBecomeRows(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	f := start(t, fast(db.DSN), nil)
	assert.False(t, f.Capabilities().MutatesData)
	f.send(t, traces(0, 7000))
	f.send(t, traces(5000, 7001))
	f.send(t, traces(0, 0))
	eventually(t, "7001 rows", func() bool { return db.Text(countRows) == "7001" })
	f.stop(t)
	assert.Equal(t, "7001|1|0.000007001000", db.Text(`SELECT count(*), count(DISTINCT user_id), sum(usage_dollars)::text FROM public.api_usage`))
	assert.Equal(t, int64(7001), f.counter(t, "usage_postgres_rows"))
	assert.Equal(t, int64(2000), f.counter(t, "usage_postgres_duplicates"))
	assert.Equal(t, int64(3), f.counter(t, "usage_postgres_spans_without_record"))
	assert.NotContains(t, f.text(), "secret")
	assert.NotContains(t, f.text(), db.DSN)
}

func TestAMissingSchemaIsSaidInOneLineAndRepairedLater(t *testing.T) {
	t.Parallel()
	db := pgtest.NewEmpty(t)
	f := start(t, fast(db.DSN), nil)
	f.send(t, traces(0, 10))
	line := fmt.Sprintf("the database has no usage schema, version %d is needed; run: usagectl migrate up", dbmigrate.Latest())
	eventually(t, "the line", func() bool { return strings.Contains(f.text(), line) })
	eventually(t, "retries", func() bool { return f.counter(t, "usage_postgres_retries") > 2 })
	assert.Positive(t, f.queueAge(t))
	assert.Equal(t, 1, f.logs.FilterMessage("usage cannot be stored and waits in the queue").Len(), "once, not at every look")
	assert.Equal(t, componentstatus.StatusRecoverableError, f.host.statuses()[0])

	migrate(t, db)
	eventually(t, "10 rows", func() bool { return db.Text(countRows) == "10" })
	eventually(t, "nothing waits", func() bool { return f.queueAge(t) == 0 })
	f.stop(t)
	assert.Equal(t, componentstatus.StatusOK, f.host.statuses()[len(f.host.statuses())-1])
}

func TestTwoCollectorsThatMigrateTogetherBothComeUp(t *testing.T) {
	t.Parallel()
	db := pgtest.NewEmpty(t)
	cfg := fast(db.DSN)
	cfg.Migrate = true
	fixtures := []*fixture{start(t, cfg, nil), start(t, cfg, nil), start(t, cfg, nil)}
	for _, f := range fixtures {
		f.send(t, traces(0, 100))
	}
	for _, f := range fixtures {
		eventually(t, "100 records", func() bool {
			return f.counter(t, "usage_postgres_rows")+f.counter(t, "usage_postgres_duplicates") == 100
		})
		f.stop(t)
		assert.Zero(t, f.logs.FilterLevelExact(zap.ErrorLevel).Len(), f.text())
	}
	assert.Equal(t, "100", db.Text(countRows))
}

// TestNobodyHasToRememberTheNextMonth: no cron job has made a partition.
func TestNobodyHasToRememberTheNextMonth(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		migrate               bool
		partitions, inDefault string
	}{
		"migrate":    {true, "true", "0"},
		"no migrate": {false, "false", "101"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.New(t)
			require.NoError(t, dbmigrate.PartitionByMonth(t.Context(), db.Pool))
			cfg := fast(db.DSN)
			f := start(t, cfg, nil) // stores calls of a month without partition
			f.send(t, traces(0, 100))
			eventually(t, "100 rows", func() bool { return db.Text(countRows) == "100" })
			f.stop(t)

			cfg.Migrate = c.migrate
			f = start(t, cfg, nil)
			f.send(t, traces(100, 101))
			eventually(t, "101 rows", func() bool { return db.Text(countRows) == "101" })
			f.stop(t)
			assert.Equal(t, c.partitions, db.Text(`
				SELECT bool_and(to_regclass('public.api_usage_' || to_char(date_trunc('month', now() AT TIME ZONE 'UTC') + ahead * interval '1 month', 'YYYY_MM')) IS NOT NULL)
				FROM generate_series(0, 3) ahead`), "this month and three more")
			assert.Equal(t, c.inDefault, db.Text(`SELECT count(*) FROM public.api_usage_default`))
			assert.Zero(t, f.logs.FilterLevelExact(zap.WarnLevel).Len(), f.text())
		})
	}
}

// TestWhatBusyUsersUsedIsKept: no cron job has kept it.
func TestWhatBusyUsersUsedIsKept(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`INSERT INTO auth.users (id) SELECT md5(n::text)::uuid FROM generate_series(1, 2) n`)
	db.Exec(`
		INSERT INTO public.api_usage (user_id, timestamp, usage_dollars, api_type)
		SELECT md5('1')::uuid, '2026-01-03Z'::timestamptz, 1, 'text' FROM generate_series(1, 1000)
		UNION ALL SELECT md5('2')::uuid, '2026-01-03Z'::timestamptz, 1, 'text' FROM generate_series(1, 999)
		UNION ALL SELECT md5('1')::uuid, now(), 1, 'text' FROM generate_series(1, 1000)`)
	f := start(t, fast(db.DSN), nil)
	defer f.stop(t)
	eventually(t, "what is over and worth keeping", func() bool {
		return db.Text(`SELECT string_agg(bucket::date || ' ' || calls || ' ' || usage_dollars, ', ') FROM public.usage_user_detail`) == "2026-01-01 1000 1000.000000000000"
	})
}

// TestSessionsOfDaysThatAreOverAreKept: no cron job has kept them.
func TestSessionsOfDaysThatAreOverAreKept(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`
		INSERT INTO public.api_usage (timestamp, usage_dollars, api_type, session_id)
		SELECT at, 1, 'text', 's' FROM unnest(ARRAY['2026-01-03Z', '2026-01-03T23:00Z', '2026-01-04Z', now()]) AS at`)
	f := start(t, fast(db.DSN), nil)
	defer f.stop(t)
	eventually(t, "the sessions of days that are over", func() bool {
		return db.Text(`SELECT string_agg(bucket::date || ' ' || session_id || ' ' || calls || ' ' || usage_dollars, ', ' ORDER BY bucket) FROM public.usage_session_kept JOIN public.usage_session_days USING (bucket)`) ==
			"2026-01-03 s 2 2.000000000000, 2026-01-04 s 1 1.000000000000"
	})
}

// TestSumsOfConcurrentWritersAreMovedTogether: no cron job has done it.
func TestSumsOfConcurrentWritersAreMovedTogether(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	insert := `INSERT INTO public.api_usage (timestamp, usage_dollars, api_type) VALUES ('2026-01-03Z', 1, 'text')`
	tx, err := db.Pool.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), insert)
	require.NoError(t, err)
	db.Exec(insert)
	require.NoError(t, tx.Commit(t.Context()))
	const rows = `SELECT string_agg(calls::text, ', ') FROM public.usage_day_type`
	require.Equal(t, "1, 1", db.Text(rows))
	f := start(t, fast(db.DSN), nil)
	defer f.stop(t)
	eventually(t, "one row", func() bool { return db.Text(rows) == "2" })
}

func TestRecordsOutliveADatabaseThatIsAwayAndTheCollector(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	disk := newDisk()
	extensions := map[component.ID]component.Component{component.MustNewID("disk"): disk}
	withQueue := func(dsn string) *Config {
		cfg := fast(dsn)
		id := component.MustNewID("disk")
		cfg.QueueConfig.Get().StorageID = &id
		return cfg
	}
	f := start(t, withQueue(closedPort(t)), extensions)
	f.send(t, traces(0, 3000))
	f.send(t, traces(3000, 3100))
	f.send(t, traces(0, 0)) // nothing for the disk
	eventually(t, "a try", func() bool { return f.counter(t, "usage_postgres_retries") > 0 })
	f.stop(t)
	assert.NotContains(t, disk.text(), "secret", "prompts never reach the disk")
	assert.Contains(t, disk.text(), "model=gpt-4o")
	assert.Less(t, len(disk.text()), 3100*400, "a record on disk is its text and little more")

	f = start(t, withQueue(db.DSN), extensions)
	eventually(t, "3100 rows", func() bool { return db.Text(countRows) == "3100" })
	f.stop(t)
	assert.NotContains(t, disk.text(), "model=", "what is stored leaves the disk")
}

func TestUnreadableRecordsAreKeptAndCountedAndHoldUpNothing(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	f := start(t, fast(db.DSN), nil)
	td := traces(0, 3)
	add := func() ptrace.Span {
		return td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().AppendEmpty()
	}
	add().Attributes().PutStr(usageattr.Record, "9;id=of the future")
	add().Attributes().PutStr(usageattr.Record, "1;id=nonsense\x00\xff")
	add().Attributes().PutInt(usageattr.Record, 3)
	huge := call(9)
	huge.Quantities[usage.InputTextTokens] = 3_000_000_000
	add().Attributes().PutStr(usageattr.Record, string(usageattr.Append(nil, &huge)))
	stolen := call(10)
	stolen.UserID, stolen.UserExternalID = usage.UserID("mallory"), "dora"
	add().Attributes().PutStr(usageattr.Record, string(usageattr.Append(nil, &stolen)))
	f.send(t, td)
	eventually(t, "3 rows", func() bool { return db.Text(countRows) == "3" })
	eventually(t, "4 letters", func() bool { return db.Text(`SELECT count(*) FROM public.usage_dead_letter`) == "4" })
	f.stop(t)
	assert.Equal(t, int64(4), f.counter(t, "usage_postgres_unreadable"))
	assert.Equal(t, int64(1), f.counter(t, "usage_postgres_parked"))
	assert.Equal(t, "record: record is not valid: user: is not the one that xuser makes", db.Text(`SELECT reason FROM public.usage_dead_letter WHERE record LIKE '%xuser=dora%'`))
	assert.Equal(t, "record|9;id=of the future\nrecord|1;id=nonsense\uFFFD\uFFFD\ntokens_used|"+string(usageattr.Append(nil, &huge)),
		db.Text(`SELECT column_name, record FROM public.usage_dead_letter WHERE record NOT LIKE '%xuser=dora%' ORDER BY column_name, record DESC`))
	assert.NotContains(t, f.text(), "nonsense")
}

// TestABatchThatTookTooLongComesBackSmaller: a table that takes 100 rows a second,
// 300 rows and a second for each try.
func TestABatchThatTookTooLongComesBackSmaller(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.01); RETURN NEW; END $$`)
	db.Exec(`CREATE TRIGGER slow BEFORE INSERT ON public.api_usage FOR EACH ROW EXECUTE FUNCTION public.slow()`)
	cfg := fast(db.DSN)
	cfg.TimeoutConfig.Timeout = time.Second
	f := start(t, cfg, nil)
	defer f.stop(t)
	f.send(t, traces(0, 300))
	eventually(t, "all rows", func() bool { return db.Text(`SELECT count(*) FROM public.api_usage`) == "300" })
}

func TestAFullQueueMakesTheSenderWait(t *testing.T) {
	t.Parallel()
	cfg := fast(closedPort(t))
	cfg.QueueConfig.Get().QueueSize = 50_000
	f := start(t, cfg, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	var err error
	for n := 0; err == nil; n += 10 {
		err = f.ConsumeTraces(ctx, traces(n, n+10))
	}
	require.ErrorIs(t, err, context.DeadlineExceeded, "waiting ends with the sender's patience, and the sender knows")
	f.stop(t)
}

// TestAQueueHoldsWhatItsSizeSaysInItsUnit: with block_on_overflow: false, which
// refuses what is too much, and with the database away, so that nothing leaves.
func TestAQueueHoldsWhatItsSizeSaysInItsUnit(t *testing.T) {
	t.Parallel()
	r := call(0)
	one := int64(newRequest([]string{string(usageattr.Append(nil, &r))}, noon).bytes)
	for name, c := range map[string]struct {
		sizer exporterhelper.RequestSizerType
		size  int64
	}{
		"records": {exporterhelper.RequestSizerTypeItems, 50},
		"bytes":   {exporterhelper.RequestSizerTypeBytes, 50 * one},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := fast(closedPort(t))
			queue := cfg.QueueConfig.Get()
			queue.Sizer, queue.QueueSize, queue.BlockOnOverflow = c.sizer, c.size, false
			f := start(t, cfg, nil)
			accepted := 0
			for ; accepted < 1000; accepted++ {
				err := f.ConsumeTraces(t.Context(), traces(accepted%10, accepted%10+1))
				if err != nil {
					require.ErrorIs(t, err, exporterhelper.ErrQueueIsFull)
					break
				}
			}
			assert.Equal(t, 50, accepted, "what is being tried counts until it is stored")
			f.stop(t)
		})
	}
}

func TestTheExporterKeepsTheContractOfExporters(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	cfg := fast(db.DSN)
	f := start(t, cfg, nil)
	var wg sync.WaitGroup
	for g := range 4 { // many senders at once, every payload twice
		wg.Go(func() {
			for n := range 50 {
				assert.NoError(t, f.ConsumeTraces(context.Background(), traces((g%2)*1000+n*20, (g%2)*1000+n*20+20)))
			}
		})
	}
	wg.Wait()
	f.stop(t) // flushes what waits
	assert.Equal(t, "2000", db.Text(countRows))
	assert.Equal(t, int64(2000), f.counter(t, "usage_postgres_rows"))
	assert.Equal(t, int64(2000), f.counter(t, "usage_postgres_duplicates"))
}

// closedPort is the address of a database that refuses connections.
func closedPort(t *testing.T) string {
	t.Helper()
	address, err := pgserver.FreeAddress()
	require.NoError(t, err)
	return fmt.Sprintf("postgres://usage:hunter2@%s/usage?sslmode=disable", address)
}

// disk is a storage extension in memory that outlives the exporter.
type disk struct {
	component.StartFunc
	component.ShutdownFunc
	mu   sync.Mutex
	data map[string][]byte
}

func newDisk() *disk { return &disk{data: map[string][]byte{}} }

func (d *disk) GetClient(context.Context, component.Kind, component.ID, string) (storage.Client, error) {
	return d, nil
}

func (d *disk) Get(_ context.Context, key string) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.data[key], nil
}

func (d *disk) Set(ctx context.Context, key string, value []byte) error {
	return d.Batch(ctx, storage.SetOperation(key, value))
}

func (d *disk) Delete(ctx context.Context, key string) error {
	return d.Batch(ctx, storage.DeleteOperation(key))
}

func (d *disk) Close(context.Context) error { return nil }

func (d *disk) Batch(_ context.Context, ops ...*storage.Operation) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, op := range ops {
		switch op.Type {
		case storage.Get:
			op.Value = d.data[op.Key]
		case storage.Set:
			d.data[op.Key] = append([]byte(nil), op.Value...)
		case storage.Delete:
			delete(d.data, op.Key)
		default:
			return errors.New("unknown operation")
		}
	}
	return nil
}

func (d *disk) text() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var b strings.Builder
	for value := range maps.Values(d.data) {
		b.Write(value)
	}
	return b.String()
}
