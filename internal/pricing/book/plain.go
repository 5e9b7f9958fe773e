package book

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// plainTree parses the part of YAML in which price files are usually written, three times
// as fast as the YAML library: mappings and lists by indentation or on one line, plain and
// quoted texts on one line, comment lines. It builds the same nodes as the library, as far
// as the decoder looks at them (kind, value, line). For everything else, valid or not, ok
// is false and the library decides.
func plainTree(content []byte) (root *yaml.Node, ok bool) {
	p := plainParser{text: string(content)}
	p.next()
	root = p.block(0)
	return root, root != nil && p.at == endOfText
}

const (
	endOfText     = -1 // the indentation after the last line
	notPlain      = -2 // the indentation of a line that this parser does not handle
	maxPlainDepth = 16
	maxPlainKey   = 256
)

// plainParser walks the lines of a text.
type plainParser struct {
	text  string // from the next line on
	line  int    // of rest
	rest  string // of the line, without indentation
	at    int    // its indentation
	depth int
	slab  []yaml.Node // nodes are allocated in bulk
}

// next moves to the next line that is neither blank nor a comment.
func (p *plainParser) next() {
	for p.text != "" {
		line, text, _ := strings.Cut(p.text, "\n")
		p.text = text
		p.line++
		rest := strings.TrimLeft(line, " ")
		if rest != "" && rest[0] != '#' {
			p.at, p.rest = len(line)-len(rest), strings.TrimRight(rest, " ")
			return
		}
		if !printable(rest) {
			p.at = notPlain
			return
		}
	}
	p.at = endOfText
}

func (p *plainParser) node(kind yaml.Kind, value string) *yaml.Node {
	if len(p.slab) == 0 {
		p.slab = make([]yaml.Node, 64)
	}
	n := &p.slab[0]
	p.slab = p.slab[1:]
	n.Kind, n.Value, n.Line = kind, value, p.line
	return n
}

// block parses what begins at the current line with exactly this indentation, up to the
// first line with less; it returns nil when that is not plain.
func (p *plainParser) block(indent int) *yaml.Node {
	if p.at != indent || p.depth == maxPlainDepth {
		return nil
	}
	p.depth++
	defer func() { p.depth-- }()
	isList := strings.HasPrefix(p.rest, "- ")
	kind := yaml.MappingNode
	if isList {
		kind = yaml.SequenceNode
	}
	n := p.node(kind, "")
	for p.at == indent && strings.HasPrefix(p.rest, "- ") == isList {
		if isList {
			item := p.item(indent)
			if item == nil {
				return nil
			}
			n.Content = append(n.Content, item)
			continue
		}
		key, rest, found := p.key(p.rest)
		if !found {
			return nil
		}
		value := p.value(indent, rest)
		if value == nil {
			return nil
		}
		n.Content = append(n.Content, key, value)
	}
	if p.at >= indent || p.at == notPlain {
		return nil // a list mixed with a mapping, or a line indented too far
	}
	return n
}

// item parses one entry of a list: "- {…}", or "- key: …" with the other keys of the
// mapping aligned below the first.
func (p *plainParser) item(indent int) *yaml.Node {
	inner := strings.TrimLeft(p.rest[2:], " ")
	deeper := indent + len(p.rest) - len(inner)
	if _, _, isMapping := splitKey(inner); isMapping {
		p.at, p.rest = deeper, inner
		return p.block(deeper)
	}
	return p.value(indent, inner)
}

// value parses what follows a key or a dash: on the same line, otherwise below it with more
// indentation.
func (p *plainParser) value(indent int, rest string) *yaml.Node {
	if rest == "" {
		if p.next(); p.at <= indent {
			return nil // nothing, or a list directly below its key
		}
		return p.block(p.at)
	}
	n, rest := p.inline(rest, false)
	if n == nil || rest != "" {
		return nil
	}
	p.next()
	return n
}

