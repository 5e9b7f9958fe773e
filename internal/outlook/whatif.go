package outlook

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// Change is what would be different about calls. Its zero value changes nothing.
type Change struct {
	// Models are other models to make the calls with, by the model that they were made
	// with.
	Models map[string]string
	// Provider is where those models are called, "" for where the calls were made.
	Provider string
	// Tier is the service tier to ask for, "" for that of the calls.
	Tier string
	// Cached is the share of text input that would be read from the provider's cache,
	// where less is; nil to leave it.
	Cached *Share
	// Discount is taken off the cost of each call.
	Discount Share
}

// ParsePercent reads a percentage from "0%" to "100%" with at most four decimals.
func ParsePercent(text string) (Share, error) {
	number, has := strings.CutSuffix(strings.TrimSpace(text), "%")
	d, err := decimal.NewFromString(strings.TrimSpace(number))
	if !has || err != nil || len(number) > 16 || d.IsNegative() || d.GreaterThan(decimal.NewFromInt(100)) || !d.Equal(d.Truncate(4)) {
		return 0, fmt.Errorf("found %q, must be 0%% to 100%%, with at most four decimals", text)
	}
	return Share(d.Shift(4).IntPart()), nil
}

// IsZero reports whether nothing changes.
func (c *Change) IsZero() bool {
	return len(c.Models) == 0 && c.Tier == "" && c.Cached == nil && c.Discount == 0
}

// Price gives a record the cost that its call would have. It reports whether the change
// is about this call; the record of another keeps its cost. What the call itself said of
// its cost is not believed of another call.
func (c *Change) Price(r *usage.Record, price func(*usage.Record)) (changed bool) {
	if to, has := c.Models[r.Model]; has {
		r.Model, r.RequestModel, changed = to, "", true
		r.Provider = cmp.Or(c.Provider, r.Provider)
	} else if len(c.Models) > 0 {
		return false
	}
	if c.Tier != "" && r.ServiceTier != c.Tier {
		r.ServiceTier, changed = c.Tier, true
	}
	if c.Cached != nil {
		input := r.Quantities[usage.InputTextTokens] + r.Quantities[usage.CacheReadTokens]
		if cached := scale(input, int64(*c.Cached), perMillion); cached > r.Quantities[usage.CacheReadTokens] {
			r.Quantities[usage.InputTextTokens], r.Quantities[usage.CacheReadTokens], changed = input-cached, cached, true
		}
	}
	if changed {
		r.ReportedCost, r.HasReportedCost, r.ReportedIsBill = 0, false, false
		price(r)
	}
	if c.Discount > 0 && r.Status != usage.StatusUnpriced {
		left := decimal.New(perMillion-int64(c.Discount), -6)
		r.Cost = usage.Money(r.Cost.Decimal().Mul(left).Shift(usage.MoneyScale).RoundBank(0).IntPart())
		changed = true
	}
	return changed
}

// WhatIf is what calls cost and would cost.
type WhatIf struct {
	WhatIfSums
	ByModel []ModelWhatIf `json:"byModel"`

	byModel map[[2]string]*WhatIfSums
}

// WhatIfSums are over calls whose cost is known both ways, but for Unpriced and Unknown.
type WhatIfSums struct {
	Cost       usage.Sum `json:"cost"`
	WhatIf     usage.Sum `json:"whatIf"`
	Difference usage.Sum `json:"difference"`
	Calls      int64     `json:"calls"`
	Changed    int64     `json:"changedCalls"`
	// Unpriced calls have no known cost today.
	Unpriced int64 `json:"unpricedCalls,omitempty"`
	// Unknown calls have a cost, UnknownCost, and none after the change: the book has no
	// such price.
	Unknown     int64     `json:"unknownCalls,omitempty"`
	UnknownCost usage.Sum `json:"unknownCost,omitzero"`
	// Doubtful calls are changed, and the book says that their new cost is an estimate.
	Doubtful int64 `json:"estimatedCalls,omitempty"`
	// Unread calls keep their cost: what they consumed is not stored.
	Unread int64 `json:"unreadCalls,omitempty"`
}

// ModelWhatIf is the calls of one model at one provider.
type ModelWhatIf struct {
	Provider string `json:"provider"`
	Model    string `json:"model"`
	WhatIfSums
}

// Add takes one call in, as it is and as it would be.
func (w *WhatIf) Add(before, after *usage.Record, changed bool) {
	for _, s := range w.sums(before) {
		s.add(before, after, changed)
	}
}

// AddUnread takes one call in that cannot be priced again.
func (w *WhatIf) AddUnread(r *usage.Record) {
	for _, s := range w.sums(r) {
		s.add(r, r, false)
		s.Unread++
	}
}

// sums are those that a call counts in.
func (w *WhatIf) sums(r *usage.Record) [2]*WhatIfSums {
	if w.byModel == nil {
		w.byModel = map[[2]string]*WhatIfSums{}
	}
	key := [2]string{r.Provider, r.Model}
	if w.byModel[key] == nil {
		w.byModel[key] = &WhatIfSums{}
	}
	return [2]*WhatIfSums{&w.WhatIfSums, w.byModel[key]}
}

func (s *WhatIfSums) add(before, after *usage.Record, changed bool) {
	cost := usage.SumOf(before.Cost)
	switch {
	case before.Status == usage.StatusUnpriced:
		s.Unpriced++
		return
	case after.Status == usage.StatusUnpriced:
		s.Unknown++
		s.UnknownCost = s.UnknownCost.Plus(cost)
		return
	case changed:
		s.Changed++
		if after.Status == usage.StatusEstimated && before.Status != usage.StatusEstimated {
			s.Doubtful++
		}
	}
	s.Calls++
	s.Cost, s.WhatIf = s.Cost.Plus(cost), s.WhatIf.Plus(usage.SumOf(after.Cost))
	s.Difference = s.WhatIf.Minus(s.Cost)
}

// Finish lists the models, those that change most first.
func (w *WhatIf) Finish() {
	w.ByModel = []ModelWhatIf{}
	for key, s := range w.byModel {
		w.ByModel = append(w.ByModel, ModelWhatIf{key[0], key[1], *s})
	}
	slices.SortFunc(w.ByModel, func(a, b ModelWhatIf) int {
		return cmp.Or(b.Difference.Decimal().Abs().Cmp(a.Difference.Decimal().Abs()), b.Cost.Cmp(a.Cost),
			cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Model, b.Model))
	})
}
