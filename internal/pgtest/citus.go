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
	"github.com/otelcol-usage/otelcol-usage/internal/pgserver"
)

// OnCitus reports whether tests are to run on Citus too: TEST_CITUS is 1, as
// `make test-citus` sets it.
func OnCitus() bool { return os.Getenv("TEST_CITUS") == "1" }

const citusWorkers, citusShards = 2, 4

var (
	citusOnce    sync.Once
	citusCluster *pgserver.Cluster
	errCitus     error
	// Roles and databases belong to whole clusters, and two sessions cannot
	// alter one at once.
	citusMutex sync.Mutex
)

// NewCitus gives a database with the current schema, distributed as
// docs/scale.md says: a coordinator and two workers that this test binary
// starts once. It skips the test where Citus is not installed or not asked for.
func NewCitus(t testing.TB) *DB {
	t.Helper()
	db := NewEmptyCitus(t)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	citusMutex.Lock()
	defer citusMutex.Unlock()
	if err := Distribute(ctx, db); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	return db
}

// Distribute migrates a database of Citus and spreads its calls over the workers.
func Distribute(ctx context.Context, db *DB) error {
	if _, err := dbmigrate.New().Up(ctx, db.Pool); err != nil {
		return err
	}
	if _, err := dbmigrate.New().KeepRollupsBy(ctx, db.Pool, "statement"); err != nil {
		return err
	}
	sql, err := dbmigrate.DistributeSQL(citusShards)
	if err != nil {
		return err
	}
	_, err = db.Pool.Exec(ctx, sql, pgx.QueryExecModeSimpleProtocol)
	return err
}

// NewEmptyCitus gives a database with the extension and workers, and none of
// our tables.
func NewEmptyCitus(t testing.TB) *DB {
	t.Helper()
	if !OnCitus() {
		t.Skip("TEST_CITUS is not 1; to run this test: make test-citus")
	}
	citusOnce.Do(func() { citusCluster, errCitus = pgserver.StartCitus(context.Background(), citusWorkers) })
	switch {
	case errors.Is(errCitus, pgserver.ErrNoCitus):
		t.Skip(errCitus)
	case errCitus != nil:
		t.Fatalf("pgtest: %v", errCitus)
	}
	db := &DB{Name: fmt.Sprintf("pgtest_%d_%d", time.Now().Unix(), serial.Add(1)), t: t}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		citusMutex.Lock()
		defer citusMutex.Unlock()
		if err := citusCluster.DropDatabase(ctx, db.Name); err != nil {
			t.Logf("pgtest: %v", err)
		}
	})
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	citusMutex.Lock()
	defer citusMutex.Unlock()
	var err error
	if db.DSN, err = citusCluster.CreateDatabase(ctx, db.Name); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	db.connect()
	return db
}
