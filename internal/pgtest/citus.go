package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/otelcol-usage/otelcol-usage/internal/dbmigrate"
	"github.com/otelcol-usage/otelcol-usage/internal/pglab"
)

// OnCitus reports whether tests are to run on Citus too: TEST_CITUS is 1, as
// `make test-citus` sets it.
func OnCitus() bool { return os.Getenv("TEST_CITUS") == "1" }

const citusWorkers, citusShards = 2, 4

var (
	citusOnce    sync.Once
	citusCluster *pglab.Cluster
	errCitus     error
	// Roles and databases belong to whole clusters, and two sessions cannot
	// alter one at once.
	citusMutex sync.Mutex
)

// NewCitus returns a database with the current schema whose calls are distributed as
// docs/scale.md describes, on a coordinator and two workers that this test binary starts
// once. It skips the test when Citus is not installed or not requested.
func NewCitus(t testing.TB) *DB {
	t.Helper()
	db := newOnCitus(t)
	db.Distribute()
	return db
}

// NewEither returns what [New] returns or, when requested, a Citus database in which
// nothing is distributed yet: a test fills it like any writer and calls [DB.Distribute]
// before it queries.
func NewEither(t testing.TB) *DB {
	t.Helper()
	if OnCitus() {
		return newOnCitus(t)
	}
	return New(t)
}

// Distribute moves the calls of a database of [NewEither] to the workers; a plain database
// stays unchanged.
func (db *DB) Distribute() {
	db.t.Helper()
	if !db.onCitus {
		return
	}
	db.onCitus = false
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	citusMutex.Lock()
	defer citusMutex.Unlock()
	_, err := dbmigrate.New().KeepRollupsBy(ctx, db.Pool, "statement")
	if err == nil {
		var sql string
		if sql, err = dbmigrate.DistributeSQL(citusShards); err == nil {
			_, err = db.Pool.Exec(ctx, sql, pgx.QueryExecModeSimpleProtocol)
		}
	}
	if err != nil {
		db.t.Fatalf("pgtest: %v", err)
	}
}

func newOnCitus(t testing.TB) *DB {
	t.Helper()
	if !OnCitus() {
		t.Skip("TEST_CITUS is not 1; to run this test: make test-citus")
	}
	citusOnce.Do(func() { citusCluster, errCitus = pglab.StartCitus(context.Background(), citusWorkers) })
	switch {
	case errors.Is(errCitus, pglab.ErrNoCitus):
		t.Skip(errCitus)
	case errCitus != nil:
		t.Fatalf("pgtest: %v", errCitus)
	}
	citusMutex.Lock()
	defer citusMutex.Unlock()
	db := &DB{Name: fmt.Sprintf("pgtest_%d_%d", time.Now().Unix(), serial.Add(1)), onCitus: true, t: t}
	t.Cleanup(func() {
		citusMutex.Lock()
		defer citusMutex.Unlock()
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := citusCluster.DropDatabase(ctx, db.Name); err != nil {
			t.Logf("pgtest: %v", err)
		}
	})
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var err error
	if db.DSN, err = citusCluster.CreateDatabase(ctx, db.Name); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	db.connect()
	if _, err := dbmigrate.New().Up(ctx, db.Pool); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	return db
}
