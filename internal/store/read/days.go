package read

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/otelcol-usage/otelcol-usage/internal/teams"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// DaysScope asks for the cost of each day of one scope.
type DaysScope struct {
	Filter Filter
	// Days are the boundaries of the days: each day ends where the next one starts.
	Days []time.Time
	// Only the calls of [Since, Until) count; a zero time is no bound.
	Since, Until time.Time
}

// bounded returns the boundaries of the days, none of them outside [Since, Until): a day
// beyond is empty.
func (s *DaysScope) bounded() []time.Time {
	days := slices.Clone(s.Days)
	for i := range days {
		if !s.Since.IsZero() && days[i].Before(s.Since) {
			days[i] = s.Since
		}
		if !s.Until.IsZero() && days[i].After(s.Until) {
			days[i] = s.Until
		}
	}
	return days
}

// Days is the cost of the days of one scope.
type Days struct {
	Costs []usage.Sum
	// Unpriced is the number of calls of each day without a known cost.
	Unpriced []int64
}

// Days answers for every scope, from one snapshot and in one round trip.
func (r *Reader) Days(ctx context.Context, v Viewer, scopes []DaysScope) ([]Days, error) {
	list := make([]Days, len(scopes))
	err := r.view(ctx, v, func(tx pgx.Tx) error {
		e, err := readExtent(ctx, tx, v)
		if err != nil {
			return err
		}
		var batch pgx.Batch
		sums := make([][2]*Summary, len(scopes))
		for i, s := range scopes {
			sums[i] = [2]*Summary{{}, {}}
			ask := SummaryQuestion{Viewer: v, Filter: s.Filter, Days: s.bounded()}
			ask.queueDays(&batch, e, nil, sums[i], nil)
		}
		if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
			return err
		}
		for i, s := range sums {
			list[i] = Days{s[1].Daily, s[1].DailyUnpriced}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the cost of days: %w", err)
	}
	return list, nil
}

// Member is a user who was in a team on some days. A user who left and came back is two
// members; their days never overlap.
type Member struct {
	User usage.ID
	teams.Days
}

// Team is a name for several users.
type Team struct {
	Name    string
	Members []Member
}

// teamsSQL reads who was in which team when.
const teamsSQL = `
SELECT team, user_id, nullif(since, '-infinity'), nullif(until, 'infinity')
FROM usage_report.team_membership
WHERE user_id = ANY ($1) OR $1 IS NULL
ORDER BY team, user_id, since`

// readTeams reads the teams of some users, or of all if users is nil.
func readTeams(ctx context.Context, tx pgx.Tx, users []usage.ID) (list []Team, err error) {
	var ids [][16]byte
	for _, id := range users {
		ids = append(ids, id)
	}
	rows, err := tx.Query(ctx, teamsSQL, ids)
	if err != nil {
		return nil, err
	}
	var team string
	var user [16]byte
	var since, until *time.Time
	_, err = pgx.ForEachRow(rows, []any{&team, &user, &since, &until}, func() error {
		if len(list) == 0 || list[len(list)-1].Name != team {
			list = append(list, Team{Name: team})
		}
		t := &list[len(list)-1]
		t.Members = append(t.Members, Member{user, daysOf(since, until)})
		return nil
	})
	return list, err
}

func daysOf(since, until *time.Time) (d teams.Days) {
	if since != nil {
		d.Since = *since
	}
	if until != nil {
		d.Until = *until
	}
	return d
}

// TeamDirectory returns who was in which team, and a team in which cost centre, when. A viewer
// of own usage learns of their own teams alone.
func (r *Reader) TeamDirectory(ctx context.Context, v Viewer) (directory *teams.Directory, err error) {
	var users []usage.ID // all
	if v.own() {
		users = []usage.ID{v.user}
	}
	err = r.view(ctx, Administrator(), func(tx pgx.Tx) error {
		directory, err = readDirectory(ctx, tx, users)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read teams: %w", err)
	}
	return directory, nil
}

func readDirectory(ctx context.Context, tx pgx.Tx, users []usage.ID) (*teams.Directory, error) {
	var inUse bool
	if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM public.usage_team_membership)`).Scan(&inUse); err != nil {
		return nil, err
	}
	list, err := readTeams(ctx, tx, users)
	if err != nil {
		return nil, err
	}
	members := map[usage.ID][]teams.Assignment{}
	for _, t := range list {
		for _, m := range t.Members {
			members[m.User] = append(members[m.User], teams.Assignment{Team: t.Name, To: m.User.String(), Days: m.Days})
		}
	}
	rows, err := tx.Query(ctx, `SELECT team, cost_centre, nullif(since, '-infinity'), nullif(until, 'infinity') FROM usage_report.team_cost_centre ORDER BY team, since`)
	if err != nil {
		return nil, err
	}
	var centres []teams.Assignment
	var a teams.Assignment
	var since, until *time.Time
	_, err = pgx.ForEachRow(rows, []any{&a.Team, &a.To, &since, &until}, func() error {
		a.Days = daysOf(since, until)
		centres = append(centres, a)
		return nil
	})
	return teams.NewDirectory(inUse, members, centres), err
}

// Teams returns all teams by name, with all who were ever in them. Only an administrator may call it.
func (r *Reader) Teams(ctx context.Context) (list []Team, err error) {
	err = r.view(ctx, Administrator(), func(tx pgx.Tx) error {
		list, err = readTeams(ctx, tx, nil)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the teams: %w", err)
	}
	return list, nil
}

// A price that is published again with the same amount is not a change.
const priceChangesSQL = `
SELECT DISTINCT valid_from
FROM (SELECT valid_from, dollars_per_million,
             lag(dollars_per_million) OVER (PARTITION BY provider, kind ORDER BY valid_from) AS before
      FROM public.usage_list_prices
      WHERE model = $1) AS price
WHERE valid_from >= $2 AND valid_from < $3 AND before IS NOT NULL AND before <> dollars_per_million
ORDER BY 1`

// PriceChanges returns the times in a period at which a list price of the model changed, as
// far as prices were published (usagectl prices publish). Only administrators may read
// them.
func (r *Reader) PriceChanges(ctx context.Context, model string, from, to time.Time) ([]time.Time, error) {
	var list []time.Time
	err := r.view(ctx, Administrator(), func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, priceChangesSQL, model, from, to)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, pgx.RowTo[time.Time])
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the changes of prices: %w", err)
	}
	return list, nil
}
