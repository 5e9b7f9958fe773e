// Package team keeps who is in which team, and which cost centre pays for a team, by day. It
// owns these tables; what assignments mean is internal/teams', and what teams used is read by
// internal/store/read.
package team

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/otelcol-usage/otelcol-usage/internal/sums"
	"github.com/otelcol-usage/otelcol-usage/internal/teams"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// Assignments is a table of what teams have.
type Assignments struct{ table, column, kind string }

var (
	// Members are the users of teams, by id.
	Members = Assignments{"public.usage_team_membership", "user_id", "uuid"}
	// CostCentres are the cost centres of teams.
	CostCentres = Assignments{"public.usage_team_cost_centre", "cost_centre", "text"}
)

// ErrChanged means that somebody else changed the teams after they were read.
var ErrChanged = errors.New("the teams were changed meanwhile, and nothing was stored: run the command again")

// reading is a pool or a transaction.
type reading interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// List returns what is stored, by team, what it has, and day.
func (t Assignments) List(ctx context.Context, db reading) ([]teams.Assignment, error) {
	rows, err := db.Query(ctx, fmt.Sprintf(`SELECT team, %s::text, nullif(since, '-infinity'), nullif(until, 'infinity') FROM %s ORDER BY team, %[1]s, since`, t.column, t.table))
	if err != nil {
		return nil, fmt.Errorf("read teams: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (a teams.Assignment, err error) {
		var since, until *time.Time
		err = row.Scan(&a.Team, &a.To, &since, &until)
		if since != nil {
			a.Since = *since
		}
		if until != nil {
			a.Until = *until
		}
		return a, err
	})
	if err != nil {
		return nil, fmt.Errorf("read teams: %w", err)
	}
	return list, nil
}

// Save stores changes in one transaction, if the table is still as it was when they were
// planned. newUsers are added first: external ids by id.
func (t Assignments) Save(ctx context.Context, pool *pgxpool.Pool, before []teams.Assignment, changes []teams.Change, newUsers map[usage.ID]string) error {
	var pairTeams, pairs, addTeams, adds []string
	var since, until []*time.Time
	bound := func(at time.Time) *time.Time {
		if at.IsZero() {
			return nil
		}
		return &at
	}
	for _, c := range changes {
		pairTeams, pairs = append(pairTeams, c.Team), append(pairs, c.To)
		for _, d := range c.After {
			addTeams, adds, since, until = append(addTeams, c.Team), append(adds, c.To), append(since, bound(d.Since)), append(until, bound(d.Until))
		}
	}
	err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "LOCK TABLE "+t.table+" IN SHARE ROW EXCLUSIVE MODE"); err != nil {
			return err
		}
		now, err := t.List(ctx, tx)
		if err != nil {
			return err
		}
		if !slices.Equal(now, before) {
			return ErrChanged
		}
		if err := addUsers(ctx, tx, newUsers); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, fmt.Sprintf(`DELETE FROM %s AS a USING unnest($1::text[], $2::text[]) AS n (team, of) WHERE a.team = n.team AND a.%s = n.of::%s`, t.table, t.column, t.kind), pairTeams, pairs); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, fmt.Sprintf(`INSERT INTO %s (team, %s, since, until)
SELECT n.team, n.of::%s, coalesce(n.since, '-infinity'), coalesce(n.until, 'infinity') FROM unnest($1::text[], $2::text[], $3::date[], $4::date[]) AS n (team, of, since, until)`, t.table, t.column, t.kind), addTeams, adds, since, until)
		return err
	})
	if err != nil {
		return fmt.Errorf("save teams: %w", err)
	}
	return nil
}

// addUsers adds users who have not called yet, as the writer will when they do.
func addUsers(ctx context.Context, tx pgx.Tx, users map[usage.ID]string) error {
	if len(users) == 0 {
		return nil
	}
	var ids, external []string
	for id, name := range users {
		if _, isID := usage.ParseID(name); isID {
			name = ""
		}
		ids, external = append(ids, id.String()), append(external, name)
	}
	_, err := tx.Exec(ctx, `INSERT INTO auth.users (id, external_id) SELECT n.id, nullif(n.external, '') FROM unnest($1::uuid[], $2::text[]) AS n (id, external) ON CONFLICT DO NOTHING`, ids, external)
	return err
}

