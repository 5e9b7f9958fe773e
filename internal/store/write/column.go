package write

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// fill passes the value of every column that the writer fills to f, in the order in which
// COPY and INSERT send them. All statements are built from this list. The database itself
// sets created_at and written_xid.
func (r *row) fill(f fields) {
	q := &r.Quantities
	input, output := q.InputTokens(), q.OutputTokens()
	total := input + output // checkRecord bounds it
	f.id("id", r.ID)
	f.id("user_id", r.user)
	f.time("timestamp", r.Time)
	f.dollars("usage_dollars", r.Cost, true)
	f.text("api_type", string(r.APIType))
	f.textOrNull("model", r.Model)
	f.integer("tokens_used", 4, total, total > 0)
	f.textOrNull("request_id", r.RequestID)
	f.json("metadata", r, (*row).appendMetadata)
	f.text("provider", r.Provider)
	f.text("service", r.Service)
	f.text("environment", r.Environment)
	f.text("pricing_status", string(r.Status))
	f.textOrNull("pricing_reason", string(r.Reason))
	f.textOrNull("price_id", r.PriceID)
	f.textOrNull("cost_source", string(r.CostSource))
	f.dollars("reported_dollars", r.ReportedCost, r.HasReportedCost)
	f.integer("input_tokens", 8, input, total > 0)
	f.integer("output_tokens", 8, output, total > 0)
	f.count("cache_read_tokens", q.CacheReadTotal())
	f.count("cache_write_5m_tokens", q.CacheWriteBeside1h())
	f.count("cache_write_1h_tokens", q[usage.CacheWrite1hTokens])
	f.count("reasoning_tokens", q[usage.OutputReasoningTokens])
	f.seconds("audio_seconds", q[usage.AudioSeconds])
	f.count("characters", q[usage.Characters])
	f.count("images", q[usage.Images])
	f.json("other_quantities", r, (*row).appendOtherQuantities)
	f.words("pricing_assumptions", r)
	f.traceID("trace_id", r.TraceID)
	f.textOrNull("session_id", r.SessionID)
	f.textOrNull("outcome", string(r.Outcome))
	f.textOrNull("payer", string(r.Payer))
	f.integer("folded", 2, int64(r.folded), r.folded != 0)
	f.lines("tags", r, (*row).appendTags)
	f.lines("sum_tags", r, (*row).appendSumTags)
}

// fields takes the columns of a row one after the other. [binaryRow] encodes them for COPY,
// [arrays] collects them for INSERT, and [columnList] takes only their names.
type fields interface {
	// id is a uuid, and traceID a text in hexadecimal; NULL for zero.
	id(name string, id usage.ID)
	traceID(name string, id [16]byte)
	time(name string, at time.Time)
	// text stores "" as it is, textOrNull as NULL.
	text(name, text string)
	textOrNull(name, text string)
	// integer is NULL unless known. count is a bigint, NULL for 0.
	integer(name string, bytes int, n int64, known bool)
	count(name string, n int64)
	// dollars is a numeric, NULL unless known.
	dollars(name string, amount usage.Money, known bool)
	// seconds is a numeric, in nanoseconds; NULL for 0.
	seconds(name string, nanos int64)
	// json is the document that fill appends; NULL when it appends nothing.
	json(name string, r *row, fill func(*row, []byte) []byte)
	// lines is the text that fill appends; NULL when it appends nothing.
	lines(name string, r *row, fill func(*row, []byte) []byte)
	// words is the list of assumptions that pricing made; NULL when unknown.
	words(name string, r *row)
}

// column is a column of public.api_usage as an element of an array parameter.
type column struct {
	name string
	// element is the element type of the array. read is the expression that turns an
	// element into the value, with %s for the name. Decimal numbers travel as text so that
	// nothing rounds them.
	element, read string
}

var columns = listColumns()

func listColumns() []column {
	var list columnList
	r := row{Record: &usage.Record{}}
	r.fill(&list)
	return list
}

// columnList implements [fields].
type columnList []column

func (l *columnList) add(name, element, read string) {
	*l = append(*l, column{name, element, read})
}

