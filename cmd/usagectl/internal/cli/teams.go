package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"github.com/otelcol-usage/otelcol-usage/internal/report/showback"
	"github.com/otelcol-usage/otelcol-usage/internal/store/team"
	"github.com/otelcol-usage/otelcol-usage/internal/teams"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// newTeams returns the commands for who is in which team, and which cost centre teams have.
func newTeams() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "teams",
		Short: "Manages who is in which team, and the cost centres of teams",
	}
	db := addDatabase(cmd)
	cmd.AddCommand(newTeamsImport(db), newTeamsList(db), newTeamsStatus(db))
	return cmd
}

func newTeamsImport(db *database) *cobra.Command {
	var costCentres, dryRun bool
	var on string
	cmd := &cobra.Command{
		Use:   "import FILE.csv",
		Short: "Makes teams as a CSV file says, and asks before days are taken from anybody",
		Long: `Makes teams as a CSV file with the columns team, user, since, until says. A user is the
id that apps send or a UUID; since is the first UTC day and until the day after the last.
Both may be empty: ever since, and without an end. A user may be in several teams.

The file is complete for each team that it names; other teams stay as they are. Who is in
such a team and not in the file leaves it today (or on the day of --on) and keeps the days
before. With --on, who is new and has no since joins on that day, so that a list of today's
members can be imported again and again.

With --cost-centres the columns are team, cost_centre, since, until: which cost centre a team
belongs to, one at a time. It also replaces the past of the teams that it names.

Every change is printed. Nothing is stored before you have confirmed that memberships end or
become shorter. The database user needs the role usage_planner.`,
		Example: `  usagectl teams import members.csv --dry-run
  usagectl teams import members.csv --on 2026-12-01 --yes
  usagectl teams import centres.csv --cost-centres`,
		Args: cobra.ExactArgs(1),
	}
	f := cmd.Flags()
	f.BoolVar(&costCentres, "cost-centres", false, "the file says which cost centre a team belongs to")
	f.StringVar(&on, "on", "", "the UTC day on which those join who have no since and are new, and those leave who are missing")
	f.BoolVar(&dryRun, "dry-run", false, "only print what would change")
	yes := addYes(cmd)
	cmd.MarkFlagsMutuallyExclusive("cost-centres", "on")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var day time.Time
		if on != "" {
			var err error
			if day, err = time.Parse(time.DateOnly, on); err != nil {
				return fmt.Errorf("--on: found %q, must be a date such as 2026-01-31", on)
			}
		}
		file, err := os.Open(args[0])
		if err != nil {
			return fmt.Errorf("read teams: %w", err)
		}
		defer file.Close() //nolint:errcheck // only read
		list, err := readAssignments(args[0], file, costCentres)
		if err != nil {
			return err
		}
		return db.with(cmd, asPlanner, func(ctx context.Context, pool *pgxpool.Pool) error {
			return importTeams(ctx, cmd, pool, teamsImport{file: list, costCentres: costCentres, on: day, dryRun: dryRun, yes: *yes})
		})
	}
	return cmd
}

// teamsImport is what teams import is called with.
type teamsImport struct {
	file        []teams.Assignment // To is what the file says of the user
	costCentres bool
	on          time.Time
	dryRun, yes bool
}

func importTeams(ctx context.Context, cmd *cobra.Command, pool *pgxpool.Pool, i teamsImport) error {
	kept, ends := team.Members, i.on
	if ends.IsZero() {
		ends = time.Now().UTC().Truncate(24 * time.Hour)
	}
	var newUsers map[usage.ID]string
	name := func(to string) string { return to }
	if i.costCentres {
		kept, ends = team.CostCentres, time.Time{}
	} else {
		users, err := team.ReadUsers(ctx, pool)
		if err != nil {
			return err
		}
		if newUsers, err = i.findUsers(users); err != nil {
			return err
		}
		name = func(to string) string {
			id, _ := usage.ParseID(to)
			if external, isNew := newUsers[id]; isNew {
				return external + " (has not called yet)"
			}
			return users.Name(id)
		}
	}
	stored, err := kept.List(ctx, pool)
	if err != nil {
		return err
	}
	changes := teams.Plan(stored, i.file, i.on, ends)
	if len(changes) == 0 {
		cmd.Println("nothing to change")
		return nil
	}
	slices.SortStableFunc(changes, func(a, b teams.Change) int {
		return cmp.Or(cmp.Compare(a.Team, b.Team), cmp.Compare(name(a.To), name(b.To)))
	})
	var t table
	shorter := 0
	for _, c := range changes {
		if c.Shortens() {
			shorter++
		}
		t.row(c.Team, name(c.To), c.String())
	}
	if err := t.print(cmd.OutOrStdout()); err != nil {
		return err
	}
	if several := teams.InSeveral(stored, changes); !i.costCentres && len(several) > 0 {
		cmd.Printf("users in several teams on the same days: %d, such as %s; each of these teams counts their usage\n", len(several), name(several[0]))
	}
	if i.dryRun {
		cmd.Printf("%d changes, %d of which take days away; nothing was stored\n", len(changes), shorter)
		return nil
	}
	if shorter > 0 {
		if err := confirm(cmd, i.yes, fmt.Sprintf("%d of %d changes take days away from a team", shorter, len(changes))); err != nil {
			return err
		}
	}
	if err := kept.Save(ctx, pool, stored, changes, newUsers); err != nil {
		return err
	}
	cmd.Printf("%d changes stored\n", len(changes))
	return nil
}

