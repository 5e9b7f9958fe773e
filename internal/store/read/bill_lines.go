package read

import (
	"context"
	"errors"
	"iter"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/shopspring/decimal"

	"github.com/otelcol-usage/otelcol-usage/internal/bill"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// maxBillLines is how many different lines of one day are kept apart; they take about 50
// MiB. A bill broken down by user and key has at least one line per user.
const maxBillLines = 50_000

// billLinesSQL reads the rows of one day. Most rows have a single kind, which is read as a
// scalar because an array takes longer to read than the rest of the row.
const billLinesSQL = `
SELECT day_id, currency, category, cost_kind, model, tier, project, api_key, user_name,
       CASE WHEN category <> '' THEN item END, payer, cost::text, slack::text, requests, kinds[1], quantities[1]::text,
       CASE WHEN cardinality(kinds) > 1 THEN kinds[2:] END, CASE WHEN cardinality(kinds) > 1 THEN quantities[2:]::text[] END
FROM public.usage_bill_row
WHERE day_id = ANY ($1)`

// bill yields the lines of one day at a time. The next day is read while the current one is
// explained.
func (b *billReader) bill(ctx context.Context) iter.Seq2[bill.Billed, error] {
	type result struct {
		billed bill.Billed
		err    error
	}
	return func(yield func(bill.Billed, error) bool) {
		ctx, stop := context.WithCancel(ctx)
		days := make(chan result)
		go func() {
			defer close(days)
			texts := map[string]string{}
			for _, d := range b.stored {
				billed, err := b.lines(ctx, d, texts)
				if days <- (result{billed, err}); err != nil {
					return
				}
			}
		}()
		defer func() {
			stop()
			for range days { //nolint:revive // wait until the reading goroutine has ended
			}
		}()
		for d := range days {
			if !yield(d.billed, d.err) {
				return
			}
		}
	}
}

// lines reads a day. Equal texts share one string.
func (b *billReader) lines(ctx context.Context, d storedDay, texts map[string]string) (bill.Billed, error) {
	ids := make([]int64, 0, len(d.reports))
	for id := range d.reports {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	rows, err := b.tx.Query(ctx, billLinesSQL, ids)
	if err != nil {
		return bill.Billed{}, err
	}
	f := lineFold{out: bill.Billed{Provider: d.provider, Day: d.day}, most: maxBillLines, at: map[lineKey]int{}}
	r := lineRow{texts: texts}
	into := r.into()
	_, err = pgx.ForEachRow(rows, into, func() error {
		r.key.report = d.reports[r.day]
		quantities, err := r.quantities()
		if err != nil {
			return err
		}
		return f.add(r.key, r.cost, r.slack, r.requests, quantities)
	})
	return f.out, err
}

// lineKey holds what two lines must share to be merged.
type lineKey struct {
	report                                bill.Report
	currency, category, kind, model, tier string
	project, apiKey, user, item, payer    string
}

// lineRow is a row as the database returns it.
type lineRow struct {
	key            lineKey
	day            int64
	cost, slack    *string
	requests       *int64
	first, amount  *string
	kinds, amounts []*string
	texts          map[string]string
}

func (r *lineRow) into() []any {
	k := &r.key
	into := []any{&r.day}
	for _, to := range []*string{&k.currency, &k.category, &k.kind, &k.model, &k.tier, &k.project, &k.apiKey, &k.user, &k.item, &k.payer} {
		into = append(into, &onceText{to, r.texts})
	}
	return append(into, &r.cost, &r.slack, &r.requests, &r.first, &r.amount, &r.kinds, &r.amounts)
}

// quantities returns the quantities of the row, without kinds that only a newer build
// knows.
func (r *lineRow) quantities() ([]bill.Quantity, error) {
	list := make([]bill.Quantity, 0, 1+len(r.kinds))
	add := func(kind, amount *string) error {
		if kind == nil || amount == nil {
			return nil
		}
		k, err := usage.ParseQuantityKind(*kind)
		if err != nil {
			return nil //nolint:nilerr // see above
		}
		n, err := decimal.NewFromString(*amount)
		list = append(list, bill.Quantity{Kind: k, Amount: n})
		return err
	}
	err := add(r.first, r.amount)
	for i := range r.kinds {
		err = errors.Join(err, add(r.kinds[i], r.amounts[i]))
	}
	return list, err
}

// onceText scans a text that many rows share, and NULL as "".
type onceText struct {
	to    *string
	known map[string]string
}

// ScanBytes implements [pgtype.BytesScanner].
func (t *onceText) ScanBytes(text []byte) error {
	known, ok := t.known[string(text)]
	if !ok {
		known = string(text)
		t.known[known] = known
	}
	*t.to = known
	return nil
}

// lineFold merges lines that differ only in their numbers.
type lineFold struct {
	out  bill.Billed
	most int
	at   map[lineKey]int
}

func (f *lineFold) add(k lineKey, cost, slack *string, requests *int64, quantities []bill.Quantity) error {
	i, ok := f.at[k]
	if !ok && len(f.out.Lines) >= f.most {
		f.out.Cut = true
		k.project, k.apiKey, k.user, k.item = "", "", "", ""
		i, ok = f.at[k]
	}
	if !ok {
		l := bill.Line{
			Provider: f.out.Provider, Report: k.report, Day: f.out.Day, Currency: k.currency, Category: bill.Category(k.category), Model: k.model, Tier: k.tier,
			Project: k.project, APIKey: k.apiKey, User: k.user, Item: k.item, Payer: usage.Payer(k.payer),
		}
		if k.kind != "" {
			var err error
			if l.Kind, err = usage.ParseQuantityKind(k.kind); err != nil {
				return err
			}
			l.HasKind = true
		}
		i = len(f.out.Lines)
		f.at[k], f.out.Lines = i, append(f.out.Lines, l)
	}
	l := &f.out.Lines[i]
	if requests != nil {
		l.Requests, l.HasRequests = l.Requests+*requests, true
	}
	for _, q := range quantities {
		l.Add(q.Kind, q.Amount)
	}
	if cost == nil {
		return nil
	}
	l.HasCost = true
	for _, n := range []struct {
		text *string
		to   *decimal.Decimal
	}{{cost, &l.Cost}, {slack, &l.Slack}} {
		d, err := decimal.NewFromString(*n.text)
		if err != nil {
			return err
		}
		*n.to = n.to.Add(d)
	}
	return nil
}
