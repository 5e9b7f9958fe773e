package dbmigrate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/otelcol-usage/otelcol-usage/internal/build"
)

// lockLog creates the log of migrations if needed and locks it, so that only one migrator
// works on a database at a time. No reader can block it: a reader can lock the log only in
// ACCESS SHARE mode, which does not conflict. An advisory lock, in contrast, could be taken
// by any role.
const lockLog = `
DO $$
BEGIN
  IF to_regclass('public.usage_migration') IS NULL THEN
    CREATE TABLE public.usage_migration (
      version    integer     PRIMARY KEY,
      name       text        NOT NULL,
      checksum   text        NOT NULL, -- SHA-256 of the .up.sql file
      applied_at timestamptz NOT NULL DEFAULT now(),
      build      text                  -- version and commit of the program that applied it
    );
    GRANT SELECT ON public.usage_migration TO PUBLIC;
  END IF;
END $$;
LOCK TABLE public.usage_migration IN EXCLUSIVE MODE`

// Migrator runs migrations. Create one with [New]; the zero value is not usable.
type Migrator struct {
	all []Migration
	// Log, if not nil, is called after each step.
	Log func(Step)
}

// Step is a migration that was run.
type Step struct {
	Name string // the file, such as "0001_create_tables.up.sql"
	Took time.Duration
}

// New returns a migrator for the migrations of this build.
func New() *Migrator { return &Migrator{all: builtin()} }

// NewFrom returns a migrator for other migrations, for tests.
func NewFrom(all []Migration) *Migrator { return &Migrator{all: all} }

// Beginner starts transactions: a connection or a pool.
type Beginner interface {
	Begin(ctx context.Context) (pgx.Tx, error)
}

// Up runs every missing migration and returns those it ran. Any number of processes may
// call it at once.
//
// It changes nothing and returns a [*RightsError] when the user lacks a privilege that some
// migration needs. It returns a [*SchemaError] when the database has migrations that this
// build does not know, or one with other content, and a [*FileError] when a statement
// fails; the files before it stay applied.
func (m *Migrator) Up(ctx context.Context, db Beginner) ([]Step, error) {
	if nothing, err := m.ahead(ctx, db); err != nil || nothing {
		return nil, err
	}
	var done []Step
	for {
		step, err := m.inTransaction(ctx, db, m.upOne)
		if err != nil || step == nil {
			return done, err
		}
		done = append(done, *step)
	}
}

// Last returns the name of the latest applied migration, or "" when there is none.
func (m *Migrator) Last(ctx context.Context, db querier) (string, error) {
	states, err := m.Status(ctx, db)
	last := ""
	for _, s := range states {
		if !s.AppliedAt.IsZero() {
			last = s.Name
		}
	}
	return last, err
}

// Down reverts the last migration and returns it, or nil when there is none. The first line
// of a .down.sql file says when it refuses.
func (m *Migrator) Down(ctx context.Context, db Beginner) (*Step, error) {
	return m.inTransaction(ctx, db, m.downOne)
}

// maxAttempts limits how often a migration is retried after a conflict on the shared
// catalogs of the cluster.
const maxAttempts = 10

// inTransaction runs one step. Roles and database privileges are in catalogs that all
// databases of a cluster share. Concurrent changes there fail instead of waiting, so
// migrators of two databases can collide, and one of them has to retry.
func (m *Migrator) inTransaction(ctx context.Context, db Beginner, run func(context.Context, pgx.Tx) (*Step, error)) (*Step, error) {
	for attempt := 1; ; attempt++ {
		step, err := m.tryInTransaction(ctx, db, run)
		if err == nil || attempt == maxAttempts || !metAnother(err) {
			return step, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(time.Duration(attempt) * 20 * time.Millisecond):
		}
	}
}

// metAnother reports whether a statement failed because another session changed the same
// row of a shared catalog, for which PostgreSQL has no SQLSTATE, or because another
// migrator created the log of migrations at the same time.
func metAnother(err error) bool {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return false
	}
	return pg.Code == "XX000" && strings.HasPrefix(pg.Message, "tuple concurrently") ||
		pg.Code == "23505" && pg.SchemaName == "pg_catalog" || pg.Code == "42P07"
}

func (m *Migrator) tryInTransaction(ctx context.Context, db Beginner, run func(context.Context, pgx.Tx) (*Step, error)) (*Step, error) {
	var step *Step
	start := time.Now()
	err := pgx.BeginFunc(ctx, db, func(tx pgx.Tx) error {
		// The timeouts of a role must not cut off the wait for another migrator. The
		// search_path excludes public: where others may create objects there, a function of
		// theirs that matches a call better than the server's own would run with our
		// rights.
		if err := execText(ctx, tx, `SET LOCAL search_path = pg_catalog, pg_temp; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0`); err != nil {
			return err
		}
		if err := execText(ctx, tx, lockLog); err != nil {
			return err
		}
		var err error
		step, err = run(ctx, tx)
		return err
	})
	var schema *SchemaError
	var file *FileError
	switch {
	case errors.As(err, &schema), errors.As(err, &file):
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("migrate: %w", err)
	}
	if step != nil {
		step.Took = time.Since(start)
		if m.Log != nil {
			m.Log(*step)
		}
	}
	return step, nil
}

