// Package migratecmd is `usagectl migrate`: it brings the schema of the
// database to the version this build works with, or says which it has.
//
// It owns what is printed; it does not own the migrations (migrations/) nor
// how they are run (internal/dbmigrate).
package migratecmd

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/otelcol-usage/otelcol-usage/cmd/usagectl/internal/dbflag"
	"github.com/otelcol-usage/otelcol-usage/internal/dbmigrate"
)

// New returns the command.
func New() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "Creates, updates or takes back the tables, rollups and roles",
	}
	db := dbflag.Add(cmd)
	cmd.AddCommand(up(db), down(db), status(db), rollup(db), citus())
	return cmd
}

func up(db *dbflag.Flag) *cobra.Command {
	return &cobra.Command{
		Use:   "up",
		Short: "Applies every migration that is missing; safe to run again, also twice at once",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			pool, err := db.Connect(cmd.Context())
			if err != nil {
				return err
			}
			defer pool.Close()
			m := dbmigrate.New()
			m.Log = func(s dbmigrate.Step) { printStep(cmd, s) }
			steps, err := m.Up(cmd.Context(), pool)
			if err == nil && len(steps) == 0 {
				cmd.Println("nothing to do, the schema is up to date")
			}
			return err
		},
	}
}

func down(db *dbflag.Flag) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "down",
		Short: "Takes the last migration back, one for each call",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !yes {
				return errors.New("migrate down can drop tables with all that is in them: say --yes if you mean it")
			}
			pool, err := db.Connect(cmd.Context())
			if err != nil {
				return err
			}
			defer pool.Close()
			step, err := dbmigrate.New().Down(cmd.Context(), pool)
			switch {
			case err != nil:
				return err
			case step == nil:
				cmd.Println("nothing to do, no migration is applied")
			default:
				printStep(cmd, *step)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "confirm that data may be dropped")
	return cmd
}

func status(db *dbflag.Flag) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Lists the migrations and when they were applied; fails when the schema is not the one this build needs",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			pool, err := db.Connect(cmd.Context())
			if err != nil {
				return err
			}
			defer pool.Close()
			states, err := dbmigrate.New().Status(cmd.Context(), pool)
			if err != nil {
				return err
			}
			for _, s := range states {
				applied := "not applied"
				if !s.AppliedAt.IsZero() {
					applied = "applied " + s.AppliedAt.UTC().Format(time.RFC3339)
				}
				if s.Changed {
					applied += ", with other content than this build has"
				}
				if s.Unknown {
					applied += ", unknown to this build"
				}
				cmd.Printf("%-40s %s\n", s.Name, applied)
			}
			return dbmigrate.Check(cmd.Context(), pool)
		},
	}
}

func rollup(db *dbflag.Flag) *cobra.Command {
	return &cobra.Command{
		Use:       "rollup trigger|statement",
		Short:     "Says who keeps the rollups: triggers, or the exporter's insert statement (for Citus); can be taken back, collectors may write meanwhile",
		ValidArgs: dbmigrate.RollupKeepers,
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		RunE: func(cmd *cobra.Command, args []string) error {
			pool, err := db.Connect(cmd.Context())
			if err != nil {
				return err
			}
			defer pool.Close()
			step, err := dbmigrate.New().KeepRollupsBy(cmd.Context(), pool, args[0])
			if err == nil {
				printStep(cmd, *step)
			}
			return err
		},
	}
}

func citus() *cobra.Command {
	var shards int
	cmd := &cobra.Command{
		Use:   "citus",
		Short: "Prints the SQL that distributes the calls over a Citus cluster, for psql; docs/scale.md says when and how",
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

func printStep(cmd *cobra.Command, s dbmigrate.Step) {
	cmd.Println(fmt.Sprintf("%s in %s", s.Name, s.Took.Round(time.Millisecond)))
}
