package reports

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/bill"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// Options of the parsers.
type Options struct {
	// AsOf is when the report was created. It covers nothing later.
	AsOf time.Time
	// Report says which report a document is, for a document without rows. "" otherwise.
	Report bill.Report
	// KeepEmails keeps people's email addresses. Without it they are removed from the rows
	// before anything else reads them.
	KeepEmails bool
}

// Page is what a page contains besides its rows.
type Page struct {
	HasMore bool
	Next    string
	// Days are the days of its buckets in order. A day can be listed twice.
	Days []bill.Covered
	Rows int
}

// errNoReport means that a document has no rows from which the report could be recognised.
var errNoReport = errors.New("no row shows which report this is; name it with --report")

// format describes the results of one provider.
type format struct {
	// kind returns the report that a row belongs to, or "" for an unknown one.
	kind func(row []byte) (bill.Report, error)
	// line parses a row of a bucket.
	line func(l *bill.Line, row []byte, o Options) error
	// unbucketed reports whether a row contains its own day and is itself an element of
	// "data".
	unbucketed func(row []byte) bool
	// most is the maximum number of groups per day, beyond which a report silently omits
	// the rest; 0 means no limit.
	most int
}

// ReadJSON parses pages of OpenAI or Anthropic: one document, an array of pages, or several
// in sequence. It calls each for every line, which each must not keep; an error from each
// stops it. It returns the last page, with the days of all pages.
func ReadJSON(provider string, in io.Reader, o Options, each func(*bill.Line) error) (Page, error) {
	f, ok := formats[provider]
	if !ok {
		return Page{}, fmt.Errorf("provider: found %q, only pages of openai and anthropic can be read", provider)
	}
	d := &decoder{dec: json.NewDecoder(withoutBOM(in)), format: f, provider: provider, o: o, each: each, report: o.Report}
	d.dec.UseNumber()
	err := d.pages()
	if err == nil && d.page.Rows == 0 && len(d.unknown) > 0 {
		err = errNoReport
	}
	if err != nil {
		return d.page, d.at(err)
	}
	return d.page, nil
}

// withoutBOM skips the byte order mark that some programs put before UTF-8.
func withoutBOM(in io.Reader) io.Reader {
	r := bufio.NewReader(in)
	if start, _ := r.Peek(3); string(start) == "\uFEFF" {
		_, _ = r.Discard(3)
	}
	return r
}

type decoder struct {
	dec      *json.Decoder
	format   format
	provider string
	o        Options
	each     func(*bill.Line) error
	// report is that of the last row. A document has only one.
	report bill.Report
	page   Page
	// unknown are empty buckets before the first row.
	unknown []bill.Covered
	pageNo  int
}

// at adds the position to an error.
func (d *decoder) at(err error) error {
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("byte %d: the JSON ends early or is broken: %w", d.dec.InputOffset(), err)
	}
	return fmt.Errorf("page %d, byte %d: %w", d.pageNo, d.dec.InputOffset(), err)
}

func (d *decoder) pages() error {
	for {
		token, err := d.dec.Token()
		if errors.Is(err, io.EOF) {
			if d.pageNo == 0 {
				return errors.New("the file is empty")
			}
			return nil
		}
		if err != nil {
			return err
		}
		switch token {
		case json.Delim('{'):
			err = d.readPage()
		case json.Delim('['):
			for d.dec.More() && err == nil {
				if err = d.open('{', "a page"); err == nil {
					err = d.readPage()
				}
			}
			if err == nil {
				_, err = d.dec.Token()
			}
		default:
			return fmt.Errorf("found %v, must be a page, that is an object with data", token)
		}
		if err != nil {
			return err
		}
	}
}

func (d *decoder) open(want json.Delim, what string) error {
	token, err := d.dec.Token()
	if err == nil && token != want {
		err = fmt.Errorf("found %v, must be %s", token, what)
	}
	return err
}

// readPage reads the rest of an object that is a page.
func (d *decoder) readPage() error {
	d.pageNo++
	d.page.HasMore, d.page.Next = false, ""
	hasData := false
	for d.dec.More() {
		key, err := d.dec.Token()
		if err != nil {
			return err
		}
		switch key {
		case "data":
			hasData = true
			if err := d.open('[', "data as a list"); err != nil {
				return err
			}
			for d.dec.More() {
				if err := d.bucket(); err != nil {
					return err
				}
			}
			_, err = d.dec.Token()
		case "has_more":
			err = d.value("has_more", &d.page.HasMore)
		case "next_page":
			var next *string
			if err = d.value("next_page", &next); err == nil && next != nil {
				d.page.Next = *next
			}
		case "error":
			return d.refusal()
		default:
			var skipped json.RawMessage
			err = d.dec.Decode(&skipped)
		}
		if err != nil {
			return err
		}
	}
	if !hasData {
		return errors.New("found an object without data: it is not a page of a report")
	}
	_, err := d.dec.Token()
	return err
}

func (d *decoder) value(key string, into any) error {
	if err := d.dec.Decode(into); err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	return nil
}

// RefusedPrefix starts the error for a document in which the provider refuses the report.
// The provider's message follows.
const RefusedPrefix = "the provider refused instead of reporting: "

// refusal reads an error that a provider returns instead of a page.
func (d *decoder) refusal() error {
	var e struct {
		Message string `json:"message"`
		Type    string `json:"type"`
	}
	if err := d.dec.Decode(&e); err != nil {
		return fmt.Errorf("error: %w", err)
	}
	return fmt.Errorf(RefusedPrefix+"%s (%s)", usage.CleanText(e.Message, 200), usage.CleanText(e.Type, 60))
}

