package foreign

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing/book"
)

// liteLLMKey splits a price key into the item, the context tier and the service tier:
// input_cost_per_token_above_272k_tokens_priority.
var liteLLMKey = regexp.MustCompile(`^(.+?)(?:_above_(\d+)k_tokens)?(?:_(priority|flex|batches))?$`)

// liteLLMTokens are the keys in dollars per token.
var liteLLMTokens = map[string]string{
	"input_cost_per_token":                        "input",
	"output_cost_per_token":                       "output",
	"cache_read_input_token_cost":                 "cache_read",
	"input_cost_per_token_cache_hit":              "cache_read",
	"cache_creation_input_token_cost":             "cache_write_5m",
	"cache_creation_input_token_cost_above_1hr":   "cache_write_1h", // the lifetime, despite the name
	"output_cost_per_reasoning_token":             "reasoning",
	"citation_cost_per_token":                     "citation",
	"input_cost_per_audio_token":                  "input_audio",
	"output_cost_per_audio_token":                 "output_audio",
	"cache_read_input_audio_token_cost":           "cache_read_audio",
	"cache_read_input_token_cost_per_audio_token": "cache_read_audio",
	"input_cost_per_image_token":                  "input_image",
	"output_cost_per_image_token":                 "output_image",
	"cache_read_input_image_token_cost":           "cache_read_image",
	"cache_read_input_token_cost_per_image_token": "cache_read_image",
}

// liteLLMOther are the keys in other units by mode, that is by what the model does; ""
// matches any mode.
var liteLLMOther = []struct {
	key, mode, item, unit string
	factor                int64
}{
	{"input_cost_per_second", "audio_transcription", "audio", "per_minute", 60},
	{"output_cost_per_second", "video_generation", "video", "per_second", 1},
	{"output_cost_per_video_per_second", "", "video", "per_second", 1},
	{"input_cost_per_character", "audio_speech", "characters", "per_1m_characters", 1_000_000},
	{"output_cost_per_image", "image_generation", "images", "per_image", 1},
	{"output_cost_per_image", "image_edit", "images", "per_image", 1},
	{"input_cost_per_image", "image_generation", "images", "per_image", 1},
	{"input_cost_per_image", "embedding", "images", "per_image", 1},
	{"ocr_cost_per_page", "", "pages", "per_1k_pages", 1000},
	{"input_cost_per_query", "rerank", "search_unit", "per_1k_calls", 1000},
	{"input_cost_per_request", "", "request", "per_1k_requests", 1000},
	{"code_interpreter_cost_per_session", "", "code_session", "per_call", 1},
	{"file_search_cost_per_1k_calls", "", "file_search", "per_1k_calls", 1},
}

// liteLLMIgnored are keys with "cost" in the name that are not the price of a call.
var liteLLMIgnored = []string{"supports_", "deprecation_date", "metadata", "source", "off_peak_pricing"}

func (r *reader) liteLLM(data any) {
	top := r.object("", data)
	for _, key := range plainFirst(sortedKeys(top)) {
		if key == "sample_spec" {
			continue
		}
		entry := r.object(key, top[key])
		from, _ := entry["litellm_provider"].(string)
		if from == "" {
			r.issue(key, "litellm_provider is missing")
			continue
		}
		provider := catalog.Book(from)
		model, region, ok := liteLLMName(key, from)
		if !ok {
			r.issue(key, "a price by size, quality or commitment cannot be taken over")
			continue
		}
		mode, _ := entry["mode"].(string)
		row := book.Row{Model: model, Source: "BerriAI/litellm " + key}
		r.liteLLMEntry(key, mode, entry, &row.Blocks)
		tidy(&row.Blocks)
		if from == "xai" {
			includeThresholds(row.Tiers)
		}
		if region == "" {
			r.add(provider, key, row)
			continue
		}
		r.addRegion(provider, key, region, row)
	}
	r.mergeRegions()
}

// includeThresholds turns "above" into "at least": LiteLLM's calculation does so for xAI,
// though its data does not say so.
func includeThresholds(tiers []book.Tier) {
	for i := range tiers {
		tiers[i].Min, tiers[i].Above = tiers[i].Min-1, false
	}
}

var deployments = regexp.MustCompile(`/(global|global-standard|converse|invoke)/`)

