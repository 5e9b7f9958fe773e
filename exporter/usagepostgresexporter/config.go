package usagepostgresexporter

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/config/configretry"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/exporter/exporterhelper"

	"github.com/otelcol-usage/otelcol-usage/internal/durations"
	"github.com/otelcol-usage/otelcol-usage/internal/store"
)

// Config of the exporter.
type Config struct {
	// DSN is the connection string of the database, a URL or key=value pairs. TLS is part
	// of it (sslmode, sslrootcert, sslcert, sslkey), and so is a list of hosts for failover
	// (target_session_attrs=read-write).
	DSN configopaque.String `mapstructure:"dsn"`
	// DSNFile is a file that holds the DSN. It is read for each new connection, so the
	// secret in it can be changed without a restart.
	DSNFile string `mapstructure:"dsn_file"`
	// PasswordFile is a file that holds only the password; the rest is in the DSN. It is
	// read for each new connection too.
	PasswordFile string `mapstructure:"password_file"`

	// Migrate lets the exporter create and update the tables at start, and create
	// partitions ahead of time where the table has them. Default false: run `usagectl
	// migrate up` instead.
	Migrate bool `mapstructure:"migrate"`
	// Rollup says what keeps the sums in step with the rows: "trigger", "statement", or
	// "auto" (default), which checks whether the table has the trigger.
	Rollup store.RollupMode `mapstructure:"rollup"`

	// MaxConns limits the connections to the database. Default 0: one more than
	// sending_queue::num_consumers.
	MaxConns int `mapstructure:"max_conns"`
	// ConnectTimeout limits one attempt to connect. Default 10s.
	ConnectTimeout time.Duration `mapstructure:"connect_timeout"`
	// StatementTimeout limits one statement. Default 60s.
	StatementTimeout time.Duration `mapstructure:"statement_timeout"`
	// LockTimeout limits one wait for a lock. Default 10s.
	LockTimeout time.Duration `mapstructure:"lock_timeout"`
	// UserCacheSize is how many users are remembered, so that auth.users is not queried for
	// each call. Default 65536, about 100 bytes each.
	UserCacheSize int `mapstructure:"user_cache_size"`

	// TimeoutConfig: `timeout` limits the writing of one batch, including the isolation of
	// bad rows. Default 2m; 0 means no limit.
	TimeoutConfig exporterhelper.TimeoutConfig `mapstructure:",squash"`
	// QueueConfig: the queue and the batches, see README.
	QueueConfig configoptional.Optional[exporterhelper.QueueBatchConfig] `mapstructure:"sending_queue"`
	// BackOffConfig: when to retry a batch that was not stored. Default: after 1s, then at
	// growing intervals up to 10s, forever.
	BackOffConfig configretry.BackOffConfig `mapstructure:"retry_on_failure"`
}

const (
	// The larger the batch, the more calls of one user share one sum: with 10,000 rows at a
	// time the exporter reaches 0.47 of the speed of a raw COPY, with 5,000 rows 0.41
	// (docs/benchmarks.md).
	defaultMinBatch = 10000
	defaultMaxBatch = 10000
	// A record has about 450 bytes, so the queue holds about 150,000 calls in memory and
	// about 9 million on disk.
	defaultQueueBytes     = 64 << 20
	defaultDiskQueueBytes = 4 << 30
	recordBytes           = 450
	defaultConsumers      = 4
)

func createDefaultConfig() component.Config {
	q := exporterhelper.NewDefaultQueueConfig()
	q.Sizer = exporterhelper.RequestSizerTypeBytes
	q.QueueSize = defaultQueueBytes
	q.NumConsumers = defaultConsumers
	// A full queue makes senders wait, and their SDKs keep the data and retry. The
	// alternative is to refuse, upon which many SDKs drop it: for data about money, waiting
	// is better.
	q.BlockOnOverflow = true
	batch := q.Batch.GetOrInsertDefault()
	batch.FlushTimeout = 200 * time.Millisecond
	batch.Sizer = exporterhelper.RequestSizerTypeItems
	batch.MinSize = defaultMinBatch
	batch.MaxSize = defaultMaxBatch

	retry := configretry.NewDefaultBackOffConfig()
	retry.InitialInterval = time.Second
	retry.MaxInterval = 10 * time.Second
	retry.MaxElapsedTime = 0 // usage is never dropped because of its age

	return &Config{
		Rollup:           store.RollupAuto,
		ConnectTimeout:   10 * time.Second,
		StatementTimeout: time.Minute,
		LockTimeout:      10 * time.Second,
		UserCacheSize:    1 << 16,
		TimeoutConfig:    exporterhelper.TimeoutConfig{Timeout: 2 * time.Minute},
		QueueConfig:      configoptional.Some(q),
		BackOffConfig:    retry,
	}
}

