package outlook

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// Change describes other conditions for calls. Its zero value changes nothing.
type Change struct {
	// Models maps the models of calls to other models.
	Models map[string]string
	// Provider is the provider of those models; "" for the provider of the calls.
	Provider string
	// Tier is another service tier; "" for that of the calls.
	Tier string
	// Cached raises the share of text input that is read from the provider's cache to this
	// share; nil leaves it.
	Cached *Share
	// Discount is subtracted from the cost of each call.
	Discount Share
}

// ParsePercent parses a percentage from "0%" to "100%" with at most four decimal places.
func ParsePercent(text string) (Share, error) {
	number, has := strings.CutSuffix(strings.TrimSpace(text), "%")
	d, err := decimal.NewFromString(strings.TrimSpace(number))
	if !has || err != nil || len(number) > 16 || d.IsNegative() || d.GreaterThan(decimal.NewFromInt(100)) || !d.Equal(d.Truncate(4)) {
		return 0, fmt.Errorf("found %q, must be 0%% to 100%%, with at most four decimals", text)
	}
	return Share(d.Shift(4).IntPart()), nil
}

// IsZero reports whether the change changes nothing.
func (c *Change) IsZero() bool {
	return len(c.Models) == 0 && c.Tier == "" && c.Cached == nil && c.Discount == 0
}

// Price sets the cost that the call would have. It reports whether the change applies to
// the call; otherwise the record keeps its cost. A reported cost of the original call is
// not used for the changed one.
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

// WhatIf sums what calls cost and would cost.
type WhatIf struct {
	WhatIfSums
	ByModel []ModelWhatIf `json:"byModel"`

	byModel map[[2]string]*WhatIfSums
}

// WhatIfSums covers the calls whose cost is known both before and after the change, except
// for Unpriced and Unknown.
type WhatIfSums struct {
	Cost       usage.Sum `json:"cost"`
	WhatIf     usage.Sum `json:"whatIf"`
	Difference usage.Sum `json:"difference"`
	Calls      int64     `json:"calls"`
	Changed    int64     `json:"changedCalls"`
	// Unpriced is the number of calls without a known cost today.
	Unpriced int64 `json:"unpricedCalls,omitempty"`
	// Unknown is the number of calls that have a cost, UnknownCost, but none after the
	// change, because the book has no such price.
	Unknown     int64     `json:"unknownCalls,omitempty"`
	UnknownCost usage.Sum `json:"unknownCost,omitzero"`
	// Doubtful is the number of changed calls whose new cost is only an estimate.
	Doubtful int64 `json:"estimatedCalls,omitempty"`
	// Unread is the number of calls that keep their cost because their quantities are not
	// stored.
	Unread int64 `json:"unreadCalls,omitempty"`
}

// ModelWhatIf covers the calls of one model at one provider.
type ModelWhatIf struct {
	Provider string `json:"provider"`
	Model    string `json:"model"`
	WhatIfSums
}

// Add adds a call as it is and as it would be.
func (w *WhatIf) Add(before, after *usage.Record, changed bool) {
	for _, s := range w.sums(before) {
		s.add(before, after, changed)
	}
}

// AddUnread adds a call that cannot be priced again.
func (w *WhatIf) AddUnread(r *usage.Record) {
	for _, s := range w.sums(r) {
		s.add(r, r, false)
		s.Unread++
	}
}

// sums returns the sums that include a call.
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

// Finish fills ByModel, those with the largest difference first.
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
