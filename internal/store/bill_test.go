package store_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/bill"
	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
	"github.com/otelcol-usage/otelcol-usage/internal/store/read"
	"github.com/otelcol-usage/otelcol-usage/internal/store/upkeep"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

var billDay = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// billOf is an import of so many rows of one day, each of a dollar.
func billOf(rows int, each func(n int) error) upkeep.BillImport {
	return upkeep.BillImport{
		Account: "acme",
		Days:    []bill.Covered{{Provider: "openai", Report: bill.OpenAICosts, Day: billDay, Until: billDay.AddDate(0, 0, 1)}},
		Lines: func(line func(*bill.Line) error) error {
			for n := range rows {
				if err := each(n); err != nil {
					return err
				}
				if err := line(&bill.Line{
					Provider: "openai", Report: bill.OpenAICosts, Day: billDay, HasCost: true, Cost: decimal.New(1, 0), Currency: "USD",
					Model: "m", Raw: fmt.Appendf(nil, `{"n": %d}`, n),
				}); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

func TestAnImportThatBreaksOffChangesNothing(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	whole := func(int) error { return nil }
	_, err := upkeep.SaveBill(t.Context(), db.Pool, billOf(10, whole))
	require.NoError(t, err)
	const stored = `SELECT count(*), sum(cost)::text FROM public.usage_bill_row`
	require.Equal(t, "10|10", db.Text(stored))

	broken := errors.New("the file ends here")
	_, err = upkeep.SaveBill(t.Context(), db.Pool, billOf(5000, func(n int) error {
		if n == 4000 {
			return broken
		}
		return nil
	}))
	require.ErrorIs(t, err, broken)
	assert.Equal(t, "10|10", db.Text(stored))

	_, err = upkeep.SaveBill(t.Context(), db.Pool, billOf(50_000, func(n int) error {
		if n == 20_000 { // the server ends the connection in the middle of a copy
			db.Exec(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE 'copy %'`)
		}
		return nil
	}))
	require.Error(t, err)
	assert.Equal(t, "10|10", db.Text(stored))

	saved, err := upkeep.SaveBill(t.Context(), db.Pool, billOf(20, whole))
	require.NoError(t, err)
	assert.Equal(t, upkeep.BillSaved{Lines: 20, Replaced: 1}, saved)
	assert.Equal(t, "20|20", db.Text(stored))
}

func TestARunGoesOnWhereItWasStopped(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	run := func() upkeep.BillCursor {
		return upkeep.BillCursor{Provider: "openai", Account: "acme", Report: bill.OpenAICosts, From: billDay, To: billDay.AddDate(0, 0, 7)}
	}
	c := run()
	resumed, err := upkeep.ResumeBill(t.Context(), db.Pool, &c)
	require.NoError(t, err)
	assert.False(t, resumed)
	assert.Equal(t, c.From, c.DoneUntil)

	in := billOf(1, func(int) error { return nil })
	c.DoneUntil = billDay.AddDate(0, 0, 1)
	in.Cursor = &c
	_, err = upkeep.SaveBill(t.Context(), db.Pool, in)
	require.NoError(t, err)
	again := run()
	resumed, err = upkeep.ResumeBill(t.Context(), db.Pool, &again)
	require.NoError(t, err)
	assert.True(t, resumed)
	assert.Equal(t, billDay.AddDate(0, 0, 1), again.DoneUntil)
	other := run()
	other.To = other.To.AddDate(0, 0, 1)
	resumed, err = upkeep.ResumeBill(t.Context(), db.Pool, &other)
	require.NoError(t, err)
	assert.False(t, resumed, "a run for other days begins at its beginning")

	again.DoneUntil = again.To
	in.Cursor = &again
	_, err = upkeep.SaveBill(t.Context(), db.Pool, in)
	require.NoError(t, err)
	assert.Equal(t, "0", db.Text(`SELECT count(*) FROM public.usage_bill_fetch`), "a run that ended leaves no cursor")
}

// TestCallsAreAddedUpByWhatExplainsADifference compares every quantity of calls
// that have all of them.
func TestCallsAreAddedUpByWhatExplainsADifference(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	in := billOf(1, func(int) error { return nil })
	noon := billDay.Add(12 * time.Hour)
	in.Days[0].Until = noon
	_, err := upkeep.SaveBill(t.Context(), db.Pool, in)
	require.NoError(t, err)
	const call = `
INSERT INTO public.api_usage (timestamp, usage_dollars, api_type, model, provider, pricing_status, pricing_reason, pricing_assumptions, payer, metadata,
  tokens_used, input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens, audio_seconds, characters, images, other_quantities)
VALUES ($1, 0.5, 'text', 'm', 'openai', 'estimated', 'price_fallback', '{service_tier,region}', 'api', '{"service_tier": "batch", "quantity_reason": "cache_not_reported"}',
  1500, 1000, 500, 300, 100, 50, 200, 12.5, 7, 3, '{"cache_read_audio": 20, "cache_write_30m": 60, "input_audio": 40, "output_audio": 30, "web_searches": 2}')`
	for _, at := range []time.Time{billDay, noon.Add(-time.Second), noon, billDay.AddDate(0, 0, 1)} {
		db.Exec(call, at)
	}
	var got bill.Input
	require.NoError(t, read.New(db.Pool, time.Minute).Bill(t.Context(), read.BillQuestion{From: billDay, To: billDay.AddDate(0, 0, 1)}, func(in bill.Input) error {
		got = in
		return nil
	}))
	require.Len(t, got.Calls, 2, "those before and those after what the bill covers")
	for _, c := range got.Calls {
		n := int64(2)
		if c.Late {
			n = 1
		}
		assert.Equal(t, n, c.Calls)
		assert.True(t, c.Cost.Equal(decimal.New(5*n, -1)), c.Cost)
		assert.Equal(t, []string{"m", "batch", "estimated", "price_fallback", "cache_not_reported", "service_tier+region", "api"},
			[]string{c.Model, c.Tier, string(c.Status), string(c.Reason), string(c.QuantityReason), c.Assumptions, string(c.Payer)})
		quantities := map[usage.QuantityKind]string{}
		for _, q := range c.Quantities {
			quantities[q.Kind] = q.Amount.Div(decimal.New(n, 0)).String()
		}
		assert.Equal(t, map[usage.QuantityKind]string{
			usage.InputTextTokens: "510", usage.InputAudioTokens: "40", usage.CacheReadTokens: "280", usage.CacheReadAudioTokens: "20",
			usage.CacheWrite5mTokens: "40", usage.CacheWrite30mTokens: "60", usage.CacheWrite1hTokens: "50",
			usage.OutputTextTokens: "270", usage.OutputReasoningTokens: "200", usage.OutputAudioTokens: "30",
			usage.AudioSeconds: "12.5", usage.Characters: "7", usage.Images: "3", usage.WebSearches: "2",
		}, quantities)
	}
}

// TestTheLinesOfADayComeBackAsTheyWereSaved saves rows of several kinds, and some
// that are alike.
func TestTheLinesOfADayComeBackAsTheyWereSaved(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	n := func(d int64) decimal.Decimal { return decimal.New(d, -1) }
	costs := bill.Line{
		Provider: "openai", Report: bill.OpenAICosts, Day: billDay, HasCost: true, Cost: n(15), Slack: n(1), Currency: "USD", Kind: usage.CacheReadTokens, HasKind: true,
		Model: "m", Tier: "batch", Project: "p", APIKey: "k", User: "u", Item: "m, cached", Quantities: []bill.Quantity{{Kind: usage.CacheReadTokens, Amount: n(70)}},
	}
	storage := bill.Line{Provider: "openai", Report: bill.OpenAICosts, Day: billDay, HasCost: true, Cost: n(3), Currency: "USD", Category: bill.ForStorage, Item: "vector store"}
	usages := bill.Line{
		Provider: "openai", Report: bill.OpenAIUsage + "/completions", Day: billDay.AddDate(0, 0, 1), Model: "m", Payer: usage.PayerPlan, Requests: 4, HasRequests: true,
		Quantities: []bill.Quantity{{Kind: usage.InputTextTokens, Amount: n(10)}, {Kind: usage.OutputTextTokens, Amount: n(20)}, {Kind: usage.WebSearches, Amount: n(30)}},
	}
	saved := []bill.Line{costs, costs, storage, usages}
	for i := range saved {
		saved[i].Raw = fmt.Appendf(nil, `{"n": %d}`, i)
	}
	_, err := upkeep.SaveBill(t.Context(), db.Pool, upkeep.BillImport{
		Account: "acme",
		Days: []bill.Covered{
			{Provider: "openai", Report: bill.OpenAICosts, Day: billDay, Until: billDay.AddDate(0, 0, 1)},
			{Provider: "openai", Report: bill.OpenAIUsage + "/completions", Day: billDay.AddDate(0, 0, 1), Until: billDay.AddDate(0, 0, 2)},
		},
		Lines: func(each func(*bill.Line) error) (err error) {
			for i := range saved {
				err = errors.Join(err, each(&saved[i]))
			}
			return err
		},
	})
	require.NoError(t, err)
	want := []bill.Line{costs, storage, usages}
	want[0].Cost, want[0].Slack, want[0].Item, want[0].Quantities = n(30), n(2), "", []bill.Quantity{{Kind: usage.CacheReadTokens, Amount: n(140)}}
	reader, question := read.New(db.Pool, time.Minute), read.BillQuestion{From: billDay, To: billDay.AddDate(0, 0, 3)}
	var got []string
	require.NoError(t, reader.Bill(t.Context(), question, func(in bill.Input) error {
		require.Len(t, in.Charged, 1)
		assert.Equal(t, "openai USD 3.3", fmt.Sprint(in.Charged[0].Provider, " ", in.Charged[0].Currency, " ", in.Charged[0].Cost))
		for b, err := range in.Bill {
			require.NoError(t, err)
			assert.False(t, b.Cut)
			for _, l := range b.Lines {
				assert.Equal(t, b.Day, l.Day)
				got = append(got, fmt.Sprint(l))
			}
		}
		return nil
	}))
	var text []string
	for _, l := range want {
		l.Raw, l.Until = nil, time.Time{}
		text = append(text, fmt.Sprint(l))
	}
	assert.ElementsMatch(t, text, got)

	t.Run("whoever has read enough stops", func(t *testing.T) {
		enough := errors.New("enough")
		require.ErrorIs(t, reader.Bill(t.Context(), question, func(in bill.Input) error {
			for range in.Bill {
				return enough
			}
			return nil
		}), enough)
	})
	t.Run("a database that goes away is no end of the bill", func(t *testing.T) {
		var ends int
		require.Error(t, reader.Bill(t.Context(), question, func(in bill.Input) (err error) {
			db.Exec(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
			for _, err = range in.Bill {
				ends++
			}
			return err
		}))
		assert.Equal(t, 1, ends)
	})
}