// Users are those that teams can have.
type Users struct {
	// Managed means that users who have not called yet can be added.
	Managed bool
	names   map[usage.ID]string
	ids     map[string]usage.ID
}

// ReadUsers reads the ids of all users.
func ReadUsers(ctx context.Context, pool *pgxpool.Pool) (*Users, error) {
	u := &Users{names: map[usage.ID]string{}, ids: map[string]usage.ID{}}
	if err := pool.QueryRow(ctx, `SELECT value = 'true' FROM public.usage_setting WHERE name = 'users_managed'`).Scan(&u.Managed); err != nil {
		return nil, fmt.Errorf("read users: %w", err)
	}
	rows, err := pool.Query(ctx, `SELECT id, coalesce(external_id, '') FROM public.usage_user`)
	if err != nil {
		return nil, fmt.Errorf("read users: %w", err)
	}
	var id [16]byte
	var name string
	if _, err := pgx.ForEachRow(rows, []any{&id, &name}, func() error {
		u.names[id] = name
		if name != "" {
			u.ids[name] = id
		}
		return nil
	}); err != nil {
		return nil, fmt.Errorf("read users: %w", err)
	}
	return u, nil
}

// Find returns the id of a user by the id that apps send or the UUID, and whether such a user is
// known.
func (u *Users) Find(name string) (id usage.ID, known bool) {
	if id, known = u.ids[name]; known {
		return id, true
	}
	id = usage.UserID(name)
	_, known = u.names[id]
	return id, known
}

// Name returns the id that apps send for a user, else the UUID.
func (u *Users) Name(id usage.ID) string {
	if name := u.names[id]; name != "" {
		return name
	}
	return id.String()
}

// Status is what teams cover today.
type Status struct {
	Teams, Members int64
	// Several are users in more than one team.
	Several int64
	// NoTeam are users who called in the last 30 days and are in no team.
	NoTeam int64
	// NoCostCentre are teams without a cost centre, NoMembers those that have one and no
	// member; they may be values of a tag.
	NoCostCentre, NoMembers int64
}

// ReadStatus reads what teams cover today.
func ReadStatus(ctx context.Context, pool *pgxpool.Pool) (s Status, err error) {
	err = pool.QueryRow(ctx, `
WITH today AS (SELECT (now() AT TIME ZONE 'UTC')::date AS day),
members AS (SELECT team, user_id FROM usage_report.team_member),
centres AS (SELECT c.team FROM usage_report.team_cost_centre AS c, today WHERE c.since <= today.day AND c.until > today.day)
SELECT (SELECT count(DISTINCT team) FROM members),
       (SELECT count(DISTINCT user_id) FROM members),
       (SELECT count(*) FROM (SELECT FROM members GROUP BY user_id HAVING count(*) > 1) AS s),
       (SELECT count(DISTINCT u.user_id) FROM `+sums.DayUser.Table()+` AS u, today
        WHERE u.bucket >= (today.day - 30)::timestamp AT TIME ZONE 'UTC' AND u.calls <> 0 AND u.user_id <> '00000000-0000-0000-0000-000000000000'
          AND NOT EXISTS (SELECT FROM members AS m WHERE m.user_id = u.user_id)),
       (SELECT count(*) FROM (SELECT DISTINCT team FROM members EXCEPT SELECT team FROM centres) AS t),
       (SELECT count(*) FROM (SELECT team FROM centres EXCEPT SELECT team FROM members) AS t)`).Scan(&s.Teams, &s.Members, &s.Several, &s.NoTeam, &s.NoCostCentre, &s.NoMembers)
	if err != nil {
		return s, fmt.Errorf("read the status of teams: %w", err)
	}
	return s, nil
}
