package pricing

import (
	"math/big"
	"slices"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/pricing/book"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// ListPrice is the standard price of one kind of token or of characters, from a moment
// until the next ListPrice of the same kind.
type ListPrice struct {
	Kind usage.QuantityKind
	From time.Time
	// DollarsPerMillion is a decimal with at most 12 places; empty when the kind has no
	// price from that moment on.
	DollarsPerMillion string
}

// ListPrices returns the standard prices of a model over time, for charts and comparisons.
// Service tiers, context tiers, hours of the day and contracts are left out, and so are
// kinds that are billed as another kind. The list is empty when the book does not know the
// model.
func (b *Book) ListPrices(provider, model string) (list []ListPrice) {
	c := Call{Provider: provider, Model: model}
	segments := b.history(&c)
	for k := range usage.QuantityKindCount {
		if unit := k.Unit(); unit != usage.UnitToken && unit != usage.UnitCharacter {
			continue
		}
		last, until := "", int64(always)
		put := func(from int64, price string) {
			if price != last {
				list = append(list, ListPrice{Kind: k, From: storable(from), DollarsPerMillion: price})
				last = price
			}
		}
		for _, s := range segments {
			if s.from > until {
				put(until, "")
			}
			put(s.from, s.row.listPrice(&c, s.region, k))
			until = s.until
		}
		if until != never {
			put(until, "")
		}
	}
	return list
}

// holding is a row and the time during which calls by one name get it.
type holding struct {
	from, until int64
	row         *row
	region      string
}

// history lists the rows that a call by one name gets over time.
func (b *Book) history(c *Call) (list []holding) {
	candidates := b.search(c, func(Step) {})
	var moments []int64
	for _, l := range candidates {
		for _, s := range slices.Concat(l.timeline.segments, l.apart) {
			moments = append(moments, s.from, s.until)
		}
	}
	slices.Sort(moments)
	moments = slices.Compact(moments)
	for i := range len(moments) - 1 {
		if f, _ := pick(candidates, moments[i]); f.segment != nil {
			list = append(list, holding{moments[i], moments[i+1], f.segment.row, f.region})
		}
	}
	return list
}

func storable(second int64) time.Time {
	if second < usage.MinTime.Unix() {
		return usage.MinTime
	}
	return time.Unix(second, 0).UTC()
}

func (r *row) listPrice(c *Call, regionInName string, k usage.QuantityKind) string {
	s, _ := r.choose(c, regionInName)
	s.hours = 0
	f, ok := r.own(s, book.Item(k))
	if !ok || f.price.IsSame() {
		return ""
	}
	perMillion := dollars(f.rate())
	return perMillion.Mul(perMillion, big.NewRat(1_000_000, 1)).FloatString(12)
}