func (l *columnList) id(name string, _ usage.ID)      { l.add(name, "uuid", "%s") }
func (l *columnList) traceID(name string, _ [16]byte) { l.add(name, "text", "%s") }
func (l *columnList) time(name string, _ time.Time)   { l.add(name, "timestamptz", "%s") }
func (l *columnList) text(name, _ string)             { l.add(name, "text", "%s") }
func (l *columnList) textOrNull(name, _ string)       { l.add(name, "text", "%s") }
func (l *columnList) integer(name string, bytes int, _ int64, _ bool) {
	l.add(name, fmt.Sprint("int", bytes), "%s")
}
func (l *columnList) count(name string, _ int64)                 { l.add(name, "int8", "%s") }
func (l *columnList) dollars(name string, _ usage.Money, _ bool) { l.add(name, "text", "%s::numeric") }
func (l *columnList) seconds(name string, _ int64)               { l.add(name, "text", "%s::numeric") }
func (l *columnList) json(name string, _ *row, _ func(*row, []byte) []byte) {
	l.add(name, "text", "%s::jsonb")
}
func (l *columnList) lines(name string, _ *row, _ func(*row, []byte) []byte) {
	l.add(name, "text", "%s")
}

func (l *columnList) words(name string, _ *row) {
	l.add(name, "text", "string_to_array(%[1]s, '+') AS %[1]s") // '' becomes an empty array
}

// columnNames is the comma-separated column list of the statements.
var columnNames = listed(columns, func(_ int, c column) string { return c.name })

// selectRows reads rows from one array per column, so the number of parameters does not
// depend on the number of rows.
var selectRows = "\nSELECT " + listed(columns, func(_ int, c column) string { return fmt.Sprintf(c.read, c.name) }) +
	"\nFROM unnest(" + listed(columns, func(i int, c column) string { return fmt.Sprintf("$%d::%s[]", i+1, c.element) }) +
	") AS r (" + columnNames + ")"

func listed(columns []column, text func(i int, c column) string) string {
	list := make([]string, len(columns))
	for i, c := range columns {
		list[i] = text(i, c)
	}
	return strings.Join(list, ", ")
}

// columnArrays returns the parameters of selectRows.
func columnArrays(rows []row) []any {
	a := arrays{rows: len(rows), columns: make([]array, 0, len(columns))}
	for i := range rows {
		a.next = 0
		rows[i].fill(&a)
	}
	args := make([]any, len(columns))
	for i, column := range a.columns {
		args[i] = column.parameter()
	}
	return args
}

// arrays implements [fields]: the values of each column of several rows.
type arrays struct {
	rows    int
	columns []array
	next    int // the column that the next value belongs to
}

type array interface{ parameter() any }

// arrayOf is a column; nil is NULL.
type arrayOf[T any] struct {
	values []T // with room for all rows, because list points into it
	list   []*T
}

func (a *arrayOf[T]) parameter() any { return a.list }

func addValue[T any](a *arrays, value T, known bool) {
	if a.next == len(a.columns) {
		a.columns = append(a.columns, &arrayOf[T]{make([]T, 0, a.rows), make([]*T, 0, a.rows)})
	}
	column := a.columns[a.next].(*arrayOf[T])
	a.next++
	if !known {
		column.list = append(column.list, nil)
		return
	}
	column.values = append(column.values, value)
	column.list = append(column.list, &column.values[len(column.values)-1])
}

func (a *arrays) id(_ string, id usage.ID)    { addValue(a, [16]byte(id), !id.IsZero()) }
func (a *arrays) time(_ string, at time.Time) { addValue(a, at, true) }
func (a *arrays) text(_, text string)         { addValue(a, text, true) }
func (a *arrays) textOrNull(_, text string)   { addValue(a, text, text != "") }
func (a *arrays) count(_ string, n int64)     { addValue(a, n, n != 0) }

func (a *arrays) traceID(_ string, id [16]byte) {
	if id == [16]byte{} {
		a.null()
		return
	}
	addValue(a, hex.EncodeToString(id[:]), true)
}

func (a *arrays) integer(_ string, _ int, n int64, known bool) { addValue(a, n, known) }

func (a *arrays) dollars(_ string, amount usage.Money, known bool) {
	addValue(a, amount.String(), known)
}

func (a *arrays) null() { addValue(a, "", false) }

func (a *arrays) seconds(_ string, nanos int64) {
	if nanos == 0 {
		a.null()
		return
	}
	addValue(a, secondsText(nanos), true)
}

func (a *arrays) json(name string, r *row, fill func(*row, []byte) []byte) { a.lines(name, r, fill) }

func (a *arrays) lines(_ string, r *row, fill func(*row, []byte) []byte) {
	text := string(fill(r, nil))
	addValue(a, text, text != "")
}

func (a *arrays) words(_ string, r *row) {
	if !r.HasAssumptions {
		a.null()
		return
	}
	addValue(a, strings.Join(slices.Collect(r.assumptions()), "+"), true)
}

func secondsText(nanos int64) string {
	return string(usage.AppendQuantity(nil, usage.AudioSeconds, nanos))
}
