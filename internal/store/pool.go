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

// Config says where the database is and how it is used.
type Config struct {
	// DSN is a connection string, a URL or key=value pairs. It may name
	// several hosts; with target_session_attrs=read-write the one that accepts
	// writes is used.
	DSN string
	// DSNFile is a file that holds the DSN instead, PasswordFile one that
	// holds the password alone. Both are read again for every new connection,
	// so that a secret can be changed without a restart.
	DSNFile, PasswordFile string
	// ApplicationName stands in pg_stat_activity; the DSN's own wins.
	ApplicationName string
	// MaxConns bounds the pool; 0 takes pgx's default (4 or the number of CPUs).
	MaxConns int32
	// ConnectTimeout bounds one attempt to connect; 0 is 10 s.
	ConnectTimeout time.Duration
}

// Validate says what is missing or unreadable, without connecting.
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

// parseDSN never repeats what it was given: a DSN holds a password, also one
// that is too broken to say where.
func parseDSN(key, dsn string) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(dsn)
	if err == nil {
		return config, nil
	}
	reason := "it is neither a URL (postgres://user:password@host:5432/database) nor a list of key=value pairs"
	var parse *pgconn.ParseConfigError
	if errors.As(err, &parse) {
		// The cause says which part; only those texts that cannot carry a
		// value of the DSN are passed on.
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

// Connect makes a pool. It does not wait for the database: connections are
// opened when they are needed, and a database that is down shows there.
//
// Statements are not prepared by name and no setting is sent at the start of a
// connection, so that a pooler that gives each transaction another connection
// (pgbouncer in transaction mode) can stand between.
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
	// A new connection now and then lets load move to another server behind
	// one name; the jitter keeps the collectors of a fleet apart.
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

// load reads the DSN and the files.
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
