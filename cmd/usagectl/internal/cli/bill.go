package cli

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/bill/explain"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"github.com/otelcol-usage/otelcol-usage/internal/store/read"
	"github.com/otelcol-usage/otelcol-usage/internal/store/upkeep"
)

// newBill returns the command that imports and explains the bills of providers. Package
// internal/bill computes the explanation.
func newBill() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bill",
		Short: "Compares the provider's bill with the stored calls",
	}
	db := addDatabase(cmd)
	cmd.AddCommand(newBillImport(db), newBillExplain(db), newBillPropose(db))
	return cmd
}

// billOptions are the flags of usagectl bill explain.
type billOptions struct {
	period       *period
	provider     string
	json, csv    bool
	store        bool
	causes, days int
	timeout      time.Duration
}

func newBillExplain(db *database) *cobra.Command {
	var o billOptions
	cmd := &cobra.Command{
		Use:   "explain --from 2026-01-01 --to 2026-01-31",
		Short: "Explains the difference between the bill and the calls",
		Long: `Explains the difference between the bill and the stored calls: for each UTC day,
causes that add up to the difference to the last digit. docs/bill.md explains each
cause and what to do about it.

Nothing is changed. --store keeps the causes for the dashboard and the alerts; the
database user then needs the role usage_biller in addition to usage_reader.`,
		Example: `  usagectl bill explain --from 2026-01-01 --to 2026-01-31
  usagectl bill explain --from 2026-01-01 --to 2026-01-31 --provider openai --json
  usagectl bill explain --days 35 --store`,
		Args: cobra.NoArgs,
	}
	o.addQuestion(cmd)
	f := cmd.Flags()
	f.BoolVar(&o.json, "json", false, "print the document that GET /api/admin/bill answers")
	f.BoolVar(&o.csv, "csv", false, "print the causes of each day as CSV")
	f.BoolVar(&o.store, "store", false, "keep the causes for the board and the alerts")
	f.IntVar(&o.causes, "causes", 20, "how many causes of a provider the table lists; the rest is one line")
	cmd.MarkFlagsMutuallyExclusive("json", "csv")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		question, err := o.question(time.Now())
		if err != nil {
			return err
		}
		return db.with(cmd, asReader, func(ctx context.Context, pool *pgxpool.Pool) error {
			return o.explain(ctx, cmd, pool, question)
		})
	}
	return cmd
}

// addQuestion declares the flags for the days and the provider of a bill.
func (o *billOptions) addQuestion(cmd *cobra.Command) {
	o.period = addPeriod(cmd, "from", "to", " (required without --days)", " (required without --days)")
	f := cmd.Flags()
	f.IntVar(&o.days, "days", 0, "the last days, today included, instead of --from and --to")
	f.StringVar(&o.provider, "provider", "", "only the bill of this provider, as the column provider spells it")
	f.DurationVar(&o.timeout, "timeout", 5*time.Minute, "how long a statement may take")
	cmd.MarkFlagsMutuallyExclusive("days", "from")
	cmd.MarkFlagsMutuallyExclusive("days", "to")
}

// maxExplainedDays is the maximum of --days: a year and a day.
const maxExplainedDays = 366

// question checks the flags. A bill covers whole UTC days.
func (o *billOptions) question(now time.Time) (q read.BillQuestion, err error) {
	if o.causes < 0 {
		return q, fmt.Errorf("--causes: found %d, must be 0 or more", o.causes)
	}
	q.Provider = o.provider
	if o.days != 0 {
		if o.days < 1 || o.days > maxExplainedDays {
			return q, fmt.Errorf("--days: found %d, must be 1 to %d", o.days, maxExplainedDays)
		}
		q.To = now.UTC().Truncate(24*time.Hour).AddDate(0, 0, 1)
		q.From = q.To.AddDate(0, 0, -o.days)
		return q, nil
	}
	if q.From, q.To, err = o.period.given(now); err != nil {
		return q, err
	}
	for _, b := range []struct {
		flag, text string
		at         time.Time
	}{{"--from", o.period.start, q.From}, {"--to", o.period.end, q.To}} {
		if !b.at.Equal(b.at.Truncate(24 * time.Hour)) {
			return q, fmt.Errorf("%s: found %s, which is inside a day; bills are by whole UTC days: give a date such as 2026-01-31", b.flag, b.text)
		}
	}
	return q, nil
}

func (o *billOptions) explain(ctx context.Context, cmd *cobra.Command, pool *pgxpool.Pool, q read.BillQuestion) error {
	a, err := o.answer(ctx, pool, q)
	if err != nil {
		return err
	}
	if o.store {
		if err := upkeep.SaveExplanation(ctx, pool, a); err != nil {
			return advise(err, asBiller)
		}
	}
	switch out := cmd.OutOrStdout(); {
	case o.json:
		return printJSON(out, a)
	case o.csv:
		return printCausesCSV(out, a)
	default:
		return printBill(out, a, o.causes)
	}
}

