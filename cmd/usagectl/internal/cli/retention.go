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

// minKeep is the least age that may be deleted. Calls that still wait in a
// collector's queue are refused once their time is behind the mark.
const minKeep = 7 * 24 * time.Hour

// newRetention deletes old calls and keeps their sums.
func newRetention() *cobra.Command {
	var keep string
	var batch int
	cmd := &cobra.Command{
		Use:   "retention",
		Short: "Deletes calls older than an age and keeps their sums in the rollups",
		Long: `Deletes calls older than an age, in small transactions, and keeps their sums:
totals, by type, by model and by user and day stay exact. What goes is the
single call. Run it from cron; it may be stopped at any moment.

Calls older than what was deleted are refused from then on and stand in
public.usage_dead_letter: whether they were counted before is not known any
more. So keep at least as long as a collector's queue can wait.`,
		Example: "  usagectl retention --keep 400d",
		Args:    cobra.NoArgs,
	}
	db := addDatabase(cmd)
	cmd.Flags().StringVar(&keep, "keep", "", "age up to which calls are kept, in days, such as 400d (required, at least 7d)")
	cmd.Flags().IntVar(&batch, "batch", 20_000, "calls deleted in one transaction")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		age, err := parseDays(keep)
		if err != nil {
			return err
		}
		if batch < 1 {
			return fmt.Errorf("--batch must be at least 1, found %d", batch)
		}
		before := time.Now().Add(-age)
		last := time.Now()
		progress := func(rows int64) {
			if time.Since(last) > 5*time.Second {
				last = time.Now()
				cmd.Printf("%d calls deleted so far\n", rows)
			}
		}
		return db.with(cmd, asOwner, func(ctx context.Context, pool *pgxpool.Pool) error {
			deleted, err := upkeep.Retain(ctx, pool, upkeep.RetainOptions{Before: before, BatchRows: batch, Progress: progress})
			if err == nil {
				cmd.Printf("%d calls before %s deleted, their sums are kept\n", deleted, before.UTC().Format(time.DateOnly))
			}
			return err
		})
	}
	return cmd
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
