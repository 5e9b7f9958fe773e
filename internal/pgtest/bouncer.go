package pgtest

import (
	"context"
	"errors"
	"os"

	"github.com/otelcol-usage/otelcol-usage/internal/pglab"
)

// Bouncer is a pgbouncer in transaction mode in front of a test's database.
type Bouncer struct {
	DSN string

	db       *DB
	poolSize int
	running  *pglab.Bouncer
}

// Bouncer starts one with poolSize connections to the server. It ends with the test, which
// is skipped when there is no pgbouncer and none can be installed.
func (db *DB) Bouncer(poolSize int) *Bouncer {
	db.t.Helper()
	b := &Bouncer{db: db, poolSize: poolSize}
	b.start(0)
	db.t.Cleanup(func() { b.running.Stop() })
	b.DSN = b.running.DSN
	return b
}

// Restart breaks every connection and restarts the pooler at the same address.
func (b *Bouncer) Restart() {
	b.db.t.Helper()
	port := b.running.Port
	b.running.Stop()
	b.start(port)
}

func (b *Bouncer) start(port int) {
	b.db.t.Helper()
	var err error
	b.running, err = pglab.StartBouncer(context.Background(), b.db.DSN, b.poolSize, port, os.Stderr)
	switch {
	case errors.Is(err, pglab.ErrNoBouncer):
		b.db.t.Skipf("NOT TESTED, nothing behind pgbouncer is: %v", err)
	case err != nil:
		b.db.t.Fatalf("pgtest: %v", err)
	}
}
