// Package repricecmd is `usagectl reprice`: it prices stored calls again with
// today's price book.
//
// It owns its flags and what it prints; it does not own how calls are priced
// (internal/pricing) nor how they are changed (internal/store).
package repricecmd

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/otelcol-usage/otelcol-usage/cmd/usagectl/internal/bookflag"
	"github.com/otelcol-usage/otelcol-usage/cmd/usagectl/internal/costdiff"
	"github.com/otelcol-usage/otelcol-usage/cmd/usagectl/internal/dbflag"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
	"github.com/otelcol-usage/otelcol-usage/internal/store"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// answer is the JSON output.
type answer struct {
	Book        string        `json:"book"`
	BookVersion string        `json:"bookVersion"`
	From        time.Time     `json:"from"`
	To          time.Time     `json:"to"`
	DryRun      bool          `json:"dryRun"`
	Diff        costdiff.Diff `json:"difference"`
	Run         *run          `json:"run,omitempty"`
}

// run is what was written.
type run struct {
	ID      int64     `json:"id"`
	Resumed bool      `json:"resumed"`
	Changed int64     `json:"changedCalls"`
	Old     usage.Sum `json:"oldCost"`
	New     usage.Sum `json:"newCost"`
}

// New returns the command.
func New() *cobra.Command {
	var provider, model, note string
	var onlyUnpriced, dryRun, asJSON bool
	var batch int
	cmd := &cobra.Command{
		Use:   "reprice --from 2026-01-01 --to 2026-01-31",
		Short: "Prices stored calls again with today's price book",
		Long: `Prices stored calls again, from the quantities in their rows, by the prices that
held when each call was made according to today's price book. Shows what changes
first, by model; then changes it, unless --dry-run is given.

Give the book as the collector has it (--builtin, --file, --reported-cost).
Tables, rollups, API and dashboards change together; every changed call leaves
its old and new cost in public.usage_reprice_change. It can be stopped at any
moment and run again, and the collector may go on writing meanwhile. The
database user needs the role usage_pricer.`,
		Example: `  usagectl reprice --from 2026-01-01 --to 2026-01-31 --dry-run
  usagectl reprice --from 2026-01-01 --to 2026-01-31 --only-unpriced --file prices/ours.yaml`,
		Args: cobra.NoArgs,
	}
	db, config, period, reported := dbflag.Add(cmd), bookflag.Add(cmd), bookflag.AddPeriod(cmd), bookflag.AddReported(cmd)
	f := cmd.Flags()
	f.StringVar(&provider, "provider", "", "only calls of this provider, as the column provider spells it")
	f.StringVar(&model, "model", "", "only calls of this model, as the column model spells it")
	f.BoolVar(&onlyUnpriced, "only-unpriced", false, "only calls that have no cost yet")
	f.BoolVar(&dryRun, "dry-run", false, "show the difference and change nothing")
	f.StringVar(&note, "note", "", "why, for the audit")
	f.IntVar(&batch, "batch", 1000, "calls changed in one transaction")
	f.BoolVar(&asJSON, "json", false, "print a JSON object")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		from, to, err := period.Parse(time.Now(), 0)
		if err != nil {
			return err
		}
		if batch < 1 || batch > 50_000 {
			return fmt.Errorf("--batch: found %d, allowed is 1 to 50000", batch)
		}
		policy, err := bookflag.ParseReported(*reported)
		if err != nil {
			return err
		}
		book, err := pricing.Load(*config)
		if err != nil {
			return err
		}
		pricer := pricing.Pricer{Book: book, Reported: policy}
		o := store.RepriceOptions{
			Filter: store.RepriceFilter{From: from, To: to, OnlyUnpriced: onlyUnpriced},
			Price:  pricer.Price, BatchCalls: batch,
			Book: bookflag.Name(*config), BookVersion: book.Version(), ReportedCost: string(policy), Note: note,
		}
		if f.Changed("provider") {
			o.Filter.Provider = &provider
		}
		if f.Changed("model") {
			o.Filter.Model = &model
		}
		pool, err := db.Connect(cmd.Context())
		if err != nil {
			return err
		}
		defer pool.Close()
		a := answer{Book: o.Book, BookVersion: o.BookVersion, From: from, To: to, DryRun: dryRun}
		if err := store.Compare(cmd.Context(), pool, o, a.Diff.Add); err != nil {
			return dbflag.Advise(err, "usage_pricer")
		}
		a.Diff.Finish()
		if !asJSON {
			cmd.Printf("prices of %s (version %s), calls from %s until %s\n\n", o.Book, o.BookVersion, from.Format(time.RFC3339), to.Format(time.RFC3339))
			if err := a.Diff.Print(cmd.OutOrStdout()); err != nil {
				return err
			}
		}
		if !dryRun {
			o.Progress = func(changed int64) {
				if !asJSON && changed%int64(20*batch) == 0 {
					cmd.PrintErrf("%d calls changed\n", changed)
				}
			}
			done, err := store.Reprice(cmd.Context(), pool, o)
			if err != nil {
				return fmt.Errorf("%w (%d calls are changed and stay so; the same command goes on from there)", dbflag.Advise(err, "usage_pricer"), done.Changed)
			}
			if done.ID != 0 {
				a.Run = &run{done.ID, done.Resumed, done.Changed, done.OldCost, done.NewCost}
			}
		}
		if asJSON {
			encoder := json.NewEncoder(cmd.OutOrStdout())
			encoder.SetEscapeHTML(false)
			encoder.SetIndent("", "  ")
			return encoder.Encode(a)
		}
		switch {
		case dryRun:
			cmd.Println("\ndry run: nothing was changed")
		case a.Run == nil:
			cmd.Println("\nnothing to change")
		default:
			cmd.Printf("\nchanged %d calls from %s to %s USD; audit: run %d in public.usage_reprice_run\n", a.Run.Changed, a.Run.Old, a.Run.New, a.Run.ID)
			if a.Run.Resumed {
				cmd.Println("the run had been stopped half-way; the sums are those of both parts")
			}
		}
		return nil
	}
	return cmd
}
