package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"
)

// number is a right-aligned cell of a table.
type number string

func count[T int | int64](n T) number { return number(fmt.Sprint(n)) }

// table prints rows in aligned columns, two spaces apart.
type table struct {
	indent string
	widest int // maximum width of a cell in characters; longer ones are cut. 0 means no limit.
	width  int // maximum width of a line in characters; the widest columns are cut. 0 means no limit.
	rows   [][]any
}

// row adds a line. A cell is a string or a [number]. Control characters in a string, which
// an app may have chosen, are replaced.
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
	t.fit(widths)
	for _, row := range t.rows {
		var line strings.Builder
		for i, cell := range row {
			text := cut(t.text(cell), widths[i])
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

// narrowest is the minimum width of a column when a line is too long.
const narrowest = 12

// fit narrows the widest columns until a line fits.
func (t *table) fit(widths []int) {
	line := utf8.RuneCountInString(t.indent) + 2*(len(widths)-1)
	for _, width := range widths {
		line += width
	}
	for t.width > 0 && line > t.width {
		widest := 0
		for i := range widths {
			if widths[i] >= widths[widest] {
				widest = i
			}
		}
		if widths[widest] <= narrowest {
			return
		}
		widths[widest]--
		line--
	}
}

func (t *table) text(cell any) string {
	text := plain(fmt.Sprint(cell))
	if t.widest > 0 {
		return cut(text, t.widest)
	}
	return text
}

// cut shortens a text to a number of characters and marks the cut.
func cut(text string, width int) string {
	if utf8.RuneCountInString(text) <= width {
		return text
	}
	return string([]rune(text)[:width-1]) + "…"
}

// terminalWidth returns the width of the terminal in characters, and 0 if the output is not
// a terminal.
func terminalWidth(out io.Writer) int {
	file, ok := out.(*os.File)
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(file.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// plain keeps names of models and users, which apps choose, from controlling the terminal.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return '\uFFFD'
		}
		return r
	}, text)
}

// printJSON prints a value as indented JSON.
func printJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

// csvCell keeps a spreadsheet from interpreting a text that others chose as a formula.
func csvCell(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r\n", rune(text[0])) {
		text = "'" + text
	}
	return plain(text)
}

// plural counts things: "1 month", "2 months". The plural is one plus "s" unless it is
// given.
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
