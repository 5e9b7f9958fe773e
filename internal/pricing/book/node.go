package book

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"
	"go.yaml.in/yaml/v3"
)

// field is one "key: value" of a mapping.
type field struct {
	name  string
	up    string // the path of the containing node
	index int    // in a list, -1 in a mapping
	line  int
	node  *yaml.Node
}

// path returns where the field is, "rows[3].from". It is built on demand: most fields have
// no fault.
func (f *field) path() string {
	if f.index < 0 {
		return join(f.up, f.name)
	}
	return f.up + "[" + strconv.Itoa(f.index) + "]"
}

// decoder walks the nodes of a document and keeps the line of every fault.
type decoder struct {
	faults
	// known and amounts keep one copy of texts that a file repeats: amounts, sources.
	known   map[string]string
	amounts map[string]decimal.Decimal
}

// once returns the first copy of a text.
func (d *decoder) once(text string) string {
	if known, ok := d.known[text]; ok {
		return known
	}
	text = strings.Clone(text)
	d.known[text] = text
	return text
}

// amount calls [ParseAmount] once for each text.
func (d *decoder) amount(text string) (decimal.Decimal, error) {
	if known, ok := d.amounts[text]; ok {
		return known, nil
	}
	amount, err := ParseAmount(text)
	if err == nil {
		d.amounts[text] = amount
	}
	return amount, err
}

// fields lists a mapping in order. Duplicate keys, keys that are not text, and values by
// YAML reference are faults.
func (d *decoder) fields(n *yaml.Node, path string) []field {
	if n.Kind != yaml.MappingNode {
		d.add(n.Line, path, "a mapping (key: value) is expected, found %s", kindName(n))
		return nil
	}
	list := make([]field, 0, len(n.Content)/2)
	var seen map[string]int
	if len(n.Content) > 32 {
		seen = make(map[string]int, len(n.Content)/2)
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind != yaml.ScalarNode || key.Value == "" || key.Value == "<<" {
			d.add(key.Line, path, "a plain key is expected, found %s", kindName(key))
			continue
		}
		if line, twice := lineOfKey(list, key.Value, seen); twice {
			d.add(key.Line, join(path, key.Value), "this key stands in line %d already", line)
			continue
		}
		if seen != nil {
			seen[key.Value] = key.Line
		}
		list = append(list, field{name: key.Value, up: path, index: -1, line: key.Line, node: value})
	}
	return list
}

// lineOfKey finds an earlier key: in the list while that is short, otherwise in the map.
func lineOfKey(list []field, name string, seen map[string]int) (int, bool) {
	if seen != nil {
		line, ok := seen[name]
		return line, ok
	}
	for i := range list {
		if list[i].name == name {
			return list[i].line, true
		}
	}
	return 0, false
}

// items lists a sequence.
func (d *decoder) items(f field) []field {
	if f.node.Kind != yaml.SequenceNode {
		d.add(f.line, f.path(), "a list is expected, found %s", kindName(f.node))
		return nil
	}
	list := make([]field, len(f.node.Content))
	up := f.path()
	for i, n := range f.node.Content {
		list[i] = field{up: up, index: i, line: n.Line, node: n}
	}
	return list
}

// text reads a scalar as written. The result shares the memory of the file; use
// [decoder.kept] for texts that are kept.
func (d *decoder) text(f field) string {
	if f.node.Kind != yaml.ScalarNode || f.node.Tag == "!!null" {
		d.add(f.line, f.path(), "a text is expected, found %s", kindName(f.node))
		return ""
	}
	text := strings.TrimSpace(f.node.Value)
	if text == "" {
		d.add(f.line, f.path(), "a text is expected, found nothing")
	}
	return text
}

// kept returns a copy of the text that does not hold the file in memory.
func (d *decoder) kept(f field) string { return strings.Clone(d.text(f)) }

// texts reads one text or a list of texts and copies them.
func (d *decoder) texts(f field) []string {
	if f.node.Kind == yaml.ScalarNode {
		return []string{d.kept(f)}
	}
	var list []string
	for _, item := range d.items(f) {
		list = append(list, d.kept(item))
	}
	if len(list) == 0 && f.node.Kind == yaml.SequenceNode {
		d.add(f.line, f.path(), "at least one text is expected")
	}
	return list
}

func (d *decoder) flag(f field) bool {
	switch text := d.text(f); text {
	case "true":
		return true
	case "false", "":
	default:
		d.add(f.line, f.path(), "true or false is expected, found %q", text)
	}
	return false
}

// whole reads a number of tokens; underscores may group digits.
func (d *decoder) whole(f field) int64 {
	text := strings.ReplaceAll(d.text(f), "_", "")
	if !digits(text) || len(text) > 12 {
		d.add(f.line, f.path(), "a whole number of tokens is expected, found %q", f.node.Value)
		return 0
	}
	var n int64
	for i := range len(text) {
		n = n*10 + int64(text[i]-'0')
	}
	return n
}

// moment reads a day, meaning midnight UTC, or a time.
func (d *decoder) moment(f field) time.Time {
	text := d.text(f)
	if text == "" {
		return time.Time{}
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil && plausible(t) {
			return t.UTC()
		}
	}
	d.add(f.line, f.path(), "%q is not a day such as 2024-10-02 or a time such as 2024-10-02T16:30:00Z between %d and %d", text, firstYear, lastYear)
	return time.Time{}
}

// The range of years in which a price may begin or end.
const firstYear, lastYear = 1970, 2199

func plausible(t time.Time) bool { return t.Year() >= firstYear && t.Year() <= lastYear }

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func kindName(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Kind == yaml.AliasNode:
		return "a YAML reference (*" + n.Value + "), which price files do not use"
	case n.Tag == "!!null":
		return "nothing"
	case n.Kind == yaml.ScalarNode:
		return fmt.Sprintf("%q", n.Value)
	}
	return "something else"
}
