package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// change is the new cost of a call.
type change struct {
	old, new usage.Record
	tokens   int64
}

type changes []change

// errCallChanged: a row is no longer what it was when it was read.
var errCallChanged = errors.New("a call was changed by somebody else at the same time; looking again")

const updateCosts = `
UPDATE public.api_usage AS u
SET usage_dollars = n.new_dollars::numeric, pricing_status = n.new_status, pricing_reason = n.new_reason, price_id = n.new_price_id, cost_source = n.new_cost_source
FROM unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[])
  AS n (id, at, old_dollars, old_status, new_dollars, new_status, new_reason, new_price_id, new_cost_source)
WHERE u.id = n.id AND u.timestamp = n.at AND u.usage_dollars = n.old_dollars::numeric AND u.pricing_status = n.old_status`

const insertChanges = `
INSERT INTO public.usage_reprice_change (run_id, call_id, old_dollars, new_dollars, old_status, new_status, old_reason, new_reason,
  old_price_id, new_price_id, old_cost_source, new_cost_source)
SELECT $1::bigint, c.call_id, c.old_dollars::numeric, c.new_dollars::numeric, c.old_status, c.new_status, c.old_reason, c.new_reason,
  c.old_price_id, c.new_price_id, c.old_cost_source, c.new_cost_source
FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[])
  AS c (call_id, old_dollars, new_dollars, old_status, new_status, old_reason, new_reason, old_price_id, new_price_id, old_cost_source, new_cost_source)`

// write changes the rows, the rollups where no trigger does it, and the audit.
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
	for i := range c {
		ids[i], times[i] = c[i].old.ID, c[i].old.Time
		for _, side := range []struct {
			r                                      *usage.Record
			dollars, status, reason, price, source column
		}{{&c[i].old, oldDollars, oldStatus, oldReason, oldPrice, oldSource}, {&c[i].new, newDollars, newStatus, newReason, newPrice, newSource}} {
			side.dollars[i], side.status[i] = textOrNull(side.r.Cost.String()), textOrNull(string(side.r.Status))
			side.reason[i], side.source[i] = textOrNull(string(side.r.Reason)), textOrNull(string(side.r.CostSource))
			side.price[i] = textOrNull(usage.CleanText(side.r.PriceID, usage.MaxRequestIDBytes))
		}
	}
	tag, err := tx.Exec(ctx, updateCosts, ids, times, oldDollars, oldStatus, newDollars, newStatus, newReason, newPrice, newSource)
	if err != nil {
		return err
	}
	if tag.RowsAffected() != int64(n) {
		return errCallChanged
	}
	// The update holds a lock that creating or dropping a trigger waits for.
	var triggerFolds bool
	if err := tx.QueryRow(ctx, `SELECT `+strings.ReplaceAll(triggerEnabled, "api_usage_fold_insert", "api_usage_fold_update")).Scan(&triggerFolds); err != nil {
		return err
	}
	if !triggerFolds {
		if err := c.fold(ctx, tx); err != nil {
			return err
		}
	}
	_, err = tx.Exec(ctx, insertChanges, run, ids, oldDollars, newDollars, oldStatus, newStatus, oldReason, newReason, oldPrice, newPrice, oldSource, newSource)
	return err
}

// differences are what a change of cost or status changes in the rollups;
// every other sum stays.
var differences = map[string]string{
	"unpriced_calls":  "sum((new_status = 'unpriced')::integer - (old_status = 'unpriced')::integer)",
	"estimated_calls": "sum((new_status = 'estimated')::integer - (old_status = 'estimated')::integer)",
	"unpriced_tokens": "sum(tokens_used * ((new_status = 'unpriced')::integer - (old_status = 'unpriced')::integer))",
	"usage_dollars":   "sum(new_dollars::numeric - old_dollars::numeric)",
}

// fold adds the changes to the rollups in the order in which PostgreSQL runs the
// parts of insertAndFold, so that a writer and a run wait for each other and
// never in a circle.
func (c changes) fold(ctx context.Context, tx pgx.Tx) error {
	n := len(c)
	times, users, tokens := make([]time.Time, n), make([]*[16]byte, n), make([]int64, n)
	var texts [8][]string
	for i := range c {
		r := &c[i].old
		times[i], tokens[i] = r.Time, c[i].tokens
		if !r.UserID.IsZero() {
			users[i] = (*[16]byte)(&r.UserID)
		}
		for j, text := range []string{
			string(r.APIType), r.Provider, r.Model, r.Service, r.Environment,
			string(r.Status), string(c[i].new.Status), c[i].new.Cost.String(),
		} {
			texts[j] = append(texts[j], text)
		}
	}
	old := make([]string, n)
	for i := range c {
		old[i] = c[i].old.Cost.String()
	}
	for _, r := range rollups {
		if _, err := tx.Exec(ctx, r.foldChanges(), times, users, tokens, texts[0], texts[1], texts[2], texts[3], texts[4], texts[5], texts[6], texts[7], old); err != nil {
			return fmt.Errorf("add to %s: %w", r.table, err)
		}
	}
	return nil
}

// foldChanges is the statement for one rollup, made of the same expressions
// that verify compares it with.
func (r rollup) foldChanges() string {
	key := append([]column{{"bucket", r.bucket}}, r.keys...)
	var expressions, places, adds []string
	for i, k := range key {
		expressions, places = append(expressions, k.expression), append(places, fmt.Sprint(i+1))
	}
	for _, s := range r.sums {
		difference, changes := differences[s.name]
		if !changes {
			difference = "0"
		} else {
			adds = append(adds, s.name+" = r."+s.name+" + EXCLUDED."+s.name)
		}
		expressions = append(expressions, difference)
	}
	return `INSERT INTO ` + r.table + ` AS r (` + names(append(key, r.sums...)) + `)
SELECT ` + strings.Join(expressions, ", ") + `
FROM unnest($1::timestamptz[], $2::uuid[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[])
  AS c (timestamp, user_id, tokens_used, api_type, provider, model, service, environment, old_status, new_status, new_dollars, old_dollars)
GROUP BY ` + strings.Join(places, ", ") + `
ORDER BY ` + strings.Join(places, ", ") + `
ON CONFLICT (` + names(key) + `) DO UPDATE SET ` + strings.Join(adds, ", ")
}
