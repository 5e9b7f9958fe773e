package usagepostgresexporter

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/config/configretry"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/confmaptest"
	"go.opentelemetry.io/collector/exporter/exporterhelper"

	"github.com/otelcol-usage/otelcol-usage/internal/store"
)

func load(t *testing.T, name string) *Config {
	t.Helper()
	file, err := confmaptest.LoadConf("testdata/config.yaml")
	require.NoError(t, err)
	sub, err := file.Sub(name)
	require.NoError(t, err)
	cfg := createDefaultConfig().(*Config)
	require.NoError(t, sub.Unmarshal(cfg))
	require.NoError(t, cfg.Validate())
	return cfg
}

func TestTheSmallestConfigurationHasTheDefaults(t *testing.T) {
	t.Parallel()
	cfg := load(t, "usage_postgres")
	want := createDefaultConfig().(*Config)
	want.DSN = "postgres://usage@db.example.com/usage"
	assert.Equal(t, want, cfg)
	assert.Empty(t, cfg.warnings(), "the defaults lose nothing")
	assert.Equal(t, int32(5), cfg.store("").MaxConns)
}

func TestEveryKeyArrives(t *testing.T) {
	t.Parallel()
	storage := component.MustNewID("file_storage")
	assert.Equal(t, &Config{
		DSNFile: "/run/secrets/usage-dsn", PasswordFile: "/run/secrets/usage-password", Migrate: true, Rollup: store.RollupStatement,
		MaxConns: 7, ConnectTimeout: 3 * time.Second, StatementTimeout: 4 * time.Second, LockTimeout: 5 * time.Second, UserCacheSize: 6,
		TimeoutConfig: exporterhelper.TimeoutConfig{Timeout: 8 * time.Second},
		QueueConfig: configoptional.Some(exporterhelper.QueueBatchConfig{
			Sizer: exporterhelper.RequestSizerTypeItems, QueueSize: 100000, NumConsumers: 2, StorageID: &storage,
			Batch: configoptional.Some(exporterhelper.BatchConfig{
				FlushTimeout: time.Second, Sizer: exporterhelper.RequestSizerTypeItems, MinSize: 10, MaxSize: 20,
				Partition: exporterhelper.NewDefaultPartitionConfig(),
			}),
		}),
		BackOffConfig: configretry.BackOffConfig{
			Enabled: true, InitialInterval: 2 * time.Second, MaxInterval: 20 * time.Second, MaxElapsedTime: time.Hour,
			RandomizationFactor: 0.5, Multiplier: 1.5,
		},
	}, load(t, "usage_postgres/all"))
	assert.Len(t, load(t, "usage_postgres/all").warnings(), 2)
}

func TestTheDefaultsLoseNothing(t *testing.T) {
	t.Parallel()
	cfg := createDefaultConfig().(*Config)
	assert.Empty(t, cfg.warnings())
	assert.Zero(t, cfg.BackOffConfig.MaxElapsedTime, "forever")
	assert.True(t, cfg.QueueConfig.Get().BlockOnOverflow)
	assert.Equal(t, exporterhelper.RequestSizerTypeBytes, cfg.QueueConfig.Get().Sizer)

	cfg.BackOffConfig.MaxElapsedTime, cfg.QueueConfig.Get().BlockOnOverflow = time.Hour, false
	assert.Len(t, cfg.warnings(), 2)
	cfg.BackOffConfig.Enabled = false
	assert.Contains(t, cfg.warnings()[0], "`retry_on_failure::enabled` is false")
}

func TestAnUnknownKeyIsAnError(t *testing.T) {
	t.Parallel()
	err := confmap.NewFromStringMap(map[string]any{"dsn": "postgres://db/usage", "max_con": 3}).Unmarshal(createDefaultConfig().(*Config))
	require.ErrorContains(t, err, "max_con")
}

func TestADurationWithoutItsUnitIsRefused(t *testing.T) {
	t.Parallel()
	cfg := createDefaultConfig().(*Config)
	require.NoError(t, confmap.NewFromStringMap(map[string]any{
		"dsn": "postgres://db/usage", "timeout": 5, "statement_timeout": 60, "connect_timeout": 10, "lock_timeout": 10,
		"retry_on_failure": map[string]any{"initial_interval": 1, "max_interval": 30, "max_elapsed_time": 300},
		"sending_queue":    map[string]any{"batch": map[string]any{"flush_timeout": 200}},
	}).Unmarshal(cfg))
	err := cfg.Validate()
	for _, key := range []string{"timeout", "statement_timeout", "connect_timeout", "lock_timeout", "retry_on_failure::initial_interval", "retry_on_failure::max_interval", "retry_on_failure::max_elapsed_time", "sending_queue::batch::flush_timeout"} {
		assert.ErrorContains(t, err, "`"+key+"` must be at least 1ms, found ")
	}
}

func TestValidateNamesEveryFaultAndNoSecret(t *testing.T) {
	t.Parallel()
	cfg := createDefaultConfig().(*Config)
	cfg.Rollup, cfg.MaxConns, cfg.UserCacheSize, cfg.LockTimeout = "triger", -1, 0, 0
	err := cfg.Validate()
	for _, fault := range []string{
		"`dsn` must be set, for example to ${env:DATABASE_URL}",
		"`rollup` must be one of auto, trigger, statement, found \"triger\"",
		"`max_conns` must be between 0", "`user_cache_size` must be at least 1", "`lock_timeout` must be at least 1ms",
	} {
		assert.ErrorContains(t, err, fault)
	}

	cfg = createDefaultConfig().(*Config)
	cfg.DSN, cfg.DSNFile = "postgres://db/usage", "/x"
	assert.ErrorContains(t, cfg.Validate(), "`dsn` and `dsn_file` are both set; keep one")

	for _, dsn := range []string{
		"postgres://user:s3cret@host:99999999/usage", "postgres://user:s3cret@host/usage?sslmode=maybe", "host=x password=s3cret port=abc",
		"postgres://user:s3cret@host/usage?sslmode=verify-full&sslrootcert=/does/not/exist/s3cret", "s3cret", "postgres://user:s3cret%zz@host", "password='s3cret",
	} {
		cfg = createDefaultConfig().(*Config)
		cfg.DSN = configopaqueString(dsn)
		err = cfg.Validate()
		require.ErrorContains(t, err, "`dsn` cannot be read: ", dsn)
		assert.NotContains(t, err.Error(), "s3cret")
		assert.NotContains(t, fmt.Sprintf("%v %+v", cfg, cfg), "s3cret", "a printed configuration holds no secret")
	}
}

func TestABatchOfAHandfulOfBytesIsRefused(t *testing.T) {
	t.Parallel()
	cfg := createDefaultConfig().(*Config)
	require.NoError(t, confmap.NewFromStringMap(map[string]any{
		"dsn": "postgres://db/usage", "sending_queue": map[string]any{"sizer": "bytes", "batch": map[string]any{"flush_timeout": "1s"}},
	}).Unmarshal(cfg))
	assert.ErrorContains(t, cfg.Validate(), "`sending_queue::batch::max_size` is 10000 bytes")
}
