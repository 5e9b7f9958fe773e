package foreign

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/shopspring/decimal"

	"github.com/otelcol-usage/otelcol-usage/internal/pricing/book"
)

// Format names a format of price data.
type Format string

// The formats.
const (
	LiteLLM     Format = "litellm"
	GenAIPrices Format = "genai-prices"
	ModelsDev   Format = "models.dev"
	Portkey     Format = "portkey"
	PiAI        Format = "pi-ai"
)

// formats lists all formats.
var formats = []Format{LiteLLM, GenAIPrices, ModelsDev, Portkey, PiAI}

// Origin says whose data a format carries. pi-ai's lists are made from the catalogue of
// models.dev, so the two agreeing is one opinion, not two.
func (f Format) Origin() string {
	if f == PiAI {
		return string(ModelsDev)
	}
	return string(f)
}

// ParseFormat returns an error for a text that is not a format.
func ParseFormat(name string) (Format, error) {
	if slices.Contains(formats, Format(name)) {
		return Format(name), nil
	}
	return "", fmt.Errorf("unknown format %q; known are %s, %s, %s, %s and %s", name, LiteLLM, GenAIPrices, ModelsDev, Portkey, PiAI)
}

// Result is the content of a foreign file.
type Result struct {
	Format Format
	// Files are the prices, one part for each provider, in the order of the file.
	Files []*book.File
	// Issues are the entries and keys that could not be taken over, and why.
	Issues []*book.Fault
}

// Read reads a foreign file; an empty format is detected. The name identifies Portkey's
// provider ("openai.json") and appears in messages.
func Read(name string, content []byte, format Format) (*Result, error) {
	if len(content) > book.MaxFileBytes {
		return nil, fmt.Errorf("%s: the file has %d bytes, at most %d are read", name, len(content), book.MaxFileBytes)
	}
	var data any
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.UseNumber()
	if err := decoder.Decode(&data); err != nil {
		return nil, fmt.Errorf("%s: not JSON: %w", name, err)
	}
	if format == "" {
		var ok bool
		if format, ok = detect(data); !ok {
			return nil, fmt.Errorf("%s: none of the known formats (LiteLLM, genai-prices, models.dev, Portkey, pi-ai); prices of your own are written in YAML", name)
		}
	}
	r := &reader{name: name, files: map[string]*book.File{}}
	switch format {
	case LiteLLM:
		r.liteLLM(data)
	case GenAIPrices:
		r.genaiPrices(data)
	case ModelsDev:
		r.modelsDev(data)
	case Portkey:
		r.portkey(data)
	case PiAI:
		r.piAI(data)
	default:
		return nil, fmt.Errorf("%s: unknown format %q", name, format)
	}
	result := &Result{Format: format, Issues: r.issues}
	for _, provider := range slices.Sorted(maps.Keys(r.files)) {
		f := r.files[provider]
		slices.SortStableFunc(f.Rows, func(a, b book.Row) int {
			return cmp.Or(strings.Compare(a.Model, b.Model), a.Span.From.Compare(b.Span.From))
		})
		result.Files = append(result.Files, f)
	}
	if len(result.Files) == 0 {
		return nil, errors.Join(fmt.Errorf("%s: no usable price in the form of %s", name, format), firstIssues(r.issues))
	}
	return result, nil
}

func firstIssues(issues []*book.Fault) error {
	var errs []error
	for _, i := range issues[:min(len(issues), 10)] {
		errs = append(errs, i)
	}
	return errors.Join(errs...)
}

// detect tells the formats apart by their first entries.
func detect(data any) (Format, bool) {
	if list, ok := data.([]any); ok {
		return GenAIPrices, len(list) > 0 && has(list[0], "models")
	}
	top, ok := data.(map[string]any)
	if !ok {
		return "", false
	}
	if providers, ok := top["providers"].(map[string]any); ok {
		top = providers
	}
	for _, key := range slices.Sorted(maps.Keys(top)) {
		switch entry := top[key]; {
		case has(entry, "litellm_provider"):
			return LiteLLM, true
		case has(entry, "pricing_config"):
			return Portkey, true
		case has(entry, "models"):
			return ModelsDev, true
		case isPiAI(entry):
			return PiAI, true
		}
	}
	return "", false
}

func isPiAI(entry any) bool {
	switch entry := entry.(type) {
	case []any:
		return len(entry) > 0 && has(entry[0], "cost")
	case map[string]any:
		for _, model := range entry {
			return has(model, "cost") && has(model, "provider")
		}
	}
	return false
}

func has(entry any, key string) bool {
	m, ok := entry.(map[string]any)
	if !ok {
		return false
	}
	_, ok = m[key]
	return ok
}

// reader collects rows and issues.
type reader struct {
	name   string
	files  map[string]*book.File
	issues []*book.Fault
}

// maxKeyBytes is how much of a name a message shows, because names come from outside.
const maxKeyBytes = 200

func (r *reader) issue(key, format string, args ...any) {
	if len(key) > maxKeyBytes {
		key = strings.ToValidUTF8(key[:maxKeyBytes], "") + "…"
	}
	r.issues = append(r.issues, &book.Fault{File: r.name, Key: key, Text: fmt.Sprintf(format, args...)})
}