// plainFirst sorts names that contain a type of deployment last: where both exist, the
// plain one gives the price of the plain name.
func plainFirst(keys []string) []string {
	slices.SortStableFunc(keys, func(a, b string) int {
		return strings.Compare(deployments.FindString(a), deployments.FindString(b))
	})
	return keys
}

// liteLLMName removes the provider from the key; a part between provider and model is a
// region.
func liteLLMName(key, provider string) (model, region string, ok bool) {
	parts := strings.Split(key, "/")
	if len(parts) == 1 {
		return key, "", true
	}
	routes := []string{provider, strings.SplitN(provider, "-", 2)[0], "bedrock", "vertex_ai", "azure", "azure_ai", "gemini", "openai", catalog.Fireworks, "cohere", "mistral"}
	if !slices.Contains(routes, parts[0]) {
		// "1024-x-1024/dall-e-2", "hd/1024-x-1792/dall-e-3", "standard/…"
		if strings.Contains(key, "-x-") || parts[0] == "hd" || parts[0] == "standard" || parts[0] == "low" || parts[0] == "medium" || parts[0] == "high" {
			return "", "", false
		}
		return key, "", true
	}
	parts = parts[1:]
	for len(parts) > 1 && (parts[0] == "converse" || parts[0] == "invoke" || parts[0] == "global" || parts[0] == "global-standard") {
		parts = parts[1:]
	}
	if slices.ContainsFunc(parts, func(p string) bool {
		return strings.Contains(p, "-month-commitment") || strings.Contains(p, "-x-") || p == "*"
	}) {
		return "", "", false
	}
	if len(parts) > 1 && catalog.IsRegion(parts[0]) {
		return strings.Join(parts[1:], "/"), parts[0], true
	}
	return strings.Join(parts, "/"), "", true
}

func (r *reader) liteLLMEntry(key, mode string, entry map[string]any, b *book.Blocks) {
	for _, name := range sortedKeys(entry) {
		at := key + "." + name
		switch name {
		case "search_context_cost_per_query":
			r.liteLLMSearch(at, entry[name], b)
			continue
		case "tiered_pricing":
			r.liteLLMTiers(at, entry[name], b)
			continue
		case "provider_specific_entry":
			r.liteLLMSpecific(at, entry[name], b)
			continue
		case "regional_processing_uplift_multiplier_eu", "regional_processing_uplift_multiplier_us":
			if d, ok := r.amount(at, entry[name]); ok && !d.IsZero() {
				namedBlock(&b.Regions, name[len(name)-2:]).Times = &d
			}
			continue
		}
		if !strings.Contains(name, "cost") && !strings.Contains(name, "pric") || liteLLMIgnoredKey(name) {
			continue
		}
		r.liteLLMPrice(at, name, mode, entry, b)
	}
}

