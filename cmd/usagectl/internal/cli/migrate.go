package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"github.com/otelcol-usage/otelcol-usage/internal/dbmigrate"
	"github.com/otelcol-usage/otelcol-usage/internal/store/upkeep"
)

// newMigrate returns the command that migrates the schema to the version of this build, or
// shows its version.
func newMigrate() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "Creates, updates or reverts the tables, rollups and roles",
	}
	db := addDatabase(cmd)
	cmd.AddCommand(newMigrateUp(db), newMigrateDown(db), newMigrateStatus(db), newMigrateRollup(db), newMigrateCitus())
	return cmd
}

func newMigrateUp(db *database) *cobra.Command {
	printRoles := false
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Applies all missing migrations; safe to repeat, even concurrently",
		Long: `Applies all missing migrations. It first checks whether the user may do all of it,
and changes nothing if not. Then it makes the sums that migrations have added of the calls
that are there, a day at a time, while collectors write; stopped, it goes on when it is run
again. The migrations create seven roles, which belong to the
whole server: without CREATEROLE, an administrator has to create them once.
--print-roles prints the SQL for that and changes nothing.`,
		Example: "  usagectl migrate up --print-roles | psql --host db.example.com --username postgres app\n  usagectl migrate up",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if printRoles {
				return db.with(cmd, asReader, func(ctx context.Context, pool *pgxpool.Pool) error {
					user, statements, _, err := dbmigrate.AdminStatements(ctx, pool)
					if err == nil && len(statements) == 0 {
						statements = []string{"-- " + user + " needs nothing from an administrator"}
					}
					for _, sql := range statements {
						cmd.Println(sql)
					}
					return err
				})
			}
			m := dbmigrate.New()
			m.Log = func(s dbmigrate.Step) { printStep(cmd, s) }
			return db.with(cmd, asOwner, func(ctx context.Context, pool *pgxpool.Pool) error {
				steps, err := m.Up(ctx, pool)
				if err != nil {
					return err
				}
				start := time.Now()
				filled, err := upkeep.FillSums(ctx, pool, nil)
				switch {
				case err != nil:
				case filled.Days > 0:
					cmd.Printf("filled the sums of %d days of calls in %s; writers waited for %d of them\n", filled.Days, time.Since(start).Round(time.Millisecond), filled.Waiting)
				case len(steps) == 0:
					cmd.Println("nothing to do, the schema is up to date")
				}
				return err
			})
		},
	}
	cmd.Flags().BoolVar(&printRoles, "print-roles", false, "print what an administrator of the database has to run first, and change nothing")
	return cmd
}

func newMigrateDown(db *database) *cobra.Command {
	var yes *bool
	cmd := &cobra.Command{
		Use:   "down",
		Short: "Reverts the latest migration; run it again for the one before",
		Long: `Reverts the latest migration after asking for confirmation, because that can drop
tables with all their content. Run it again for the one before. A migration whose
reversal would lose calls refuses.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return db.with(cmd, asOwner, func(ctx context.Context, pool *pgxpool.Pool) error {
				last, err := dbmigrate.New().Last(ctx, pool)
				if err == nil && last != "" {
					err = confirm(cmd, *yes, last+" would be reverted; what it created is dropped with all that is in it")
				}
				if err != nil {
					return err
				}
				step, err := dbmigrate.New().Down(ctx, pool)
				switch {
				case err != nil:
				case step == nil:
					cmd.Println("nothing to do, no migration is applied")
				default:
					printStep(cmd, *step)
				}
				return err
			})
		},
	}
	yes = addYes(cmd)
	return cmd
}

func newMigrateStatus(db *database) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Lists the migrations and when they were applied; fails if this build needs another schema",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return db.with(cmd, asReader, func(ctx context.Context, pool *pgxpool.Pool) error {
				states, err := dbmigrate.New().Status(ctx, pool)
				if err != nil {
					return err
				}
				if err := printStates(cmd, states); err != nil {
					return err
				}
				err = dbmigrate.Check(ctx, pool)
				if roles := rolesBefore(ctx, pool, err); roles != "" {
					cmd.Println(roles)
				}
				return err
			})
		},
	}
}

func newMigrateRollup(db *database) *cobra.Command {
	return &cobra.Command{
		Use:       "rollup trigger|statement",
		Short:     "Chooses who keeps the rollups: triggers, or the exporter's insert statement (for Citus); reversible, collectors may keep writing",
		ValidArgs: dbmigrate.RollupKeepers,
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		RunE: func(cmd *cobra.Command, args []string) error {
			return db.with(cmd, asOwner, func(ctx context.Context, pool *pgxpool.Pool) error {
				step, err := dbmigrate.New().KeepRollupsBy(ctx, pool, args[0])
				if err == nil {
					printStep(cmd, *step)
				}
				return err
			})
		},
	}
}

func newMigrateCitus() *cobra.Command {
	var shards int
	cmd := &cobra.Command{
		Use:   "citus",
		Short: "Prints the SQL that distributes the calls over a Citus cluster, for psql; see docs/scale.md",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			text, err := dbmigrate.DistributeSQL(shards)
			if err == nil {
				cmd.Print(text)
			}
			return err
		},
	}
	cmd.Flags().IntVar(&shards, "shards", 8, "shards of public.api_usage, 2 to 4 for each worker")
	return cmd
}

func printStates(cmd *cobra.Command, states []dbmigrate.State) error {
	var t table
	for _, s := range states {
		applied := "not applied"
		if !s.AppliedAt.IsZero() {
			applied = "applied " + s.AppliedAt.UTC().Format(time.RFC3339)
		}
		if s.Build != "" {
			applied += " by " + s.Build
		}
		if s.Changed {
			applied += ", with other content than this build has"
		}
		if s.Unknown {
			applied += ", unknown to this build"
		}
		t.row(s.Name, applied)
	}
	return t.print(cmd.OutOrStdout())
}

// rolesBefore says which roles the server lacks and who makes them, where the schema has to be
// migrated; "" where there is nothing to say.
func rolesBefore(ctx context.Context, pool *pgxpool.Pool, check error) string {
	var schema *dbmigrate.SchemaError
	if !errors.As(check, &schema) || (schema.State != dbmigrate.Missing && schema.State != dbmigrate.TooOld) {
		return ""
	}
	missing, err := dbmigrate.MissingRoles(ctx, pool)
	if err != nil || len(missing) == 0 {
		return "" // the error of the schema is reported
	}
	text := "the server has no role " + strings.Join(missing, ", ") + "; "
	user, statements, needed, err := dbmigrate.AdminStatements(ctx, pool)
	switch {
	case err != nil:
		return text + "to see what an administrator has to run first: usagectl migrate up --print-roles"
	case needed:
		return text + user + " may not do all that the migrations need, an administrator of the database runs once before: " + strings.Join(statements, " ")
	}
	return text + "usagectl migrate up creates it, as " + user + " may"
}

func printStep(cmd *cobra.Command, s dbmigrate.Step) {
	cmd.Println(fmt.Sprintf("%s in %s", s.Name, s.Took.Round(time.Millisecond)))
}
