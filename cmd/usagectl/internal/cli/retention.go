package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"github.com/otelcol-usage/otelcol-usage/internal/store/upkeep"
)

// minKeep is the minimum age of calls to delete. Calls that still wait in a collector's
// queue are refused once they are older than the mark.
const minKeep = 7 * 24 * time.Hour

// retentionOptions are the flags of usagectl retention.
type retentionOptions struct {
	keep             string
	batch            int
	dryRun, moveBack bool
	yes              *bool
}

// newRetention returns the command that deletes old calls and keeps their sums.
func newRetention() *cobra.Command {
	var o retentionOptions
	cmd := &cobra.Command{
		Use:   "retention",
		Short: "Deletes calls older than an age and keeps their sums in the rollups",
		Long: `Deletes calls older than an age, in small transactions, and keeps their sums: totals,
by type, by model and by user and day stay exact. Only the single calls are lost. It
shows how many calls would be deleted and asks for confirmation; use --yes in cron.
It can be stopped at any time.

Calls older than the deleted ones are refused from then on and kept in
public.usage_dead_letter, because it is no longer known whether they were counted.
Keep calls at least as long as a collector's queue may wait. If no call is old enough
to be deleted, nothing changes. --move-back allows older calls to be stored again, for
a backfill.`,
		Example: "  usagectl retention --keep 400d --dry-run\n  usagectl retention --keep 400d --yes",
		Args:    cobra.NoArgs,
	}
	db := addDatabase(cmd)
	cmd.Flags().StringVar(&o.keep, "keep", "", "age up to which calls are kept, in days, such as 400d (required, at least 7d)")
	cmd.Flags().IntVar(&o.batch, "batch", 20_000, "calls deleted in one transaction")
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "say what would be deleted and change nothing")
	cmd.Flags().BoolVar(&o.moveBack, "move-back", false, "accept calls again that are younger than --keep and older than what was deleted before")
	o.yes = addYes(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		age, err := parseDays(o.keep)
		if err != nil {
			return err
		}
		if o.batch < 1 {
			return fmt.Errorf("--batch must be at least 1, found %d", o.batch)
		}
		r := upkeep.RetainOptions{Before: time.Now().Add(-age), BatchRows: o.batch}
		return db.with(cmd, asOwner, func(ctx context.Context, pool *pgxpool.Pool) error { return retain(ctx, cmd, pool, r, o) })
	}
	return cmd
}

func retain(ctx context.Context, cmd *cobra.Command, pool *pgxpool.Pool, r upkeep.RetainOptions, o retentionOptions) error {
	found, err := upkeep.ReadRetention(ctx, pool, r)
	if err != nil {
		return err
	}
	mark, old := found.Mark.Format(time.DateOnly), found.Old.Format(time.DateOnly)
	if found.Old.After(found.Mark) {
		return moveBack(ctx, cmd, pool, r, o, found)
	}
	switch {
	case found.Calls == 0:
		cmd.Printf("nothing to delete: no call is before %s\n", mark)
		if !found.Old.IsZero() {
			cmd.Printf("calls before %s were deleted earlier and are refused\n", old)
		}
		return nil
	case o.dryRun:
		cmd.Printf("dry run: %s before %s would be deleted, their sums kept\n", plural(found.Calls, "call"), mark)
		return nil
	}
	if err := confirm(cmd, *o.yes, fmt.Sprintf("%s before %s would be deleted, their sums kept, and calls that arrive later for that time refused", plural(found.Calls, "call"), mark)); err != nil {
		return err
	}
	last := time.Now()
	r.Progress = func(rows int64) {
		if time.Since(last) > 5*time.Second {
			last = time.Now()
			cmd.Printf("%s deleted so far\n", plural(rows, "call"))
		}
	}
	deleted, err := upkeep.Retain(ctx, pool, r)
	if err == nil {
		cmd.Printf("%s before %s deleted, their sums are kept\n", plural(deleted, "call"), mark)
	}
	return err
}

// moveBack moves the mark back when it is later than requested.
func moveBack(ctx context.Context, cmd *cobra.Command, pool *pgxpool.Pool, r upkeep.RetainOptions, o retentionOptions, found upkeep.Retention) error {
	mark, old := found.Mark.Format(time.DateOnly), found.Old.Format(time.DateOnly)
	if !o.moveBack || o.dryRun {
		cmd.Printf("nothing to delete: calls before %s were deleted earlier and are refused; to accept those from %s on again, add --move-back\n", old, mark)
		return nil
	}
	what := fmt.Sprintf("calls from %s to %s would be accepted again; of that time no call was deleted", mark, old)
	if found.Summed > 0 {
		what = fmt.Sprintf("calls from %s to %s would be accepted again; %s kept as sums for that time, and one that comes again would be counted twice", mark, old, plural(found.Summed, "call is", "calls are"))
	}
	if err := confirm(cmd, *o.yes, what); err != nil {
		return err
	}
	if err := upkeep.MoveMarkBack(ctx, pool, r); err != nil {
		return err
	}
	cmd.Printf("calls from %s on are accepted again\n", mark)
	return nil
}

func parseDays(text string) (time.Duration, error) {
	if text == "" {
		return 0, errors.New("--keep must be set to the days that calls are kept, such as 400d")
	}
	days, err := strconv.Atoi(strings.TrimSuffix(text, "d"))
	if err != nil || !strings.HasSuffix(text, "d") || days > 100_000 {
		return 0, fmt.Errorf("--keep must be a number of days such as 400d, found %q", text)
	}
	age := time.Duration(days) * 24 * time.Hour
	if age < minKeep {
		return 0, fmt.Errorf("--keep must be at least 7d, found %s: calls that still wait in a queue would be refused", text)
	}
	return age, nil
}
