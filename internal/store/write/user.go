package write

import (
	"bytes"
	"context"
	"slices"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/jackc/pgx/v5"

	"github.com/otelcol-usage/otelcol-usage/internal/store"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// lastSeenStep is how far auth.users.last_seen_at may lag, so that a user with thousands of
// calls in an hour costs one update.
const lastSeenStep = time.Hour

// knownUser is a cached row of auth.users.
type knownUser struct {
	id   usage.ID  // in the table; differs from ours where the external id existed already
	seen time.Time // last_seen_at as written; zero when the table is not ours to update
}

// userCache remembers recently seen users. An entry is wrong after a user is deleted; the
// foreign key then refuses the batch, and the users are looked up again.
type userCache struct {
	known *lru.Cache[usage.ID, knownUser]
}

func newUserCache(size int) *userCache {
	known, err := lru.New[usage.ID, knownUser](size)
	if err != nil {
		panic(err) // the size is positive
	}
	return &userCache{known}
}

func (c *userCache) forgetAll() { c.known.Purge() }

// newUser is a user of a batch who is not in the cache, or whose last_seen_at needs an
// update.
type newUser struct {
	id       usage.ID
	external string
	seen     time.Time
}

// resolve sets the user_id of every row and returns the number of rows whose user is
// unknown. It runs in its own transaction before the batch's, so that no lock on a user is
// held while rows are written.
func (w *Writer) resolve(ctx context.Context, db *database, rows []row) (unknown int, err error) {
	due := map[usage.ID]*newUser{}
	for i := range rows {
		r := &rows[i]
		r.user, r.userUnknown = usage.ID{}, false
		if r.UserID.IsZero() {
			continue
		}
		known, ok := w.users.known.Get(r.UserID)
		if ok && (!db.usersManaged || r.Time.Sub(known.seen) < lastSeenStep) {
			r.user = known.id
			continue
		}
		u := due[r.UserID]
		if u == nil {
			u = &newUser{id: r.UserID, external: r.UserExternalID}
			due[r.UserID] = u
		}
		if u.external == "" {
			u.external = r.UserExternalID
		}
		if r.Time.After(u.seen) {
			u.seen = r.Time
		}
	}
	if len(due) == 0 {
		return 0, nil
	}
	list := make([]newUser, 0, len(due))
	for _, u := range due {
		list = append(list, *u)
	}
	slices.SortFunc(list, func(a, b newUser) int { return bytes.Compare(a.id[:], b.id[:]) })
	// Not from the cache: a concurrent batch may empty it.
	learned := make(map[usage.ID]usage.ID, len(list))
	if err := pgx.BeginTxFunc(ctx, w.pool, w.begin, func(tx pgx.Tx) error {
		return w.meet(ctx, tx, db, list, learned)
	}); err != nil {
		// The transaction was rolled back, and with it what the cache learned.
		w.users.forgetAll()
		return 0, err
	}
	for i := range rows {
		r := &rows[i]
		if r.UserID.IsZero() || !r.user.IsZero() {
			continue
		}
		if id, ok := learned[r.UserID]; ok {
			r.user = id
		} else {
			r.userUnknown = true
			unknown++
		}
	}
	return unknown, nil
}

const (
	selectUsers = `SELECT id FROM auth.users WHERE id = ANY($1::uuid[])`

	// Skip rows that another collector is updating: it writes almost the same time, and
	// waiting could deadlock.
	touchUsers = `
WITH due AS (
  SELECT u.id, v.seen
  FROM auth.users u JOIN unnest($1::uuid[], $2::timestamptz[]) AS v (id, seen) ON v.id = u.id
  WHERE u.last_seen_at < v.seen
  ORDER BY u.id
  FOR NO KEY UPDATE OF u SKIP LOCKED
)
UPDATE auth.users u SET last_seen_at = due.seen FROM due WHERE u.id = due.id`

	insertUsers = `
INSERT INTO auth.users (id, external_id, created_at, last_seen_at)
SELECT id, external_id, now(), seen FROM unnest($1::uuid[], $2::text[], $3::timestamptz[]) AS v (id, external_id, seen)
ORDER BY id
ON CONFLICT DO NOTHING`

	// The external id exists under another id: somebody created the user by hand. That user
	// is the right one.
	selectByExternal = `SELECT id, external_id FROM auth.users WHERE external_id = ANY($1::text[])`
)

// meet caches the users of the list that auth.users has. Where the table is ours, it
// inserts the others and updates last_seen_at.
func (w *Writer) meet(ctx context.Context, tx pgx.Tx, db *database, list []newUser, learned map[usage.ID]usage.ID) error {
	ids := make([][16]byte, len(list))
	for i, u := range list {
		ids[i] = u.id
	}
	existing, err := selectIDs(ctx, tx, selectUsers, ids)
	if err != nil {
		return err
	}
	if !db.usersManaged {
		for id := range existing {
			w.users.known.Add(id, knownUser{id: id})
			learned[id] = id
		}
		return nil
	}

	var oldIDs, newIDs [][16]byte
	var oldSeen, newSeen []time.Time
	var newExternal []*string
	var externals []string
	byExternal := map[string]newUser{}
	for _, u := range list {
		if existing[u.id] {
			oldIDs, oldSeen = append(oldIDs, u.id), append(oldSeen, u.seen)
			continue
		}
		newIDs, newSeen, newExternal = append(newIDs, u.id), append(newSeen, u.seen), append(newExternal, store.TextOrNull(u.external))
		if u.external != "" {
			externals = append(externals, u.external)
			byExternal[u.external] = u
		}
	}
	if len(oldIDs) > 0 {
		if _, err := tx.Exec(ctx, touchUsers, oldIDs, oldSeen); err != nil {
			return err
		}
	}
	meant := map[usage.ID]usage.ID{}
	if len(newIDs) > 0 {
		tag, err := tx.Exec(ctx, insertUsers, newIDs, newExternal, newSeen)
		if err != nil {
			return err
		}
		if int(tag.RowsAffected()) < len(newIDs) && len(externals) > 0 {
			rows, err := tx.Query(ctx, selectByExternal, externals)
			if err != nil {
				return err
			}
			var id [16]byte
			var external string
			if _, err := pgx.ForEachRow(rows, []any{&id, &external}, func() error {
				meant[byExternal[external].id] = id
				return nil
			}); err != nil {
				return err
			}
		}
	}
	for _, u := range list {
		id := u.id
		if other, ok := meant[u.id]; ok {
			id = other
		}
		w.users.known.Add(u.id, knownUser{id: id, seen: u.seen})
		learned[u.id] = id
	}
	return nil
}

// checkUsers replaces the foreign key where there is none. It checks that the users of the
// batch exist and, where the table is ours, locks them until the commit.
func (db *database) checkUsers(ctx context.Context, tx pgx.Tx, rows []row) error {
	if db.usersKeyed {
		return nil
	}
	seen := map[usage.ID]bool{}
	var ids [][16]byte
	for i := range rows {
		if id := rows[i].user; !id.IsZero() && !seen[id] {
			seen[id] = true
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	sql := selectUsers
	if db.usersManaged {
		slices.SortFunc(ids, func(a, b [16]byte) int { return bytes.Compare(a[:], b[:]) })
		sql += ` ORDER BY id FOR KEY SHARE`
	}
	found, err := selectIDs(ctx, tx, sql, ids)
	if err == nil && len(found) < len(ids) {
		err = errUserVanished
	}
	return err
}

func selectIDs(ctx context.Context, tx pgx.Tx, sql string, ids [][16]byte) (map[usage.ID]bool, error) {
	rows, err := tx.Query(ctx, sql, ids)
	if err != nil {
		return nil, err
	}
	found := make(map[usage.ID]bool, len(ids))
	var id [16]byte
	_, err = pgx.ForEachRow(rows, []any{&id}, func() error {
		found[id] = true
		return nil
	})
	return found, err
}

// errUserVanished: a cached user no longer exists.
var errUserVanished = store.Fault(store.ClassConflict, "a user was deleted while calls of theirs were written")
