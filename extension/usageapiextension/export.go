package usageapiextension

import (
	"bufio"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/otelcol-usage/otelcol-usage/internal/store"
	"github.com/otelcol-usage/otelcol-usage/internal/store/read"
)

// rowCountTrailer is sent after a complete export. An export without it was cut off.
const rowCountTrailer = "X-Row-Count"

const (
	// exportDayTimeout limits the reading of one day, however slow the caller is.
	exportDayTimeout = 10 * time.Minute
	// exportStall is how long a caller may accept no bytes.
	exportStall = time.Minute
	// flushEvery is how many rows are sent together.
	flushEvery = 500
)

// exporter writes rows in one format.
type exporter interface {
	// each writes every row of the answer and calls row after each.
	each(a *api, q *question, ask read.CallsQuestion, row func() error) error
	// flush writes buffered rows.
	flush() error
}

// export answers /api/admin/usage/export and /api/usage/export. It streams all calls of a
// period, oldest first, in constant memory.
func (a *api) export(q *question, w http.ResponseWriter, r *http.Request) (int, error) {
	format, err := q.params.choice("format", "csv", "jsonl", "focus")
	if err != nil {
		return 0, err
	}
	sessions, err := q.params.choice("sessions", "false", "true")
	if err != nil {
		return 0, err
	}
	if sessions == "true" && format != "focus" {
		return 0, paramProblem("sessions", sessions, "true with format=focus alone: the other formats have the session of every call")
	}
	ask, err := a.callsQuestion(q)
	if err != nil {
		return 0, err
	}
	select {
	case a.exports <- struct{}{}:
		defer func() { <-a.exports }()
	default:
		p := newProblem(http.StatusServiceUnavailable, "as many exports are running as are allowed at a time; try again later")
		p.retryAfter = 30
		return 0, p
	}
	out := newStream(w, r)
	var e exporter
	contentType, name := "text/csv; charset=utf-8; header=present", "usage.csv"
	switch format {
	case "csv":
		e = &csvExport{csv.NewWriter(out)}
	case "jsonl":
		e = &jsonlExport{out}
		contentType, name = "application/jsonl", "usage.jsonl"
	case "focus":
		e = &focusExport{out: csv.NewWriter(out), sessions: sessions == "true"}
		name = "usage-focus-" + focusVersion + ".csv"
	}
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	h.Set("Cache-Control", "private, no-store")
	h.Set("Trailer", rowCountTrailer)
	if r.Method == http.MethodHead {
		w.WriteHeader(http.StatusOK)
		return 0, nil
	}
	rows := 0
	err = e.each(a, q, ask, func() error {
		rows++
		if rows%flushEvery == 0 {
			if err := e.flush(); err != nil {
				return err
			}
			return out.flush()
		}
		return nil
	})
	if err == nil {
		err = errors.Join(e.flush(), out.close())
	}
	switch {
	case err == nil:
		h.Set(rowCountTrailer, strconv.Itoa(rows))
		return rows, nil
	case !out.sent:
		for _, name := range []string{"Content-Disposition", "Trailer", "Content-Encoding"} {
			h.Del(name)
		}
		return 0, err
	}
	// Part of the export was sent with status 200 already. Only closing the connection can
	// show that it is incomplete.
	a.log.Warn("An export broke off", zap.String("request_id", q.requestID), zap.Int("rows", rows), zap.String("sqlstate", store.SQLState(err)))
	return rows, errCutOff
}

// errCutOff means that an export failed after part of it was sent.
var errCutOff = errors.New("the export broke off")

// stream sends an export, compressed if the caller accepts that. It has a time limit for
// each piece instead of one for the whole.
type stream struct {
	out  *bufio.Writer
	zip  *gzip.Writer
	http *http.ResponseController
	sent bool
}

