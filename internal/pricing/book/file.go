package book

import (
	"fmt"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// File is the content of one price file for one provider.
type File struct {
	// Name is the path of the file, for messages and price ids.
	Name string
	// Line is where this part begins; a file may have several parts.
	Line int
	// Provider is who hosts the models and bills the calls, in OpenTelemetry's spelling of
	// gen_ai.provider.name.
	Provider string
	// AsOf is the date up to which the file knows public prices; zero when not stated.
	AsOf time.Time
	// Also lists other spellings of the provider in telemetry.
	Also []string
	// Defaults apply to every row of the file that does not override them: tool fees, a
	// batch discount.
	Defaults Blocks
	Rows     []Row
	Aliases  []Alias
	// Adjustments are the changes that a contract makes to list prices.
	Adjustments []Adjustment
}

// Row is the price of one model for one span of time.
type Row struct {
	Line int
	// Model is the name, or a pattern in which * matches any text.
	Model string
	Span  Span

	Blocks
	// Inherit takes every price that this row does not name from the row that it replaces
	// in an earlier file.
	Inherit bool
	// Graduated prices each part of the tokens by the context tier it falls into, instead
	// of the whole request by the tier it reaches.
	Graduated bool

	// Source says where the price was published, so that readers can check it.
	Source string
	// Confidence is "high", "medium", "low" or empty. The cost of a call priced by a
	// [LowConfidence] row is an estimate.
	Confidence string
	Note       string
	// Checked says why something odd in this row is right; it silences the warnings.
	Checked string
}

// LowConfidence is the confidence of a row that only one source confirms.
const LowConfidence = "low"

// Blocks are the prices of a row and the modifiers that change them.
type Blocks struct {
	Block
	// Variants: image size and quality, video resolution.
	Variants []Named
	// ServiceTiers: batch, flex, priority.
	ServiceTiers []Named
	// Regions are named by the provider's region, or by the part before its first "-".
	Regions []Named
	// Hours: times of day.
	Hours []Hours
	// Depends names what else the prices depend on, in addition to what these blocks imply.
	Depends Depends
}

// Block is a set of prices.
type Block struct {
	// Times multiplies every price that this block does not name itself, except fees; nil
	// means 1.
	Times  *decimal.Decimal
	Prices []Price
	Tiers  []Tier
}

// IsEmpty reports whether the block has no effect.
func (b *Block) IsEmpty() bool { return b.Times == nil && len(b.Prices) == 0 && len(b.Tiers) == 0 }

// Find returns the price of an item in the list.
func Find(prices []Price, item Item) (Price, bool) {
	for _, p := range prices {
		if p.Item == item {
			return p, true
		}
	}
	return Price{}, false
}

// Price is the price of one item.
type Price struct {
	Line   int
	Item   Item
	Unit   Unit
	Amount decimal.Decimal // dollars per Unit
	// Same, when it is not Item, is the item as which this one is billed: "cache_read:
	// input".
	Same Item
}

// IsSame reports whether the item is billed as another one.
func (p Price) IsSame() bool { return p.Same != p.Item }

// Tier holds the prices of a request with long input.
type Tier struct {
	Line int
	// Min is the smallest total of input tokens, cached ones included, that reaches the
	// tier: 200001 for "above: 200000", 128000 for "at_least: 128000".
	Min int64
	// Above reports which of the two forms the file uses.
	Above  bool
	Prices []Price
}

// Label names the tier by its threshold: "above-200000".
func (t Tier) Label() string {
	if t.Above {
		return fmt.Sprintf("above-%d", t.Min-1)
	}
	return fmt.Sprintf("from-%d", t.Min)
}

// Named is a block for a service tier, region or variant.
type Named struct {
	Line int
	Name string
	Block
}

// Hours is a block for a part of the UTC day, [From, Until) in minutes since midnight.
// Until may be less than From: the part then spans midnight.
type Hours struct {
	Line int
	// FirstDay to LastDay are the UTC weekdays on which the part applies, across the
	// weekend when FirstDay is the later one; both are -1 for every day.
	FirstDay, LastDay time.Weekday
	From, Until       int
	Block
}

// EveryDay in [Hours] means no particular day of the week.
const EveryDay time.Weekday = -1

// Contains reports whether a moment is in the part of the day.
func (h *Hours) Contains(t time.Time) bool {
	t = t.UTC()
	return h.onDay(t.Weekday()) && h.inDay(t.Hour()*60+t.Minute())
}

func (h *Hours) onDay(day time.Weekday) bool {
	if h.FirstDay == EveryDay {
		return true
	}
	if h.FirstDay <= h.LastDay {
		return h.FirstDay <= day && day <= h.LastDay
	}
	return day >= h.FirstDay || day <= h.LastDay
}

func (h *Hours) inDay(minute int) bool {
	if h.From < h.Until {
		return h.From <= minute && minute < h.Until
	}
	return minute >= h.From || minute < h.Until
}

// Key returns the part of the day as files write it: "mon-fri 01:00-04:00".
func (h *Hours) Key() string {
	text := fmt.Sprintf("%02d:%02d-%02d:%02d", h.From/60, h.From%60, h.Until/60, h.Until%60)
	switch h.FirstDay {
	case EveryDay:
		return text
	case h.LastDay:
		return dayName(h.FirstDay) + " " + text
	}
	return dayName(h.FirstDay) + "-" + dayName(h.LastDay) + " " + text
}

// Label returns the part of the day as price ids write it: "mon-fri-0100-0400".
func (h *Hours) Label() string {
	return strings.NewReplacer(":", "", " ", "-").Replace(h.Key())
}

func dayName(day time.Weekday) string { return strings.ToLower(day.String()[:3]) }

// Span is the half-open period [From, Until) in UTC; a zero time means unbounded.
type Span struct{ From, Until time.Time }

// Overlaps reports whether two spans share a moment.
func (s Span) Overlaps(o Span) bool { return !s.Intersect(o).isEmpty() }

// Intersect returns the period that both spans share, which may be empty.
func (s Span) Intersect(o Span) Span {
	if s.From.Before(o.From) {
		s.From = o.From
	}
	if s.Until.IsZero() || (!o.Until.IsZero() && o.Until.Before(s.Until)) {
		s.Until = o.Until
	}
	return s
}

// IsEmpty reports whether the span contains no moment.
func (s Span) IsEmpty() bool { return s.isEmpty() }

func (s Span) isEmpty() bool { return !s.Until.IsZero() && !s.From.Before(s.Until) }

// Subtract returns what is left of s without o: no span, one or two.
func (s Span) Subtract(o Span) []Span {
	if !s.Overlaps(o) {
		return []Span{s}
	}
	var rest []Span
	if s.From.Before(o.From) {
		rest = append(rest, Span{From: s.From, Until: o.From})
	}
	if !o.Until.IsZero() && (s.Until.IsZero() || o.Until.Before(s.Until)) {
		rest = append(rest, Span{From: o.Until, Until: s.Until})
	}
	return rest
}

// String describes the span: "from 2024-10-02 until 2025-01-01".
func (s Span) String() string {
	switch {
	case s.From.IsZero() && s.Until.IsZero():
		return "always"
	case s.Until.IsZero():
		return "from " + FormatTime(s.From)
	case s.From.IsZero():
		return "until " + FormatTime(s.Until)
	}
	return "from " + FormatTime(s.From) + " until " + FormatTime(s.Until)
}

// FormatTime writes a moment as files do: only the day when it is midnight UTC.
func FormatTime(t time.Time) string {
	t = t.UTC()
	if t.Hour() == 0 && t.Minute() == 0 && t.Second() == 0 {
		return t.Format(time.DateOnly)
	}
	return t.Format("2006-01-02T15:04:05Z")
}

// Alias is another name for a model during a span of time: "gpt-4o" meant gpt-4o-2024-08-06
// from October 2024, and a deployment on Azure means whatever its owner deployed.
type Alias struct {
	Line  int
	Name  string
	Model string
	Span  Span
}

// Adjustment is the change that a contract makes to list prices: price × (1 − Discount) ×
// (1 + Margin) + PerCall.
type Adjustment struct {
	Line int
	// Models are names or patterns; an empty list means all models of the provider.
	Models   []string
	Span     Span
	Discount decimal.Decimal // 0.05 is 5 %
	Margin   decimal.Decimal
	PerCall  decimal.Decimal // dollars
	Source   string
	Note     string
}
