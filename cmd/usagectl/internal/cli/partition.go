package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"github.com/otelcol-usage/otelcol-usage/internal/dbmigrate"
	"github.com/otelcol-usage/otelcol-usage/internal/store/upkeep"
)

// newPartition returns the command that partitions the calls by month, once, and creates
// the partitions of coming months, from cron.
func newPartition() *cobra.Command {
	var convert bool
	var ahead int
	cmd := &cobra.Command{
		Use:   "partition",
		Short: "Partitions the calls by month, for more than 100 million calls a year",
		Long: `Partitions the calls by UTC month, so that usagectl retention drops a month at once
instead of deleting its rows for minutes. It is optional, and worthwhile from about
100 million calls a year.

Run it once with --convert: it copies every call into its month, in one transaction.
Collectors wait and keep calls in their queues meanwhile, so do it while the queues
are short. It needs free disk space for a second copy. If it is stopped, nothing has
changed. Take a backup first: there is no other way back.

Then run it monthly from cron: it creates the coming months. A collector whose
exporter has migrate: true does so by itself. A missing month loses nothing: its
calls wait in public.api_usage_default until the next run moves them.`,
		Example: "  usagectl partition --convert\n  usagectl partition",
		Args:    cobra.NoArgs,
	}
	db := addDatabase(cmd)
	cmd.Flags().BoolVar(&convert, "convert", false, "partition the table if it is not yet")
	cmd.Flags().IntVar(&ahead, "ahead", 3, "months to create after this one, 1 to 24")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if ahead < 1 || ahead > 24 {
			return fmt.Errorf("--ahead must be from 1 to 24, found %d", ahead)
		}
		return db.with(cmd, asOwner, func(ctx context.Context, pool *pgxpool.Pool) error {
			return partition(ctx, cmd, pool, convert, ahead)
		})
	}
	return cmd
}

func partition(ctx context.Context, cmd *cobra.Command, pool *pgxpool.Pool, convert bool, ahead int) error {
	is, err := dbmigrate.Partitioned(ctx, pool)
	if err != nil {
		return err
	}
	if !is && !convert {
		return errors.New("public.api_usage is not partitioned; add --convert to copy all calls into partitions, see usagectl partition --help")
	}
	if !is {
		start := time.Now()
		if err := dbmigrate.PartitionByMonth(ctx, pool); err != nil && !errors.Is(err, dbmigrate.ErrPartitioned) {
			return err
		}
		cmd.Printf("public.api_usage is partitioned by month, in %s\n", time.Since(start).Round(time.Millisecond))
	}
	added, err := upkeep.AddMonths(ctx, pool, ahead)
	if err != nil {
		return err
	}
	cmd.Printf("%d partitions added, there is one for each of the next %d months\n", added, ahead)
	return nil
}