// add takes a row unless it has no price.
func (r *reader) add(provider, key string, row book.Row) {
	if len(row.Prices) == 0 {
		r.issue(key, "no price that can be used")
		return
	}
	if !usableName(row.Model) || !usableName(strings.ReplaceAll(provider, regionMark, "/")) {
		r.issue(key, "the name cannot be used")
		return
	}
	row.Source = strings.Map(func(r rune) rune {
		if !printable(r) {
			return '?'
		}
		return r
	}, row.Source)
	// A price that our own reader refuses is not a price: write and read the row once.
	one := &book.File{Provider: strings.ReplaceAll(provider, regionMark, "/"), Rows: []book.Row{row}}
	if _, _, err := book.Decode("row", book.Encode(one)); err != nil {
		r.issue(key, "the row is not valid: %v", err)
		return
	}
	f := r.files[provider]
	if f == nil {
		f = &book.File{Name: r.name, Line: 1, Provider: provider}
		r.files[provider] = f
	}
	for i := range f.Rows {
		if f.Rows[i].Model == row.Model && f.Rows[i].Span.Overlaps(row.Span) {
			r.issue(key, "%s has a price at %s already", row.Model, provider)
			return
		}
	}
	f.Rows = append(f.Rows, row)
}

// usableName reports whether a name may appear in a price file; a * would make it a
// pattern.
func usableName(name string) bool {
	return name != "" && len(name) <= 256 && utf8.ValidString(name) &&
		!strings.ContainsFunc(name, func(r rune) bool { return r == '*' || !printable(r) })
}

// printable reports whether a character can be written in a price file and read by people;
// U+FFFD replaces invalid bytes.
func printable(r rune) bool { return unicode.IsPrint(r) && r != utf8.RuneError }

// amount reads a number, or a text that is a number. Float noise is removed and reported; a
// negative or absurd number is refused.
func (r *reader) amount(key string, v any) (decimal.Decimal, bool) {
	var text string
	switch v := v.(type) {
	case json.Number:
		text = v.String()
	case string:
		text = v
	default:
		r.issue(key, "a number is expected")
		return decimal.Decimal{}, false
	}
	if len(text) > 40 {
		r.issue(key, "%.40q… is no price", text)
		return decimal.Decimal{}, false
	}
	d, err := decimal.NewFromString(text)
	if err != nil || d.IsNegative() || d.Exponent() < -40 || d.Exponent() > 20 {
		r.issue(key, "%q is no price", text)
		return decimal.Decimal{}, false
	}
	if meant, noisy := book.FloatNoise(d); noisy {
		r.issue(key, "%s went through a binary float; %s was taken", d, meant)
		d = meant
	}
	return d, true
}

// NoTokenPrice is the end of the issue that reports a price too high for a token.
const NoTokenPrice = " is no price of a token"

// implausible is more than anybody charges for a million tokens.
var implausible = decimal.NewFromInt(1000)

// put adds a price to a list unless it is 0, cannot be written in a price file or is there
// already: some files have two keys for one thing.
func (r *reader) put(list *[]book.Price, key string, item book.Item, unit string, d decimal.Decimal) {
	if d.IsZero() {
		return
	}
	if _, err := book.ParseAmount(d.String()); err != nil {
		r.issue(key, "%v", err)
		return
	}
	if unit == "per_1m_tokens" && d.GreaterThan(implausible) {
		// Some files put the price of a page, a search or a minute in place of a token's,
		// and some are off by a factor of a million.
		r.issue(key, "%s dollars for a million tokens%s", d, NoTokenPrice)
		return
	}
	if before, twice := book.Find(*list, item); twice {
		if !before.Amount.Equal(d) {
			r.issue(key, "a second price for %s", item)
		}
		return
	}
	*list = append(*list, book.Price{Item: item, Same: item, Unit: book.MustUnit(unit), Amount: d})
}

// object returns v as a mapping, and reports an issue when it is something else.
func (r *reader) object(key string, v any) map[string]any {
	m, ok := v.(map[string]any)
	if !ok {
		r.issue(key, "an object is expected")
	}
	return m
}

func sortedKeys(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }

func item(name string) book.Item {
	i, ok := book.ParseItem(name)
	if !ok {
		panic("no item " + name)
	}
	return i
}

// tierAbove finds or creates the context tier above a number of tokens.
func tierAbove(tiers *[]book.Tier, tokens int64) *book.Tier {
	for i := range *tiers {
		if (*tiers)[i].Min == tokens+1 {
			return &(*tiers)[i]
		}
	}
	*tiers = append(*tiers, book.Tier{Min: tokens + 1, Above: true})
	return &(*tiers)[len(*tiers)-1]
}

// namedBlock finds or creates the block of a name.
func namedBlock(list *[]book.Named, name string) *book.Block {
	for i := range *list {
		if (*list)[i].Name == name {
			return &(*list)[i].Block
		}
	}
	*list = append(*list, book.Named{Name: name})
	return &(*list)[len(*list)-1].Block
}

// tidy sorts tiers and blocks and drops those without a price.
func tidy(b *book.Blocks) {
	tidyTiers(&b.Tiers)
	for _, list := range []*[]book.Named{&b.Variants, &b.ServiceTiers, &b.Regions} {
		for i := range *list {
			tidyTiers(&(*list)[i].Tiers)
		}
		*list = slices.DeleteFunc(*list, func(n book.Named) bool { return n.IsEmpty() })
		slices.SortFunc(*list, func(a, b book.Named) int { return strings.Compare(a.Name, b.Name) })
	}
}

func tidyTiers(tiers *[]book.Tier) {
	*tiers = slices.DeleteFunc(*tiers, func(t book.Tier) bool { return len(t.Prices) == 0 })
	slices.SortFunc(*tiers, func(a, b book.Tier) int { return int(a.Min - b.Min) })
}
