package read

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/otelcol-usage/otelcol-usage/internal/store"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// UserOrder is the sort key of a list of users, in descending order.
type UserOrder string

// Orders of users.
const (
	UsersByCost     UserOrder = "cost"
	UsersByCalls    UserOrder = "calls"
	UsersByLastSeen UserOrder = "lastSeen"
)

// userKeys maps each order to its SQL expression and type. A user without calls sorts as if
// last seen in 1970.
var userKeys = map[UserOrder]struct{ expression, kind string }{
	UsersByCost:     {"coalesce(t.usage_dollars, 0)", "numeric"},
	UsersByCalls:    {"coalesce(t.calls, 0)", "bigint"},
	UsersByLastSeen: {"coalesce(l.last_seen, 'epoch'::timestamptz)", "timestamptz"},
}

// UsersQuestion asks for one page of users.
type UsersQuestion struct {
	// Search selects users whose external id or email contains it, ignoring case, and the
	// user whose id it is or from whose external id the id was made.
	Search string
	Order  UserOrder
	Limit  int
	// After is where the previous page ended; nil for the first page.
	After *UserPlace
}

// UserPlace is the position of a user in an order.
type UserPlace struct {
	Key string
	ID  usage.ID
}

// User is a user with the sums of all their calls.
type User struct {
	ID usage.ID
	// ExternalID is the id that apps send. It is nil when that is the UUID itself, or when
	// the host application manages the users.
	ExternalID, Email *string
	// FirstSeen and LastSeen are the times of the first and the last call, and nil without
	// calls. For calls that retention has deleted they are the start of the UTC day.
	FirstSeen, LastSeen          *time.Time
	Calls, UnpricedCalls, Tokens int64
	Cost                         usage.Sum
	// Doubts is nil where it is unknown; see [UserGroup].
	Doubts *Doubts
	// Place is the user's position in the requested order.
	Place UserPlace
}

// usersPageSQL takes the sums of all time from the half-month rollup, and the times from
// both ends of the indexes on calls and days.
const usersPageSQL = `
WITH %[6]stotals AS (
  SELECT user_id, sum(calls)::bigint AS calls, sum(unpriced_calls)::bigint AS unpriced_calls, sum(tokens)::bigint AS tokens, sum(usage_dollars) AS usage_dollars` + addDoubts + `
  FROM public.usage_half_month_user
  GROUP BY user_id
), page AS (
  SELECT u.id, u.external_id, u.email, coalesce(t.calls, 0) AS calls, coalesce(t.unpriced_calls, 0) AS unpriced_calls,
         coalesce(t.tokens, 0) AS tokens, coalesce(t.usage_dollars, 0) AS usage_dollars,
         CASE WHEN t.user_id IS NULL THEN 0 ELSE t.estimated_dollars END AS estimated_dollars, CASE WHEN t.user_id IS NULL THEN 0 ELSE t.assumed_dollars END AS assumed_dollars, %[1]s AS place
  FROM public.usage_user u
  LEFT JOIN totals t ON t.user_id = u.id
  %[3]s
  WHERE ($1 = '' OR u.external_id ILIKE $2 OR u.email ILIKE $2 OR u.id = $3)
    AND ($4::text IS NULL OR (%[1]s, u.id) < ($4::text::%[2]s, $5::uuid))
  ORDER BY %[1]s DESC, u.id DESC
  LIMIT $6
)
SELECT p.id, p.external_id, p.email, p.calls, p.unpriced_calls, p.tokens, p.usage_dollars::text, p.estimated_dollars::text, p.assumed_dollars::text, p.place::text,
       CASE WHEN first_call.timestamp < first_day.bucket + interval '24 hours' THEN first_call.timestamp ELSE first_day.bucket END,
       l.last_seen
FROM page p
%[5]s
LEFT JOIN LATERAL (SELECT bucket FROM public.usage_day_user WHERE user_id = p.id AND calls > 0 ORDER BY bucket LIMIT 1) first_day ON true
%[4]s
ORDER BY p.place DESC, p.id DESC`