// Unmarshal reads the configuration. A queue on disk without a configured size gets a size
// that suits disks: the default for memory would be full within minutes.
func (c *Config) Unmarshal(conf *confmap.Conf) error {
	if err := conf.Unmarshal(c); err != nil {
		return err
	}
	q := c.QueueConfig.Get()
	if q == nil || q.StorageID == nil || conf.IsSet("sending_queue::queue_size") {
		return nil
	}
	switch q.Sizer {
	case exporterhelper.RequestSizerTypeBytes:
		q.QueueSize = defaultDiskQueueBytes
	case exporterhelper.RequestSizerTypeItems:
		q.QueueSize = defaultDiskQueueBytes / recordBytes
	}
	return nil
}

// Validate reports every fault at once. It opens no connection.
func (c *Config) Validate() error {
	var errs []error
	if err := c.store("").Validate(); err != nil {
		errs = append(errs, err)
	}
	if !slices.Contains(store.RollupModes, c.Rollup) {
		names := make([]string, len(store.RollupModes))
		for i, m := range store.RollupModes {
			names[i] = string(m)
		}
		errs = append(errs, fmt.Errorf("`rollup` must be one of %s, found %q", strings.Join(names, ", "), c.Rollup))
	}
	if c.MaxConns < 0 || c.MaxConns > math.MaxInt16 {
		errs = append(errs, fmt.Errorf("`max_conns` must be between 0 (chosen for you) and %d, found %d", math.MaxInt16, c.MaxConns))
	}
	if c.UserCacheSize < 1 {
		errs = append(errs, fmt.Errorf("`user_cache_size` must be at least 1, found %d", c.UserCacheSize))
	}
	for _, t := range []struct {
		key   string
		value time.Duration
	}{{"connect_timeout", c.ConnectTimeout}, {"statement_timeout", c.StatementTimeout}, {"lock_timeout", c.LockTimeout}} {
		if t.value <= 0 {
			errs = append(errs, fmt.Errorf("`%s` must be at least 1ms, found %v", t.key, t.value))
		}
	}
	errs = append(errs, durations.Validate(c))
	if q := c.QueueConfig.Get(); q != nil {
		if b := q.Batch.Get(); b != nil && b.Sizer == exporterhelper.RequestSizerTypeBytes && b.MaxSize > 0 && b.MaxSize <= defaultMaxBatch {
			// Setting sending_queue::sizer together with any key of batch makes the batch
			// use the same unit.
			errs = append(errs, fmt.Errorf("`sending_queue::batch::max_size` is %d bytes, which is a handful of records; set `sending_queue::batch::sizer: items`, or sizes in bytes (a record has about 450)", b.MaxSize))
		}
	}
	return errors.Join(errs...)
}

// warnings describes settings that are allowed and may lose usage.
func (c *Config) warnings() []string {
	var texts []string
	switch {
	case !c.BackOffConfig.Enabled:
		texts = append(texts, "`retry_on_failure::enabled` is false: usage is lost whenever the database does not answer")
	case c.BackOffConfig.MaxElapsedTime > 0:
		texts = append(texts, fmt.Sprintf("`retry_on_failure::max_elapsed_time` is %v: usage that waits longer for the database is lost; 0 keeps it", c.BackOffConfig.MaxElapsedTime))
	}
	if q := c.QueueConfig.Get(); q != nil && !q.BlockOnOverflow {
		texts = append(texts, "`sending_queue::block_on_overflow` is false: when the queue is full, usage is refused, and lost unless the sender repeats it")
	}
	return texts
}

// store returns the part of the configuration that opens connections.
func (c *Config) store(applicationName string) store.Config {
	maxConns := c.MaxConns
	if maxConns == 0 {
		maxConns = 2
		if q := c.QueueConfig.Get(); q != nil {
			maxConns = q.NumConsumers + 1
		}
	}
	return store.Config{
		DSN: string(c.DSN), DSNFile: c.DSNFile, PasswordFile: c.PasswordFile,
		ApplicationName: applicationName,
		MaxConns:        int32(min(maxConns, math.MaxInt16)), //nolint:gosec // bounded
		ConnectTimeout:  c.ConnectTimeout,
	}
}
