package upkeep

import (
	"cmp"
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"
)

// KeepOptions of [KeepUserDetail].
type KeepOptions struct {
	// Most half months of users are kept at once; 0 is 10, which takes some 100 ms
	// where each has some thousand calls.
	Most int
	// FewestCalls a user has in a half month that is kept; 0 is 1,000. Fewer are read
	// in some milliseconds, and have about as many keys as calls.
	FewestCalls int
}

// KeepUserDetail keeps half months of users that are over, see sums.UserDetail, and says
// how many it kept; 0 when all are.
func KeepUserDetail(ctx context.Context, pool *pgxpool.Pool, o KeepOptions) (kept int, err error) {
	if err := pool.QueryRow(ctx, `SELECT public.usage_keep_user_detail($1, $2)`, cmp.Or(o.Most, 10), cmp.Or(o.FewestCalls, 1000)).Scan(&kept); err != nil {
		return 0, fmt.Errorf("keep what users used: %w", err)
	}
	return kept, nil
}
