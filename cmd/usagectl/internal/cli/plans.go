package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/shopspring/decimal"
	"github.com/spf13/cobra"

	"github.com/otelcol-usage/otelcol-usage/internal/store/plan"
	"github.com/otelcol-usage/otelcol-usage/internal/store/read"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// newPlans returns the commands for the plans that pay for calls.
func newPlans() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "plans",
		Short: "Manages who pays for calls: subscriptions, their seats, credit, own hardware",
	}
	db := addDatabase(cmd)
	cmd.AddCommand(newPlansList(db), newPlansSet(db), newPlansAssign(db), newPlansEnd(db), newPlansDelete(db), newPlansImport(db), newPlansApply(db), newPlansStatus(db))
	return cmd
}

// applyHint ends the output of commands that change a plan.
const applyHint = "the calls follow with: usagectl plans apply"

func newPlansList(db *database) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "Lists the plans with their terms, and who has a seat since when",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return db.with(cmd, asReader, func(ctx context.Context, pool *pgxpool.Pool) error {
				terms, seats, err := read.New(pool, time.Minute).Plans(ctx)
				if err != nil {
					return err
				}
				return printPlans(cmd.OutOrStdout(), terms, seats)
			})
		},
	}
}

func printPlans(w io.Writer, terms []read.PlanTerms, seats []read.PlanSeat) error {
	p := &printer{out: w}
	if len(terms) == 0 {
		p.line("there are no plans; usagectl plans set makes one")
	}
	t := &table{widest: 60}
	t.row("PLAN", "SINCE", "UNTIL", "PAYER", number("PRICE"), number("SEATS"), "COVERS")
	for i := range terms {
		one := &terms[i]
		price, paid := "not known", "as assigned"
		if one.Price != nil {
			price = fmt.Sprintf("%s %s a %s", one.Price, one.Currency, one.Period)
		}
		switch {
		case one.Everyone:
			paid = "everyone"
		case one.Seats != nil:
			paid = fmt.Sprintf("at least %d", *one.Seats)
		}
		t.row(one.Plan, one.Since.Format(time.DateOnly), dateOrOpen(one.Until), string(one.Payer), number(price), number(paid), covers(one))
	}
	if len(terms) > 0 {
		p.table(t)
	}
	if len(seats) > 0 {
		p.line("")
		t := &table{widest: 60}
		t.row("PLAN", "USER", "SINCE", "UNTIL")
		for _, s := range seats {
			t.row(s.Plan, cmp.Or(s.Name, s.User.String()), s.Since.Format(time.DateOnly), dateOrOpen(s.Until))
		}
		p.table(t)
	}
	return p.err
}

func dateOrOpen(t time.Time) string {
	if t.IsZero() {
		return "open"
	}
	return t.Format(time.DateOnly)
}

// covers says which calls a plan covers.
func covers(t *read.PlanTerms) string {
	var list []string
	for _, c := range [][2]string{{"provider", t.Provider}, {"service", t.Service}, {"environment", t.Environment}, {"model", t.Model}, {"api-type", strings.Join(t.APITypes, ",")}} {
		if c[1] != "" {
			list = append(list, c[0]+"="+c[1])
		}
	}
	text := cmp.Or(strings.Join(list, " "), "all calls")
	if t.TimeZone != "UTC" {
		text += ", days of " + t.TimeZone
	}
	return text
}

// planFlags are the flags of usagectl plans set.
type planFlags struct {
	since, until, price, payer string
	seats                      int
	terms                      plan.Terms
}

