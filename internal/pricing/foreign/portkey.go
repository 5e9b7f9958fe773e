package foreign

import (
	"path"
	"regexp"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing/book"
)

// portkeyKeys are the keys below pay_as_you_go, in cents per token.
var portkeyKeys = map[string]string{
	"request_token": "input", "response_token": "output", "reasoning_token": "reasoning",
	"request_text_token": "input", "response_text_token": "output",
	"cache_read_input_token": "cache_read", "cached_text_input_token": "cache_read", "cache_read_text_input_token": "cache_read",
	"cache_write_input_token": "cache_write_5m",
	"request_audio_token":     "input_audio", "response_audio_token": "output_audio", "cache_read_audio_input_token": "cache_read_audio",
	"request_image_token": "input_image", "response_image_token": "output_image",
	"cache_read_image_input_token": "cache_read_image", "cached_image_input_token": "cache_read_image",
}

// portkeyUnits are the keys below additional_units, in cents per unit.
var portkeyUnits = map[string]struct {
	item, unit string
	factor     int64
}{
	"web_search":     {"web_search", "per_1k_calls", 1000},
	"file_search":    {"file_search", "per_1k_calls", 1000},
	"cache_write_1h": {"cache_write_1h", "per_1m_tokens", 1_000_000},
	"video_seconds":  {"video", "per_second", 1},
	"megapixels":     {"pixels", "per_megapixel", 1},
}

// portkeyTierName matches a model that is a context tier of another one.
var portkeyTierName = regexp.MustCompile(`-(lte|gt)-\d+k$`)

func (r *reader) portkey(data any) {
	provider := catalog.Book(strings.TrimSuffix(path.Base(strings.ReplaceAll(r.name, `\`, "/")), ".json"))
	models := r.object("", data)
	for _, name := range sortedKeys(models) {
		if name == "default" {
			continue // matches any model, and has no price
		}
		if portkeyTierName.MatchString(name) {
			r.issue(name, "a context tier written as a model cannot be taken over")
			continue
		}
		entry := r.object(name, models[name])
		config, ok := entry["pricing_config"].(map[string]any)
		if !ok {
			r.issue(name, "pricing_config is missing")
			continue
		}
		if currency, ok := config["currency"].(string); ok && currency != "USD" {
			r.issue(name, "prices in %q cannot be taken over", currency)
			continue
		}
		row := book.Row{Model: name, Source: "Portkey-AI/models " + strings.TrimSuffix(path.Base(r.name), ".json") + "/" + name}
		if tariff, ok := config["pay_as_you_go"].(map[string]any); ok {
			r.portkeyPrices(name, tariff, &row.Blocks, &row.Prices)
		}
		if tariff, ok := config["batch_config"].(map[string]any); ok {
			r.portkeyPrices(name+".batch_config", tariff, &row.Blocks, &namedBlock(&row.ServiceTiers, "batch").Prices)
		}
		tidy(&row.Blocks)
		r.add(provider, name, row)
	}
}

func (r *reader) portkeyPrices(key string, tariff map[string]any, b *book.Blocks, list *[]book.Price) {
	for _, name := range sortedKeys(tariff) {
		at := key + "." + name
		switch name {
		case "additional_units":
			units := r.object(at, tariff[name])
			for _, unit := range sortedKeys(units) {
				known, ok := portkeyUnits[unit]
				if !ok {
					r.issue(at+"."+unit, "unknown key")
					continue
				}
				if d, ok := r.cents(at+"."+unit, units[unit]); ok {
					r.put(list, at+"."+unit, item(known.item), known.unit, r.unnoise(at, d.Mul(decimal.NewFromInt(known.factor))))
				}
			}
		case "image":
			r.portkeyImages(at, r.object(at, tariff[name]), b)
		default:
			known, ok := portkeyKeys[name]
			if !ok {
				r.issue(at, "unknown key")
				continue
			}
			if _, text := tariff["request_text_token"]; text && name == "request_token" {
				continue // the same tokens, and text has its own price
			}
			if d, ok := r.cents(at, tariff[name]); ok {
				r.put(list, at, item(known), "per_1m_tokens", r.unnoise(at, d.Shift(6)))
			}
		}
	}
}

// cents reads {"price": …} in cents as dollars.
func (r *reader) cents(at string, v any) (decimal.Decimal, bool) {
	entry := r.object(at, v)
	if entry == nil {
		return decimal.Decimal{}, false
	}
	d, ok := r.amount(at, entry["price"])
	return d.Shift(-2), ok
}

// portkeyImages reads {quality: {size: {price}}}; "default" matches any.
func (r *reader) portkeyImages(at string, qualities map[string]any, b *book.Blocks) {
	images := item("images")
	for _, quality := range sortedKeys(qualities) {
		sizes := r.object(at+"."+quality, qualities[quality])
		for _, size := range sortedKeys(sizes) {
			key := at + "." + quality + "." + size
			d, ok := r.cents(key, sizes[size])
			if !ok {
				continue
			}
			var parts []string
			for _, part := range []string{size, quality} {
				if part != "default" {
					parts = append(parts, part)
				}
			}
			if len(parts) == 0 {
				r.put(&b.Prices, key, images, "per_image", d)
				continue
			}
			r.put(&namedBlock(&b.Variants, strings.Join(parts, "/")).Prices, key, images, "per_image", d)
		}
	}
}