// usersJoins holds the parts of [usersPageSQL] that read the first and last calls of users.
type usersJoins struct {
	with      string                 // parts of the WITH
	firstCall string                 // of the user p.id
	lastSeen  func(id string) string // of the user whose id is in the given column
}

// usersOneByOne reads both ends of the indexes for one user at a time.
var usersOneByOne = usersJoins{
	firstCall: "LEFT JOIN LATERAL (SELECT timestamp FROM public.api_usage WHERE user_id = p.id ORDER BY timestamp LIMIT 1) first_call ON true",
	lastSeen: func(id string) string {
		return `LEFT JOIN LATERAL (
  SELECT CASE WHEN c.timestamp >= d.bucket THEN c.timestamp ELSE d.bucket END AS last_seen
  FROM (SELECT max(timestamp) AS timestamp FROM public.api_usage WHERE user_id = ` + id + `) c,
       (SELECT max(bucket) AS bucket FROM public.usage_day_user WHERE user_id = ` + id + ` AND calls > 0) d
) l ON true`
	},
}

// usersOnShards reads the first and last calls of all users at once, because shards cannot
// be queried for one user after the other.
var usersOnShards = usersJoins{
	with: `ends AS MATERIALIZED (
  SELECT user_id, min(timestamp) AS first, max(timestamp) AS last FROM public.api_usage WHERE user_id IS NOT NULL GROUP BY user_id
), seen AS MATERIALIZED (
  SELECT d.user_id, CASE WHEN e.last >= d.bucket THEN e.last ELSE d.bucket END AS last_seen
  FROM (SELECT user_id, max(bucket) AS bucket FROM public.usage_day_user WHERE calls > 0 GROUP BY user_id) d LEFT JOIN ends e ON e.user_id = d.user_id
), `,
	firstCall: "LEFT JOIN (SELECT user_id, first AS timestamp FROM ends) first_call ON first_call.user_id = p.id",
	lastSeen:  func(id string) string { return "LEFT JOIN seen l ON l.user_id = " + id },
}

// page returns the statement for one page.
func (j usersJoins) page(order UserOrder) string {
	key, lastSeen := userKeys[order], ""
	if order == UsersByLastSeen {
		lastSeen = j.lastSeen("u.id")
	}
	return fmt.Sprintf(usersPageSQL, key.expression, key.kind, lastSeen, j.lastSeen("p.id"), j.firstCall, j.with)
}

// Users returns one page of users and reports whether there are more.
func (r *Reader) Users(ctx context.Context, q UsersQuestion) (page []User, more bool, err error) {
	if _, ok := userKeys[q.Order]; !ok {
		return nil, false, fmt.Errorf("list users: unknown order %q", q.Order)
	}
	args := []any{q.Search, "%" + likeEscape.Replace(q.Search) + "%", [16]byte(usage.UserID(q.Search)), nil, nil, q.Limit + 1}
	if q.After != nil {
		args[3], args[4] = q.After.Key, [16]byte(q.After.ID)
	}
	err = r.view(ctx, Administrator(), func(tx pgx.Tx) error {
		var onShards bool
		if err := tx.QueryRow(ctx, `SELECT `+store.HasCitus).Scan(&onShards); err != nil {
			return err
		}
		joins := usersOneByOne
		if onShards {
			joins = usersOnShards
		}
		rows, err := tx.Query(ctx, joins.page(q.Order), args...)
		if err != nil {
			return err
		}
		page, err = pgx.CollectRows(rows, scanUser)
		return err
	})
	if err != nil {
		return nil, false, fmt.Errorf("list users: %w", err)
	}
	if len(page) > q.Limit {
		return page[:q.Limit], true, nil
	}
	return page, false, nil
}

// likeEscape escapes the wildcards of LIKE.
var likeEscape = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