func newPlansSet(db *database) *cobra.Command {
	var o planFlags
	cmd := &cobra.Command{
		Use:   "set PLAN",
		Short: "Stores what a plan costs and covers, from a day on",
		Long: `Stores what a plan costs and covers, from the day --since until the next terms of the
same plan. A price that changes is another "set" with a later day; the same day again
replaces the terms, after a question.

A plan pays for the calls of its seats (usagectl plans assign), or with --everyone for
the calls of everybody. It covers calls of the given provider, service, environment,
model and API types; * stands for any text, (none) for no text. Several plans can cover
a call: seats come before --everyone, then the plan that names more, then the name.

What a call itself tells about its payer always wins; a plan fills in what calls do not
tell. The price is that of a seat, or with --everyone that of the whole plan, for each
calendar period. The database user needs the role usage_pricer.`,
		Example: `  usagectl plans set claude-team --since 2026-01-01 --price 25 --currency USD --period month --provider anthropic --service claude-code
  usagectl plans set gpu --since 2026-03-01 --payer own --everyone --price 1800 --currency EUR --period month --provider vllm
  usagectl plans set agents --since 2026-01-01 --everyone --service claude-code`,
		Args: cobra.ExactArgs(1),
	}
	f := cmd.Flags()
	f.StringVar(&o.since, "since", "", "first day (required)")
	f.StringVar(&o.until, "until", "", "day after the last (default: until the next terms)")
	f.StringVar(&o.payer, "payer", string(usage.PayerPlan), "payer of the calls that do not tell: plan, credit, own or api")
	f.BoolVar(&o.terms.Everyone, "everyone", false, "covers the calls of everybody, also those without a user")
	f.StringVar(&o.price, "price", "", "price of a seat and a period; without it the cost is not known")
	f.StringVar(&o.terms.Currency, "currency", "USD", "of the price, ISO 4217")
	f.StringVar(&o.terms.Period, "period", "month", "of the price: day, week, month, quarter or year")
	f.IntVar(&o.seats, "seats", 0, "seats that are paid at least, whoever has them (default: as many as are assigned)")
	f.StringVar(&o.terms.Provider, "provider", "", "covers calls to this provider, as the column provider spells it")
	f.StringVar(&o.terms.Service, "service", "", "covers calls of this service")
	f.StringVar(&o.terms.Environment, "environment", "", "covers calls in this environment")
	f.StringVar(&o.terms.Model, "model", "", "covers calls of this model, such as claude-*")
	f.StringSliceVar(&o.terms.APITypes, "api-type", nil, "covers calls of these types, such as text,embedding")
	f.StringVar(&o.terms.TimeZone, "timezone", "UTC", "IANA name of the time zone where the days begin")
	yes := addYes(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		terms, err := o.parse(args[0], f.Changed("seats"))
		if err != nil {
			return err
		}
		return db.with(cmd, asPricer, func(ctx context.Context, pool *pgxpool.Pool) error {
			exists, err := plan.Exists(ctx, pool, terms.Name, terms.Since)
			if err != nil {
				return err
			}
			if exists {
				if err := confirm(cmd, *yes, fmt.Sprintf("the terms of %s since %s would be replaced", plain(terms.Name), o.since)); err != nil {
					return err
				}
			}
			if err := plan.Save(ctx, pool, terms); err != nil {
				return err
			}
			cmd.Printf("plan %s is stored; %s\n", plain(terms.Name), applyHint)
			return nil
		})
	}
	return cmd
}

// planPrice excludes exponents and signs, which decimal accepts.
var planPrice = regexp.MustCompile(`^[0-9]{1,9}(\.[0-9]{1,6})?$`)

// parse checks the flags.
func (o *planFlags) parse(name string, withSeats bool) (t plan.Terms, err error) {
	t = o.terms
	if t.Name, err = planName(name); err != nil {
		return t, err
	}
	if t.Since, err = dateFlag("--since", o.since); err != nil {
		return t, err
	}
	if o.until != "" {
		if t.Until, err = dateFlag("--until", o.until); err != nil {
			return t, err
		}
		if !t.Since.Before(t.Until) {
			return t, fmt.Errorf("--until: found %s, must be after --since, %s: it is the day after the last", o.until, o.since)
		}
	}
	if t.Payer = usage.Payer(o.payer); !slices.Contains(usage.Payers, t.Payer) {
		return t, fmt.Errorf("--payer: found %q, must be plan, credit, own or api", o.payer)
	}
	if o.price == "" {
		t.Currency, t.Period = "", ""
	} else {
		if !planPrice.MatchString(o.price) {
			return t, fmt.Errorf("--price: found %q, must be a decimal number such as 25 or 19.99, with at most 6 places", o.price)
		}
		price, err := decimal.NewFromString(o.price)
		if err != nil {
			return t, fmt.Errorf("--price: %w", err)
		}
		t.Price = &price
		if !rateCurrency.MatchString(t.Currency) {
			return t, fmt.Errorf("--currency: found %q, must be three capital letters of ISO 4217", t.Currency)
		}
		if periods := []string{"day", "week", "month", "quarter", "year"}; !slices.Contains(periods, t.Period) {
			return t, fmt.Errorf("--period: found %q, must be %s", t.Period, strings.Join(periods, ", "))
		}
	}
	if withSeats {
		if o.seats < 0 || o.seats > 1_000_000 {
			return t, fmt.Errorf("--seats: found %d, must be 0 to 1000000", o.seats)
		}
		t.Seats = &o.seats
	}
	for _, c := range [][2]string{{"--provider", t.Provider}, {"--service", t.Service}, {"--environment", t.Environment}, {"--model", t.Model}} {
		if usage.CleanText(c[1], usage.MaxTextBytes) != c[1] {
			return t, fmt.Errorf("%s: found %q, must be a text of at most %d bytes", c[0], usage.CleanText(c[1], 40), usage.MaxTextBytes)
		}
	}
	for _, apiType := range t.APITypes {
		if !slices.Contains(usage.APITypes, usage.APIType(apiType)) {
			return t, fmt.Errorf("--api-type: found %q, must be of %s", apiType, joined(usage.APITypes))
		}
	}
	if _, err := time.LoadLocation(t.TimeZone); err != nil || t.TimeZone == "" || t.TimeZone == "Local" {
		return t, fmt.Errorf("--timezone: found %q, must be an IANA name such as Europe/Berlin", t.TimeZone)
	}
	return t, nil
}

