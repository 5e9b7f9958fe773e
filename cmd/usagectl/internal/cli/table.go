package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// number is a cell of a table that is aligned to the right.
type number string

func count[T int | int64](n T) number { return number(fmt.Sprint(n)) }

// table prints rows whose columns line up, two spaces apart.
type table struct {
	indent string
	widest int // of a cell in characters; longer ones are cut. 0 is no limit.
	rows   [][]any
}

// row adds a line. A cell is a string or a [number]; a string that an app chose
// cannot steer the terminal.
func (t *table) row(cells ...any) { t.rows = append(t.rows, cells) }

func (t *table) print(w io.Writer) error {
	var widths []int
	for _, row := range t.rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(t.text(cell)))
		}
	}
	for _, row := range t.rows {
		var line strings.Builder
		for i, cell := range row {
			text := t.text(cell)
			blanks := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(text))
			if _, right := cell.(number); right {
				text = blanks + text
			} else {
				text += blanks
			}
			line.WriteString(text + "  ")
		}
		if _, err := fmt.Fprintln(w, t.indent+strings.TrimRight(line.String(), " ")); err != nil {
			return err
		}
	}
	return nil
}

func (t *table) text(cell any) string {
	text := plain(fmt.Sprint(cell))
	if t.widest > 0 && utf8.RuneCountInString(text) > t.widest {
		return string([]rune(text)[:t.widest-1]) + "…"
	}
	return text
}

// plain keeps what apps call their models and users from steering the
// terminal.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return '\uFFFD'
		}
		return r
	}, text)
}

// printJSON writes a value over several lines.
func printJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

// csvCell keeps a spreadsheet from taking a text that others chose for a formula.
func csvCell(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r\n", rune(text[0])) {
		text = "'" + text
	}
	return plain(text)
}

// plural counts things: "1 month", "2 months". A second form is the plural where
// it is not the first with an s.
func plural[T int | int64](n T, one string, many ...string) string {
	switch {
	case n == 1:
	case len(many) > 0:
		one = many[0]
	default:
		one += "s"
	}
	return fmt.Sprint(n) + " " + one
}
