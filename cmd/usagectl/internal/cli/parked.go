package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"github.com/otelcol-usage/otelcol-usage/internal/report"
	"github.com/otelcol-usage/otelcol-usage/internal/store/upkeep"
	"github.com/otelcol-usage/otelcol-usage/internal/store/write"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
	"github.com/otelcol-usage/otelcol-usage/internal/usageattr"
)

// newParked returns the commands for records that the table refused.
func newParked() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "parked",
		Short: "Lists the records that the table refused, stores them again, or dismisses them",
	}
	db := addDatabase(cmd)
	cmd.AddCommand(newParkedList(db), newParkedRetry(db), newParkedDismiss(db))
	return cmd
}

// addParkedFilter declares the flags that select records. The function that it returns
// reads them.
func addParkedFilter(cmd *cobra.Command) func() (upkeep.ParkedFilter, error) {
	ids := cmd.Flags().StringArray("id", nil, "only the record of the call with this id; give it again for more")
	state := cmd.Flags().String("sqlstate", "", "only records refused with this SQLSTATE; \"\" are those that were never sent")
	before := cmd.Flags().String("before", "", "only records parked before this day (UTC) or RFC 3339 instant")
	return func() (f upkeep.ParkedFilter, err error) {
		for _, text := range *ids {
			id, ok := usage.ParseID(text)
			if !ok {
				return f, fmt.Errorf("--id: found %q, must be a UUID as usagectl parked list --each prints it", text)
			}
			f.IDs = append(f.IDs, id)
		}
		if cmd.Flags().Changed("sqlstate") {
			f.SQLState = state
		}
		if *before != "" {
			f.Before, err = report.ParseBound("--before", *before, time.UTC, false)
		}
		return f, err
	}
}

func newParkedList(db *database) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list",
		Short: "Lists refused records by reason, or one by one with --each",
		Long: `Lists the records that the table refused, by reason; docs/troubleshooting.md says
what to do about each. Records contain no prompts.`,
		Args: cobra.NoArgs,
	}
	filter := addParkedFilter(cmd)
	each := cmd.Flags().Bool("each", false, "list every open record with its id and content")
	all := cmd.Flags().Bool("all", false, "count the dismissed ones too")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		f, err := filter()
		if err != nil {
			return err
		}
		f.Dismissed = *all
		return db.with(cmd, asReader, func(ctx context.Context, pool *pgxpool.Pool) error {
			if *each {
				return listEachParked(ctx, cmd, pool, f)
			}
			return listParked(ctx, cmd, pool, f)
		})
	}
	return cmd
}

func listParked(ctx context.Context, cmd *cobra.Command, pool *pgxpool.Pool, f upkeep.ParkedFilter) error {
	groups, err := upkeep.ParkedGroups(ctx, pool, f)
	if err != nil {
		return err
	}
	if len(groups) == 0 {
		cmd.Println("no record is parked")
		return nil
	}
	var t table
	t.row(number("OPEN"), number("DISMISSED"), "FIRST", "LAST", "REASON")
	for _, g := range groups {
		t.row(count(g.Open), count(g.Dismissed), g.First.UTC().Format(time.RFC3339), g.Last.UTC().Format(time.RFC3339), g.Reason)
	}
	return t.print(cmd.OutOrStdout())
}

// parkedPart is how many records are in memory at once.
const parkedPart = 1000

func listEachParked(ctx context.Context, cmd *cobra.Command, pool *pgxpool.Pool, f upkeep.ParkedFilter) error {
	return upkeep.EachParked(ctx, pool, f, parkedPart, func(part []upkeep.ParkedRecord) error {
		for _, p := range part {
			cmd.Printf("%s  %s  %s\n  %s\n", usage.ID(p.ID), p.ParkedAt.UTC().Format(time.RFC3339), plain(p.Reason), plain(p.Record))
		}
		return nil
	})
}

