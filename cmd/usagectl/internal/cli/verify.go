package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"github.com/otelcol-usage/otelcol-usage/internal/store/upkeep"
)

// newVerify returns the command that compares the rollups with the calls and repairs them
// on request.
func newVerify() *cobra.Command {
	var o upkeep.VerifyOptions
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Compares every rollup with its calls; fails when one differs",
		Long: `Compares every rollup with its calls, month by month (UTC), for every month of the
period. Collectors may keep writing meanwhile. With --repair, the rollups of a month
that differs are rebuilt; writers wait while that takes place.

The sums of calls that retention deleted cannot be compared and stay as they are.`,
		Example: "  usagectl verify\n  usagectl verify --from 2026-01-01 --to 2026-03-31 --repair",
		Args:    cobra.NoArgs,
	}
	db := addDatabase(cmd)
	period := addPeriod(cmd, "from", "to", " (default: the first call)", " (default: the last call)")
	cmd.Flags().BoolVar(&o.Repair, "repair", false, "rebuild the rollups of months with differences")
	cmd.RunE = func(cmd *cobra.Command, _ []string) (err error) {
		if o.From, o.To, err = period.bounds(); err != nil {
			return err
		}
		return db.with(cmd, asOwner, func(ctx context.Context, pool *pgxpool.Pool) error {
			return verify(ctx, cmd, pool, o)
		})
	}
	return cmd
}

func verify(ctx context.Context, cmd *cobra.Command, pool *pgxpool.Pool, o upkeep.VerifyOptions) error {
	months := 0
	o.Progress = func(m time.Time, differences int) {
		months++
		if differences == 0 {
			cmd.Printf("%s  equal\n", m.Format("2006-01"))
		} else {
			cmd.Printf("%s  %d rollups differ\n", m.Format("2006-01"), differences)
		}
	}
	found, err := upkeep.Verify(ctx, pool, o)
	if err != nil {
		return err
	}
	for _, d := range found {
		cmd.Printf("%s  %s: %d keys differ, by %s dollars in all\n", d.Month.Format("2006-01"), d.Rollup, d.Keys, d.Dollars)
	}
	switch {
	case len(found) == 0:
		cmd.Printf("%s checked: every rollup matches its calls\n", plural(months, "month"))
		return nil
	case o.Repair:
		cmd.Println("repaired")
		return nil
	default:
		return fmt.Errorf("%s from the calls; to rebuild: usagectl verify --repair", plural(len(found), "rollup differs", "rollups differ"))
	}
}
