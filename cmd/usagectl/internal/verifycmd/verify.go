// Package verifycmd is `usagectl verify`: it compares the rollups with the
// calls they are the sums of, and repairs them on request.
//
// It owns what is printed and the exit status; the comparison itself is
// internal/store.
package verifycmd

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/otelcol-usage/otelcol-usage/cmd/usagectl/internal/dbflag"
	"github.com/otelcol-usage/otelcol-usage/internal/store"
)

// New returns the command.
func New() *cobra.Command {
	var from, to string
	var repair bool
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Compares every rollup with the calls it sums up; fails when one differs",
		Long: `Compares every rollup with the calls it sums up, month by month (UTC).
Collectors may go on writing meanwhile. With --repair the rollups of a month
that differs are made anew; writers wait for the moment that takes.

Calls that retention has deleted cannot be compared, their sums stay as they
are.`,
		Args: cobra.NoArgs,
	}
	db := dbflag.Add(cmd)
	cmd.Flags().StringVar(&from, "from", "", "first month to look at, such as 2026-01 (default: that of the first call)")
	cmd.Flags().StringVar(&to, "to", "", "month to stop before, such as 2026-04 (default: after the last call)")
	cmd.Flags().BoolVar(&repair, "repair", false, "make the rollups of months with differences anew")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		o := store.VerifyOptions{Repair: repair}
		var err error
		if o.From, err = month("from", from); err != nil {
			return err
		}
		if o.To, err = month("to", to); err != nil {
			return err
		}
		months := 0
		o.Progress = func(m time.Time, differences int) {
			months++
			if differences == 0 {
				cmd.Printf("%s  equal\n", m.Format("2006-01"))
			} else {
				cmd.Printf("%s  %d rollups differ\n", m.Format("2006-01"), differences)
			}
		}
		pool, err := db.Connect(cmd.Context())
		if err != nil {
			return err
		}
		defer pool.Close()
		found, err := store.Verify(cmd.Context(), pool, o)
		if err != nil {
			return err
		}
		for _, d := range found {
			cmd.Printf("%s  %s: %d keys differ, by %s dollars in all\n", d.Month.Format("2006-01"), d.Rollup, d.Keys, d.Dollars)
		}
		switch {
		case len(found) == 0:
			cmd.Printf("%d months, every rollup equals its calls\n", months)
			return nil
		case repair:
			cmd.Println("repaired")
			return nil
		default:
			return fmt.Errorf("%d rollups differ from their calls; repair them with: usagectl verify --repair", len(found))
		}
	}
	return cmd
}

func month(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse("2006-01", text)
	if err != nil {
		return time.Time{}, fmt.Errorf("--%s must be a month such as 2026-01, found %q", flag, text)
	}
	return t, nil
}
