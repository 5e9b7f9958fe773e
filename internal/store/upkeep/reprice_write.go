package upkeep

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/otelcol-usage/otelcol-usage/internal/store"
	"github.com/otelcol-usage/otelcol-usage/internal/sums"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// change is the new cost of a call.
type change struct {
	old, new usage.Record
	tokens   int64
}

type changes []change

// errCallChanged: a row has changed since it was read.
var errCallChanged = store.Fault(store.ClassConflict, "a call was changed by somebody else at the same time; looking again")

const updateCosts = `UPDATE public.api_usage AS u
SET usage_dollars = n.new_dollars::numeric, pricing_status = n.new_status, pricing_reason = n.new_reason, price_id = n.new_price_id, cost_source = n.new_cost_source,
  pricing_assumptions = string_to_array(n.new_assumptions, '+'), written_xid = pg_current_xact_id()
FROM unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[])
  AS n (id, at, old_dollars, old_status, new_dollars, new_status, new_reason, new_price_id, new_cost_source, new_assumptions)
WHERE u.id = n.id AND u.timestamp = n.at AND u.usage_dollars = n.old_dollars::numeric AND u.pricing_status = n.old_status`

// updateAndFold is updateCosts for tables without triggers; it also updates the sums.
var updateAndFold = sums.AndFoldChange(updateCosts, "WHERE id = ANY ($1::uuid[]) AND timestamp = ANY ($2::timestamptz[])")

const insertChanges = `
INSERT INTO public.usage_reprice_change (run_id, call_id, old_dollars, new_dollars, old_status, new_status, old_reason, new_reason,
  old_price_id, new_price_id, old_cost_source, new_cost_source, old_assumptions, new_assumptions)
SELECT $1::bigint, c.call_id, c.old_dollars::numeric, c.new_dollars::numeric, c.old_status, c.new_status, c.old_reason, c.new_reason,
  c.old_price_id, c.new_price_id, c.old_cost_source, c.new_cost_source,
  string_to_array(c.old_assumptions, '+'), string_to_array(c.new_assumptions, '+')
FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[])
  AS c (call_id, old_dollars, new_dollars, old_status, new_status, old_reason, new_reason, old_price_id, new_price_id, old_cost_source, new_cost_source,
    old_assumptions, new_assumptions)`

// write updates the rows, the rollups where no trigger does, and the audit.
func (c changes) write(ctx context.Context, tx pgx.Tx, run int64) error {
	n := len(c)
	ids, times := make([][16]byte, n), make([]time.Time, n)
	type column = []*string
	column2 := func() (before, after column) { return make(column, n), make(column, n) }
	oldDollars, newDollars := column2()
	oldStatus, newStatus := column2()
	oldReason, newReason := column2()
	oldPrice, newPrice := column2()
	oldSource, newSource := column2()
	oldAssumed, newAssumed := column2()
	for i := range c {
		ids[i], times[i] = c[i].old.ID, c[i].old.Time
		for _, side := range []struct {
			r                                               *usage.Record
			dollars, status, reason, price, source, assumed column
		}{{&c[i].old, oldDollars, oldStatus, oldReason, oldPrice, oldSource, oldAssumed}, {&c[i].new, newDollars, newStatus, newReason, newPrice, newSource, newAssumed}} {
			side.dollars[i], side.status[i] = store.TextOrNull(side.r.Cost.String()), store.TextOrNull(string(side.r.Status))
			side.reason[i], side.source[i] = store.TextOrNull(string(side.r.Reason)), store.TextOrNull(string(side.r.CostSource))
			side.price[i] = store.TextOrNull(usage.CleanText(side.r.PriceID, usage.MaxRequestIDBytes))
			if side.r.HasAssumptions {
				words := side.r.Assumptions.String() // '' becomes an empty array
				side.assumed[i] = &words
			}
		}
	}
	args := []any{ids, times, oldDollars, oldStatus, newDollars, newStatus, newReason, newPrice, newSource, newAssumed}
	updated, err := update(ctx, tx, args)
	if err != nil {
		return err
	}
	if updated != int64(n) {
		return errCallChanged
	}
	_, err = tx.Exec(ctx, insertChanges, run, ids, oldDollars, newDollars, oldStatus, newStatus, oldReason, newReason, oldPrice, newPrice, oldSource, newSource, oldAssumed, newAssumed)
	return err
}

// update changes the rows, and the rollups if the trigger does not. The second look at the
// trigger holds until the commit, because the update holds a lock that CREATE TRIGGER and
// DROP TRIGGER wait for.
func update(ctx context.Context, tx pgx.Tx, args []any) (rows int64, err error) {
	const trigger = "api_usage_fold_update"
	var before, after bool
	if err := tx.QueryRow(ctx, `SELECT `+store.TriggerEnabled(trigger)).Scan(&before); err != nil {
		return 0, err
	}
	if before {
		tag, err := tx.Exec(ctx, updateCosts, args...)
		if err != nil {
			return 0, err
		}
		rows = tag.RowsAffected()
	} else if err := tx.QueryRow(ctx, updateAndFold, args...).Scan(&rows); err != nil {
		return 0, err
	}
	if err := tx.QueryRow(ctx, `SELECT `+store.TriggerEnabled(trigger)).Scan(&after); err != nil {
		return 0, err
	}
	if before != after {
		return 0, errCallChanged
	}
	return rows, nil
}
