package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/shopspring/decimal"
	"github.com/spf13/cobra"

	"github.com/otelcol-usage/otelcol-usage/internal/report"
	"github.com/otelcol-usage/otelcol-usage/internal/store/budgets"
	"github.com/otelcol-usage/otelcol-usage/internal/store/read"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// newBudgets returns the commands for budgets. docs/budgets.md says what they are.
func newBudgets() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "budgets",
		Short: "Sets budgets, shows what is spent of them and reports their thresholds",
		Long: `Sets budgets, shows what is spent of them and reports their thresholds.
docs/budgets.md says what a budget can limit.

The database user needs the role usage_budgeter; status and notify also need
usage_reader.`,
	}
	db := addDatabase(cmd)
	cmd.AddCommand(newBudgetsList(db), newBudgetsSet(db), newBudgetsImport(db), newBudgetsRemove(db), newBudgetsStatus(db), newBudgetsNotify(db))
	return cmd
}

func newBudgetsList(db *database) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "Lists the budgets as they are set",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return db.with(cmd, asBudgeter, func(ctx context.Context, pool *pgxpool.Pool) error {
				list, err := budgets.List(ctx, pool)
				if err != nil {
					return err
				}
				if len(list) == 0 {
					cmd.PrintErrln("there are no budgets yet: usagectl budgets set everything --amount 5000")
					return nil
				}
				var t table
				t.row("NAME", "OF", "PERIOD", number("AMOUNT"), "CURRENCY", "THRESHOLDS", "TIME ZONE")
				for i := range list {
					b := &list[i]
					period := b.Period
					if period == "dates" {
						period = b.FirstDay.Format(time.DateOnly) + " to " + b.LastDay.Format(time.DateOnly)
					}
					t.row(b.Name, limited(b.Scope, b.Tag, b.Value), period, number(b.Amount.String()), b.Currency, percents(b.Thresholds), b.TimeZone)
				}
				return t.print(cmd.OutOrStdout())
			})
		},
	}
}

// limited says what a budget limits, in one cell.
func limited(scope, tag, value string) string {
	switch scope {
	case "org":
		return "everything"
	case "tag":
		return "tag " + tag + ":" + value
	}
	return scope + " " + value
}

func percents(list []int32) string {
	texts := make([]string, len(list))
	for i, p := range list {
		texts[i] = fmt.Sprint(p)
	}
	return strings.Join(texts, " ") + " %"
}

// budgetFields are a budget as text, as flags and the columns of a file give it.
type budgetFields struct {
	name, scope, value, period, amount, currency, thresholds, zone, first, last string
}

func newBudgetsSet(db *database) *cobra.Command {
	f := budgetFields{}
	of := map[string]*string{}
	cmd := &cobra.Command{
		Use:   "set NAME --amount 5000 [--team search]",
		Short: "Sets a budget, or replaces the one of this name",
		Long: `Sets a budget, or replaces the one of this name. Without --team, --user, --service,
--environment, --provider, --model, --api-type or --tag it limits everything. What was
reported of a budget stays so; another amount is reported again.`,
		Example: `  usagectl budgets set everything --amount 5000 --timezone Europe/Berlin
  usagectl budgets set search --team search --amount 800 --currency EUR --thresholds 50,80,100
  usagectl budgets set launch --tag feature:launch --amount 300 --first-day 2026-03-01 --last-day 2026-04-15`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			f.name, f.scope, f.value = args[0], "org", ""
			for _, scope := range read.BudgetScopes[1:] {
				if flag := flagOfScope(scope); cmd.Flags().Changed(flag) {
					f.scope, f.value = scope, *of[scope]
				}
			}
			if (f.first != "" || f.last != "") && !cmd.Flags().Changed("period") {
				f.period = "dates"
			}
			s, err := f.parse()
			if err != nil && !strings.HasPrefix(err.Error(), "name:") {
				err = fmt.Errorf("--%w", err)
			}
			if err != nil {
				return err
			}
			return saveBudgets(cmd, db, []budgets.Setting{s})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.amount, "amount", "", "for one period, such as 800 or 99.50 (required)")
	flags.StringVar(&f.currency, "currency", "USD", "of the amount, ISO 4217; another one than USD needs exchange rates (usagectl rates import)")
	flags.StringVar(&f.period, "period", "month", strings.Join(read.BudgetPeriods[:5], ", ")+"; or dates, by --first-day and --last-day")
	flags.StringVar(&f.first, "first-day", "", "first day of a single period, such as 2026-03-01")
	flags.StringVar(&f.last, "last-day", "", "its last day, included")
	flags.StringVar(&f.zone, "timezone", "UTC", "IANA name of the zone whose midnights begin the periods")
	flags.StringVar(&f.thresholds, "thresholds", "80,100", "percent of the amount that are reported, each once in a period")
	var scopes []string
	for _, scope := range read.BudgetScopes[1:] {
		flag := flagOfScope(scope)
		help := "limit this " + strings.ReplaceAll(scope, "api_type", "API type")
		switch scope {
		case "user":
			help = "limit this user, by the id that the app sends or its UUID"
		case "tag":
			help = "limit the calls with this tag and value, such as feature:launch"
		}
		of[scope] = flags.String(flag, "", help)
		scopes = append(scopes, flag)
	}
	cmd.MarkFlagsMutuallyExclusive(scopes...)
	return cmd
}

