package book

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"
	"go.yaml.in/yaml/v3"
)

// MaxFileBytes is the maximum size of a price file.
const MaxFileBytes = 32 << 20

// Decode reads a price file in our YAML format. A file may hold parts for several
// providers, separated by "---". The error joins every [Fault] found; warnings name odd
// entries that are accepted.
func Decode(name string, content []byte) (files []*File, warnings []*Fault, err error) {
	if len(content) > MaxFileBytes {
		return nil, nil, &Fault{File: name, Text: fmt.Sprintf("the file has %d bytes, at most %d are read", len(content), MaxFileBytes)}
	}
	d := &decoder{faults: faults{file: name}, known: map[string]string{}, amounts: map[string]decimal.Decimal{}}
	if root, ok := plainTree(content); ok {
		files = append(files, d.file(root))
	} else {
		files = d.documents(content)
	}
	if len(d.all) == 0 && len(files) == 0 {
		d.add(0, "", "the file is empty; it must name a provider and its rows")
	}
	if err := d.err(); err != nil {
		return nil, nil, err
	}
	for _, f := range files {
		check(f, &d.faults)
		warnings = append(warnings, odd(f)...)
	}
	if err := d.err(); err != nil {
		return nil, nil, err
	}
	return files, warnings, nil
}

// Head reads what a price file of one provider says before its rows: provider, as_of and
// also. It is for files that are known to be right, of which the rows are read later.
func Head(name string, content []byte) (*File, error) {
	if body := bodyOfFile.FindIndex(content); body != nil {
		content = content[:body[0]]
	}
	d := &decoder{faults: faults{file: name}, known: map[string]string{}, amounts: map[string]decimal.Decimal{}}
	root, ok := plainTree(content)
	if !ok {
		return nil, &Fault{File: name, Text: "the file does not begin with plain keys"}
	}
	return d.file(root), d.err()
}

var bodyOfFile = regexp.MustCompile(`(?m)^(defaults|rows|aliases|adjustments):`)

// documents reads all YAML documents of the file.
func (d *decoder) documents(content []byte) (files []*File) {
	documents := yaml.NewDecoder(bytes.NewReader(content))
	for {
		var doc yaml.Node
		err := documents.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			d.add(yamlLine(err), "", "%s", yamlPrefix.ReplaceAllString(err.Error(), ""))
			return files
		}
		if len(doc.Content) == 1 {
			files = append(files, d.file(doc.Content[0]))
		}
	}
}

var (
	lineInYAMLError = regexp.MustCompile(`line (\d+)`)
	yamlPrefix      = regexp.MustCompile(`^yaml: (line \d+: )?`)
)

func yamlLine(err error) int {
	if m := lineInYAMLError.FindStringSubmatch(err.Error()); m != nil {
		n, _ := strconv.Atoi(m[1])
		return n
	}
	return 0
}

func (d *decoder) file(n *yaml.Node) *File {
	f := &File{Name: d.faults.file, Line: n.Line}
	for _, k := range d.fields(n, "") {
		switch k.name {
		case "provider":
			f.Provider = d.kept(k)
		case "as_of":
			f.AsOf = d.moment(k)
		case "also":
			f.Also = d.texts(k)
		case "defaults":
			for _, inner := range d.fields(k.node, k.path()) {
				if !d.blocks(&f.Defaults, inner) {
					d.unknown(inner, blockKeys)
				}
			}
		case "rows":
			items := d.items(k)
			f.Rows = make([]Row, 0, len(items)*5/4)
			for _, item := range items {
				f.Rows = d.appendRows(f.Rows, item)
			}
			f.Rows = slices.Clip(f.Rows)
		case "aliases":
			for _, item := range d.items(k) {
				f.Aliases = append(f.Aliases, d.alias(item))
			}
		case "adjustments":
			for _, item := range d.items(k) {
				f.Adjustments = append(f.Adjustments, d.adjustment(item))
			}
		default:
			d.unknown(k, "provider, as_of, also, defaults, rows, aliases, adjustments")
		}
	}
	if f.Provider == "" && n.Kind == yaml.MappingNode {
		d.add(n.Line, "provider", "missing; name who hosts the models as gen_ai.provider.name does, such as openai or azure.ai.openai")
	}
	return f
}

const (
	unitKeysHint = "a heading with its unit (per_1m_tokens, per_minute, per_image, …)"
	blockKeys    = unitKeysHint + ", times, context_tiers, variants, service_tiers, regions, hours, depends_on"
	rowKeys      = "model, from, until, source, confidence, note, checked, inherit, graduated, " + blockKeys
)

func (d *decoder) unknown(f field, allowed string) {
	if item, ok := ParseItem(f.name); ok {
		d.add(f.line, f.path(), "a price without its unit; write it below one of %s", unitsOf(item))
		return
	}
	if strings.HasPrefix(f.name, "per_") {
		allowed = unitNames()
	}
	d.add(f.line, f.path(), "unknown key; known here are %s", allowed)
}

