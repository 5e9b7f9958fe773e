// Package pgtest gives a test a PostgreSQL database of its own.
//
// The server is, in this order: TEST_DATABASE_URL, DATABASE_URL, a private
// server that this test binary starts once (internal/pgserver) and that ends
// with it. Databases are copied from a migrated template, which takes a tenth
// of a second, and dropped with the test. A test that failed keeps its
// database for as long as the server runs if PGTEST_KEEP is 1, and prints the
// psql line that looks into it.
package pgtest

import (
	"context"
	"crypto/sha256"
	"database/sql/driver"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/otelcol-usage/otelcol-usage/internal/dbmigrate"
	"github.com/otelcol-usage/otelcol-usage/internal/pgserver"
	"github.com/otelcol-usage/otelcol-usage/migrations"
)

// DB is the private database of one test.
type DB struct {
	DSN  string // superuser's, with password
	Name string // of the database
	Pool *pgxpool.Pool

	onCitus bool // and not yet distributed
	t       testing.TB
}

// New returns a database with the current schema.
func New(t testing.TB) *DB {
	t.Helper()
	template, err := template()
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	return create(t, " TEMPLATE "+template)
}

// NewEmpty returns a database without any of our tables.
func NewEmpty(t testing.TB) *DB {
	t.Helper()
	return create(t, "")
}

// Exec runs a statement and fails the test when the server refuses it.
func (db *DB) Exec(sql string, args ...any) pgconn.CommandTag {
	db.t.Helper()
	tag, err := db.Pool.Exec(db.t.Context(), sql, args...)
	if err != nil {
		db.t.Fatalf("%s: %v", sql, err)
	}
	return tag
}

// Text runs a query and returns all its values as text: columns joined by "|", rows by a
// line end, NULL as "-".
func (db *DB) Text(sql string, args ...any) string {
	db.t.Helper()
	rows, err := db.Pool.Query(db.t.Context(), sql, args...)
	if err != nil {
		db.t.Fatalf("%s: %v", sql, err)
	}
	lines, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (string, error) {
		values, err := row.Values()
		if err != nil {
			return "", err
		}
		// A text cast in the query decides how a value looks; other types look as Go prints
		// them.
		parts := make([]string, len(values))
		for i, v := range values {
			switch v := v.(type) {
			case nil:
				parts[i] = "-"
			case time.Time:
				parts[i] = v.UTC().Format(time.RFC3339Nano)
			case [16]byte:
				parts[i] = fmt.Sprintf("%x-%x-%x-%x-%x", v[0:4], v[4:6], v[6:8], v[8:10], v[10:16])
			case driver.Valuer: // numeric
				value, err := v.Value()
				if err != nil {
					return "", err
				}
				parts[i] = fmt.Sprint(value)
			default:
				parts[i] = fmt.Sprint(v)
			}
		}
		return strings.Join(parts, "|"), nil
	})
	if err != nil {
		db.t.Fatalf("%s: %v", sql, err)
	}
	return strings.Join(lines, "\n")
}

// Scan runs a query for one row and fails the test when there is none.
func (db *DB) Scan(sql string, args []any, into ...any) {
	db.t.Helper()
	if err := db.Pool.QueryRow(db.t.Context(), sql, args...).Scan(into...); err != nil {
		db.t.Fatalf("%s: %v", sql, err)
	}
}

var (
	serverOnce sync.Once
	serverDSN  string
	errServer  error
)

// ServerDSN returns the DSN of the server's database "postgres", or of the one that
// TEST_DATABASE_URL names. It starts the server if it is not running.
func ServerDSN() (string, error) {
	serverOnce.Do(func() {
		for _, name := range []string{"TEST_DATABASE_URL", "DATABASE_URL"} {
			if serverDSN = os.Getenv(name); serverDSN != "" {
				return
			}
		}
		// Nothing stops it here: the server's watchdog does when this process ends, also
		// after a panic or a timeout of the test.
		var s *pgserver.Server
		if s, errServer = pgserver.Start(context.Background(), pgserver.Options{Log: os.Stderr}); errServer == nil {
			serverDSN = s.DSN
		}
	})
	return serverDSN, errServer
}

var (
	templateOnce sync.Once
	templateName string
	errTemplate  error
)

