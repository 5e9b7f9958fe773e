package cli

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
	"github.com/otelcol-usage/otelcol-usage/internal/store/upkeep"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// repriceOptions are the flags of usagectl reprice.
type repriceOptions struct {
	book                  *pricing.Config
	period                *period
	reported              func() (pricing.Pricer, error)
	provider, model, note string
	onlyUnpriced          bool
	batch                 int
	changed               bool
	yes                   *bool
	dryRun, json          bool
}

// newReprice returns the command that prices stored calls again with today's price book.
// Package internal/pricing prices them, and internal/store changes them.
func newReprice() *cobra.Command {
	var o repriceOptions
	cmd := &cobra.Command{
		Use:   "reprice --from 2026-01-01 --to 2026-01-31",
		Short: "Prices stored calls again with today's price book",
		Long: `Prices stored calls again, from the quantities in their rows and the prices that were
in force when each call was made, according to today's price book. It first shows
what would change, by model, and then changes it unless --dry-run is given.

Use the same book as the collector (--builtin, --file, --reported-cost). Tables,
rollups, API and dashboards change together; the old and new cost of every changed
call is recorded in public.usage_reprice_change. It can be stopped at any time and
run again, and the collector may keep writing meanwhile. The database user needs the
role usage_pricer.

--changed examines all stored calls, whenever they were made: after an update of the
prices it finds those whose price has changed. It asks for confirmation before a call
loses its cost; use --yes in scripts.`,
		Example: `  usagectl reprice --from 2026-01-01 --to 2026-01-31 --dry-run
  usagectl reprice --from 2026-01-01 --to 2026-01-31 --only-unpriced --file prices/ours.yaml
  usagectl reprice --changed --update prices.update.yaml`,
		Args: cobra.NoArgs,
	}
	db := addDatabase(cmd)
	o.book, o.reported = addBook(cmd), addReported(cmd)
	o.period = addPeriod(cmd, "from", "to", " (required without --changed)", " (required without --changed)")
	f := cmd.Flags()
	f.StringVar(&o.provider, "provider", "", "only calls of this provider, as the column provider spells it")
	f.StringVar(&o.model, "model", "", "only calls of this model, as the column model spells it")
	f.BoolVar(&o.onlyUnpriced, "only-unpriced", false, "only calls that have no cost yet")
	f.BoolVar(&o.changed, "changed", false, "take all stored calls, or those of --from and --to, whose price is another one now")
	o.yes = addYes(cmd)
	f.BoolVar(&o.dryRun, "dry-run", false, "show the difference and change nothing")
	f.StringVar(&o.note, "note", "", "why, for the audit")
	f.IntVar(&o.batch, "batch", 1000, "calls changed in one transaction")
	f.BoolVar(&o.json, "json", false, "print a JSON object")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		s, err := o.forStore(f.Changed("provider"), f.Changed("model"))
		if err != nil {
			return err
		}
		return db.with(cmd, asPricer, func(ctx context.Context, pool *pgxpool.Pool) error {
			return reprice(ctx, cmd, pool, s, o)
		})
	}
	return cmd
}

// forStore checks the flags and returns the options for the store. A provider or model
// given as "" selects the calls without one.
func (o *repriceOptions) forStore(byProvider, byModel bool) (s upkeep.RepriceOptions, err error) {
	s.Filter.OnlyUnpriced, s.BatchCalls, s.Note = o.onlyUnpriced, o.batch, o.note
	if o.changed && o.period.start == "" && o.period.end == "" {
		// The same bounds every time, so that an interrupted run is found again.
		s.Filter.From, s.Filter.To = usage.MinTime, usage.MaxTime
	} else if s.Filter.From, s.Filter.To, err = o.period.given(time.Now()); err != nil {
		return s, err
	}
	if o.batch < 1 || o.batch > 50_000 {
		return s, fmt.Errorf("--batch: found %d, must be 1 to 50000", o.batch)
	}
	pricer, err := o.reported()
	if err != nil {
		return s, err
	}
	book, err := pricing.Load(*o.book)
	if err != nil {
		return s, err
	}
	pricer.Book = book
	s.Price = pricer.Price
	s.Book, s.BookVersion, s.ReportedCost = bookName(*o.book), book.Version(), string(pricer.Reported)
	if pricer.MaxReported != pricing.DefaultMaxReported {
		s.ReportedCost += fmt.Sprintf(", at most %d dollars", pricer.MaxReported/usage.Dollar)
	}
	if byProvider {
		s.Filter.Provider = &o.provider
	}
	if byModel {
		s.Filter.Model = &o.model
	}
	return s, nil
}

