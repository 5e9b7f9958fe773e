package foreign

import (
	"slices"
	"strings"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing/book"
)

// genaiKeys are the price keys of genai-prices.
var genaiKeys = map[string]struct{ item, unit string }{
	"input_mtok":            {"input", "per_1m_tokens"},
	"output_mtok":           {"output", "per_1m_tokens"},
	"cache_read_mtok":       {"cache_read", "per_1m_tokens"},
	"cache_write_mtok":      {"cache_write_5m", "per_1m_tokens"},
	"cache_write_5m_mtok":   {"cache_write_5m", "per_1m_tokens"},
	"cache_write_1h_mtok":   {"cache_write_1h", "per_1m_tokens"},
	"input_audio_mtok":      {"input_audio", "per_1m_tokens"},
	"output_audio_mtok":     {"output_audio", "per_1m_tokens"},
	"cache_audio_read_mtok": {"cache_read_audio", "per_1m_tokens"},
	"input_image_mtok":      {"input_image", "per_1m_tokens"},
	"output_image_mtok":     {"output_image", "per_1m_tokens"},
	"cache_image_read_mtok": {"cache_read_image", "per_1m_tokens"},
	"input_video_mtok":      {"input_video", "per_1m_tokens"},
	"output_reasoning_mtok": {"reasoning", "per_1m_tokens"},
	"output_citation_mtok":  {"citation", "per_1m_tokens"},
	"requests_kcount":       {"request", "per_1k_requests"},
	"web_searches_kcount":   {"web_search", "per_1k_calls"},
}

func (r *reader) genaiPrices(data any) {
	providers, ok := data.([]any)
	if !ok {
		r.issue("", "a list of providers is expected")
		return
	}
	for _, p := range providers {
		provider := r.object("", p)
		id, _ := provider["id"].(string)
		models, _ := provider["models"].([]any)
		for _, m := range models {
			r.genaiModel(id, r.object(id, m))
		}
	}
}

func (r *reader) genaiModel(provider string, model map[string]any) {
	id, _ := model["id"].(string)
	key := provider + "/" + id
	row := book.Row{Model: id, Source: "pydantic/genai-prices " + key}
	// Bedrock's price within a region has a name that no call reports: it is the price of
	// the name without a region, where the entry matches that.
	name, regional := strings.CutPrefix(id, "regional.")
	if regional && !matchesBare(model["match"], name) {
		r.issue(key, "the price is for names with a region alone")
		return
	}
	names := []string{name}
	for _, n := range equalNames(model["match"]) {
		if !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	for _, dated := range r.genaiRows(key, model["prices"], row) {
		for _, name := range names {
			dated.Model = name
			r.add(catalog.Book(provider), key, dated)
		}
	}
}

// equalNames collects the names that a match clause compares as a whole. Prefix and
// substring clauses are left out: a name must not be priced by resemblance.
func equalNames(match any) (names []string) {
	m, _ := match.(map[string]any)
	if name, ok := m["equals"].(string); ok {
		names = append(names, name)
	}
	list, _ := m["or"].([]any)
	for _, clause := range list {
		names = append(names, equalNames(clause)...)
	}
	return names
}

// matchesBare reports whether a match clause accepts a name without a prefix.
func matchesBare(match any, name string) bool {
	m, _ := match.(map[string]any)
	for rule, holds := range map[string]func(name, text string) bool{"equals": strings.HasPrefix, "starts_with": strings.HasPrefix, "contains": strings.Contains} {
		if text, ok := m[rule].(string); ok && holds(name, text) {
			return true
		}
	}
	list, _ := m["or"].([]any)
	return slices.ContainsFunc(list, func(clause any) bool { return matchesBare(clause, name) })
}

// genaiRows reads one set of prices, or a list in which the last matching entry applies, by
// day or by hour of the day.
func (r *reader) genaiRows(key string, prices any, row book.Row) (rows []book.Row) {
	list, ok := prices.([]any)
	if !ok {
		r.genaiSet(key, prices, &row.Block)
		return []book.Row{row}
	}
	for _, entry := range list {
		conditional := r.object(key, entry)
		var block book.Block
		r.genaiSet(key, conditional["prices"], &block)
		constraint, _ := conditional["constraint"].(map[string]any)
		start, _ := constraint["start_date"].(string)
		from, _ := constraint["start_time"].(string)
		until, _ := constraint["end_time"].(string)
		switch {
		case start != "":
			day, err := time.Parse(time.DateOnly, start)
			if err != nil || len(rows) == 0 {
				r.issue(key, "the constraint from %q cannot be read", start)
				return nil
			}
			rows[len(rows)-1].Span.Until = day
			row.Block, row.Span = block, book.Span{From: day}
			rows = append(rows, row)
		case from != "" && until != "":
			h := book.Hours{FirstDay: book.EveryDay, LastDay: book.EveryDay, From: clock(from), Until: clock(until), Block: block}
			if len(rows) == 0 || h.From < 0 || h.Until < 0 {
				r.issue(key, "the constraint from %q to %q cannot be read", from, until)
				return nil
			}
			last := &rows[len(rows)-1]
			last.Hours = append(last.Hours, h)
		case len(constraint) == 0 && len(rows) == 0:
			row.Block = block
			rows = append(rows, row)
		default:
			r.issue(key, "unknown constraint")
			return nil
		}
	}
	return rows
}

func clock(text string) int {
	t, err := time.Parse("15:04:05Z07:00", text)
	if err != nil {
		return -1
	}
	return t.UTC().Hour()*60 + t.UTC().Minute()
}

func (r *reader) genaiSet(key string, prices any, b *book.Block) {
	set := r.object(key, prices)
	for _, name := range sortedKeys(set) {
		at := key + "." + name
		known, ok := genaiKeys[name]
		if !ok {
			r.issue(at, "unknown key")
			continue
		}
		tiered, ok := set[name].(map[string]any)
		if !ok {
			if d, ok := r.amount(at, set[name]); ok {
				r.put(&b.Prices, at, item(known.item), known.unit, d)
			}
			continue
		}
		if d, ok := r.amount(at, tiered["base"]); ok {
			r.put(&b.Prices, at, item(known.item), known.unit, d)
		}
		list, _ := tiered["tiers"].([]any)
		for _, t := range list {
			tier := r.object(at, t)
			start, okStart := r.amount(at, tier["start"])
			d, ok := r.amount(at, tier["price"])
			if okStart && ok {
				r.put(&tierAbove(&b.Tiers, start.IntPart()).Prices, at, item(known.item), known.unit, d)
			}
		}
	}
	tidyTiers(&b.Tiers)
}
