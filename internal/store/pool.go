package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Config holds the settings of a database connection.
type Config struct {
	// DSN is a connection string, either a URL or key=value pairs. It may name several
	// hosts; target_session_attrs=read-write selects the one that accepts writes.
	DSN string
	// DSNFile is a file that contains the DSN; PasswordFile is one that contains only the
	// password. Both are read again for each new connection, so a secret can be rotated
	// without a restart.
	DSNFile, PasswordFile string
	// ApplicationName is shown in pg_stat_activity. A name in the DSN takes precedence.
	ApplicationName string
	// MaxConns limits the pool. 0 means pgx's default, the larger of 4 and the number of
	// CPUs.
	MaxConns int32
	// ConnectTimeout limits one connection attempt. 0 means 10 s.
	ConnectTimeout time.Duration
}

// Validate reports missing and malformed settings. It does not connect.
func (c Config) Validate() error {
	switch {
	case c.DSN == "" && c.DSNFile == "":
		return errors.New("`dsn` must be set, for example to ${env:DATABASE_URL}; or `dsn_file` to a file that holds it")
	case c.DSN != "" && c.DSNFile != "":
		return errors.New("`dsn` and `dsn_file` are both set; keep one")
	case c.DSN != "":
		_, err := parseDSN("dsn", c.DSN)
		return err
	}
	return nil
}

// parseDSN never repeats the DSN in an error, because even a malformed one may contain a
// password.
func parseDSN(key, dsn string) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(dsn)
	if err == nil {
		return config, nil
	}
	reason := "it is neither a URL (postgres://user:password@host:5432/database) nor a list of key=value pairs"
	var parse *pgconn.ParseConfigError
	if errors.As(err, &parse) {
		// The cause says which part is wrong. Only texts that cannot contain a value of the
		// DSN are passed on.
		switch cause := errors.Unwrap(err); {
		case cause == nil:
		case strings.Contains(cause.Error(), "sslmode"):
			reason = "its sslmode is not one of disable, allow, prefer, require, verify-ca, verify-full"
		case errors.Is(cause, os.ErrNotExist):
			reason = "a file it names (sslrootcert, sslcert, sslkey) does not exist"
		case strings.Contains(cause.Error(), "port"):
			reason = "its port is not a number from 1 to 65535"
		}
	}
	return nil, fmt.Errorf("`%s` cannot be read: %s", key, reason)
}

// Connect creates a pool without waiting for the database. Connections are opened on
// demand, so an unreachable database shows on first use.
//
// The pool uses no named prepared statements and sends no settings when a connection
// starts, so it works behind a transaction pooler such as pgbouncer.
func Connect(ctx context.Context, c Config) (*pgxpool.Pool, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	config, err := c.load()
	if err != nil {
		return nil, err
	}
	if c.MaxConns > 0 {
		config.MaxConns = c.MaxConns
	}
	config.MaxConnIdleTime = 5 * time.Minute
	// Connections are replaced from time to time so that load can move to another server
	// behind the same host name. The jitter spreads the reconnects of a fleet.
	config.MaxConnLifetime = time.Hour
	config.MaxConnLifetimeJitter = 10 * time.Minute
	config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	c.adjust(&config.ConnConfig.Config)
	if c.DSNFile != "" || c.PasswordFile != "" {
		config.BeforeConnect = func(_ context.Context, cc *pgx.ConnConfig) error {
			fresh, err := c.load()
			if err != nil {
				return err
			}
			c.adjust(&fresh.ConnConfig.Config)
			cc.Config = fresh.ConnConfig.Config
			return nil
		}
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connect to the database: %w", err)
	}
	return pool, nil
}

// load reads the DSN and both files.
func (c Config) load() (*pgxpool.Config, error) {
	key, dsn := "dsn", c.DSN
	if c.DSNFile != "" {
		text, err := os.ReadFile(c.DSNFile)
		if err != nil {
			return nil, fmt.Errorf("`dsn_file`: %w", err)
		}
		if key, dsn = "dsn_file", strings.TrimSpace(string(text)); dsn == "" {
			return nil, fmt.Errorf("`dsn_file`: %s is empty", c.DSNFile)
		}
	}
	config, err := parseDSN(key, dsn)
	if err != nil || c.PasswordFile == "" {
		return config, err
	}
	text, err := os.ReadFile(c.PasswordFile)
	if err != nil {
		return nil, fmt.Errorf("`password_file`: %w", err)
	}
	password := strings.TrimRight(string(text), "\r\n")
	config.ConnConfig.Password = password
	return config, nil
}

func (c Config) adjust(config *pgconn.Config) {
	if config.ConnectTimeout == 0 || config.ConnectTimeout == 2*time.Minute { // pgconn's default
		config.ConnectTimeout = 10 * time.Second
	}
	if c.ConnectTimeout > 0 {
		config.ConnectTimeout = c.ConnectTimeout
	}
	if c.ApplicationName != "" && config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = c.ApplicationName
	}
}
