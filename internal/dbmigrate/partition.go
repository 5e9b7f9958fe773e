package dbmigrate

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/otelcol-usage/otelcol-usage/migrations"
)

// Partitioned reports whether public.api_usage is partitioned. It returns a [*SchemaError]
// when the schema does not match this build.
func Partitioned(ctx context.Context, db querier) (bool, error) {
	if err := Check(ctx, db); err != nil {
		return false, err
	}
	var is bool
	if err := db.QueryRow(ctx, `SELECT relkind = 'p' FROM pg_catalog.pg_class WHERE oid = 'public.api_usage'::regclass`).Scan(&is); err != nil {
		return false, fmt.Errorf("look at public.api_usage: %w", err)
	}
	return is, nil
}

// PartitionByMonth partitions public.api_usage with all its rows in one transaction. It
// returns a [*FileError] when the table has something that a partitioned table cannot have,
// and [ErrPartitioned] when it is partitioned already.
func PartitionByMonth(ctx context.Context, db Beginner) error {
	err := pgx.BeginFunc(ctx, db, func(tx pgx.Tx) error {
		if err := execText(ctx, tx, `SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0`); err != nil {
			return err
		}
		if err := execText(ctx, tx, lockLog); err != nil {
			return err
		}
		is, err := Partitioned(ctx, tx)
		if err != nil {
			return err
		}
		if is {
			return ErrPartitioned
		}
		if err := runFile(ctx, tx, "partition_by_month.sql", migrations.PartitionByMonth); err != nil {
			return err
		}
		return execText(ctx, tx, `ANALYZE public.api_usage; ANALYZE public.api_usage_id`)
	})
	var schema *SchemaError
	var file *FileError
	if err != nil && !errors.As(err, &schema) && !errors.As(err, &file) && !errors.Is(err, ErrPartitioned) {
		return fmt.Errorf("partition: %w", err)
	}
	return err
}

// ErrPartitioned means that the table is partitioned already.
var ErrPartitioned = errors.New("public.api_usage is partitioned already")
