package outbox

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// ErrRunning says that another run holds the outbox.
var ErrRunning = errors.New("another run is at work on this database; it ends by itself")

// fewest are the connections of a run: the lock, what is read, what is written.
const fewest = 3

// Lock keeps the outbox to one run. It is of a transaction and not of a session, so that
// it holds behind a pooler too, and it ends with the connection. The transaction writes
// nothing, so it has no id that the cursor would wait for.
type Lock struct{ tx pgx.Tx }

// TakeLock takes it, or returns [ErrRunning].
func TakeLock(ctx context.Context, pool *pgxpool.Pool) (*Lock, error) {
	if n := pool.Config().MaxConns; n < fewest {
		return nil, fmt.Errorf("pool_max_conns of the DSN is %d, at least %d are needed", n, fewest)
	}
	tx, err := pool.Begin(ctx)
	if err != nil {
		return nil, err
	}
	var got bool
	if err = tx.QueryRow(ctx, `SELECT pg_try_advisory_xact_lock(hashtextextended('public.usage_meter', 0))`).Scan(&got); err == nil && !got {
		err = ErrRunning
	}
	if err != nil {
		_ = tx.Rollback(context.WithoutCancel(ctx))
		return nil, err
	}
	return &Lock{tx}, nil
}

// held fails when the lock is lost. Asking keeps the transaction from idling too long
// for the server.
func (l *Lock) held(ctx context.Context) error {
	if _, err := l.tx.Exec(ctx, `SELECT 1`); err != nil {
		return fmt.Errorf("the lock of the outbox is lost: %w", err)
	}
	return nil
}

// Release gives it back.
func (l *Lock) Release(ctx context.Context) { _ = l.tx.Rollback(context.WithoutCancel(ctx)) }
