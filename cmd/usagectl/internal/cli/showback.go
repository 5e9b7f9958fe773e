package cli

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"github.com/otelcol-usage/otelcol-usage/internal/report/showback"
	"github.com/otelcol-usage/otelcol-usage/internal/store/read"
	"github.com/otelcol-usage/otelcol-usage/internal/teams"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// newShowback returns the command that reports the cost of each cost centre.
func newShowback() *cobra.Command {
	var members, tag, output string
	var byTeam, costCentres bool
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "showback",
		Short: "Shows what each cost centre used in a period, and what is unassigned",
		Long: `Shows what each cost centre used on the UTC days of a period. The rows add up to the
total: usage without a cost centre is listed as (unassigned), calls without a user as
(no user).

A cost centre is one of these:

  --tag team      a value of a tag
  --teams         the team of the user (usagectl teams); (several teams) is the usage of
                  users in more than one
  --members FILE  what a CSV file with the columns cost_centre, user, since, until says

With --cost-centres, the values of the tag or the teams are replaced by the cost centre that
usagectl teams import --cost-centres stored for them; (no cost centre) is the usage of
those that have none, and users in several teams of one cost centre belong to it.

Each UTC day of a user belongs to the team and cost centre of that day, so the usage of a
user who moves is divided. In a file a user is the id that apps send or a UUID; since is the
first day and until the day after the last; both may be empty. Nobody may belong to two
on one day.

The cost is at API prices. Beside it stand its parts by payer, of the calls that retention
has left, and what seats and plans (usagectl plans) cost in cash: that of a seat belongs to
the cost centre of its user on each day, with --tag to none. The two are never added.

The format csv has FOCUS columns where they exist, and every digit.`,
		Example: `  usagectl showback --start 2026-11-01 --end 2026-11-30 --teams --cost-centres
  usagectl showback --start 2026-11-01 --end 2026-11-30 --tag team
  usagectl showback --start 2026-11-01 --end 2026-11-30 --members centres.csv -o csv`,
		Args: cobra.NoArgs,
	}
	db := addDatabase(cmd)
	period := addPeriod(cmd, "start", "end", "", "")
	f := cmd.Flags()
	f.StringVar(&members, "members", "", "CSV file that says to which cost centre users belong")
	f.StringVar(&tag, "tag", "", "the tag whose values are the cost centres")
	f.BoolVar(&byTeam, "teams", false, "the cost centres are the teams of users")
	f.BoolVar(&costCentres, "cost-centres", false, "with --tag or --teams: take the stored cost centres of these teams")
	f.StringVarP(&output, "output", "o", "table", "table, json or csv")
	f.DurationVar(&timeout, "timeout", time.Minute, "how long a statement may take")
	cmd.MarkFlagsMutuallyExclusive("members", "tag", "teams")
	cmd.MarkFlagsOneRequired("members", "tag", "teams")
	cmd.MarkFlagsMutuallyExclusive("members", "cost-centres")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if !slices.Contains([]string{"table", "json", "csv"}, output) {
			return fmt.Errorf("--output: found %q, must be table, json or csv", output)
		}
		from, to, err := period.given(time.Now())
		if err != nil {
			return err
		}
		if !from.Equal(from.Truncate(24*time.Hour)) || !to.Equal(to.Truncate(24*time.Hour)) {
			return fmt.Errorf("--start and --end must be days of UTC such as 2026-11-30, because sums by user and tag are kept by UTC day; found %s to %s", from.Format(time.RFC3339), to.Format(time.RFC3339))
		}
		var list showback.Memberships
		if members != "" {
			if list, err = openMemberships(members); err != nil {
				return err
			}
		}
		var s showback.Report
		if err := db.with(cmd, asReader, func(ctx context.Context, pool *pgxpool.Pool) (err error) {
			r := read.New(pool, timeout)
			switch {
			case tag != "":
				s, err = showback.ByTag(ctx, r, from, to, tag, costCentres)
			case byTeam:
				s, err = showback.ByTeams(ctx, r, from, to, costCentres)
			default:
				s, err = showback.ByMembers(ctx, r, from, to, &list)
			}
			return adviseOnQuestion(err)
		}); err != nil {
			return err
		}
		switch output {
		case "json":
			return printJSON(cmd.OutOrStdout(), s)
		case "csv":
			return printShowbackCSV(cmd.OutOrStdout(), s)
		}
		return printShowback(cmd.OutOrStdout(), s)
	}
	return cmd
}