func scanUser(row pgx.CollectableRow) (User, error) {
	var u User
	var id [16]byte
	var cost string
	var doubts doubtsText
	if err := row.Scan(&id, &u.ExternalID, &u.Email, &u.Calls, &u.UnpricedCalls, &u.Tokens, &cost, &doubts.estimated, &doubts.assumed, &u.Place.Key, &u.FirstSeen, &u.LastSeen); err != nil {
		return User{}, err
	}
	u.ID, u.Place.ID = id, id
	for _, t := range []*time.Time{u.FirstSeen, u.LastSeen} {
		if t != nil {
			*t = t.UTC()
		}
	}
	var err error
	if u.Doubts, err = doubts.parse(); err != nil {
		return User{}, err
	}
	u.Cost, err = usage.ParseSum(cost)
	return u, err
}

// FoundUser is the user that a text names.
type FoundUser struct {
	ID    usage.ID
	Users int // number of users that match
	// Named reports whether users are known by the ids that apps send. They are not where
	// another application manages auth.users.
	Named bool
}

// FindUser looks up a user by a text that is not a UUID: by the id that apps send, then by
// email address, ignoring case.
func (r *Reader) FindUser(ctx context.Context, text string) (found FoundUser, err error) {
	err = r.view(ctx, Administrator(), func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, `SELECT (SELECT value FROM public.usage_setting WHERE name = 'users_managed') = 'true'`).Scan(&found.Named); err != nil {
			return err
		}
		for _, where := range []string{"id = $1 OR external_id = $2 ORDER BY id <> $1 LIMIT 1", "$1::uuid IS NOT NULL AND lower(email) = lower($2) LIMIT 2"} {
			rows, err := tx.Query(ctx, `SELECT id FROM public.usage_user WHERE `+where, [16]byte(usage.UserID(text)), text)
			if err != nil {
				return err
			}
			ids, err := pgx.CollectRows(rows, pgx.RowTo[[16]byte])
			if err != nil {
				return err
			}
			if found.Users = len(ids); found.Users > 0 {
				found.ID = ids[0]
				return nil
			}
		}
		return nil
	})
	if err != nil {
		return FoundUser{}, fmt.Errorf("find a user: %w", err)
	}
	return found, nil
}

// HasDerivedID reports whether the id of a user was derived from an external id. Whoever
// sends the UUID itself is then a different user; see [usage.UserID].
func (r *Reader) HasDerivedID(ctx context.Context, id usage.ID) (derived bool, err error) {
	err = r.view(ctx, Administrator(), func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM public.usage_user WHERE id = $1 AND external_id IS NOT NULL)`, [16]byte(id)).Scan(&derived)
	})
	if err != nil {
		return false, fmt.Errorf("look at the user's id: %w", err)
	}
	return derived, nil
}

// UserNames returns the names of users: the external id, or else the email. Users with
// neither, and users that no longer exist, are left out.
func (r *Reader) UserNames(ctx context.Context, ids []usage.ID) (names map[usage.ID]string, err error) {
	err = r.view(ctx, Administrator(), func(tx pgx.Tx) error {
		names, err = userNames(ctx, tx, ids)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("name users: %w", err)
	}
	return names, nil
}

const userNamesSQL = `
SELECT id, coalesce(external_id, email)
FROM public.usage_user
WHERE id = ANY ($1::uuid[]) AND coalesce(external_id, email) IS NOT NULL`

func userNames(ctx context.Context, tx pgx.Tx, ids []usage.ID) (map[usage.ID]string, error) {
	list := make([][16]byte, len(ids))
	for i, id := range ids {
		list[i] = id
	}
	rows, err := tx.Query(ctx, userNamesSQL, list)
	if err != nil {
		return nil, err
	}
	return scanNames(rows)
}

func scanNames(rows pgx.Rows) (map[usage.ID]string, error) {
	names := make(map[usage.ID]string)
	var id [16]byte
	var name string
	_, err := pgx.ForEachRow(rows, []any{&id, &name}, func() error {
		names[id] = name
		return nil
	})
	return names, err
}
