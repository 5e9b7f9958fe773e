package dbmigrate

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// querier runs queries: a connection, a pool or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

const logExists = `SELECT to_regclass('public.usage_migration') IS NOT NULL`

// SchemaState says what is wrong with a schema.
type SchemaState string

// Schema states.
const (
	Missing SchemaState = "missing" // no migration was ever applied
	TooOld  SchemaState = "too old" // migrations of this build are not applied yet
	TooNew  SchemaState = "too new" // a newer build has applied migrations
	Changed SchemaState = "changed" // a migration was applied with other content
)

// SchemaError says that the schema of a database does not match this build, and how to
// repair it.
type SchemaError struct {
	State SchemaState
	Found int    // version in the database
	Want  int    // version of this build
	Name  string // the migration, for Changed
}

func (e *SchemaError) Error() string {
	switch e.State {
	case Missing:
		return fmt.Sprintf("the database has no usage schema, version %d is needed; run: usagectl migrate up", e.Want)
	case TooOld:
		return fmt.Sprintf("the usage schema has version %d, %d is needed; run: usagectl migrate up", e.Found, e.Want)
	case TooNew:
		return fmt.Sprintf("the usage schema has version %d, this build knows up to %d; update this program", e.Found, e.Want)
	default:
		return fmt.Sprintf("another build made this database: its migration %s has other content than this build's; go on with that build, or give this one a new database (docs/troubleshooting.md, \"A database of another build\")", e.Name)
	}
}

// Check returns nil when the schema has the version of this build, and otherwise a
// [*SchemaError]. Any other error means that the version could not be read.
func Check(ctx context.Context, db querier) error {
	var exists bool
	if err := db.QueryRow(ctx, logExists).Scan(&exists); err != nil {
		return fmt.Errorf("read schema version: %w", err)
	}
	var rows []applied
	if exists {
		var err error
		if rows, err = readApplied(ctx, db); err != nil {
			return fmt.Errorf("read schema version: %w", err)
		}
	}
	all := New().all
	if changed := firstChanged(rows, all); changed != nil {
		return changed
	}
	found, want := 0, len(all)
	if len(rows) > 0 {
		found = rows[len(rows)-1].Version
	}
	switch {
	case found == 0:
		return &SchemaError{State: Missing, Want: want}
	case found < want:
		return &SchemaError{State: TooOld, Found: found, Want: want}
	case found > want:
		return &SchemaError{State: TooNew, Found: found, Want: want}
	}
	return nil
}

// firstChanged returns an error for the first migration that was applied with other content
// than this build's file, or nil.
func firstChanged(rows []applied, all []Migration) *SchemaError {
	for i, a := range rows[:min(len(rows), len(all))] {
		if a.differs(all[i]) {
			return &SchemaError{State: Changed, Found: a.Version, Want: len(all), Name: a.Name}
		}
	}
	return nil
}
