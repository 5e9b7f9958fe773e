// Package dbflag gives every command that needs the database the same way to
// name it.
//
// It owns the flag --dsn, its environment variable and the advice on errors of
// the database; it does not own what is done with the connection.
package dbflag

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"github.com/otelcol-usage/otelcol-usage/internal/store"
)

// Flag is the database a command works on.
type Flag struct{ dsn string }

// Add declares --dsn on a command and those below it.
func Add(cmd *cobra.Command) *Flag {
	f := &Flag{}
	// Never with a default from the environment: the help text would print it.
	cmd.PersistentFlags().StringVar(&f.dsn, "dsn", "", "PostgreSQL to work on, postgres://user:password@host:5432/database (default: the environment variable DATABASE_URL)")
	return f
}

// Connect opens the database and fails with advice when it does not answer.
func (f *Flag) Connect(ctx context.Context) (*pgxpool.Pool, error) {
	pool, err := f.Open(ctx)
	if err != nil {
		return nil, err
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, Advise(err, "usage_reader")
	}
	return pool, nil
}

// Open opens the database and does not wait for it.
func (f *Flag) Open(ctx context.Context) (*pgxpool.Pool, error) {
	dsn := f.dsn
	if dsn == "" {
		dsn = os.Getenv("DATABASE_URL")
	}
	if dsn == "" {
		return nil, errors.New("no database: set DATABASE_URL or --dsn to postgres://user:password@host:5432/database")
	}
	return store.Connect(ctx, store.Config{DSN: dsn, ApplicationName: "usagectl"})
}

// Advise adds what to do about an error of the database to a command whose user
// needs a role.
func Advise(err error, role string) error {
	if store.SQLState(err) == "42501" { // no right
		return fmt.Errorf("%w; the user needs the role: GRANT %s TO <user>", err, role)
	}
	if advice := store.Advice(err); advice != "" {
		return fmt.Errorf("%w; %s", err, advice)
	}
	return err
}
