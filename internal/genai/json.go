package genai

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxJSON is how much of a JSON attribute is read. Answers that libraries attach may
// contain images; what we need is in the first kilobytes, or is not read.
const maxJSON = 1 << 20

// maxJSONDepth bounds how deep [jsonText] follows nested values.
const maxJSONDepth = 24

// jsonText reads a JSON text in place: no allocation, no copy, one pass. It is lenient,
// because its input comes from outside: where the text is broken or cut, it simply ends.
// Texts are returned with their escapes; those we read (ids, names of models) have none.
type jsonText struct {
	s     string
	at    int
	depth int
}

func newJSON(text string) jsonText {
	if len(text) > maxJSON {
		text = text[:maxJSON]
	}
	return jsonText{s: text}
}

// peek returns the first byte of the next value, 0 at the end.
func (j *jsonText) peek() byte {
	for j.at < len(j.s) {
		switch c := j.s[j.at]; c {
		case ' ', '\n', '\r', '\t', ',', ':':
			j.at++
		default:
			return c
		}
	}
	return 0
}

// members visits the members of an object. visit reads the value with one of the methods
// below, or leaves it and it is skipped; it returns false to stop. Any other value is
// skipped.
func (j *jsonText) members(visit func(key string) bool) {
	if j.peek() != '{' || j.depth >= maxJSONDepth {
		j.skip()
		return
	}
	j.depth++
	defer func() { j.depth-- }()
	j.at++
	for {
		switch j.peek() {
		case '"':
		case '}':
			j.at++
			return
		default:
			j.at = len(j.s)
			return
		}
		key := j.text()
		j.peek()
		before := j.at
		if !visit(key) {
			j.at = len(j.s)
			return
		}
		if j.at == before {
			j.skip()
		}
		if j.at == before { // nothing was read
			j.at = len(j.s)
			return
		}
	}
}

// elements visits at most limit elements of an array, like [jsonText.members]. The array is
// read to its end in any case.
func (j *jsonText) elements(limit int, visit func(i int)) {
	if j.peek() != '[' || j.depth >= maxJSONDepth {
		j.skip()
		return
	}
	j.depth++
	defer func() { j.depth-- }()
	j.at++
	for i := 0; ; i++ {
		switch j.peek() {
		case ']':
			j.at++
			return
		case 0:
			return
		}
		before := j.at
		if i < limit {
			visit(i)
		}
		if j.at == before {
			j.skip()
		}
		if j.at == before {
			j.at = len(j.s)
			return
		}
	}
}

// text reads a text; for any other value it returns "" and does not advance.
func (j *jsonText) text() string {
	if j.peek() != '"' {
		return ""
	}
	start := j.at + 1
	j.skip()
	if j.at <= start || j.s[j.at-1] != '"' {
		return ""
	}
	return j.s[start : j.at-1]
}

// count reads a number; see [countOf].
func (j *jsonText) count() count {
	switch c := j.peek(); {
	case c == '"':
		return countOfText(j.text())
	case c == 'n':
		j.skip()
		return absent
	case c == '-' || c >= '0' && c <= '9':
		return countOfText(j.number())
	}
	j.skip()
	return invalid
}

// float reads a number.
func (j *jsonText) float() (float64, bool) {
	text := j.number()
	if len(text) > 32 {
		return 0, false
	}
	f, err := strconv.ParseFloat(text, 64)
	return f, err == nil
}

// number returns the text of a number.
func (j *jsonText) number() string {
	j.peek()
	start := j.at
	for j.at < len(j.s) && strings.IndexByte("+-0123456789.eE", j.s[j.at]) >= 0 {
		j.at++
	}
	return j.s[start:j.at]
}

// amount returns the text of a number that may be quoted.
func (j *jsonText) amount() string {
	if j.peek() == '"' {
		return j.text()
	}
	return j.number()
}

// skip skips one value.
func (j *jsonText) skip() {
	depth := 0
	for j.at < len(j.s) {
		switch c := j.peek(); c {
		case '"':
			j.skipString()
		case '{', '[':
			depth++
			j.at++
			continue
		case '}', ']':
			if depth == 0 {
				return
			}
			depth--
			j.at++
		case 0:
			return
		default:
			j.at++
			for j.at < len(j.s) && strings.IndexByte(",:{}[]\" \n\r\t", j.s[j.at]) < 0 {
				j.at++
			}
		}
		if depth == 0 {
			return
		}
	}
}

func (j *jsonText) skipString() {
	j.at++
	for {
		end := strings.IndexByte(j.s[j.at:], '"')
		if end < 0 {
			j.at = len(j.s)
			return
		}
		quote := j.at + end
		back := quote
		for back > j.at && j.s[back-1] == '\\' {
			back--
		}
		j.at = quote + 1
		if (quote-back)%2 == 0 {
			return
		}
	}
}

// runesIn counts the characters of a JSON text that still contains its escapes.
func runesIn(escaped string) count {
	n := count(utf8.RuneCountInString(escaped))
	for i := 0; i < len(escaped); i++ {
		if escaped[i] != '\\' || i+1 == len(escaped) {
			continue
		}
		i++
		n--
		if escaped[i] != 'u' || i+4 >= len(escaped) {
			continue
		}
		n -= 4
		if code := escaped[i+1:]; (code[0]|0x20) == 'd' && strings.IndexByte("cdefCDEF", code[1]) >= 0 {
			n-- // the second half of one character
		}
		i += 4
	}
	return max(0, n)
}

// jsonMember returns the text of a member of an object.
func jsonMember(text string, names ...string) string {
	if len(text) < 2 || text[0] != '{' {
		return ""
	}
	j := newJSON(text)
	best, found := len(names), ""
	j.members(func(key string) bool {
		for i, name := range names {
			if i < best && key == name {
				switch c := j.peek(); {
				case c == '"':
					if value := j.text(); value != "" {
						best, found = i, value
					}
				case c >= '0' && c <= '9':
					best, found = i, j.number()
				}
				break
			}
		}
		return best > 0
	})
	return found
}

// pythonToJSON converts a Python dict of numbers and simple texts to JSON.
var pythonToJSON = strings.NewReplacer("'", `"`, "None", "null", "True", "true", "False", "false")

// jsonOfPython converts the output of Python's str of a dict to JSON and returns any other
// text unchanged.
func jsonOfPython(text string) string {
	if strings.HasPrefix(text, "{'") && len(text) <= maxJSON {
		return pythonToJSON.Replace(text)
	}
	return text
}