func newParkedRetry(db *database) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "retry",
		Short: "Stores refused records again after the cause was corrected",
		Long: `Stores refused records again, as a collector would, after the cause was corrected: a
constraint of your own, or a collector that was too old. A record that is stored, or
was stored meanwhile, leaves public.usage_dead_letter; one that is refused again
stays, and the command fails. It can be stopped at any time and run again.`,
		Args: cobra.NoArgs,
	}
	filter := addParkedFilter(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		f, err := filter()
		if err != nil {
			return err
		}
		return db.with(cmd, asOwner, func(ctx context.Context, pool *pgxpool.Pool) error { return retryParked(ctx, cmd, pool, f) })
	}
	return cmd
}

func retryParked(ctx context.Context, cmd *cobra.Command, pool *pgxpool.Pool, f upkeep.ParkedFilter) error {
	f.Before = earliest(f.Before, time.Now()) // excludes what the retry itself parks
	writer := write.New(pool, write.Options{Encode: usageattr.Append})
	var stored, duplicates, refused int
	reasons := map[string]int{}
	refuse := func(reason string) {
		refused++
		reasons[reason]++
	}
	err := upkeep.EachParked(ctx, pool, f, parkedPart, func(part []upkeep.ParkedRecord) error {
		var records []usage.Record
		var digests [][16]byte
		for _, p := range part {
			var r usage.Record
			if err := usageattr.Decode(p.Record, &r); err != nil {
				refuse("record: " + err.Error())
				continue
			}
			records, digests = append(records, r), append(digests, p.Digest)
		}
		ids := make([]usage.ID, len(records))
		for i := range records {
			ids[i] = records[i].ID
		}
		result, err := writer.Write(ctx, records)
		if err != nil {
			return err
		}
		stored, duplicates = stored+result.Inserted, duplicates+result.Duplicates
		again := map[usage.ID]bool{}
		for _, p := range result.Parked {
			again[p.ID] = true
			refuse(p.Reason)
		}
		gone := digests[:0]
		for i, digest := range digests {
			if !again[ids[i]] {
				gone = append(gone, digest)
			}
		}
		return upkeep.Unpark(ctx, pool, gone)
	})
	if err != nil {
		return err
	}
	cmd.Printf("%s stored, %d there already, %d refused again\n", plural(stored, "record"), duplicates, refused)
	for reason, n := range reasons {
		cmd.Printf("  %d: %s\n", n, plain(reason))
	}
	if refused > 0 {
		return fmt.Errorf("%s refused again; usagectl parked dismiss leaves them out for good", plural(refused, "record was", "records were"))
	}
	return nil
}

// earliest returns the earlier of two times, where zero means no bound.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

func newParkedDismiss(db *database) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dismiss",
		Short: "Marks refused records as reviewed; they stay out of every sum and no longer count as a fault",
		Long: `Marks refused records as reviewed: they stay in public.usage_dead_letter and out of
every sum, and usagectl doctor no longer counts them as a fault. Nothing else can be
done about calls that arrived after retention had deleted their period, because it is
no longer known whether they were counted.`,
		Args: cobra.NoArgs,
	}
	filter, yes := addParkedFilter(cmd), addYes(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		f, err := filter()
		if err != nil {
			return err
		}
		return db.with(cmd, asOwner, func(ctx context.Context, pool *pgxpool.Pool) error {
			if err := listParked(ctx, cmd, pool, f); err != nil {
				return err
			}
			groups, err := upkeep.ParkedGroups(ctx, pool, f)
			if err != nil || len(groups) == 0 {
				return err
			}
			if err := confirm(cmd, *yes, "these records would stay out of every sum"); err != nil {
				return err
			}
			n, err := upkeep.DismissParked(ctx, pool, f)
			if err == nil {
				cmd.Printf("%s dismissed\n", plural(n, "record"))
			}
			return err
		})
	}
	return cmd
}