// findUsers replaces what the file says of users by their ids. It returns those who have not
// called yet, or an error where users cannot be added.
func (i *teamsImport) findUsers(users *team.Users) (map[usage.ID]string, error) {
	added := map[usage.ID]string{}
	var unknown []string
	for n := range i.file {
		a := &i.file[n]
		id, known := users.Find(a.To)
		if !known {
			added[id] = a.To
			if !users.Managed && !slices.Contains(unknown, a.To) {
				unknown = append(unknown, a.To)
			}
		}
		a.To = id.String()
	}
	if len(unknown) > 0 {
		shown := unknown[:min(len(unknown), maxCSVFaults)]
		return nil, fmt.Errorf("users of the file that are not in auth.users, which belongs to your application, so that only it can add them: %d, such as %s", len(unknown), strings.Join(shown, ", "))
	}
	return added, nil
}

var (
	teamHeader   = []string{"team", "user", "since", "until"}
	centreHeader = []string{"team", "cost_centre", "since", "until"}
)

// readAssignments parses a file and returns its errors with their line numbers.
func readAssignments(name string, r io.Reader, costCentres bool) (list []teams.Assignment, err error) {
	header := teamHeader
	if costCentres {
		header = centreHeader
	}
	err = eachLine(name, r, header, func(line int, fields []string) error {
		a, err := parseAssignment(fields, costCentres)
		if err != nil {
			return err
		}
		for _, other := range list {
			if costCentres && other.Team == a.Team && other.To != a.To && other.Overlap(a.Days) {
				return fmt.Errorf("team %q belongs to %q on some of these days already", a.Team, other.To)
			}
		}
		list = append(list, a)
		return nil
	})
	if err == nil && len(list) == 0 {
		err = fmt.Errorf("%s has no teams", name)
	}
	return list, err
}

func parseAssignment(fields []string, costCentres bool) (a teams.Assignment, err error) {
	if a.Team, err = parseName("team", fields[0]); err != nil {
		return a, err
	}
	if costCentres {
		a.To, err = parseName("cost_centre", fields[1])
	} else {
		a.To, err = parseUser(fields[1])
	}
	if err == nil {
		a.Days, err = parseSpan(fields[2], fields[3])
	}
	return a, err
}

// parseName checks the name of a team or a cost centre.
func parseName(field, text string) (string, error) {
	name := strings.TrimSpace(text)
	if name == "" || showback.IsNobody(name) || usage.CleanText(name, usage.MaxTextBytes) != name {
		return "", fmt.Errorf("%s: found %q, must be a name of 1 to %d bytes", field, usage.CleanText(text, 40), usage.MaxTextBytes)
	}
	return name, nil
}

func newTeamsList(db *database) *cobra.Command {
	var on string
	var all bool
	cmd := &cobra.Command{
		Use:   "list [TEAM]",
		Short: "Lists who is in which team, with the cost centre of the team",
		Args:  cobra.MaximumNArgs(1),
	}
	cmd.Flags().StringVar(&on, "on", "", "the UTC day that is listed (default: today)")
	cmd.Flags().BoolVar(&all, "all", false, "list who was and who will be in a team too")
	cmd.MarkFlagsMutuallyExclusive("on", "all")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		day := time.Now().UTC()
		if on != "" {
			var err error
			if day, err = time.Parse(time.DateOnly, on); err != nil {
				return fmt.Errorf("--on: found %q, must be a date such as 2026-01-31", on)
			}
		}
		return db.with(cmd, asReader, func(ctx context.Context, pool *pgxpool.Pool) error {
			users, err := team.ReadUsers(ctx, pool)
			if err != nil {
				return err
			}
			members, err := team.Members.List(ctx, pool)
			if err != nil {
				return err
			}
			centres, err := team.CostCentres.List(ctx, pool)
			if err != nil {
				return err
			}
			var t table
			t.row("TEAM", "COST CENTRE", "USER", "DAYS")
			for _, m := range members {
				if len(args) == 1 && m.Team != args[0] || !all && !m.Include(day) {
					continue
				}
				id, _ := usage.ParseID(m.To)
				t.row(m.Team, costCentreOn(centres, m, all, day), users.Name(id), m.Days.String())
			}
			return t.print(cmd.OutOrStdout())
		})
	}
	return cmd
}

// costCentreOn returns the cost centre of a member's team on a day, or all of their days.
func costCentreOn(centres []teams.Assignment, m teams.Assignment, all bool, day time.Time) string {
	var names []string
	for _, c := range centres {
		if c.Team == m.Team && (all && c.Overlap(m.Days) || !all && c.Include(day)) && !slices.Contains(names, c.To) {
			names = append(names, c.To)
		}
	}
	return strings.Join(names, ", ")
}

func newTeamsStatus(db *database) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Says whom and what teams do not cover today",
		Long: `Says how many teams and members there are today, and what a report by team or cost
centre cannot assign: users who called in the last 30 days and are in no team, users in
several teams, teams without a cost centre, and cost centres of teams without members.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return db.with(cmd, asReader, func(ctx context.Context, pool *pgxpool.Pool) error {
				s, err := team.ReadStatus(ctx, pool)
				if err != nil {
					return err
				}
				var t table
				t.row("teams", count(s.Teams))
				t.row("users in a team", count(s.Members))
				t.row("users in several teams", count(s.Several))
				t.row("users with calls in the last 30 days, in no team", count(s.NoTeam))
				t.row("teams without a cost centre", count(s.NoCostCentre))
				t.row("cost centres of teams without members", count(s.NoMembers))
				return t.print(cmd.OutOrStdout())
			})
		},
	}
}