// repriceAnswer is the JSON output.
type repriceAnswer struct {
	Book        string          `json:"book"`
	BookVersion string          `json:"bookVersion"`
	From        time.Time       `json:"from"`
	To          time.Time       `json:"to"`
	DryRun      bool            `json:"dryRun"`
	Diff        *costDifference `json:"difference"`
	Run         *repriceRun     `json:"run,omitempty"`
}

// repriceRun is what was written.
type repriceRun struct {
	ID      int64     `json:"id"`
	Resumed bool      `json:"resumed"`
	Changed int64     `json:"changedCalls"`
	Old     usage.Sum `json:"oldCost"`
	New     usage.Sum `json:"newCost"`
}

func reprice(ctx context.Context, cmd *cobra.Command, pool *pgxpool.Pool, s upkeep.RepriceOptions, o repriceOptions) (err error) {
	a := repriceAnswer{Book: s.Book, BookVersion: s.BookVersion, From: s.Filter.From, To: s.Filter.To, DryRun: o.dryRun}
	if a.Diff, err = compareCosts(ctx, pool, s); err != nil {
		return err
	}
	if !o.json {
		calls := "all calls"
		if s.Filter.From != usage.MinTime {
			calls = fmt.Sprintf("calls from %s until %s", a.From.Format(time.RFC3339), a.To.Format(time.RFC3339))
		}
		cmd.Printf("prices of %s (version %s), %s\n\n", s.Book, s.BookVersion, calls)
		if err := a.Diff.print(cmd.OutOrStdout()); err != nil {
			return err
		}
	}
	if !o.dryRun && a.Diff.Total.Lost > 0 {
		if err := confirm(cmd, *o.yes, losing(a.Diff, *o.book)); err != nil {
			return err
		}
	}
	if !o.dryRun {
		s.Progress = func(changed int64) {
			if !o.json && changed%int64(20*o.batch) == 0 {
				cmd.PrintErrf("%d calls changed\n", changed)
			}
		}
		done, err := upkeep.Reprice(ctx, pool, s)
		if err != nil {
			return fmt.Errorf("%w (%s and stay so; the same command continues from there)", err, plural(done.Changed, "call is changed", "calls are changed"))
		}
		if done.ID != 0 {
			a.Run = &repriceRun{done.ID, done.Resumed, done.Changed, done.OldCost, done.NewCost}
		}
	}
	if o.json {
		return printJSON(cmd.OutOrStdout(), a)
	}
	switch {
	case o.dryRun:
		cmd.Println("\ndry run: nothing was changed")
	case a.Run == nil:
		cmd.Println("\nnothing to change")
	default:
		cmd.Printf("\nchanged %s from %s to %s USD; audit: run %d in public.usage_reprice_run\n", plural(a.Run.Changed, "call"), a.Run.Old, a.Run.New, a.Run.ID)
		if a.Run.Resumed {
			cmd.Println("the run had been stopped half-way; the sums are those of both parts")
		}
	}
	return nil
}

// losing says which calls would lose their cost, and which books they were priced with that
// are not given.
func losing(d *costDifference, given pricing.Config) string {
	text := fmt.Sprintf("%s a cost, together %s USD, and would have none", plural(d.Total.Lost, "call has", "calls have"), d.Total.LostCost)
	files := append([]string{given.Update}, given.Files...)
	for _, book := range slices.Sorted(maps.Keys(d.Losing)) {
		isGiven := book == "" || book == given.Builtin || slices.ContainsFunc(files, func(file string) bool { return filepath.Base(file) == book })
		if !isGiven {
			text += fmt.Sprintf("; %d of them were priced by %s, which is not given", d.Losing[book], plain(book))
		}
	}
	return text
}
