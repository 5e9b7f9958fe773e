package reports

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/bill"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// Options of reading.
type Options struct {
	// AsOf is when the report was made: it covers nothing after it.
	AsOf time.Time
	// Report is which report a document is, where it cannot be recognised by its rows:
	// one without any. "" otherwise.
	Report bill.Report
	// KeepEmails keeps the e-mail addresses of people; without it they are taken out
	// of the rows before anything else sees them.
	KeepEmails bool
}

// Page is what a page of a report says beside its rows.
type Page struct {
	HasMore bool
	Next    string
	// Days are those of its buckets, in their order; a day may stand there twice.
	Days []bill.Covered
	Rows int
}

// errNoReport is the fault of a document whose rows do not say which report it
// is, because it has none.
var errNoReport = errors.New("no row says which report this is; name it by --report")

// format is how one provider writes results.
type format struct {
	// kind finds the report that a row belongs to; "" when it is none of ours.
	kind func(row []byte) (bill.Report, error)
	// line reads a row of a bucket.
	line func(l *bill.Line, row []byte, o Options) error
	// unbucketed rows have their day inside, and stand in "data" themselves.
	unbucketed func(row []byte) bool
	// most is how many groups of a day a report lists at most without a rest; 0 is
	// no such limit.
	most int
}

// ReadJSON reads pages of OpenAI or Anthropic as they came: one document, an array
// of pages, or one after the other. each is called for every line, which it must
// not keep; an error ends the reading. The last page comes back, with the days of
// all.
func ReadJSON(provider string, in io.Reader, o Options, each func(*bill.Line) error) (Page, error) {
	f, ok := formats[provider]
	if !ok {
		return Page{}, fmt.Errorf("provider: found %q, pages are read of openai and anthropic", provider)
	}
	d := &decoder{dec: json.NewDecoder(in), format: f, provider: provider, o: o, each: each, report: o.Report}
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

type decoder struct {
	dec      *json.Decoder
	format   format
	provider string
	o        Options
	each     func(*bill.Line) error
	// report is the one of the last row: a document has one.
	report bill.Report
	page   Page
	// unknown are empty buckets that came before the first row.
	unknown []bill.Covered
	pageNo  int
}

// at says where a fault stands.
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
		return errors.New("found an object without data: it is no page of a report")
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

// RefusedPrefix begins the words of a provider in the error of a document that is a
// refusal.
const RefusedPrefix = "the provider refused instead of reporting: "

// refusal reads what a provider answers instead of a page.
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

// bucket reads an element of data. Its time may come after its results; only
// then they are held.
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

// unbucketed reads an element that is a row itself.
func (d *decoder) unbucketed(fields map[string]json.RawMessage) error {
	row, err := json.Marshal(fields)
	if err != nil {
		return err
	}
	if d.format.unbucketed == nil || !d.format.unbucketed(row) {
		return errors.New("an element of data has no results: it is no bucket of a report that is known here")
	}
	return d.row(bucketHead{}, row)
}

// bucketHead is when a bucket begins and ends.
type bucketHead struct{ from, to time.Time }

func (b *bucketHead) known() bool { return !b.from.IsZero() && !b.to.IsZero() }

// set takes a field of the bucket; false when it is a time that cannot be read.
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

// row reads one result.
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

// covered notes a whole bucket, also an empty one: it is not the end, and it says
// that there was nothing.
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

// noteCovered adds a day, or widens what is known of the last one.
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