func newStream(w http.ResponseWriter, r *http.Request) *stream {
	s := &stream{http: http.NewResponseController(w)}
	w.Header().Add("Vary", "Accept-Encoding")
	var to io.Writer = w
	if acceptsGzip(r.Header.Values("Accept-Encoding")) {
		w.Header().Set("Content-Encoding", "gzip")
		s.zip = gzip.NewWriter(w)
		to = s.zip
	}
	// Large enough that an error before the first flush can still be answered with a
	// problem.
	s.out = bufio.NewWriterSize(writerFunc(func(p []byte) (int, error) {
		s.sent = true
		s.extend()
		return to.Write(p)
	}), 64<<10)
	return s
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// extend gives the caller time for the next piece. Without it the server's write_timeout
// would cut off every long export.
func (s *stream) extend() {
	_ = s.http.SetWriteDeadline(time.Now().Add(exportStall)) // if unsupported, write_timeout applies
}

// Write implements [io.Writer].
func (s *stream) Write(p []byte) (int, error) { return s.out.Write(p) }

// flush sends everything that is buffered.
func (s *stream) flush() error {
	if err := s.out.Flush(); err != nil {
		return err
	}
	if s.zip != nil {
		if err := s.zip.Flush(); err != nil {
			return err
		}
	}
	return s.http.Flush()
}

func (s *stream) close() error {
	if err := s.out.Flush(); err != nil {
		return err
	}
	if s.zip != nil {
		s.sent = true
		return s.zip.Close()
	}
	return nil
}

// jsonlExport writes one JSON object per line for each call, as in /records, with its team
// and cost centre.
type jsonlExport struct{ out io.Writer }

func (e *jsonlExport) each(a *api, q *question, ask read.CallsQuestion, row func() error) error {
	enc := json.NewEncoder(e.out)
	enc.SetEscapeHTML(false)
	return eachRecord(a, q, ask, func(d *recordDocument) error {
		if err := enc.Encode(d); err != nil {
			return err
		}
		return row()
	})
}

func (e *jsonlExport) flush() error { return nil }

// eachRecord passes every call of an export to fn, with its team and cost centre.
func eachRecord(a *api, q *question, ask read.CallsQuestion, fn func(*recordDocument) error) error {
	directory, err := a.reader.TeamDirectory(q, q.viewer)
	if err != nil {
		return err
	}
	return a.reader.EachCall(q, ask, exportDayTimeout, func(c *read.Call) error {
		d := newRecord(c)
		if directory.InUse {
			d.Team, d.CostCentre = directory.Of(c.UserID, c.Time, false), directory.Of(c.UserID, c.Time, true)
		}
		return fn(&d)
	})
}

// csvExport writes one CSV record (RFC 4180) for each call.
type csvExport struct{ out *csv.Writer }

// csvColumns lists the columns of the CSV export. Text from outside goes through
// [safeCell].
var csvColumns = []struct {
	name  string
	value func(d *recordDocument) string
}{
	{"id", func(d *recordDocument) string { return d.ID }},
	{"timestamp", func(d *recordDocument) string { return d.Timestamp.Format(time.RFC3339Nano) }},
	{"userId", func(d *recordDocument) string { return textOf(d.UserID) }},
	{"apiType", func(d *recordDocument) string { return d.APIType }},
	{"provider", func(d *recordDocument) string { return safeCell(d.Provider) }},
	{"model", func(d *recordDocument) string { return safeCell(textOf(d.Model)) }},
	{"service", func(d *recordDocument) string { return safeCell(d.Service) }},
	{"environment", func(d *recordDocument) string { return safeCell(d.Environment) }},
	{"cost", func(d *recordDocument) string {
		if d.Cost == nil {
			return ""
		}
		return d.Cost.String()
	}},
	{"pricingStatus", func(d *recordDocument) string { return d.PricingStatus }},
	{"pricingReason", func(d *recordDocument) string { return safeCell(textOf(d.PricingReason)) }},
	{"assumptions", func(d *recordDocument) string { return safeCell(strings.Join(d.Assumptions, "+")) }},
	{"priceId", func(d *recordDocument) string { return safeCell(textOf(d.PriceID)) }},
	{"tokens", func(d *recordDocument) string { return numberOf(d.Tokens.Total) }},
	{"inputTokens", func(d *recordDocument) string { return numberOf(d.Tokens.Input) }},
	{"outputTokens", func(d *recordDocument) string { return numberOf(d.Tokens.Output) }},
	{"cacheReadTokens", func(d *recordDocument) string { return numberOf(d.Tokens.CacheRead) }},
	{"cacheWrite5mTokens", func(d *recordDocument) string { return numberOf(d.Tokens.CacheWrite5m) }},
	{"cacheWrite1hTokens", func(d *recordDocument) string { return numberOf(d.Tokens.CacheWrite1h) }},
	{"reasoningTokens", func(d *recordDocument) string { return numberOf(d.Tokens.Reasoning) }},
	{"audioSeconds", func(d *recordDocument) string {
		if d.AudioSeconds == nil {
			return ""
		}
		return d.AudioSeconds.String()
	}},
	{"characters", func(d *recordDocument) string { return numberOf(d.Characters) }},
	{"images", func(d *recordDocument) string { return numberOf(d.Images) }},
	{"requestId", func(d *recordDocument) string { return safeCell(textOf(d.RequestID)) }},
	{"traceId", func(d *recordDocument) string { return safeCell(textOf(d.TraceID)) }},
	{"spanId", func(d *recordDocument) string { return safeCell(textOf(d.SpanID)) }},
	{"sessionId", func(d *recordDocument) string { return safeCell(textOf(d.SessionID)) }},
	{"outcome", func(d *recordDocument) string { return safeCell(textOf(d.Outcome)) }},
	{"payer", func(d *recordDocument) string { return safeCell(textOf(d.Payer)) }},
	{"team", func(d *recordDocument) string { return safeCell(d.Team) }},
	{"costCentre", func(d *recordDocument) string { return safeCell(d.CostCentre) }},
	{"payerPlan", func(d *recordDocument) string { return safeCell(textOf(d.PayerPlan)) }},
	{"payerSource", func(d *recordDocument) string { return textOf(d.PayerSource) }},
	{"otherQuantities", func(d *recordDocument) string { return string(d.Others) }},
	{"metadata", func(d *recordDocument) string { return string(d.Metadata) }},
}

func (e *csvExport) each(a *api, q *question, ask read.CallsQuestion, row func() error) error {
	line := make([]string, len(csvColumns))
	for i, c := range csvColumns {
		line[i] = c.name
	}
	if err := e.out.Write(line); err != nil {
		return err
	}
	return eachRecord(a, q, ask, func(d *recordDocument) error {
		for i, column := range csvColumns {
			line[i] = column.value(d)
		}
		if err := e.out.Write(line); err != nil {
			return err
		}
		return row()
	})
}

func (e *csvExport) flush() error {
	e.out.Flush()
	return e.out.Error()
}

func textOf(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

func numberOf(n *int64) string {
	if n == nil {
		return ""
	}
	return strconv.FormatInt(*n, 10)
}

// safeCell keeps a spreadsheet from interpreting text that an app chose as a formula: a
// model named `=HYPERLINK(...)` would be evaluated when the file is opened. Only text needs
// it: objects start with a brace, and numbers are ours.
func safeCell(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r\n", rune(text[0])) {
		return "'" + text
	}
	return text
}
