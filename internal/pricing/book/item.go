package book

import (
	"fmt"
	"strings"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// Item is one thing that a price list names: the kinds of [usage.Quantities] under the
// shorter names of price lists, and [Request], a fee for the call as such.
type Item uint8

// Request is the fee for each call, whatever it consumed.
const Request = Item(usage.QuantityKindCount)

// ItemCount is the number of items.
const ItemCount = Request + 1

// The items that other code names.
const (
	Input  = Item(usage.InputTextTokens)
	Output = Item(usage.OutputTextTokens)
)

var itemNames = [ItemCount]string{
	usage.InputTextTokens:       "input",
	usage.CacheReadTokens:       "cache_read",
	usage.CacheWrite5mTokens:    "cache_write_5m",
	usage.CacheWrite1hTokens:    "cache_write_1h",
	usage.CacheWrite30mTokens:   "cache_write_30m",
	usage.CacheWrite12hTokens:   "cache_write_12h",
	usage.InputAudioTokens:      "input_audio",
	usage.InputImageTokens:      "input_image",
	usage.InputVideoTokens:      "input_video",
	usage.CacheReadAudioTokens:  "cache_read_audio",
	usage.CacheReadImageTokens:  "cache_read_image",
	usage.OutputTextTokens:      "output",
	usage.OutputReasoningTokens: "reasoning",
	usage.OutputAudioTokens:     "output_audio",
	usage.OutputImageTokens:     "output_image",
	usage.CitationTokens:        "citation",
	usage.AudioSeconds:          "audio",
	usage.VideoSeconds:          "video",
	usage.Characters:            "characters",
	usage.Images:                "images",
	usage.Pixels:                "pixels",
	usage.Pages:                 "pages",
	usage.SearchUnits:           "search_unit",
	usage.WebSearches:           "web_search",
	usage.FileSearches:          "file_search",
	usage.CodeSessions:          "code_session",
	usage.StorageMBDays:         "storage",
	Request:                     "request",
}

// itemOrder is the order of a price list: input before output, fees last.
var itemOrder = []Item{
	Item(usage.InputTextTokens), Item(usage.CacheReadTokens), Item(usage.CacheWrite5mTokens), Item(usage.CacheWrite30mTokens), Item(usage.CacheWrite1hTokens), Item(usage.CacheWrite12hTokens),
	Item(usage.OutputTextTokens), Item(usage.OutputReasoningTokens), Item(usage.CitationTokens),
	Item(usage.InputAudioTokens), Item(usage.CacheReadAudioTokens), Item(usage.OutputAudioTokens),
	Item(usage.InputImageTokens), Item(usage.CacheReadImageTokens), Item(usage.OutputImageTokens), Item(usage.InputVideoTokens),
	Item(usage.AudioSeconds), Item(usage.VideoSeconds), Item(usage.Characters), Item(usage.Images), Item(usage.Pixels),
	Item(usage.Pages), Item(usage.SearchUnits), Item(usage.WebSearches), Item(usage.FileSearches), Item(usage.CodeSessions),
	Item(usage.StorageMBDays), Request,
}

// String returns the name in price files, such as "cache_read".
func (i Item) String() string {
	if i >= ItemCount {
		return fmt.Sprintf("item_%d", uint8(i))
	}
	return itemNames[i]
}

// ParseItem is the inverse of [Item.String].
func ParseItem(name string) (Item, bool) {
	for i, known := range itemNames {
		if known == name {
			return Item(i), true
		}
	}
	return 0, false
}

// Kind returns the quantity that an item prices; false for [Request].
func (i Item) Kind() (usage.QuantityKind, bool) {
	return usage.QuantityKind(i), i < Request
}

// IsToken reports whether the item is counted in tokens.
func (i Item) IsToken() bool {
	return i < Request && usage.QuantityKind(i).Unit() == usage.UnitToken
}

// IsFee reports whether the item is charged on top of the content of a call: tools,
// storage, the call itself. Batch discounts and regional surcharges do not apply to fees.
func (i Item) IsFee() bool {
	switch i {
	case Item(usage.WebSearches), Item(usage.FileSearches), Item(usage.CodeSessions), Item(usage.StorageMBDays), Request:
		return true
	}
	return false
}

// Unit is the quantity for which a price is quoted, the heading in a price file.
type Unit uint8

// unit describes a heading.
type unit struct {
	name string
	// size is the amount of the quantity, in the scale of [usage.Quantities], that one
	// price pays for: a million tokens, the 60e9 nanoseconds of a minute.
	size int64
	// items that may appear under the heading. A single item needs no name: "per_image:
	// 0.04".
	items []Item
}

var (
	tokenItems = func() (items []Item) {
		for _, i := range itemOrder {
			if i.IsToken() {
				items = append(items, i)
			}
		}
		return items
	}()
	secondItems = []Item{Item(usage.AudioSeconds), Item(usage.VideoSeconds)}
	callItems   = []Item{Item(usage.WebSearches), Item(usage.FileSearches), Item(usage.CodeSessions), Item(usage.SearchUnits)}
)

// units are listed in the order in which files show them.
var units = []unit{
	{"per_1m_tokens", 1_000_000, tokenItems},
	{"per_1k_tokens", 1_000, tokenItems},
	{"per_token", 1, tokenItems},
	{"per_hour", 3600 * usage.NanosPerSecond, secondItems},
	{"per_minute", 60 * usage.NanosPerSecond, secondItems},
	{"per_second", usage.NanosPerSecond, secondItems},
	{"per_1m_characters", 1_000_000, []Item{Item(usage.Characters)}},
	{"per_1k_characters", 1_000, []Item{Item(usage.Characters)}},
	{"per_character", 1, []Item{Item(usage.Characters)}},
	{"per_1k_images", 1_000, []Item{Item(usage.Images)}},
	{"per_image", 1, []Item{Item(usage.Images)}},
	{"per_gigapixel", 1_000_000_000, []Item{Item(usage.Pixels)}},
	{"per_megapixel", 1_000_000, []Item{Item(usage.Pixels)}},
	{"per_pixel", 1, []Item{Item(usage.Pixels)}},
	{"per_1k_pages", 1_000, []Item{Item(usage.Pages)}},
	{"per_page", 1, []Item{Item(usage.Pages)}},
	{"per_1k_calls", 1_000, callItems},
	{"per_call", 1, callItems},
	{"per_1k_requests", 1_000, []Item{Request}},
	{"per_request", 1, []Item{Request}},
	{"per_gb_day", 1_000, []Item{Item(usage.StorageMBDays)}},
}

// String returns the heading, such as "per_1m_tokens".
func (u Unit) String() string { return units[u].name }

// Size returns the amount of the quantity that one price pays for; seconds are in
// nanoseconds and storage in megabyte-days, as in [usage.Quantities].
func (u Unit) Size() int64 { return units[u].size }

// parseUnit is the inverse of [Unit.String].
func parseUnit(name string) (Unit, bool) {
	for i := range units {
		if units[i].name == name {
			return Unit(i), true
		}
	}
	return 0, false
}

// MustUnit is parseUnit for names in code.
func MustUnit(name string) Unit {
	u, ok := parseUnit(name)
	if !ok {
		panic("no unit " + name)
	}
	return u
}

func (u Unit) has(item Item) bool {
	for _, i := range units[u].items {
		if i == item {
			return true
		}
	}
	return false
}

// single returns the only item under the heading; false when there are several.
func (u Unit) single() (Item, bool) {
	return units[u].items[0], len(units[u].items) == 1
}

func unitNames() string {
	names := make([]string, len(units))
	for i := range units {
		names[i] = units[i].name
	}
	return strings.Join(names, ", ")
}

func itemList(items []Item) string {
	names := make([]string, len(items))
	for i := range items {
		names[i] = items[i].String()
	}
	return strings.Join(names, ", ")
}

// unitsOf lists the headings under which an item may appear.
func unitsOf(item Item) string {
	var names []string
	for i := range units {
		if Unit(i).has(item) {
			names = append(names, units[i].name)
		}
	}
	return strings.Join(names, ", ")
}