// template is the name of the migrated database that all others are copied
// from. Its name has the checksum of the migrations, so that several versions
// can use one server; test binaries that start together wait for one of them.
func template() (string, error) {
	templateOnce.Do(func() { templateName, errTemplate = makeTemplate() })
	return templateName, errTemplate
}

func makeTemplate() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	all, err := dbmigrate.Load(migrations.Files)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	for _, m := range all {
		sum.Write([]byte(m.Checksum + m.Down))
	}
	name := "pgtest_template_" + hex.EncodeToString(sum.Sum(nil)[:6])

	server, err := ServerDSN()
	if err != nil {
		return "", err
	}
	admin, err := pgx.Connect(ctx, server)
	if err != nil {
		return "", fmt.Errorf("connect to the test server: %w", err)
	}
	defer admin.Close(ctx) //nolint:errcheck // a reading connection
	// The lock goes with the connection, so a crashed maker blocks nobody.
	if _, err := admin.Exec(ctx, `SELECT pg_advisory_lock(hashtext($1))`, name); err != nil {
		return "", err
	}
	var finished bool
	err = admin.QueryRow(ctx, `SELECT datistemplate FROM pg_database WHERE datname = $1`, name).Scan(&finished)
	switch {
	case err == nil && finished:
		return name, nil
	case err == nil: // its maker crashed
		if _, err := admin.Exec(ctx, `DROP DATABASE `+name+` WITH (FORCE)`); err != nil {
			return "", err
		}
	case !errors.Is(err, pgx.ErrNoRows):
		return "", err
	}
	if _, err := admin.Exec(ctx, `CREATE DATABASE `+name); err != nil {
		return "", err
	}
	dsn, err := withDatabase(server, name)
	if err != nil {
		return "", err
	}
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return "", err
	}
	if _, err := dbmigrate.New().Up(ctx, conn); err != nil {
		conn.Close(ctx) //nolint:errcheck,gosec // the error before counts
		return "", err
	}
	if err := conn.Close(ctx); err != nil {
		return "", err
	}
	_, err = admin.Exec(ctx, `ALTER DATABASE `+name+` IS_TEMPLATE true ALLOW_CONNECTIONS false`)
	return name, err
}

var serial atomic.Int64

func create(t testing.TB, template string) *DB {
	t.Helper()
	server, err := ServerDSN()
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	name := fmt.Sprintf("pgtest_%d_%d_%d", time.Now().Unix(), os.Getpid(), serial.Add(1))
	if err := onServer(server, `CREATE DATABASE `+name+template); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	db := &DB{Name: name, t: t}
	if db.DSN, err = withDatabase(server, name); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	// Cleanups run last first: the pool closes before the database goes.
	t.Cleanup(func() {
		if t.Failed() && os.Getenv("PGTEST_KEEP") == "1" {
			t.Logf("the database of this test is kept while its server runs:\n  psql '%s'", db.DSN)
			return
		}
		if t.Failed() {
			t.Log("to look into the database of a failed test, run it again with PGTEST_KEEP=1 and TEST_DATABASE_URL set to a server that stays")
		}
		if err := onServer(server, `DROP DATABASE IF EXISTS `+name+` WITH (FORCE)`); err != nil {
			t.Logf("pgtest: %v", err)
		}
	})
	db.connect()
	return db
}

func (db *DB) connect() {
	db.t.Helper()
	config, err := pgxpool.ParseConfig(db.DSN)
	if err != nil {
		db.t.Fatalf("pgtest: %v", err)
	}
	config.MaxConns = 4
	if db.Pool, err = pgxpool.NewWithConfig(context.Background(), config); err != nil {
		db.t.Fatalf("pgtest: %v", err)
	}
	db.t.Cleanup(db.Pool.Close)
}

// onServer runs one statement on a connection of its own.
func onServer(dsn, sql string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return fmt.Errorf("connect to the test server: %w", err)
	}
	defer conn.Close(ctx) //nolint:errcheck // the statement's error counts
	_, err = conn.Exec(ctx, sql)
	return err
}

// withDatabase is the address with another database.
func withDatabase(dsn, name string) (string, error) {
	u, err := url.Parse(dsn)
	if err != nil || u.Scheme == "" {
		return "", errors.New("TEST_DATABASE_URL must be an address such as postgres://user:password@127.0.0.1:5432/postgres")
	}
	u.Path = "/" + name
	return u.String(), nil
}