// bucket reads an element of data. Results are kept in memory only if they precede the
// bucket's time.
func (d *decoder) bucket() error {
	if err := d.open('{', "a bucket"); err != nil {
		return err
	}
	var b bucketHead
	var held []json.RawMessage
	fields := map[string]json.RawMessage{}
	hasResults := false
	rows := 0
	for d.dec.More() {
		key, err := d.dec.Token()
		if err != nil {
			return err
		}
		name, _ := key.(string)
		if name != "results" {
			var value json.RawMessage
			if err := d.dec.Decode(&value); err != nil {
				return err
			}
			if fields[name] = value; !b.set(name, value) {
				return fmt.Errorf("%s: found %s, must be a time", name, usage.CleanText(string(value), 60))
			}
			continue
		}
		hasResults = true
		if err := d.open('[', "results as a list"); err != nil {
			return err
		}
		for d.dec.More() {
			var row json.RawMessage
			if err := d.dec.Decode(&row); err != nil {
				return err
			}
			rows++
			if !b.known() {
				held = append(held, row)
				continue
			}
			if err := d.row(b, row); err != nil {
				return err
			}
		}
		if _, err := d.dec.Token(); err != nil {
			return err
		}
	}
	if _, err := d.dec.Token(); err != nil {
		return err
	}
	if !hasResults {
		return d.unbucketed(fields)
	}
	if !b.known() {
		return errors.New("a bucket has results and no time: start_time and end_time, or starting_at and ending_at")
	}
	for _, row := range held {
		if err := d.row(b, row); err != nil {
			return err
		}
	}
	return d.covered(b, rows)
}

// unbucketed reads an element that is itself a row.
func (d *decoder) unbucketed(fields map[string]json.RawMessage) error {
	row, err := json.Marshal(fields)
	if err != nil {
		return err
	}
	if d.format.unbucketed == nil || !d.format.unbucketed(row) {
		return errors.New("an element of data has no results: it is not a bucket of a known report")
	}
	return d.row(bucketHead{}, row)
}

// bucketHead is the time of a bucket.
type bucketHead struct{ from, to time.Time }

func (b *bucketHead) known() bool { return !b.from.IsZero() && !b.to.IsZero() }

// set sets a field of the bucket. It returns false for an invalid time.
func (b *bucketHead) set(name string, value []byte) bool {
	var into *time.Time
	switch name {
	case "start_time", "starting_at":
		into = &b.from
	case "end_time", "ending_at":
		into = &b.to
	default:
		return true
	}
	if len(value) > 0 && value[0] == '"' {
		return json.Unmarshal(value, into) == nil
	}
	var seconds int64
	if json.Unmarshal(value, &seconds) != nil {
		return false
	}
	*into = time.Unix(seconds, 0).UTC()
	return true
}

// row parses one result.
func (d *decoder) row(b bucketHead, raw []byte) error {
	report, err := d.format.kind(raw)
	if err != nil {
		return err
	}
	if d.report != "" && d.report != report {
		return fmt.Errorf("found a row of %s in a document of %s; give each report its own file", report, d.report)
	}
	d.report = report
	l := bill.Line{Provider: d.provider, Report: report}
	if b.known() {
		if err := l.SetSpan(b.from, b.to); err != nil {
			return err
		}
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, raw); err != nil {
		return err
	}
	l.Raw = compact.Bytes()
	if err := d.format.line(&l, raw, d.o); err != nil {
		return err
	}
	if !b.known() {
		d.noteCovered(bill.Covered{Provider: d.provider, Report: report, Day: l.Day, Until: l.Until})
	}
	if l.Until = earlier(l.Until, d.o.AsOf); !l.Until.After(l.Day) {
		return fmt.Errorf("the bucket of %s begins after %s, when the report was made; is --as-of right?", l.Day.Format(time.DateOnly), d.o.AsOf.Format(time.RFC3339))
	}
	d.page.Rows++
	l.Clean()
	return d.each(&l)
}

// covered records a whole bucket. An empty one matters too: it is not the end, and it says
// that nothing was used.
func (d *decoder) covered(b bucketHead, rows int) error {
	var l bill.Line
	if err := l.SetSpan(b.from, b.to); err != nil {
		return err
	}
	c := bill.Covered{Provider: d.provider, Report: d.report, Day: l.Day, Until: earlier(l.Until, d.o.AsOf), Incomplete: d.format.most > 0 && d.report.HasCosts() && rows == d.format.most}
	if c.Report == "" {
		d.unknown = append(d.unknown, c)
		return nil
	}
	for _, u := range d.unknown {
		u.Report = d.report
		d.noteCovered(u)
	}
	d.unknown = nil
	d.noteCovered(c)
	return nil
}

// noteCovered adds a day, or extends the last one.
func (d *decoder) noteCovered(c bill.Covered) {
	for i := len(d.page.Days) - 1; i >= 0; i-- {
		if have := &d.page.Days[i]; have.Day.Equal(c.Day) && have.Report == c.Report {
			if c.Until.After(have.Until) {
				have.Until = c.Until
			}
			have.Incomplete = have.Incomplete || c.Incomplete
			return
		}
	}
	d.page.Days = append(d.page.Days, c)
}

func earlier(a, b time.Time) time.Time {
	if !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
