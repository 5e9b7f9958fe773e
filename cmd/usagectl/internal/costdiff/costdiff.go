// Package costdiff adds up by model what other prices would change about
// stored calls, and prints it.
//
// It owns the sums and their look; it does not own how calls are read and
// priced (internal/store, internal/pricing).
package costdiff

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/otelcol-usage/otelcol-usage/internal/store"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// Sums of a set of calls; dollars are exact.
type Sums struct {
	Calls    int64     `json:"calls"`
	Changed  int64     `json:"changedCalls"`
	Unpriced int64     `json:"unpricedBefore"`
	Remain   int64     `json:"unpricedAfter"`
	Old      usage.Sum `json:"oldCost"`
	New      usage.Sum `json:"newCost"`
	Delta    usage.Sum `json:"delta"`
}

// Model is the calls of one model at one provider.
type Model struct {
	Provider string `json:"provider"`
	Model    string `json:"model"`
	Sums
}

// Skipped counts calls that cannot be priced again.
type Skipped struct {
	Reason string `json:"reason"`
	Calls  int64  `json:"calls"`
}

// Diff is the answer.
type Diff struct {
	Total   Sums      `json:"total"`
	Models  []Model   `json:"models"`
	Skipped []Skipped `json:"skipped"`

	byModel map[[2]string]*Sums
	skipped map[string]int64
}

// Add takes one call in.
func (d *Diff) Add(c store.Compared) {
	if d.byModel == nil {
		d.byModel, d.skipped = map[[2]string]*Sums{}, map[string]int64{}
	}
	if c.Fault != nil {
		d.skipped[c.Fault.Error()]++
		return
	}
	key := [2]string{c.Before.Provider, c.Before.Model}
	m := d.byModel[key]
	if m == nil {
		m = &Sums{}
		d.byModel[key] = m
	}
	for _, s := range []*Sums{m, &d.Total} {
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
		s.Old, s.New = s.Old.Plus(usage.SumOf(c.Before.Cost)), s.New.Plus(usage.SumOf(c.After.Cost))
		s.Delta = s.New.Minus(s.Old)
	}
}

// Finish sorts the models, those that change most first.
func (d *Diff) Finish() {
	d.Models, d.Skipped = []Model{}, []Skipped{}
	for key, s := range d.byModel {
		if s.Changed > 0 {
			d.Models = append(d.Models, Model{key[0], key[1], *s})
		}
	}
	slices.SortFunc(d.Models, func(a, b Model) int {
		return cmp.Or(b.Delta.Decimal().Abs().Cmp(a.Delta.Decimal().Abs()), cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Model, b.Model))
	})
	for reason, n := range d.skipped {
		d.Skipped = append(d.Skipped, Skipped{reason, n})
	}
	slices.SortFunc(d.Skipped, func(a, b Skipped) int { return cmp.Compare(a.Reason, b.Reason) })
}

// Print writes the answer for a terminal, dollars with all their digits.
func (d *Diff) Print(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(provider, model string, s Sums) {
		_, _ = fmt.Fprintf(table, "%s\t%s\t%d\t%d\t%s\t%s\t%s\t%d -> %d\n", Plain(provider), Plain(model), s.Calls, s.Changed, s.Old, s.New, signed(s.Delta), s.Unpriced, s.Remain)
	}
	_, _ = fmt.Fprintln(table, "PROVIDER\tMODEL\tCALLS\tCHANGED\tOLD USD\tNEW USD\tDELTA USD\tUNPRICED")
	for _, m := range d.Models {
		line(m.Provider, m.Model, m.Sums)
	}
	line("total", "(all models, changed or not)", d.Total)
	if err := table.Flush(); err != nil {
		return err
	}
	for _, s := range d.Skipped {
		if _, err := fmt.Fprintf(w, "%d calls are left alone: %s\n", s.Calls, s.Reason); err != nil {
			return err
		}
	}
	return nil
}

func signed(s usage.Sum) string {
	if s.Decimal().IsPositive() {
		return "+" + s.String()
	}
	return s.String()
}

// Plain keeps what apps call their models from steering the terminal.
func Plain(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return '\uFFFD'
		}
		return r
	}, text)
}