func liteLLMIgnoredKey(name string) bool {
	return slices.ContainsFunc(liteLLMIgnored, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

func (r *reader) liteLLMPrice(at, name, mode string, entry map[string]any, b *book.Blocks) {
	m := liteLLMKey.FindStringSubmatch(name)
	target := &b.Block
	if m[3] != "" {
		target = namedBlock(&b.ServiceTiers, strings.TrimSuffix(m[3], "es"))
	}
	list := &target.Prices
	if m[2] != "" {
		thousands, _ := strconv.ParseInt(m[2], 10, 32)
		list = &tierAbove(&target.Tiers, thousands*1000).Prices
	}
	if token, ok := liteLLMTokens[m[1]]; ok {
		if d, ok := r.amount(at, entry[name]); ok {
			d = r.unnoise(at, d.Shift(6))
			r.put(list, at, item(token), "per_1m_tokens", d)
		}
		return
	}
	for _, o := range liteLLMOther {
		if o.key != m[1] || (o.mode != "" && o.mode != mode) {
			continue
		}
		if d, ok := r.amount(at, entry[name]); ok {
			r.put(list, at, item(o.item), o.unit, r.unnoise(at, d.Mul(decimal.NewFromInt(o.factor))))
		}
		return
	}
	if m[1] == "output_cost_per_second" && mode == "audio_transcription" {
		return // the same seconds as those of the input
	}
	if d, ok := r.amount(at, entry[name]); ok && d.IsZero() {
		return
	}
	r.issue(at, "this key has no meaning here that a call could be priced by (mode %q)", mode)
}

// unnoise removes float noise that only shows at the larger unit.
func (r *reader) unnoise(key string, d decimal.Decimal) decimal.Decimal {
	meant, noisy := book.FloatNoise(d)
	if noisy {
		r.issue(key, "%s went through a binary float; %s was taken", d, meant)
	}
	return meant
}

// liteLLMSearch reads the price of a web search by the size of its search context;
// telemetry does not report the size, so only one price can be used.
func (r *reader) liteLLMSearch(at string, v any, b *book.Blocks) {
	sizes := r.object(at, v)
	var price *decimal.Decimal
	for _, size := range sortedKeys(sizes) {
		d, ok := r.amount(at+"."+size, sizes[size])
		if !ok {
			return
		}
		if price != nil && !price.Equal(d) {
			r.issue(at, "the price depends on the size of the search context, which telemetry does not report")
			return
		}
		price = &d
	}
	if price != nil {
		r.put(&b.Prices, at, item("web_search"), "per_1k_calls", price.Shift(3))
	}
}

func (r *reader) liteLLMTiers(at string, v any, b *book.Blocks) {
	list, _ := v.([]any)
	for i, entry := range list {
		tier := r.object(at, entry)
		bounds, _ := tier["range"].([]any)
		if len(bounds) != 2 {
			r.issue(at, "only tiers by a range of tokens can be taken over")
			return
		}
		low, ok := r.amount(at+".range", bounds[0])
		if !ok {
			return
		}
		prices := &b.Prices
		if i > 0 {
			prices = &tierAbove(&b.Tiers, low.IntPart()).Prices
		}
		for _, name := range sortedKeys(tier) {
			token, ok := liteLLMTokens[name]
			if !ok {
				if name != "range" {
					r.issue(at+"."+name, "unknown key")
				}
				continue
			}
			if d, ok := r.amount(at+"."+name, tier[name]); ok {
				r.put(prices, at+"."+name, item(token), "per_1m_tokens", r.unnoise(at, d.Shift(6)))
			}
		}
	}
}

// liteLLMSpecific reads multipliers by region and speed.
func (r *reader) liteLLMSpecific(at string, v any, b *book.Blocks) {
	specific := r.object(at, v)
	for _, name := range sortedKeys(specific) {
		d, ok := specific[name], false
		var list *[]book.Named
		switch name {
		case "us", "eu":
			list = &b.Regions
		case "fast":
			list = &b.ServiceTiers
		default:
			continue // settings of the gateway
		}
		var times decimal.Decimal
		if times, ok = r.amount(at+"."+name, d); ok && !times.IsZero() {
			namedBlock(list, name).Times = &times
		}
	}
}

// regionMark separates provider and region while a file is read.
const regionMark = "\x00"

// addRegion keeps a price for one region until the row of the model is known.
func (r *reader) addRegion(provider, key, region string, row book.Row) {
	r.add(provider+regionMark+region, key, row)
}

// mainRegions are the regions that a host's price list shows first.
var mainRegions = []string{"us-east-1", "us-east-2", "us-west-2", "us", "eu"}

// general returns the row of a model that only has prices by region: that of a main region,
// otherwise the first one.
func (r *reader) general(provider string, row book.Row) book.Row {
	for _, region := range mainRegions {
		if main := findRow(r.files[provider+regionMark+region], row.Model); main != nil {
			return *main
		}
	}
	return row
}

// mergeRegions turns the prices of regions into blocks of their models' rows.
func (r *reader) mergeRegions() {
	for _, place := range sortedFiles(r.files) {
		provider, region, ok := strings.Cut(place, regionMark)
		if !ok {
			continue
		}
		regional := r.files[place]
		delete(r.files, place)
		for _, row := range regional.Rows {
			base := findRow(r.files[provider], row.Model)
			if base == nil {
				r.add(provider, row.Model, r.general(provider, row))
				base = findRow(r.files[provider], row.Model)
			}
			if base == nil {
				continue // the issue is reported
			}
			b := row.Block
			if samePrices(base.Block, b) {
				one := decimal.NewFromInt(1) // known, and no doubt
				b = book.Block{Times: &one}
			}
			base.Regions = append(base.Regions, book.Named{Name: region, Block: b})
		}
	}
}
