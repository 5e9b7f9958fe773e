package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"github.com/otelcol-usage/otelcol-usage/internal/report"
	"github.com/otelcol-usage/otelcol-usage/internal/store/read"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

func newPlansStatus(db *database) *cobra.Command {
	var zone string
	var asJSON bool
	var timeout time.Duration
	var top int
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Shows what plans cost beside what their calls would cost at API prices",
		Long: `Shows what each plan cost on the days of a period (cash), and beside it what the calls
that it paid for would have cost at API prices. The two are never added. It names the
seats that nobody used, what they cost, and what the users of seats paid on top of the
plan. What cannot be known is said so.

A calendar period's price is divided by its days; the days add up to the price. Prices
in other currencies are converted at the rate of each day (usagectl rates import).`,
		Example: "  usagectl plans status --start 2026-11-01 --end 2026-11-30\n  usagectl plans status --json",
		Args:    cobra.NoArgs,
	}
	period := addPeriod(cmd, "start", "end", " (default: 30 days)", " (default: today)")
	f := cmd.Flags()
	f.StringVar(&zone, "timezone", "", "IANA name of the time zone of the days (default: UTC)")
	f.IntVar(&top, "top", 20, "how many users of a plan are listed")
	f.BoolVar(&asJSON, "json", false, "print what GET /api/admin/plans answers")
	f.DurationVar(&timeout, "timeout", time.Minute, "how long a statement may take")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if top < 0 || top > 100_000 {
			return fmt.Errorf("--top: found %d, must be 0 to 100000", top)
		}
		span, err := period.span(zone, time.Now())
		if err != nil {
			return err
		}
		return db.with(cmd, asReader, func(ctx context.Context, pool *pgxpool.Pool) error {
			a, err := report.Plans(ctx, read.New(pool, timeout), read.Administrator(), span, top)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), a)
			}
			return printPlansStatus(cmd.OutOrStdout(), a)
		})
	}
	return cmd
}

func printPlansStatus(w io.Writer, a report.PlansAnswer) error {
	p := &printer{out: w}
	p.line("Plans from %s to %s (%s), in USD. Cash and API-equivalent are not to be added.\n", a.StartDate, a.EndDate, a.Timezone)
	t := &table{indent: "  ", widest: 40}
	t.row("plan", "payer", number("seats"), number("cash"), number("API-equivalent"), number("difference"), number("unused"), number("their cash"), number("paid beside"))
	for i := range a.Plans {
		one := &a.Plans[i]
		t.row(one.Plan, string(one.Payer), count(one.Seats), amountOrNone(one.CashCostUSD), amountOrNone(one.APIEquivalent), amountOrNone(one.Difference),
			count(one.UnusedSeats), amountOrNone(one.UnusedCost), amount(one.PaidBeside))
	}
	if len(a.Plans) == 0 {
		p.line("  There are no plans in this period; usagectl plans set makes one.")
	} else {
		p.table(t)
	}
	for i := range a.Plans {
		printPlanUsers(p, &a.Plans[i])
	}
	for _, unknown := range []struct {
		cost usage.Sum
		text string
	}{
		{a.PlanCostWithoutSeat, "API-equivalent of calls that tell that a plan pays, and whose seat is not known or whose rows are deleted"},
		{a.UnknownPayerCost, "of calls whose payer nothing tells"},
	} {
		if !unknown.cost.IsZero() {
			p.line("\n  %s USD: %s", amount(unknown.cost), unknown.text)
		}
	}
	switch {
	case a.Pending == nil:
	case *a.Pending:
		p.line("\n  Plans were changed and not applied to all calls since: usagectl plans apply")
	case a.AppliedAt != nil:
		p.line("\n  Applied to all calls at %s", a.AppliedAt.Format("2006-01-02 15:04 MST"))
	}
	return p.err
}

// printPlanUsers prints who has seats, and what is not known of a plan.
func printPlanUsers(p *printer, one *report.Plan) {
	p.line("\n%s", plain(one.Plan))
	if one.CashCostUnknown != nil {
		p.line("  the cash cost is not known: %s", *one.CashCostUnknown)
	}
	currencies := make([]string, 0, len(one.CashCost))
	for currency := range one.CashCost {
		currencies = append(currencies, currency)
	}
	slices.Sort(currencies)
	for _, currency := range currencies {
		if currency != read.Dollar {
			p.line("  paid in %s: %s", currency, amount(one.CashCost[currency]))
		}
	}
	if one.UnpricedCalls > 0 {
		p.line("  %s without a known cost, in no amount", plural(one.UnpricedCalls, "call"))
	}
	if len(one.Users) == 0 {
		return
	}
	t := &table{indent: "  ", widest: 50}
	t.row("user", number("seat days"), number("cash"), number("calls"), number("API-equivalent"), number("paid beside"))
	for _, u := range one.Users {
		name := "(nobody)"
		switch {
		case u.UserID != nil:
			name = *u.UserID
			if u.Name != nil {
				name = cmp.Or(*u.Name, name)
			}
		case one.Everyone:
			name = "(everybody)"
		}
		t.row(name, count(u.SeatDays), amountOrNone(u.CashCostUSD), count(u.Calls), amountOrNone(u.APIEquivalent), amount(u.PaidBeside))
	}
	p.table(t)
	if one.OtherUsers > 0 {
		p.line("  and %s", plural(one.OtherUsers, "further user"))
	}
}

func amountOrNone(sum *usage.Sum) number {
	if sum == nil {
		return "not known"
	}
	return amount(*sum)
}
