package read

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/otelcol-usage/otelcol-usage/internal/sums"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// UserDay is what a user used on a UTC day; the zero id stands for calls without a user.
type UserDay struct {
	Day  time.Time
	User usage.ID
	Counts
}

// EachUserDay passes what every user used on every UTC day of [from, to) to fn, from the
// sums, which include calls that retention has deleted.
func (r *Reader) EachUserDay(ctx context.Context, from, to time.Time, fn func(UserDay)) error {
	err := r.view(ctx, Administrator(), func(tx pgx.Tx) error {
		measures := sums.BasicMeasures()
		rows, err := tx.Query(ctx, "SELECT bucket, user_id, "+selectSums(measures)+" FROM "+sums.DayUser.Table()+
			" WHERE bucket >= $1 AND bucket < $2 GROUP BY 1, 2 HAVING sum(calls) <> 0 OR sum(usage_dollars) <> 0", from, to)
		if err != nil {
			return err
		}
		var d UserDay
		var user [16]byte
		_, err = pgx.ForEachRow(rows, append([]any{&d.Day, &user}, d.into(measures)...), func() error {
			d.User = user
			fn(d)
			return nil
		})
		return err
	})
	if err != nil {
		return fmt.Errorf("read what users used: %w", err)
	}
	return nil
}

// TagDay is what a value of a tag used on a UTC day.
type TagDay struct {
	Day   time.Time
	Value string
	Counts
}

// EachTagDay passes what each value of a tag used on every UTC day of [from, to) to fn. It
// returns what all calls used, with and without the tag, in the same moment.
func (r *Reader) EachTagDay(ctx context.Context, tag string, from, to time.Time, fn func(TagDay)) (total Counts, err error) {
	measures := sums.BasicMeasures()
	err = r.view(ctx, Administrator(), func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, "SELECT bucket, tag_value, "+selectSums(measures)+" FROM "+sums.DayTag.Table()+
			" WHERE bucket >= $1 AND bucket < $2 AND tag_name = $3 GROUP BY 1, 2 HAVING sum(calls) <> 0 OR sum(usage_dollars) <> 0", from, to, tag)
		if err != nil {
			return err
		}
		var d TagDay
		if _, err := pgx.ForEachRow(rows, append([]any{&d.Day, &d.Value}, d.into(measures)...), func() error {
			fn(d)
			return nil
		}); err != nil {
			return err
		}
		rows, err = tx.Query(ctx, "SELECT "+selectSums(measures)+" FROM "+sums.DayType.Table()+" WHERE bucket >= $1 AND bucket < $2 HAVING count(*) > 0", from, to)
		if err != nil {
			return err
		}
		_, err = pgx.ForEachRow(rows, total.into(measures), func() error { return nil })
		return err
	})
	if err != nil {
		return Counts{}, fmt.Errorf("read what the values of a tag used: %w", err)
	}
	return total, nil
}