// answer explains the stored bill.
func (o *billOptions) answer(ctx context.Context, pool *pgxpool.Pool, q read.BillQuestion) (a explain.Answer, err error) {
	err = read.New(pool, o.timeout).Bill(ctx, q, a.Explain)
	if err == nil && len(a.Providers) == 0 {
		of := ""
		if q.Provider != "" {
			of = fmt.Sprintf(" of %q", q.Provider)
		}
		err = fmt.Errorf("no bill%s is stored for those days; import one: usagectl bill import --help", of)
	}
	return a, err
}

// printBill prints the comparison for a terminal, with at most most causes.
func printBill(w io.Writer, a explain.Answer, most int) error {
	for i, p := range a.Providers {
		if i > 0 {
			if _, err := fmt.Fprintln(w); err != nil {
				return err
			}
		}
		if err := printBillOf(w, p, most); err != nil {
			return err
		}
	}
	for _, r := range a.WithoutBill {
		if _, err := fmt.Fprintf(w, "\n%s: calls of %s USD, and no bill was imported\n", plain(r.Provider), r.RowCost); err != nil {
			return err
		}
	}
	return nil
}

func printBillOf(w io.Writer, p explain.Provider, most int) error {
	share := "nothing was charged"
	if p.ExplainedShare != nil {
		share = p.ExplainedShare.Shift(2).String() + " % explained"
	}
	if _, err := fmt.Fprintf(w, "%s (%s), %s: %s\n", plain(p.Provider), plain(p.Account), plural(len(p.Days), "day"), share); err != nil {
		return err
	}
	if len(p.Days) > 0 {
		sums := table{indent: "  "}
		sums.row("bill", number(p.BillCost.String()), p.Currency)
		sums.row("calls", number(p.RowCost.String()), p.Currency)
		sums.row("difference", number(p.Difference.String()), p.Currency)
		if err := sums.print(w); err != nil {
			return err
		}
	}
	if len(p.Causes) > 0 {
		t := table{indent: "  ", widest: 60}
		t.row("CAUSE", number("COST"), number("QUANTITY"), "UNIT", "MODEL", "WHAT", "WHOSE")
		var rest explain.Amount
		for i, c := range p.Causes {
			if i >= most {
				rest.Decimal = rest.Add(c.Cost.Decimal)
				continue
			}
			quantity := ""
			if c.Quantity != nil {
				quantity = c.Quantity.String()
			}
			t.row(string(c.Cause), number(c.Cost.String()), number(quantity), c.Unit, c.Details.Model, c.Details.What(), c.Details.Whose())
		}
		if n := len(p.Causes) - most; n > 0 {
			t.row("(others)", number(rest.String()), number(""), "", "", plural(n, "cause"), "")
		}
		if err := t.print(w); err != nil {
			return err
		}
	}
	for _, t := range p.CustomerTypes {
		if _, err := fmt.Fprintf(w, "  developers, %s: %s tokens, %s USD at API prices by the provider's estimate\n", t.CustomerType, t.Tokens, t.EstimatedCost); err != nil {
			return err
		}
	}
	for _, problem := range p.Problems {
		if _, err := fmt.Fprintln(w, "  note: "+plain(problem)); err != nil {
			return err
		}
	}
	return nil
}

// printCausesCSV prints a line for each cause of each day.
func printCausesCSV(w io.Writer, a explain.Answer) error {
	out := csv.NewWriter(w)
	if err := out.Write([]string{"day", "provider", "account", "currency", "bill_cost", "row_cost", "cause", "cost", "quantity", "unit", "model", "tier", "what", "project", "api_key", "user"}); err != nil {
		return err
	}
	for _, p := range a.Providers {
		for i := range p.Days {
			d := &p.Days[i]
			causes, _ := d.Details()
			if len(causes) == 0 { // a day without a difference has a line too
				causes = []explain.Cause{{}}
			}
			for _, c := range causes {
				quantity := ""
				if c.Quantity != nil {
					quantity = c.Quantity.String()
				}
				if err := out.Write([]string{
					d.Date, p.Provider, p.Account, p.Currency, d.BillCost.String(), d.RowCost.String(), string(c.Cause), c.Cost.String(), quantity, c.Unit,
					csvCell(c.Details.Model), c.Details.Tier, csvCell(c.Details.What()), csvCell(c.Details.Project), csvCell(c.Details.APIKey), csvCell(c.Details.User),
				}); err != nil {
					return err
				}
			}
		}
	}
	out.Flush()
	return out.Error()
}