// key parses a key and its colon.
func (p *plainParser) key(text string) (key *yaml.Node, rest string, ok bool) {
	name, rest, ok := splitKey(text)
	if !ok {
		return nil, "", false
	}
	return p.node(yaml.ScalarNode, name), rest, true
}

// splitKey cuts "key: rest" and "key:".
func splitKey(text string) (name, rest string, ok bool) {
	if name, rest, ok = quoted(text); !ok {
		name, rest = plainText(text)
	}
	if name == "" || len(name) > maxPlainKey || name[len(name)-1] == ' ' || !strings.HasPrefix(rest, ":") || len(rest) > 1 && rest[1] != ' ' {
		return "", "", false
	}
	return name, strings.TrimLeft(rest[1:], " "), true
}

// inline parses a text, or a mapping or list on one line, and returns the rest.
func (p *plainParser) inline(text string, inFlow bool) (n *yaml.Node, rest string) {
	switch {
	case text[0] == '{' || text[0] == '[':
		if p.depth == maxPlainDepth {
			return nil, ""
		}
		p.depth++
		defer func() { p.depth-- }()
		return p.flow(text)
	case text[0] == '"':
		value, rest, ok := quoted(text)
		if !ok {
			return nil, ""
		}
		return p.node(yaml.ScalarNode, value), rest
	}
	value, rest := plainText(text)
	for !inFlow && len(rest) > 1 && rest[0] == ':' && rest[1] != ' ' && plainByte[rest[1]] { // a time of day
		end := len(value) + 2
		for end < len(text) && plainByte[text[end]] {
			end++
		}
		value, rest = text[:end], text[end:]
	}
	if !inFlow && rest != "" || value == "" || isNull(value) {
		return nil, ""
	}
	return p.node(yaml.ScalarNode, strings.TrimRight(value, " ")), rest
}

// flow parses "{a: b, c: d}" or "[a, b]".
func (p *plainParser) flow(text string) (n *yaml.Node, rest string) {
	kind, end := yaml.MappingNode, "}"
	if text[0] == '[' {
		kind, end = yaml.SequenceNode, "]"
	}
	n = p.node(kind, "")
	for rest = text[1:]; ; {
		if kind == yaml.MappingNode {
			key, after, ok := p.key(rest)
			if !ok || after == "" {
				return nil, ""
			}
			n.Content, rest = append(n.Content, key), after
		}
		if rest == "" {
			return nil, ""
		}
		value, after := p.inline(rest, true)
		if value == nil {
			return nil, ""
		}
		n.Content = append(n.Content, value)
		if after, ok := strings.CutPrefix(after, end); ok {
			return n, after
		}
		if rest, _ = strings.CutPrefix(after, ", "); len(rest) == len(after) {
			return nil, ""
		}
	}
}

// plainByte marks the bytes allowed in a plain text after its first byte.
var plainByte = func() (allowed [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 ._/@+()-*%<>") {
		allowed[c] = true
	}
	return allowed
}()

// plainText cuts a text that begins with a letter or a digit where it stops being plain.
func plainText(text string) (value, rest string) {
	end := 0
	for end < len(text) && plainByte[text[end]] {
		end++
	}
	if end == 0 || !(text[0] >= 'a' && text[0] <= 'z' || text[0] >= 'A' && text[0] <= 'Z' || text[0] >= '0' && text[0] <= '9') {
		return "", text
	}
	return text[:end], text[end:]
}

// quoted cuts a double-quoted text without escapes.
func quoted(text string) (value, rest string, ok bool) {
	if text == "" || text[0] != '"' {
		return "", text, false
	}
	value, rest, ok = strings.Cut(text[1:], `"`)
	return value, rest, ok && printable(value) && !strings.Contains(value, `\`)
}

// isNull reports whether a plain text means null.
func isNull(text string) bool { return strings.EqualFold(strings.TrimRight(text, " "), "null") }

// printable reports whether a text consists of visible ASCII characters and spaces.
func printable(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}
