package cli

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"github.com/otelcol-usage/otelcol-usage/internal/dbmigrate"
	"github.com/otelcol-usage/otelcol-usage/internal/store"
)

// database is the database that a command uses.
type database struct{ dsn, passwordFile string }

// addDatabase declares --dsn and --password-file on a command and its subcommands.
func addDatabase(cmd *cobra.Command) *database {
	d := &database{}
	// No default from the environment: the help text would print it.
	cmd.PersistentFlags().StringVar(&d.dsn, "dsn", "", "PostgreSQL to work on, postgres://user:password@host:5432/database (default: the environment variable DATABASE_URL)")
	cmd.PersistentFlags().StringVar(&d.passwordFile, "password-file", "", "file that holds the password of the DSN's user alone")
	return d
}

// The role that a command needs: one of ours, or the owner of the tables.
const (
	asReader   = "usage_reader"
	asPricer   = "usage_pricer"
	asBiller   = "usage_biller"
	asMeterer  = "usage_meterer"
	asBudgeter = "usage_budgeter"
	asPlanner  = "usage_planner"
	asOwner    = ""
)

// with connects, passes the pool to do, and closes it. A database error is returned with
// advice for a user who needs the role.
func (d *database) with(cmd *cobra.Command, role string, do func(context.Context, *pgxpool.Pool) error) error {
	pool, err := d.open(cmd.Context())
	if err != nil {
		return err
	}
	defer pool.Close()
	if err = pool.Ping(cmd.Context()); err == nil {
		err = do(cmd.Context(), pool)
	}
	// All tables may be missing, or some, or a newer build has renamed them.
	var schema *dbmigrate.SchemaError
	if store.Classify(err) == store.ClassSchema && !errors.As(err, &schema) && errors.As(dbmigrate.Check(cmd.Context(), pool), &schema) {
		return fmt.Errorf("%w; %w", err, schema)
	}
	return advise(err, role)
}

// open creates the pool without waiting for the database.
func (d *database) open(ctx context.Context) (*pgxpool.Pool, error) {
	dsn := d.dsn
	if dsn == "" {
		dsn = os.Getenv("DATABASE_URL")
	}
	if dsn == "" {
		return nil, errors.New("no database: set DATABASE_URL or --dsn to postgres://user:password@host:5432/database")
	}
	return store.Connect(ctx, store.Config{DSN: dsn, PasswordFile: d.passwordFile, ApplicationName: "usagectl"})
}

// advise adds to a database error what to do about it.
func advise(err error, role string) error {
	if err == nil {
		return nil
	}
	text := store.InOneLine(err)
	if advice := store.Advice(err, role); advice != "" {
		return fmt.Errorf("%w; %s", text, advice)
	}
	return text
}