func joined[T ~string](list []T) string {
	texts := make([]string, len(list))
	for i, one := range list {
		texts[i] = string(one)
	}
	return strings.Join(texts, ", ")
}

// planName checks the name of a plan.
func planName(name string) (string, error) {
	if name == "" || len(name) > 64 || usage.CleanText(name, 64) != name || strings.TrimSpace(name) != name {
		return "", fmt.Errorf("PLAN: found %q, must be a name of 1 to 64 bytes", usage.CleanText(name, 40))
	}
	return name, nil
}

// dateFlag parses a day.
func dateFlag(flag, text string) (time.Time, error) {
	day, err := time.Parse(time.DateOnly, text)
	if err != nil || day.Before(usage.MinTime) || !day.Before(usage.MaxTime) {
		return day, fmt.Errorf("%s: found %q, must be a date such as 2026-01-31", flag, text)
	}
	return day, nil
}

func newPlansAssign(db *database) *cobra.Command {
	var since, until string
	cmd := &cobra.Command{
		Use:   "assign PLAN USER...",
		Short: "Gives users a seat of a plan, from a day on",
		Long: `Gives users a seat of a plan, from the day --since on. A user is the id that the apps
send, or a UUID; there need not be a call of them yet. A seat with the same first day is
replaced.`,
		Example: "  usagectl plans assign claude-team ada eve --since 2026-01-01",
		Args:    cobra.MinimumNArgs(2),
	}
	cmd.Flags().StringVar(&since, "since", "", "first day (required)")
	cmd.Flags().StringVar(&until, "until", "", "day after the last (default: open)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var seats []plan.Seat
		for _, user := range args[1:] {
			s, err := parseSeat([]string{args[0], user, since, until}, "--")
			if err != nil {
				return err
			}
			seats = append(seats, s)
		}
		return saveSeats(cmd, db, seats)
	}
	return cmd
}

func saveSeats(cmd *cobra.Command, db *database, seats []plan.Seat) error {
	return db.with(cmd, asPricer, func(ctx context.Context, pool *pgxpool.Pool) error {
		changed, err := plan.SaveSeats(ctx, pool, seats)
		if err == nil {
			cmd.Printf("%s, %d of them new or different; %s\n", plural(len(seats), "seat"), changed, applyHint)
		}
		return err
	})
}

var seatHeader = []string{"plan", "user", "since", "until"}

// parseSeat reads a seat from the fields of seatHeader. Errors name the fields with the
// prefix.
func parseSeat(fields []string, prefix string) (s plan.Seat, err error) {
	if s.Plan, err = planName(fields[0]); err != nil {
		return s, err
	}
	if s.User, s.UserName, err = parseSeatUser(fields[1]); err != nil {
		return s, err
	}
	if s.Since, err = dateFlag(prefix+"since", fields[2]); err != nil {
		return s, err
	}
	if fields[3] != "" {
		if s.Until, err = dateFlag(prefix+"until", fields[3]); err != nil {
			return s, err
		}
		if !s.Since.Before(s.Until) {
			return s, fmt.Errorf("%suntil: found %s, must be after since, %s: it is the day after the last", prefix, fields[3], fields[2])
		}
	}
	return s, nil
}

// parseSeatUser returns the id of a user, and their name where that is not the id itself.
func parseSeatUser(text string) (id usage.ID, name string, err error) {
	text = strings.TrimSpace(text)
	if text == "" || usage.CleanText(text, usage.MaxTextBytes) != text {
		return id, "", fmt.Errorf("user: found %q, must be the id that the apps send, or a UUID", usage.CleanText(text, 40))
	}
	if id = usage.UserID(text); id.IsZero() {
		return id, "", fmt.Errorf("user: found %q, which stands for calls without a user", text)
	}
	if _, isID := usage.ParseID(text); !isID {
		name = text
	}
	return id, name, nil
}