// printShowback writes a table, with a second one about payers where any is known.
func printShowback(w io.Writer, s showback.Report) error {
	var t, payers table
	t.row("COST CENTRE", number("COST $"), number("CALLS"), number("UNPRICED"), number("TOKENS"))
	payers.row("COST CENTRE", number("BILLED BY API $"), number("WITHIN PLANS"), number("FROM CREDIT"), number("OWN HARDWARE"), number("NOT KNOWN"), number("PLANS' CASH $"))
	total := s.Total
	total.CostCentre = "total"
	dollars := func(sum usage.Sum, isKnown bool) any {
		if !isKnown {
			return number("–")
		}
		return number(sum.Decimal().StringFixed(6))
	}
	for _, r := range append(slices.Clone(s.Rows), total) {
		t.row(r.CostCentre, dollars(r.Cost, r.Known()), count(r.Calls), count(r.UnpricedCalls), count(r.Tokens))
		payers.row(r.CostCentre, dollars(r.APICost, r.Known()), dollars(r.PlanCost, r.Known()), dollars(r.CreditCost, r.Known()), dollars(r.OwnCost, r.Known()),
			dollars(r.UnknownPayerCost(), r.Known()), dollars(r.PlanCash, !r.NoPlanCash))
	}
	if err := t.print(w); err != nil || !s.HasPayers() {
		return err
	}
	if _, err := fmt.Fprintln(w, "\nThe same cost by payer, at API prices. What the API bills is cash; plans' cash stands beside it and is never added."); err != nil {
		return err
	}
	return payers.print(w)
}

// printShowbackCSV writes a row per cost centre. The total is what the rows add up to.
func printShowbackCSV(w io.Writer, s showback.Report) error {
	out := csv.NewWriter(w)
	lines := [][]string{{
		"BillingCurrency", "ChargeCategory", "ChargePeriodEnd", "ChargePeriodStart", "EffectiveCost", "ServiceCategory", "x_CostCenter", "x_Calls", "x_UnpricedCalls", "x_Tokens",
		"x_CostBilledByAPI", "x_CostWithinPlans", "x_CostFromCredit", "x_CostOnOwnHardware", "x_CostPayerUnknown", "x_PlanCash",
	}}
	for _, r := range s.Rows {
		line := []string{
			"USD", "Usage", s.End.Format(time.RFC3339), s.Start.Format(time.RFC3339), "", "AI and Machine Learning", csvCell(r.CostCentre),
			strconv.FormatInt(r.Calls, 10), strconv.FormatInt(r.UnpricedCalls, 10), strconv.FormatInt(r.Tokens, 10),
		}
		parts := []string{"", "", "", "", ""}
		if r.Known() {
			line[4] = r.Cost.String()
			parts = []string{r.APICost.String(), r.PlanCost.String(), r.CreditCost.String(), r.OwnCost.String(), r.UnknownPayerCost().String()}
		}
		planCash := ""
		if !r.NoPlanCash {
			planCash = r.PlanCash.String()
		}
		lines = append(lines, append(append(line, parts...), planCash))
	}
	return out.WriteAll(lines)
}

var membersHeader = []string{"cost_centre", "user", "since", "until"}

func openMemberships(name string) (m showback.Memberships, err error) {
	file, err := os.Open(name)
	if err != nil {
		return m, fmt.Errorf("read cost centres: %w", err)
	}
	defer file.Close() //nolint:errcheck // only read
	return readMemberships(name, file)
}

// readMemberships parses a file and returns its errors with their line numbers.
func readMemberships(name string, r io.Reader) (m showback.Memberships, err error) {
	err = eachLine(name, r, membersHeader, func(_ int, fields []string) error {
		one, err := parseMembership(fields)
		if err != nil {
			return err
		}
		return m.Add(one)
	})
	return m, err
}

func parseMembership(fields []string) (m showback.Membership, err error) {
	if m.CostCentre, err = parseName("cost_centre", fields[0]); err != nil {
		return m, err
	}
	user, err := parseUser(fields[1])
	if err != nil {
		return m, err
	}
	m.User = usage.UserID(user)
	m.Days, err = parseSpan(fields[2], fields[3])
	return m, err
}

// parseUser checks the field user of a file: the id that apps send, or a UUID.
func parseUser(field string) (string, error) {
	user := strings.TrimSpace(field)
	if user == "" || usage.CleanText(user, usage.MaxTextBytes) != user {
		return "", fmt.Errorf("user: found %q, must be the id that the apps send, or a UUID", usage.CleanText(user, 40))
	}
	if usage.UserID(user).IsZero() {
		return "", fmt.Errorf("user: found %q, which stands for calls without a user", user)
	}
	return user, nil
}

// parseSpan parses the fields since and until of a file.
func parseSpan(since, until string) (days teams.Days, err error) {
	for _, d := range []struct {
		name, text string
		to         *time.Time
	}{{"since", since, &days.Since}, {"until", until, &days.Until}} {
		if d.text == "" {
			continue
		}
		if *d.to, err = time.Parse(time.DateOnly, d.text); err != nil {
			return days, fmt.Errorf("%s: found %q, must be a date such as 2026-01-31, or empty", d.name, d.text)
		}
	}
	if !days.Until.IsZero() && !days.Since.Before(days.Until) {
		return days, fmt.Errorf("until: found %s, must be after since, %s: it is the day after the last", until, since)
	}
	return days, nil
}
