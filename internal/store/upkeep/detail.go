package upkeep

import (
	"cmp"
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"
)

// KeepOptions configures [KeepUserDetail].
type KeepOptions struct {
	// Most is how many half months of users are kept at once; 0 means 10, which takes about
	// 100 ms if each has some thousand calls.
	Most int
	// FewestCalls is the minimum number of a user's calls in a half month that is kept; 0
	// means 1,000. Fewer calls are read in a few milliseconds, and have about as many keys
	// as calls.
	FewestCalls int
}

// KeepUserDetail stores the sums of users for past half months; see sums.UserDetail. It
// returns how many it stored, and 0 when all are stored.
func KeepUserDetail(ctx context.Context, pool *pgxpool.Pool, o KeepOptions) (kept int, err error) {
	if err := pool.QueryRow(ctx, `SELECT public.usage_keep_user_detail($1, $2)`, cmp.Or(o.Most, 10), cmp.Or(o.FewestCalls, 1000)).Scan(&kept); err != nil {
		return 0, fmt.Errorf("keep what users used: %w", err)
	}
	return kept, nil
}
