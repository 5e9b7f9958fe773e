package upkeep

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/bill/explain"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/shopspring/decimal"

	"github.com/otelcol-usage/otelcol-usage/internal/bill"
)

// BillImport is one or more days of one account's reports, with all their lines.
type BillImport struct {
	Account string
	Days    []bill.Covered
	// Lines calls each for every line of those days. The *bill.Line may be reused after the
	// call.
	Lines func(each func(*bill.Line) error) error
	// Progress, if not nil, is called with the number of lines stored so far.
	Progress func(lines int64)
	// Cursor is how far a run that fetches from a provider has come with these days; nil
	// for a file.
	Cursor *BillCursor
}

// BillSaved is the result of an import.
type BillSaved struct {
	Lines    int64
	Replaced int // days that had been imported before
}

// BillCursor is the progress of a run that fetches one report from a provider.
type BillCursor struct {
	Provider, Account string
	Report            bill.Report
	From, To          time.Time // UTC days, To is excluded
	DoneUntil         time.Time // days before it are stored
}

// SaveBill replaces the stored days of an account with what a report says now, in one
// transaction. Concurrent readers see the old days until it commits. Importing the same
// days again gives the same rows.
func SaveBill(ctx context.Context, pool *pgxpool.Pool, in BillImport) (saved BillSaved, err error) {
	err = pgx.BeginTxFunc(ctx, pool, pgx.TxOptions{}, func(tx pgx.Tx) error {
		// Imports of one account wait for each other; those of different accounts do not.
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('usage_bill ' || $1, 0))`, in.Account); err != nil {
			return err
		}
		ids, replaced, err := replaceDays(ctx, tx, in.Account, in.Days)
		if err != nil {
			return err
		}
		saved.Replaced = replaced
		if saved.Lines, err = copyBill(ctx, tx, ids, in); err != nil {
			return err
		}
		return moveCursor(ctx, tx, in.Cursor)
	})
	if err != nil {
		return BillSaved{}, fmt.Errorf("store the bill: %w", err)
	}
	return saved, nil
}

// billDay identifies a day of a report.
type billDay struct {
	provider string
	report   bill.Report
	day      time.Time
}

// replaceDays records the days as imported now and deletes their old rows.
func replaceDays(ctx context.Context, tx pgx.Tx, account string, days []bill.Covered) (ids map[billDay]int64, replaced int, err error) {
	n := len(days)
	providers, reports, dates, until, incomplete := make([]string, n), make([]string, n), make([]time.Time, n), make([]time.Time, n), make([]bool, n)
	for i, d := range days {
		providers[i], reports[i], dates[i], until[i], incomplete[i] = d.Provider, string(d.Report), d.Day, d.Until, d.Incomplete
	}
	rows, err := tx.Query(ctx, `
INSERT INTO public.usage_bill_day AS d (provider, account, report, day, covered_until, incomplete)
SELECT n.provider, $1, n.report, n.day, n.covered_until, n.incomplete
FROM unnest($2::text[], $3::text[], $4::date[], $5::timestamptz[], $6::boolean[]) AS n (provider, report, day, covered_until, incomplete)
ON CONFLICT (provider, day, account, report) DO UPDATE
SET covered_until = EXCLUDED.covered_until, incomplete = EXCLUDED.incomplete, imported_at = now()
RETURNING d.id, d.provider, d.report, d.day, d.xmax <> 0`, account, providers, reports, dates, until, incomplete)
	if err != nil {
		return nil, 0, err
	}
	ids = make(map[billDay]int64, n)
	list := make([]int64, 0, n)
	var id int64
	var d billDay
	var again bool
	if _, err := pgx.ForEachRow(rows, []any{&id, &d.provider, &d.report, &d.day, &again}, func() error {
		ids[billDay{d.provider, d.report, d.day.UTC()}] = id
		list = append(list, id)
		if again {
			replaced++
		}
		return nil
	}); err != nil {
		return nil, 0, err
	}
	_, err = tx.Exec(ctx, `DELETE FROM public.usage_bill_row WHERE day_id = ANY ($1)`, list)
	return ids, replaced, err
}

var billColumns = []string{
	"day_id", "digest", "cost", "slack", "currency", "category", "cost_kind", "model", "tier", "project", "api_key", "user_name", "item", "payer", "requests", "kinds", "quantities", "raw",
}

const billProgressLines = 100_000

// errCopyEnded stops the reader after the database has ended the COPY.
var errCopyEnded = errors.New("the copy has ended")

// copyBill sends the lines with COPY while they are read.
func copyBill(ctx context.Context, tx pgx.Tx, ids map[billDay]int64, in BillImport) (int64, error) {
	var readErr error
	next, stop := iter.Pull(func(yield func([]any) bool) {
		copies := map[[16]byte]uint32{}
		readErr = in.Lines(func(l *bill.Line) error {
			id, ok := ids[billDay{l.Provider, l.Report, l.Day}]
			if !ok {
				return fmt.Errorf("a line is of %s, which is not among the days that the report covers", l.Day.Format(time.DateOnly))
			}
			first := l.Digest(0)
			digest := first
			if n := copies[first]; n > 0 {
				digest = l.Digest(n)
			}
			copies[first]++
			if !yield(billRow(id, digest, l)) {
				return errCopyEnded
			}
			return nil
		})
	})
	defer stop()
	var sent int64
	n, err := tx.CopyFrom(ctx, pgx.Identifier{"public", "usage_bill_row"}, billColumns, pgx.CopyFromFunc(func() ([]any, error) {
		row, ok := next()
		if !ok {
			return nil, readErr
		}
		if sent++; in.Progress != nil && sent%billProgressLines == 0 {
			in.Progress(sent)
		}
		return row, nil
	}))
	if readErr != nil && !errors.Is(readErr, errCopyEnded) {
		return 0, readErr // the server only repeats its text
	}
	return n, err
}

func billRow(id int64, digest [16]byte, l *bill.Line) []any {
	var cost, slack, currency, kind, payer, requests any
	if l.HasCost {
		cost, slack, currency = numeric(l.Cost), numeric(l.Slack), l.Currency
	}
	if l.HasKind {
		kind = l.Kind.String()
	}
	if l.Payer != "" {
		payer = string(l.Payer)
	}
	if l.HasRequests {
		requests = l.Requests
	}
	kinds, quantities := make([]string, len(l.Quantities)), make([]pgtype.Numeric, len(l.Quantities))
	for i, q := range l.Quantities {
		kinds[i], quantities[i] = q.Kind.String(), numeric(q.Amount)
	}
	return []any{
		id, digest, cost, slack, currency, string(l.Category), kind, l.Model, l.Tier, l.Project, l.APIKey, l.User, l.Item, payer, requests, kinds, quantities, l.Raw,
	}
}

func numeric(d decimal.Decimal) pgtype.Numeric {
	return pgtype.Numeric{Int: d.Coefficient(), Exp: d.Exponent(), Valid: true}
}

func moveCursor(ctx context.Context, tx pgx.Tx, c *BillCursor) (err error) {
	switch {
	case c == nil:
	case c.DoneUntil.Before(c.To):
		_, err = tx.Exec(ctx, `
INSERT INTO public.usage_bill_fetch (provider, account, report, from_day, to_day, done_until)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (provider, account, report) DO UPDATE
SET from_day = EXCLUDED.from_day, to_day = EXCLUDED.to_day, done_until = EXCLUDED.done_until, started_at = now()`, c.Provider, c.Account, string(c.Report), c.From, c.To, c.DoneUntil)
	default:
		_, err = tx.Exec(ctx, `DELETE FROM public.usage_bill_fetch WHERE provider = $1 AND account = $2 AND report = $3`, c.Provider, c.Account, string(c.Report))
	}
	return err
}

// ResumeBill sets where a run for these days starts. If a run for the same days was
// interrupted in the last six hours, the new one continues after the days that it stored.
func ResumeBill(ctx context.Context, pool *pgxpool.Pool, c *BillCursor) (resumed bool, err error) {
	c.DoneUntil = c.From
	err = pool.QueryRow(ctx, `
SELECT done_until FROM public.usage_bill_fetch
WHERE provider = $1 AND account = $2 AND report = $3 AND from_day = $4 AND to_day = $5 AND started_at > now() - interval '6 hours'`,
		c.Provider, c.Account, string(c.Report), c.From, c.To).Scan(&c.DoneUntil)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read how far the last run came: %w", err)
	}
	c.DoneUntil = c.DoneUntil.UTC()
	return true, nil
}

// SaveExplanation stores the causes of each day for dashboards, and replaces those stored
// earlier for the same days.
func SaveExplanation(ctx context.Context, pool *pgxpool.Pool, a explain.Answer) error {
	err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		for i := range a.Providers {
			if err := saveExplained(ctx, tx, &a.Providers[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("store the explanation: %w", err)
	}
	return nil
}

func saveExplained(ctx context.Context, tx pgx.Tx, p *explain.Provider) error {
	var batch pgx.Batch
	var causes [][]any
	for i := range p.Days {
		d := &p.Days[i]
		list, unexplained := d.Details()
		batch.Queue(`DELETE FROM public.usage_bill_explained_day WHERE provider = $1 AND day = $2::text::date`, p.Provider, d.Date)
		batch.Queue(`
INSERT INTO public.usage_bill_explained_day (provider, day, account, currency, bill_cost, row_cost, unexplained)
VALUES ($1, $2::text::date, $3, $4, $5, $6, $7)`, p.Provider, d.Date, p.Account, p.Currency, numeric(d.BillCost.Decimal), numeric(d.RowCost.Decimal), numeric(unexplained.Decimal))
		day, err := time.Parse(time.DateOnly, d.Date)
		if err != nil {
			return err
		}
		for n, c := range list {
			details, err := json.Marshal(c.Details) //nolint:gosec // APIKey is the id of a key
			if err != nil {
				return err
			}
			var quantity, unit any
			if c.Quantity != nil {
				quantity, unit = numeric(c.Quantity.Decimal), c.Unit
			}
			reason := c.Details.Reason + c.Details.Assumption + c.Details.Category + c.Details.Payer
			causes = append(causes, []any{p.Provider, day, n, string(c.Cause), numeric(c.Cost.Decimal), quantity, unit, c.Details.Model, reason, c.Details.Project, c.Details.APIKey, details})
		}
	}
	if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
		return err
	}
	_, err := tx.CopyFrom(ctx, pgx.Identifier{"public", "usage_bill_cause"},
		[]string{"provider", "day", "number", "cause", "cost", "quantity", "unit", "model", "reason", "project", "api_key", "details"}, pgx.CopyFromRows(causes))
	return err
}