// appendRows reads one entry, which may give one price to several models.
func (d *decoder) appendRows(rows []Row, f field) []Row {
	row := Row{Line: f.line}
	var models []string
	for _, k := range d.fields(f.node, f.path()) {
		switch k.name {
		case "model":
			models = d.texts(k)
		case "from":
			row.Span.From = d.moment(k)
		case "until":
			row.Span.Until = d.moment(k)
		case "source":
			row.Source = d.once(d.text(k))
		case "confidence":
			row.Confidence = d.once(d.text(k))
			if c := row.Confidence; c != "high" && c != "medium" && c != "low" {
				d.add(k.line, k.path(), "high, medium or low is expected, found %q", c)
			}
		case "note":
			row.Note = d.kept(k)
		case "checked":
			row.Checked = d.kept(k)
		case "inherit":
			row.Inherit = d.flag(k)
		case "graduated":
			row.Graduated = d.flag(k)
		default:
			if !d.blocks(&row.Blocks, k) {
				d.unknown(k, rowKeys)
			}
		}
	}
	if len(models) == 0 && f.node.Kind == yaml.MappingNode {
		d.add(f.line, join(f.path(), "model"), "missing; name the model as telemetry does")
	}
	for _, m := range models {
		row.Model = m
		rows = append(rows, row)
	}
	return rows
}

// blocks reads a key that rows and defaults share; it returns false for any other key.
func (d *decoder) blocks(b *Blocks, f field) bool {
	switch f.name {
	case "depends_on":
		for _, name := range d.texts(f) {
			bit, ok := ParseDependency(name)
			if !ok {
				d.add(f.line, f.path(), "%q is nothing that a price depends on; known are %s", name, dependencyNames())
			}
			b.Depends |= bit
		}
	case "variants":
		b.Variants = d.named(f)
	case "service_tiers":
		b.ServiceTiers = d.named(f)
	case "regions":
		b.Regions = d.named(f)
	case "hours":
		b.Hours = d.hours(f)
	default:
		return d.block(&b.Block, f)
	}
	return true
}

// block reads a key of a set of prices; it returns false for any other key.
func (d *decoder) block(b *Block, f field) bool {
	switch f.name {
	case "times":
		if factor, ok := d.factor(f); ok {
			b.Times = &factor
		}
	case "context_tiers":
		for _, item := range d.items(f) {
			b.Tiers = append(b.Tiers, d.tier(item))
		}
	default:
		return d.prices(&b.Prices, f)
	}
	return true
}

func (d *decoder) factor(f field) (decimal.Decimal, bool) {
	text := d.text(f)
	if text == "" {
		return decimal.Decimal{}, false
	}
	factor, err := parseFactor(text)
	if err != nil {
		d.add(f.line, f.path(), "%v", err)
		return decimal.Decimal{}, false
	}
	return factor, true
}

// prices reads a unit heading and the prices below it; it returns false when the key is not
// a unit.
func (d *decoder) prices(list *[]Price, f field) bool {
	unit, ok := parseUnit(f.name)
	if !ok {
		return false
	}
	if item, only := unit.single(); only && f.node.Kind == yaml.ScalarNode {
		d.price(list, unit, item, f)
		return true
	}
	for _, k := range d.fields(f.node, f.path()) {
		item, known := ParseItem(k.name)
		if !known || !unit.has(item) {
			d.add(k.line, k.path(), "cannot be priced %s; that unit is for %s", f.name, itemList(units[unit].items))
			continue
		}
		d.price(list, unit, item, k)
	}
	return true
}

func (d *decoder) price(list *[]Price, unit Unit, item Item, f field) {
	p := Price{Line: f.line, Item: item, Unit: unit, Same: item}
	if before, twice := Find(*list, item); twice {
		d.add(f.line, f.path(), "%s has a price in line %d already", item, before.Line)
		return
	}
	if f.node.Kind != yaml.ScalarNode || f.node.Tag == "!!null" {
		d.add(f.line, f.path(), "a price is expected, found %s; write 0 only for what is free", kindName(f.node))
		return
	}
	text := strings.TrimSpace(f.node.Value)
	if same, ok := ParseItem(text); ok {
		if !item.IsToken() || !same.IsToken() || same == item {
			d.add(f.line, f.path(), "%s cannot be billed as %s", item, same)
			return
		}
		p.Same = same
		*list = append(*list, p)
		return
	}
	amount, err := d.amount(text)
	if err != nil {
		d.add(f.line, f.path(), "%v", err)
		return
	}
	p.Amount = amount
	*list = append(*list, p)
}