func newPlansImport(db *database) *cobra.Command {
	return &cobra.Command{
		Use:   "import FILE.csv",
		Short: "Stores the seats of a CSV file, all or none of them",
		Long: `Stores the seats of a CSV file with the columns plan, user, since, until: since is the
first day and until the day after the last, which may be empty. The plans are there
already (usagectl plans set). A seat of the same plan, user and first day is replaced;
seats that are not in the file stay.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			file, err := os.Open(args[0])
			if err != nil {
				return fmt.Errorf("read seats: %w", err)
			}
			defer file.Close() //nolint:errcheck // only read
			seats, err := readSeats(args[0], file)
			if err != nil {
				return err
			}
			return saveSeats(cmd, db, seats)
		},
	}
}

// readSeats parses a file and returns its errors with their line numbers.
func readSeats(name string, r io.Reader) (seats []plan.Seat, err error) {
	seen := map[string]int{}
	err = eachLine(name, r, seatHeader, func(line int, fields []string) error {
		s, err := parseSeat(fields, "")
		if err != nil {
			return err
		}
		key := s.Plan + "\x00" + s.User.String() + s.Since.String()
		if before, twice := seen[key]; twice {
			return fmt.Errorf("the seat of %s since %s is in line %d already", fields[1], fields[2], before)
		}
		seen[key] = line
		seats = append(seats, s)
		return nil
	})
	if err == nil && len(seats) == 0 {
		err = fmt.Errorf("%s has no seats", name)
	}
	return seats, err
}

func newPlansEnd(db *database) *cobra.Command {
	var on string
	cmd := &cobra.Command{
		Use:   "end PLAN [USER...]",
		Short: "Ends a plan, or the seats of users, on a day",
		Long: `Ends the seats of users, or without a user the plan itself. --on is the day after the
last one. What the plan covered before stays as it is.`,
		Example: "  usagectl plans end claude-team ada --on 2026-07-01\n  usagectl plans end claude-team --on 2027-01-01",
		Args:    cobra.MinimumNArgs(1),
	}
	cmd.Flags().StringVar(&on, "on", "", "day after the last (required)")
	yes := addYes(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		day, err := dateFlag("--on", on)
		if err != nil {
			return err
		}
		what := "the plan " + plain(args[0])
		if len(args) > 1 {
			what = plural(len(args)-1, "seat") + " of " + what
		}
		return changePlan(cmd, db, *yes, fmt.Sprintf("%s would end before %s", what, on), args, func(ctx context.Context, pool *pgxpool.Pool, user usage.ID) error {
			if user.IsZero() {
				return plan.End(ctx, pool, args[0], day)
			}
			return plan.EndSeat(ctx, pool, args[0], user, day)
		})
	}
	return cmd
}

func newPlansDelete(db *database) *cobra.Command {
	var since string
	cmd := &cobra.Command{
		Use:   "delete PLAN [USER...]",
		Short: "Deletes terms of a plan, or seats of users, as if they had never been",
		Long: `Deletes the terms of a plan that began on the day --since, or the seats of users that
began on it, as if they had never been: a mistake. With the last terms of a plan go its
seats. To end something, use "end".`,
		Example: "  usagectl plans delete claude-team ada --since 2026-01-01",
		Args:    cobra.MinimumNArgs(1),
	}
	cmd.Flags().StringVar(&since, "since", "", "first day of the terms or seats (required)")
	yes := addYes(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		day, err := dateFlag("--since", since)
		if err != nil {
			return err
		}
		what := "the terms of " + plain(args[0])
		if len(args) > 1 {
			what = plural(len(args)-1, "seat") + " of " + plain(args[0])
		}
		return changePlan(cmd, db, *yes, fmt.Sprintf("%s since %s would be deleted, and what they covered loses the plan as payer", what, since), args, func(ctx context.Context, pool *pgxpool.Pool, user usage.ID) error {
			if user.IsZero() {
				return plan.DeleteTerms(ctx, pool, args[0], day)
			}
			return plan.DeleteSeat(ctx, pool, args[0], user, day)
		})
	}
	return cmd
}

// changePlan asks, then calls change for each user of args, or once with the zero user.
func changePlan(cmd *cobra.Command, db *database, yes bool, what string, args []string, change func(context.Context, *pgxpool.Pool, usage.ID) error) error {
	users := []usage.ID{}
	for _, text := range args[1:] {
		id, _, err := parseSeatUser(text)
		if err != nil {
			return err
		}
		users = append(users, id)
	}
	if len(users) == 0 {
		users = append(users, usage.ID{})
	}
	return db.with(cmd, asPricer, func(ctx context.Context, pool *pgxpool.Pool) error {
		if err := confirm(cmd, yes, what); err != nil {
			return err
		}
		for i, user := range users {
			if err := change(ctx, pool, user); err != nil {
				if len(args) > 1 {
					err = fmt.Errorf("%s: %w", plain(args[i+1]), err)
				}
				return err
			}
		}
		cmd.Printf("done; %s\n", applyHint)
		return nil
	})
}

// plansApplied is the JSON output of usagectl plans apply.
type plansApplied struct {
	DryRun   bool                      `json:"dryRun"`
	Compared int64                     `json:"comparedCalls"`
	Changed  int64                     `json:"changedCalls"`
	Before   map[usage.Payer]usage.Sum `json:"before"`
	After    map[usage.Payer]usage.Sum `json:"after"`
}

func newPlansApply(db *database) *cobra.Command {
	var o plan.Options
	var asJSON bool
	var days int
	cmd := &cobra.Command{
		Use:   "apply",
		Short: "Writes into the stored calls which plan covers them, and who pays",
		Long: `Writes into the stored calls which plan covers them, and the payer where a call does
not tell it. What a plan covered and does not cover any more is taken back. All sums
follow, and each changed call has a line in public.usage_correction. It may be stopped
and run again at any time; calls that are right are not touched.

Without --days or --from it compares all calls that a plan can cover. Run it after a
change of plans, and every few minutes with --days 3 for calls that are new.`,
		Example: `  usagectl plans apply --dry-run
  usagectl plans apply
  usagectl plans apply --days 3`,
		Args: cobra.NoArgs,
	}
	limits := addPeriod(cmd, "from", "to", "", "")
	f := cmd.Flags()
	f.IntVar(&days, "days", 0, "compare only the calls of the last so many days and later ones")
	f.IntVar(&o.BatchCalls, "batch", 1000, "calls changed in one transaction")
	f.BoolVar(&o.DryRun, "dry-run", false, "count the calls that would change, and change nothing")
	f.BoolVar(&asJSON, "json", false, "print a JSON object")
	cmd.MarkFlagsMutuallyExclusive("days", "from")
	cmd.MarkFlagsMutuallyExclusive("days", "to")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		var err error
		if o.From, o.To, err = limits.bounds(); err != nil {
			return err
		}
		switch {
		case days < 0 || days > 3660:
			return fmt.Errorf("--days: found %d, must be 1 to 3660", days)
		case days > 0:
			o.From = time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, 1-days)
		case o.BatchCalls < 1 || o.BatchCalls > 50_000:
			return fmt.Errorf("--batch: found %d, must be 1 to 50000", o.BatchCalls)
		}
		o.Progress = func(changed int64) {
			if !asJSON && changed%int64(20*o.BatchCalls) == 0 {
				cmd.PrintErrf("%d calls changed\n", changed)
			}
		}
		return db.with(cmd, asPricer, func(ctx context.Context, pool *pgxpool.Pool) error {
			done, err := plan.Apply(ctx, pool, o)
			if err != nil {
				return fmt.Errorf("%w (%s and stay so; the same command continues from there)", err, plural(done.Changed, "call is changed", "calls are changed"))
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), plansApplied{o.DryRun, done.Compared, done.Changed, named(done.Before), named(done.After)})
			}
			return printApplied(cmd.OutOrStdout(), done, o.DryRun)
		})
	}
	return cmd
}

// named replaces the empty payer.
func named(sums map[usage.Payer]usage.Sum) map[usage.Payer]usage.Sum {
	if unknown, ok := sums[""]; ok {
		sums["(unknown)"] = unknown
		delete(sums, "")
	}
	return sums
}

func printApplied(w io.Writer, done plan.Applied, dryRun bool) error {
	p := &printer{out: w}
	verb := "changed"
	if dryRun {
		verb = "dry run: would change"
	}
	p.line("%s %d of %s that plans can cover", verb, done.Changed, plural(done.Compared, "call"))
	if done.Changed > 0 {
		before, after := named(done.Before), named(done.After)
		t := &table{indent: "  "}
		t.row("PAYER", number("BEFORE"), number("AFTER"))
		for _, payer := range append(slices.Clone(usage.Payers), "(unknown)") {
			_, was := before[payer]
			if _, is := after[payer]; was || is {
				t.row(string(payer), amount(before[payer]), amount(after[payer]))
			}
		}
		p.line("their cost at API prices by payer, in USD:")
		p.table(t)
	}
	return p.err
}
