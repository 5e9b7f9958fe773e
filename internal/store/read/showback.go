package read

import (
	"context"
	"fmt"
	"strings"
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
// sums, which include calls that retention has deleted. It passes a day of a user whose calls
// tell a payer a second time, with the costs by payer alone: no sums by user have these, so that
// they are of the calls that are left.
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
		if err != nil {
			return err
		}
		rows, err = tx.Query(ctx, "SELECT "+utcDay+", "+sessionUser+", "+payerSums+" FROM "+sums.Single.Table()+
			" WHERE timestamp >= $1 AND timestamp < $2 AND payer IS NOT NULL GROUP BY 1, 2", from, to)
		if err != nil {
			return err
		}
		d = UserDay{}
		_, err = pgx.ForEachRow(rows, append([]any{&d.Day, &user}, d.into(payerMeasures)...), func() error {
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

// payerMeasures are the costs by payer, and payerSums selects them from calls.
var (
	payerMeasures = []sums.Measure{sums.APIDollars, sums.PlanDollars, sums.CreditDollars, sums.OwnDollars}
	payerSums     = func() string {
		list := make([]string, len(payerMeasures))
		for i, m := range payerMeasures {
			amount, when := sums.Single.Conditional(m.Name)
			list[i] = "coalesce(sum(" + amount + ") FILTER (WHERE " + when + "), 0)::text"
		}
		return strings.Join(list, ", ")
	}()
)

const utcDay = "date_trunc('day', timestamp, 'UTC')"

// SeatDay is what a user's seats cost on a UTC day.
type SeatDay struct {
	Day time.Time
	// User is zero for seats that nobody has, and for plans that cover everybody.
	User usage.ID
	// Cash is nil when a price or an exchange rate is not known.
	Cash *usage.Sum
}

// EachSeatDay passes what seats and plans cost on every UTC day of [from, to) to fn.
func (r *Reader) EachSeatDay(ctx context.Context, from, to time.Time, fn func(SeatDay)) error {
	err := r.view(ctx, Administrator(), func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
SELECT d.day, coalesce(p.user_id, '00000000-0000-0000-0000-000000000000'), p.dollars::text
FROM generate_series($1::timestamptz, $2::timestamptz - interval '24 hours', '24 hours') AS d (day)
CROSS JOIN LATERAL usage_report.plan_cost((d.day AT TIME ZONE 'UTC')::date, (d.day AT TIME ZONE 'UTC')::date + 1, NULL) AS p`, from, to)
		if err != nil {
			return err
		}
		var d SeatDay
		var cash *string
		_, err = pgx.ForEachRow(rows, []any{&d.Day, (*[16]byte)(&d.User), &cash}, func() error {
			d.Cash = nil
			if cash != nil {
				sum, err := usage.ParseSum(*cash)
				if err != nil {
					return err
				}
				d.Cash = &sum
			}
			fn(d)
			return nil
		})
		return err
	})
	if err != nil {
		return fmt.Errorf("read what seats cost: %w", err)
	}
	return nil
}

// TagDay is what a value of a tag used on a UTC day.
type TagDay struct {
	Day   time.Time
	Value string
	Counts
}

// EachTagDay passes what each value of a tag used on every UTC day of [from, to) to fn, and
// costs by payer as [Reader.EachUserDay] does. It returns what all calls used, with and without
// the tag, in the same moment.
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
		if _, err = pgx.ForEachRow(rows, total.into(measures), func() error { return nil }); err != nil {
			return err
		}
		const inPeriod = "timestamp >= $1 AND timestamp < $2 AND payer IS NOT NULL"
		tags := sums.Tagged.Unnest
		rows, err = tx.Query(ctx, "SELECT "+utcDay+", "+sums.Tagged.Column("tag_value")+", "+payerSums+" FROM "+sums.Tagged.Table()+" "+tags.FromCalls(true)+
			" WHERE "+inPeriod+" AND "+tags.When+" AND "+tags.Keep+" AND "+sums.Tagged.Column("tag_name")+" = $3 GROUP BY 1, 2", from, to, tag)
		if err != nil {
			return err
		}
		d = TagDay{}
		if _, err := pgx.ForEachRow(rows, append([]any{&d.Day, &d.Value}, d.into(payerMeasures)...), func() error {
			fn(d)
			return nil
		}); err != nil {
			return err
		}
		rows, err = tx.Query(ctx, "SELECT "+payerSums+" FROM "+sums.Single.Table()+" WHERE "+inPeriod, from, to)
		if err != nil {
			return err
		}
		_, err = pgx.ForEachRow(rows, total.into(payerMeasures), func() error { return nil })
		return err
	})
	if err != nil {
		return Counts{}, fmt.Errorf("read what the values of a tag used: %w", err)
	}
	return total, nil
}
