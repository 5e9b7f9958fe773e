package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/otelcol-usage/otelcol-usage/internal/store/upkeep"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// costSums are sums over a set of calls, in exact dollars.
type costSums struct {
	Calls    int64 `json:"calls"`
	Changed  int64 `json:"changedCalls"`
	Unpriced int64 `json:"unpricedBefore"`
	Remain   int64 `json:"unpricedAfter"`
	// Lost is the number of calls that have a cost today and would have none. LostCost is
	// their cost.
	Lost     int64     `json:"losingTheirCost"`
	LostCost usage.Sum `json:"lostCost"`
	Old      usage.Sum `json:"oldCost"`
	New      usage.Sum `json:"newCost"`
	Delta    usage.Sum `json:"delta"`
}

// modelDifference covers the calls of one model at one provider.
type modelDifference struct {
	Provider string `json:"provider"`
	Model    string `json:"model"`
	costSums
}

// skippedCalls counts calls that cannot be priced again.
type skippedCalls struct {
	Reason string `json:"reason"`
	Calls  int64  `json:"calls"`
}

// costDifference is the effect of other prices on stored calls, by model.
type costDifference struct {
	Total   costSums          `json:"total"`
	Models  []modelDifference `json:"models"`
	Skipped []skippedCalls    `json:"skipped"`
	// Reach is nil when no price files are tried.
	Reach *reachSums `json:"reach,omitempty"`

	// Losing counts the calls that have a price and would have none, by the book that
	// priced them.
	Losing map[string]int64 `json:"callsLosingTheirPrice,omitempty"`

	byModel map[[2]string]*costSums
	skipped map[string]int64
}

// compareCosts reprices stored calls without changing them.
func compareCosts(ctx context.Context, pool *pgxpool.Pool, o upkeep.RepriceOptions) (*costDifference, error) {
	d := &costDifference{byModel: map[[2]string]*costSums{}, skipped: map[string]int64{}, Losing: map[string]int64{}}
	if err := upkeep.Compare(ctx, pool, o, d.add); err != nil {
		return nil, err
	}
	d.finish()
	return d, nil
}

// add adds a call.
func (d *costDifference) add(c upkeep.Compared) {
	if c.Fault != nil {
		d.skipped[c.Fault.Error()]++
		return
	}
	key := [2]string{c.Before.Provider, c.Before.Model}
	m := d.byModel[key]
	if m == nil {
		m = &costSums{}
		d.byModel[key] = m
	}
	if c.Before.Status != usage.StatusUnpriced && c.After.Status == usage.StatusUnpriced {
		book, _, _ := strings.Cut(c.Before.PriceID, ":")
		d.Losing[book]++
	}
	for _, s := range []*costSums{m, &d.Total} {
		s.Calls++
		if c.Changed {
			s.Changed++
		}
		if c.Before.Status == usage.StatusUnpriced {
			s.Unpriced++
		}
		if c.After.Status == usage.StatusUnpriced {
			s.Remain++
		}
		if c.Before.Status != usage.StatusUnpriced && c.After.Status == usage.StatusUnpriced {
			s.Lost++
			s.LostCost = s.LostCost.Plus(usage.SumOf(c.Before.Cost))
		}
		s.Old, s.New = s.Old.Plus(usage.SumOf(c.Before.Cost)), s.New.Plus(usage.SumOf(c.After.Cost))
		s.Delta = s.New.Minus(s.Old)
	}
}

// finish sorts the models by the size of the difference, largest first.
func (d *costDifference) finish() {
	d.Models, d.Skipped = []modelDifference{}, []skippedCalls{}
	for key, s := range d.byModel {
		if s.Changed > 0 {
			d.Models = append(d.Models, modelDifference{key[0], key[1], *s})
		}
	}
	slices.SortFunc(d.Models, func(a, b modelDifference) int {
		return cmp.Or(b.Delta.Decimal().Abs().Cmp(a.Delta.Decimal().Abs()), cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Model, b.Model))
	})
	for reason, n := range d.skipped {
		d.Skipped = append(d.Skipped, skippedCalls{reason, n})
	}
	slices.SortFunc(d.Skipped, func(a, b skippedCalls) int { return cmp.Compare(a.Reason, b.Reason) })
}

// print prints the answer for a terminal, with all digits.
func (d *costDifference) print(w io.Writer) error {
	var t table
	line := func(provider, model string, s costSums) {
		t.row(provider, model, count(s.Calls), count(s.Changed), number(s.Old.String()), number(s.New.String()), number(signed(s.Delta)), number(fmt.Sprintf("%d -> %d", s.Unpriced, s.Remain)))
	}
	t.row("PROVIDER", "MODEL", number("CALLS"), number("CHANGED"), number("OLD USD"), number("NEW USD"), number("DELTA USD"), number("UNPRICED"))
	for _, m := range d.Models {
		line(m.Provider, m.Model, m.costSums)
	}
	line("total", "(all models, changed or not)", d.Total)
	if err := t.print(w); err != nil {
		return err
	}
	for _, s := range d.Skipped {
		if _, err := fmt.Fprintf(w, "%s left alone: %s\n", plural(s.Calls, "call is", "calls are"), s.Reason); err != nil {
			return err
		}
	}
	return d.Reach.print(w)
}

func signed(s usage.Sum) string {
	if s.Decimal().IsPositive() {
		return "+" + s.String()
	}
	return s.String()
}
