package dbmigrate

import (
	"context"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"

	"github.com/otelcol-usage/otelcol-usage/migrations"
)

// RollupKeepers lists what can keep the rollups: "trigger", which the migrations create, or
// "statement", the exporter's insert statement.
var RollupKeepers = []string{"trigger", "statement"}

// KeepRollupsBy changes what keeps the rollups to one of [RollupKeepers]. It is idempotent
// and may be called at any time, even while collectors with `rollup: auto` write. It
// returns a [*SchemaError] when the schema does not match this build.
func (m *Migrator) KeepRollupsBy(ctx context.Context, db Beginner, keeper string) (*Step, error) {
	file := "rollup_" + keeper + ".sql"
	text, err := migrations.Optional.ReadFile("optional/" + file)
	if err != nil {
		return nil, fmt.Errorf("keep rollups by %q: must be one of %v", keeper, RollupKeepers)
	}
	return m.inTransaction(ctx, db, func(ctx context.Context, tx pgx.Tx) (*Step, error) {
		applied, err := m.verified(ctx, tx)
		switch {
		case err != nil:
			return nil, err
		case len(applied) == 0:
			return nil, &SchemaError{State: Missing, Want: len(m.all)}
		case len(applied) < len(m.all):
			return nil, &SchemaError{State: TooOld, Found: len(applied), Want: len(m.all)}
		}
		return &Step{Name: file}, runFile(ctx, tx, file, string(text))
	})
}

// maxShards bounds the shards of [DistributeSQL].
const maxShards = 1024

// DistributeSQL returns a psql script that distributes the calls over a Citus cluster in
// the given number of shards. It joins the files citus_1_begin.sql and following.
func DistributeSQL(shards int) (string, error) {
	if shards < 1 || shards > maxShards {
		return "", fmt.Errorf("shards: must be from 1 to %d, found %d; 2 to 4 for each worker is right", maxShards, shards)
	}
	parts, err := fs.Glob(migrations.Optional, "optional/citus_*.sql")
	if err != nil {
		return "", err
	}
	all := fmt.Sprintf("SET usage.shards = %d;\n", shards)
	for _, part := range parts { // in the order of their numbers
		text, err := migrations.Optional.ReadFile(part)
		if err != nil {
			return "", err
		}
		all += string(text)
	}
	return all, nil
}
