package write

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/otelcol-usage/otelcol-usage/internal/store"
)

// database holds what the writer knows about its database. All of it can change while the
// collector runs (a migration, a move to Citus, a failover). So each batch checks the
// trigger again in its own transaction, and a schema error makes the writer read everything
// again.
type database struct {
	hasTrigger   bool
	isCitus      bool
	usersManaged bool
	// partitioned: the primary key is (id, timestamp), as partitioned tables require, and
	// public.api_usage_id keeps ids unique.
	partitioned bool
	// usersKeyed: the foreign key on auth.users exists. Citus has none, and the writer
	// checks the users itself.
	usersKeyed bool
	// retainedFrom is the retention mark. Calls before it are refused.
	retainedFrom time.Time
}

var selectDatabase = `
SELECT ` + store.TriggerEnabled(store.FoldTrigger) + `,
       ` + store.HasCitus + `,
       (SELECT value FROM public.usage_setting WHERE name = 'users_managed') = 'true',
       ` + store.IsPartitioned + `,
       to_regclass('public.api_usage_id') IS NOT NULL,
       EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE conrelid = 'public.api_usage'::regclass AND confrelid = to_regclass('auth.users') AND contype = 'f'),
       (` + store.SelectRetainedFrom + `)`

var errIDsNotUnique = errors.New("public.api_usage was partitioned without the table public.api_usage_id, so a call that comes with two timestamps would be counted twice; partition it with: usagectl partition --convert")

func (w *Writer) inspect(ctx context.Context) (*database, error) {
	var db database
	var idsApart bool
	var mark *string
	err := pgx.BeginTxFunc(ctx, w.pool, w.begin, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, selectDatabase).Scan(&db.hasTrigger, &db.isCitus, &db.usersManaged, &db.partitioned, &idsApart, &db.usersKeyed, &mark)
	})
	if err == nil {
		db.retainedFrom, err = store.ParseRetained(mark)
	}
	if err != nil {
		return nil, err
	}
	if db.partitioned && !idsApart {
		return nil, errIDsNotUnique
	}
	mode := w.o.Rollup
	switch {
	case mode == store.RollupStatement && db.hasTrigger:
		return nil, fmt.Errorf("%w: `rollup: statement` is configured and public.api_usage has the trigger api_usage_fold_insert, so every call would be counted twice; set `rollup: auto`, or take the triggers away with: usagectl migrate rollup statement", store.ErrRollupMode)
	case mode == store.RollupTrigger && !db.hasTrigger:
		return nil, fmt.Errorf("%w: `rollup: trigger` is configured and public.api_usage has no enabled trigger api_usage_fold_insert, so the rollups would not be kept; set `rollup: auto`, or create it with: usagectl migrate rollup trigger", store.ErrRollupMode)
	}
	return &db, nil
}

// errNode: a node of a distributed database is down. See nodeFault.
var errNode = store.Fault(store.ClassServer, "a node of the database failed")

// nodeFault recognises the errors with which Citus reports a lost worker: XX000 ("failure
// on connection marked as essential", "server closed the connection unexpectedly") and
// 58030 ("failed to COPY to shard"). They say nothing about a row, so the batch is retried
// unchanged and no row is parked. On plain PostgreSQL, XX000 can be the fault of a row,
// raised by an extension of the host application, so errors are left as they are.
func (db *database) nodeFault(err error) error {
	if state := store.SQLState(err); (db.isCitus || !db.hasTrigger) && (state == "XX000" || state == "58030") {
		return fmt.Errorf("%w: %w", errNode, err)
	}
	return err
}

// errModeChanged: the trigger or the retention mark has changed.
var errModeChanged = store.Fault(store.ClassConflict, "the trigger api_usage_fold_insert came or went, or old calls were deleted; looking again")

// confirm checks, after the rows are written and before the commit, that the trigger and
// the retention mark have not changed. Writing holds a lock that CREATE TRIGGER and DROP
// TRIGGER wait for, so the trigger stays as seen until the commit. Retention commits its
// new mark before it deletes the first row, so whoever could write a deleted row again sees
// the new mark here.
func (db *database) confirm(ctx context.Context, tx pgx.Tx) error {
	var has bool
	var mark *string
	if err := tx.QueryRow(ctx, `SELECT `+store.TriggerEnabled(store.FoldTrigger)+`, (`+store.SelectRetainedFrom+`)`).Scan(&has, &mark); err != nil {
		return err
	}
	retainedFrom, err := store.ParseRetained(mark)
	if err != nil {
		return err
	}
	if has != db.hasTrigger || !retainedFrom.Equal(db.retainedFrom) {
		return errModeChanged
	}
	return nil
}