func flagOfScope(scope string) string { return strings.ReplaceAll(scope, "_", "-") }

var (
	budgetHeader = []string{"name", "scope", "value", "period", "amount", "currency", "thresholds", "timezone", "first_day", "last_day"}
	// budgetAmount is what the table stores, less what nobody means.
	budgetAmount = regexp.MustCompile(`^[0-9]{1,12}(\.[0-9]{1,6})?$`)
)

// maxDollars is what the column of 0.1.0 stores.
var maxDollars = decimal.New(1, 8)

func newBudgetsImport(db *database) *cobra.Command {
	return &cobra.Command{
		Use:   "import FILE.csv",
		Short: "Sets the budgets of a CSV file, all or none of them",
		Long: `Sets the budgets of a CSV file with the columns
  ` + strings.Join(budgetHeader, ",") + `
Empty cells: scope org, period month, currency USD, thresholds "80 100", timezone UTC. The
value of the scope tag is name:value, thresholds are separated by spaces. Budgets that the
file does not name stay as they are.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			file, err := os.Open(args[0])
			if err != nil {
				return fmt.Errorf("read budgets: %w", err)
			}
			defer file.Close() //nolint:errcheck // only read
			list, err := readBudgets(args[0], file)
			if err != nil {
				return err
			}
			return saveBudgets(cmd, db, list)
		},
	}
}

func saveBudgets(cmd *cobra.Command, db *database, list []budgets.Setting) error {
	return db.with(cmd, asBudgeter, func(ctx context.Context, pool *pgxpool.Pool) error {
		changed, err := budgets.Save(ctx, pool, list)
		switch {
		case errors.Is(err, budgets.ErrUnknownUser):
			return fmt.Errorf("%w; a user is known by the id that the app sends, from their first call on", err)
		case errors.Is(err, budgets.ErrNoRate):
			return fmt.Errorf("%w; import one: usagectl rates import FILE.csv", err)
		case err == nil:
			cmd.Printf("%s set, %d of them new or different\n", plural(len(list), "budget"), changed)
		}
		return err
	})
}

// readBudgets parses a file and returns all errors with their line numbers.
func readBudgets(name string, r io.Reader) (list []budgets.Setting, err error) {
	seen := map[string]int{}
	err = eachLine(name, r, budgetHeader, func(line int, c []string) error {
		or := func(text, empty string) string {
			if text == "" {
				return empty
			}
			return text
		}
		f := budgetFields{
			name: c[0], scope: or(c[1], "org"), value: c[2], period: or(c[3], "month"), amount: c[4], currency: or(c[5], "USD"),
			thresholds: strings.Join(strings.Fields(or(c[6], "80 100")), ","), zone: or(c[7], "UTC"), first: c[8], last: c[9],
		}
		s, err := f.parse()
		if err != nil {
			return err
		}
		if before, twice := seen[s.Name]; twice {
			return fmt.Errorf("name: %q is in line %d already", s.Name, before)
		}
		seen[s.Name] = line
		list = append(list, s)
		return nil
	})
	if err == nil && len(list) == 0 {
		err = fmt.Errorf("%s has no budgets", name)
	}
	return list, err
}

// parse checks what the table would refuse with a less helpful error.
func (f *budgetFields) parse() (s budgets.Setting, err error) {
	s = budgets.Setting{Name: f.name, Scope: f.scope, Value: f.value, Period: f.period, TimeZone: f.zone, Currency: f.currency}
	if text := usage.CleanText(f.name, usage.MaxTextBytes); text == "" || text != f.name {
		return s, fmt.Errorf("name: found %q, must be text of 1 to %d bytes", usage.CleanText(f.name, 40), usage.MaxTextBytes)
	}
	if err := f.parseScope(&s); err != nil {
		return s, err
	}
	if s.Amount, err = decimal.NewFromString(f.amount); !budgetAmount.MatchString(f.amount) || err != nil || !s.Amount.IsPositive() {
		return s, fmt.Errorf("amount: found %q, must be a number above 0 such as 800 or 99.50, with at most six places", usage.CleanText(f.amount, 40))
	}
	if !rateCurrency.MatchString(f.currency) {
		return s, fmt.Errorf("currency: found %q, must be three capital letters of ISO 4217", usage.CleanText(f.currency, 40))
	}
	if f.currency == "USD" && !s.Amount.LessThan(maxDollars) {
		return s, fmt.Errorf("amount: found %s, must be below %s dollars", f.amount, maxDollars)
	}
	if _, err := time.LoadLocation(f.zone); err != nil || f.zone == "" || f.zone == "Local" {
		return s, fmt.Errorf("timezone: found %q, must be an IANA name such as Europe/Berlin", usage.CleanText(f.zone, 40))
	}
	if f.scope == "tag" && f.zone != "UTC" {
		return s, fmt.Errorf("timezone: found %q, must be UTC for a tag, whose sums are kept by UTC day", usage.CleanText(f.zone, 40))
	}
	if err := f.parsePeriod(&s); err != nil {
		return s, err
	}
	for _, text := range strings.Split(f.thresholds, ",") {
		percent, err := strconv.ParseInt(strings.TrimSpace(text), 10, 32)
		if err != nil || percent < 1 || percent > 1000 || slices.Contains(s.Thresholds, int32(percent)) || len(s.Thresholds) == 10 {
			return s, fmt.Errorf("thresholds: found %q, must be 1 to 10 different whole numbers of 1 to 1000 percent", usage.CleanText(f.thresholds, 60))
		}
		s.Thresholds = append(s.Thresholds, int32(percent))
	}
	slices.Sort(s.Thresholds)
	return s, nil
}

func (f *budgetFields) parseScope(s *budgets.Setting) error {
	if !slices.Contains(read.BudgetScopes, f.scope) {
		return fmt.Errorf("scope: found %q, must be one of %s", usage.CleanText(f.scope, 40), strings.Join(read.BudgetScopes, ", "))
	}
	if f.scope == "org" {
		if f.value != "" {
			return fmt.Errorf("value: found %q, must be empty for the scope org, which is everything", usage.CleanText(f.value, 40))
		}
		return nil
	}
	if f.scope == "tag" {
		var found bool
		if s.Tag, s.Value, found = strings.Cut(f.value, ":"); !found || s.Tag == "" || s.Value == "" {
			return fmt.Errorf("tag: found %q, must be a tag and its value such as feature:launch", usage.CleanText(f.value, 40))
		}
	}
	for _, text := range []string{s.Tag, s.Value} {
		if usage.CleanText(text, usage.MaxTextBytes) != text || s.Value == "" {
			return fmt.Errorf("%s: found %q, must be text of 1 to %d bytes", flagOfScope(f.scope), usage.CleanText(f.value, 40), usage.MaxTextBytes)
		}
	}
	switch f.scope {
	case "user":
		s.Value = usage.UserID(s.Value).String()
	case "api_type":
		if _, err := usage.ParseAPIType(s.Value); err != nil {
			return fmt.Errorf("api-type: %w", err)
		}
	}
	return nil
}

func (f *budgetFields) parsePeriod(s *budgets.Setting) error {
	if !slices.Contains(read.BudgetPeriods, f.period) {
		return fmt.Errorf("period: found %q, must be one of %s", usage.CleanText(f.period, 40), strings.Join(read.BudgetPeriods, ", "))
	}
	if f.period != "dates" {
		if f.first != "" || f.last != "" {
			return fmt.Errorf("period: found %q, must be dates where a first and a last day are given", f.period)
		}
		return nil
	}
	for _, d := range []struct {
		name, text string
		to         *time.Time
	}{{"first-day", f.first, &s.FirstDay}, {"last-day", f.last, &s.LastDay}} {
		day, err := time.Parse(time.DateOnly, d.text)
		if err != nil || day.Before(usage.MinTime) || !day.Before(usage.MaxTime) {
			return fmt.Errorf("%s: found %q, must be a date such as 2026-03-01", d.name, usage.CleanText(d.text, 40))
		}
		*d.to = day
	}
	if days := s.LastDay.Sub(s.FirstDay) / (24 * time.Hour); days < 0 || days > 3660 {
		return fmt.Errorf("last-day: found %s, must be 0 to 3660 days after %s", f.last, f.first)
	}
	return nil
}

func newBudgetsRemove(db *database) *cobra.Command {
	var yes *bool
	cmd := &cobra.Command{
		Use:   "remove NAME...",
		Short: "Removes budgets, and what was recorded of them",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := confirm(cmd, *yes, fmt.Sprintf("This removes %s with what was recorded of it", strings.Join(args, ", "))); err != nil {
				return err
			}
			return db.with(cmd, asBudgeter, func(ctx context.Context, pool *pgxpool.Pool) error {
				unknown, err := budgets.Remove(ctx, pool, args)
				switch {
				case err != nil:
					return err
				case len(unknown) > 0:
					return fmt.Errorf("there is no budget %q, and nothing was removed; usagectl budgets list", strings.Join(unknown, ", "))
				}
				cmd.Printf("%s removed\n", plural(len(args), "budget"))
				return nil
			})
		},
	}
	yes = addYes(cmd)
	return cmd
}

func newBudgetsStatus(db *database) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Shows what is spent of each budget, and which thresholds are reached",
		Long: `Shows what is spent of each budget in its current period, and which thresholds are
reached. --json prints the document of GET /api/admin/budgets.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return db.with(cmd, asBudgeter, func(ctx context.Context, pool *pgxpool.Pool) error {
				a, err := report.Budgets(ctx, read.New(pool, budgetTime), read.Administrator(), time.Now())
				if err != nil {
					return err
				}
				if asJSON {
					return printJSON(cmd.OutOrStdout(), a)
				}
				waiting, err := budgets.ListUndelivered(ctx, pool)
				if err != nil {
					return err
				}
				return printBudgets(cmd.OutOrStdout(), a, waiting)
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func printBudgets(w io.Writer, a report.BudgetsAnswer, waiting []budgets.Undelivered) error {
	if len(a.Budgets) == 0 {
		_, err := fmt.Fprintln(w, "there are no budgets yet: usagectl budgets set everything --amount 5000")
		return err
	}
	t := table{widest: 50}
	t.row("NAME", "OF", "UNTIL", number("SPENT"), number("AMOUNT"), "CURRENCY", number("USED"), "REACHED", "NOTE")
	for i := range a.Budgets {
		b := &a.Budgets[i]
		spent, used := "unknown", ""
		if b.Spent != nil && b.Percent != nil {
			spent, used = b.Spent.Decimal().Round(2).String(), b.Percent.String()+" %"
		}
		var reached []string
		for _, r := range b.Thresholds {
			if r.Reached {
				reached = append(reached, fmt.Sprintf("%d %%", r.Percent))
			}
		}
		t.row(b.Name, limited(b.Scope, b.Tag, b.Subject), b.Period.End, number(spent), number(b.Amount.String()), b.Currency, number(used), strings.Join(reached, " "), budgetNote(b))
	}
	if err := t.print(w); err != nil {
		return err
	}
	for _, u := range waiting {
		text := fmt.Sprintf("not delivered: %s, %d %%, after %s", plain(u.Budget), u.Threshold, plural(u.Attempts, "attempt"))
		if u.Problem != "" {
			text += ": " + plain(u.Problem)
		}
		if _, err := fmt.Fprintln(w, text); err != nil {
			return err
		}
	}
	return nil
}

// budgetNote says what the number of a budget lacks.
func budgetNote(b *report.BudgetStatus) string {
	var notes []string
	if b.Problem != "" {
		notes = append(notes, b.Problem)
	}
	if b.UnpricedCalls > 0 {
		notes = append(notes, plural(b.UnpricedCalls, "call")+" without a price")
	}
	if b.FullDays > 0 {
		notes = append(notes, plural(b.FullDays, "day")+" with names under (other)")
	}
	return strings.Join(notes, "; ")
}