func (d *decoder) tier(f field) Tier {
	t := Tier{Line: f.line, Min: -1}
	for _, k := range d.fields(f.node, f.path()) {
		switch k.name {
		case "above", "at_least":
			if t.Min >= 0 {
				d.add(k.line, k.path(), "above and at_least are both set; keep one")
			}
			t.Min = d.whole(k)
			if t.Above = k.name == "above"; t.Above {
				t.Min++
			}
		default:
			if !d.prices(&t.Prices, k) {
				d.unknown(k, "above, at_least, "+unitKeysHint)
			}
		}
	}
	if f.node.Kind == yaml.MappingNode {
		if t.Min < 0 {
			d.add(f.line, f.path(), "above or at_least is missing: from how many input tokens on do the prices hold?")
		}
		if len(t.Prices) == 0 {
			d.add(f.line, f.path(), "the tier has no price")
		}
	}
	return t
}

func (d *decoder) named(f field) []Named {
	var list []Named
	for _, k := range d.fields(f.node, f.path()) {
		b := Named{Line: k.line, Name: d.once(k.name)}
		for _, inner := range d.fields(k.node, k.path()) {
			if !d.block(&b.Block, inner) {
				d.unknown(inner, unitKeysHint+", times, context_tiers")
			}
		}
		d.notEmpty(&b.Block, k)
		list = append(list, b)
	}
	return list
}

func (d *decoder) notEmpty(b *Block, f field) {
	if b.IsEmpty() && f.node.Kind == yaml.MappingNode {
		d.add(f.line, f.path(), "says neither a price nor times")
	}
}

func (d *decoder) hours(f field) []Hours {
	var list []Hours
	for _, k := range d.fields(f.node, f.path()) {
		h := Hours{Line: k.line}
		var okDays, okFrom, okUntil bool
		clock := k.name
		if days, rest, ok := strings.Cut(k.name, " "); ok {
			clock = rest
			h.FirstDay, h.LastDay, okDays = weekdays(days)
		} else {
			h.FirstDay, h.LastDay, okDays = EveryDay, EveryDay, true
		}
		from, until, ok := strings.Cut(clock, "-")
		h.From, okFrom = minutes(from)
		h.Until, okUntil = minutes(until)
		if !ok || !okDays || !okFrom || !okUntil || h.From == h.Until {
			d.add(k.line, k.path(), `a part of the UTC day such as "16:30-00:30" or "mon-fri 01:00-04:00" is expected`)
			continue
		}
		for _, inner := range d.fields(k.node, k.path()) {
			if !d.block(&h.Block, inner) {
				d.unknown(inner, unitKeysHint+", times, context_tiers")
			}
		}
		d.notEmpty(&h.Block, k)
		list = append(list, h)
	}
	return list
}

// weekdays reads "sat" or "mon-fri".
func weekdays(text string) (first, last time.Weekday, ok bool) {
	from, to, isRange := strings.Cut(text, "-")
	if !isRange {
		to = from
	}
	found := 0
	for day := time.Sunday; day <= time.Saturday; day++ {
		if dayName(day) == from {
			first = day
			found++
		}
		if dayName(day) == to {
			last = day
			found++
		}
	}
	return first, last, found == 2
}

// minutes reads "16:30" as minutes since midnight.
func minutes(clock string) (int, bool) {
	if len(clock) != 5 || clock[2] != ':' || !digits(clock[:2]) || !digits(clock[3:]) {
		return 0, false
	}
	h, m := int(clock[0]-'0')*10+int(clock[1]-'0'), int(clock[3]-'0')*10+int(clock[4]-'0')
	return h*60 + m, h < 24 && m < 60
}

func (d *decoder) alias(f field) Alias {
	a := Alias{Line: f.line}
	for _, k := range d.fields(f.node, f.path()) {
		switch k.name {
		case "name":
			a.Name = d.kept(k)
		case "model":
			a.Model = d.kept(k)
		case "from":
			a.Span.From = d.moment(k)
		case "until":
			a.Span.Until = d.moment(k)
		default:
			d.unknown(k, "name, model, from, until")
		}
	}
	if (a.Name == "" || a.Model == "") && f.node.Kind == yaml.MappingNode {
		d.add(f.line, f.path(), "an alias needs a name (what telemetry says) and a model (what it is priced as)")
	}
	return a
}

func (d *decoder) adjustment(f field) Adjustment {
	a := Adjustment{Line: f.line}
	for _, k := range d.fields(f.node, f.path()) {
		switch k.name {
		case "model":
			a.Models = d.texts(k)
		case "from":
			a.Span.From = d.moment(k)
		case "until":
			a.Span.Until = d.moment(k)
		case "discount":
			a.Discount, _ = d.factor(k)
		case "margin":
			a.Margin, _ = d.factor(k)
		case "per_request":
			a.PerCall, _ = d.factor(k)
		case "source":
			a.Source = d.kept(k)
		case "note":
			a.Note = d.kept(k)
		default:
			d.unknown(k, "model, from, until, discount, margin, per_request, source, note")
		}
	}
	return a
}