func (m *Migrator) upOne(ctx context.Context, tx pgx.Tx) (*Step, error) {
	applied, err := m.verified(ctx, tx)
	if err != nil || len(applied) == len(m.all) {
		return nil, err
	}
	next := m.all[len(applied)]
	file := next.Name + ".up.sql"
	if err := runFile(ctx, tx, file, next.Up); err != nil {
		return nil, err
	}
	_, err = tx.Exec(ctx, `INSERT INTO public.usage_migration (version, name, checksum, build) VALUES ($1, $2, $3, $4)`,
		next.Version, next.Name, next.Checksum, build.Current().String())
	return &Step{Name: file}, err
}

func (m *Migrator) downOne(ctx context.Context, tx pgx.Tx) (*Step, error) {
	applied, err := m.verified(ctx, tx)
	if err != nil || len(applied) == 0 {
		return nil, err
	}
	last := m.all[len(applied)-1]
	file := last.Name + ".down.sql"
	if err := runFile(ctx, tx, file, last.Down); err != nil {
		return nil, err
	}
	_, err = tx.Exec(ctx, `DELETE FROM public.usage_migration WHERE version = $1`, last.Version)
	return &Step{Name: file}, err
}

// verified returns the applied migrations after comparing them with the files.
func (m *Migrator) verified(ctx context.Context, tx pgx.Tx) ([]applied, error) {
	rows, err := readApplied(ctx, tx)
	if err != nil {
		return nil, err
	}
	if changed := firstChanged(rows, m.all); changed != nil {
		return nil, changed
	}
	if len(rows) > len(m.all) {
		return nil, &SchemaError{State: TooNew, Found: len(rows), Want: len(m.all)}
	}
	return rows, nil
}

type applied struct {
	Version   int
	Name      string
	Checksum  string
	AppliedAt time.Time
	Build     string
}

// differs reports whether an applied migration differs from the file with its number.
func (a applied) differs(file Migration) bool {
	return a.Version != file.Version || a.Name != file.Name || a.Checksum != file.Checksum
}

func readApplied(ctx context.Context, db querier) ([]applied, error) {
	// Read through JSON, because databases of builds before 0.1.0 have no column build.
	// Their checksums have to be compared all the same.
	rows, err := db.Query(ctx, `SELECT version, name, checksum, applied_at, coalesce(to_jsonb(m) ->> 'build', '') FROM public.usage_migration m ORDER BY version`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[applied])
}

// State is a migration, and when this database ran it.
type State struct {
	Name      string
	AppliedAt time.Time // zero: not applied
	Build     string    // version and commit of the program that applied it
	Changed   bool      // it was applied with other content
	Unknown   bool      // this build does not have it
}

// Status lists all migrations, both of this build and applied, in order.
func (m *Migrator) Status(ctx context.Context, db querier) ([]State, error) {
	var exists bool
	if err := db.QueryRow(ctx, logExists).Scan(&exists); err != nil {
		return nil, fmt.Errorf("read migration status: %w", err)
	}
	var rows []applied
	if exists {
		var err error
		if rows, err = readApplied(ctx, db); err != nil {
			return nil, fmt.Errorf("read migration status: %w", err)
		}
	}
	states := make([]State, 0, max(len(rows), len(m.all)))
	for i := range max(len(rows), len(m.all)) {
		switch {
		case i >= len(m.all):
			states = append(states, State{Name: rows[i].Name, AppliedAt: rows[i].AppliedAt, Build: rows[i].Build, Unknown: true})
		case i >= len(rows):
			states = append(states, State{Name: m.all[i].Name})
		default:
			states = append(states, State{
				Name: rows[i].Name, AppliedAt: rows[i].AppliedAt, Build: rows[i].Build,
				Changed: rows[i].differs(m.all[i]),
			})
		}
	}
	return states, nil
}

// execText runs SQL with any number of statements and no parameters.
func execText(ctx context.Context, tx pgx.Tx, sql string) error {
	_, err := tx.Conn().PgConn().Exec(ctx, sql).ReadAll()
	return err
}

func runFile(ctx context.Context, tx pgx.Tx, file, sql string) error {
	err := execText(ctx, tx, sql)
	if err == nil {
		return nil
	}
	fault := &FileError{File: file, Err: err}
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Position > 0 {
		fault.Line = lineAt(sql, int(pg.Position))
	}
	return fault
}

// lineAt returns the line number of PostgreSQL's error position, which counts characters
// from 1.
func lineAt(sql string, position int) int {
	runes := []rune(sql)
	return 1 + strings.Count(string(runes[:min(position-1, len(runes))]), "\n")
}

// FileError says where in a migration a statement failed.
type FileError struct {
	File string
	Line int // 0: the server did not say
	Err  error
}

func (e *FileError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "migration %s", e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ", line %d", e.Line)
	}
	fmt.Fprintf(&b, ": %v", e.Err)
	var pg *pgconn.PgError
	if errors.As(e.Err, &pg) {
		if e.Line == 0 && pg.Where != "" {
			fmt.Fprintf(&b, " (in %s)", strings.SplitN(pg.Where, "\n", 2)[0])
		}
		if pg.Hint != "" {
			fmt.Fprintf(&b, "; hint: %s", pg.Hint)
		}
	}
	return b.String()
}

func (e *FileError) Unwrap() error { return e.Err }
