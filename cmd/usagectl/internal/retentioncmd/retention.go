// Package retentioncmd is `usagectl retention`: it deletes old calls and keeps
// their sums.
//
// It owns the reading of the age and what is printed; the deleting is
// internal/store.
package retentioncmd

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/otelcol-usage/otelcol-usage/cmd/usagectl/internal/dbflag"
	"github.com/otelcol-usage/otelcol-usage/internal/store"
)

// minKeep is the least age that may be deleted. Calls that still wait in a
// collector's queue are refused once their time is behind the mark.
const minKeep = 7 * 24 * time.Hour

// New returns the command.
func New() *cobra.Command {
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
	db := dbflag.Add(cmd)
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
		pool, err := db.Connect(cmd.Context())
		if err != nil {
			return err
		}
		defer pool.Close()
		before := time.Now().Add(-age)
		told := time.Now()
		deleted, err := store.Retain(cmd.Context(), pool, store.RetainOptions{Before: before, BatchRows: batch, Progress: func(rows int64) {
			if time.Since(told) > 5*time.Second {
				told = time.Now()
				cmd.Printf("%d calls deleted so far\n", rows)
			}
		}})
		if err != nil {
			return err
		}
		cmd.Printf("%d calls before %s deleted, their sums are kept\n", deleted, before.UTC().Format(time.DateOnly))
		return nil
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
