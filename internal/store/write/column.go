package write

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// column describes a column of public.api_usage and how its value is sent: in binary COPY
// format, and as an element of an array parameter.
type column struct {
	name string
	// element is the element type of the array. read is the expression that turns an
	// element into the value, with %s for the name. Decimal numbers travel as text so that
	// nothing rounds them.
	element, read string
	binary        func(b []byte, r *row) []byte
	array         func(rows []row) any
}

// columns lists every column that the writer fills, in the order in which COPY and INSERT
// send them. All statements are built from this list. The database itself sets created_at
// and written_xid.
var columns = []column{
	ofID("id", func(r *row) usage.ID { return r.ID }),
	ofID("user_id", func(r *row) usage.ID { return r.user }),
	ofTime("timestamp", func(r *row) time.Time { return r.Time }),
	ofNumeric("usage_dollars", usage.MoneyScale, func(r *row) (int64, bool) { return int64(r.Cost), true }, moneyText),
	ofText("api_type", func(r *row) string { return string(r.APIType) }),
	ofTextOrNull("model", func(r *row) string { return r.Model }),
	ofTokensUsed("tokens_used"),
	ofTextOrNull("request_id", func(r *row) string { return r.RequestID }),
	ofJSON("metadata", (*row).appendMetadata),
	ofText("provider", func(r *row) string { return r.Provider }),
	ofText("service", func(r *row) string { return r.Service }),
	ofText("environment", func(r *row) string { return r.Environment }),
	ofText("pricing_status", func(r *row) string { return string(r.Status) }),
	ofTextOrNull("pricing_reason", func(r *row) string { return string(r.Reason) }),
	ofTextOrNull("price_id", func(r *row) string { return r.PriceID }),
	ofTextOrNull("cost_source", func(r *row) string { return string(r.CostSource) }),
	ofNumeric("reported_dollars", usage.MoneyScale, func(r *row) (int64, bool) { return int64(r.ReportedCost), r.HasReportedCost }, moneyText),
	ofTotal("input_tokens", (*usage.Quantities).InputTokens),
	ofTotal("output_tokens", (*usage.Quantities).OutputTokens),
	ofCount("cache_read_tokens", (*usage.Quantities).CacheReadTotal),
	ofCount("cache_write_5m_tokens", (*usage.Quantities).CacheWriteBeside1h),
	ofCount("cache_write_1h_tokens", func(q *usage.Quantities) int64 { return q[usage.CacheWrite1hTokens] }),
	ofCount("reasoning_tokens", func(q *usage.Quantities) int64 { return q[usage.OutputReasoningTokens] }),
	ofNumeric("audio_seconds", 9, func(r *row) (int64, bool) {
		n := r.Quantities[usage.AudioSeconds]
		return n, n != 0
	}, secondsText),
	ofCount("characters", func(q *usage.Quantities) int64 { return q[usage.Characters] }),
	ofCount("images", func(q *usage.Quantities) int64 { return q[usage.Images] }),
	ofJSON("other_quantities", (*row).appendOtherQuantities),
	ofAssumptions("pricing_assumptions"),
	ofTraceID("trace_id"),
	ofTextOrNull("session_id", func(r *row) string { return r.SessionID }),
	ofTextOrNull("outcome", func(r *row) string { return string(r.Outcome) }),
	ofTextOrNull("payer", func(r *row) string { return string(r.Payer) }),
	ofFolded("folded"),
}

// arrayOf builds an array parameter from value, with NULL where value returns false.
func arrayOf[T any](value func(*row) (T, bool)) func([]row) any {
	return func(rows []row) any {
		values, list := make([]T, len(rows)), make([]*T, len(rows))
		for i := range rows {
			var ok bool
			if values[i], ok = value(&rows[i]); ok {
				list[i] = &values[i]
			}
		}
		return list
	}
}

// ofID is a uuid column; the zero id is NULL.
func ofID(name string, id func(*row) usage.ID) column {
	return column{
		name, "uuid", "%s",
		func(b []byte, r *row) []byte {
			id := id(r)
			if id.IsZero() {
				return appendNull(b)
			}
			return append(append(b, 0, 0, 0, 16), id[:]...)
		},
		arrayOf(func(r *row) ([16]byte, bool) { id := id(r); return id, !id.IsZero() }),
	}
}

func ofTime(name string, at func(*row) time.Time) column {
	return column{
		name, "timestamptz", "%s",
		func(b []byte, r *row) []byte { return appendInt8(b, at(r).UnixMicro()-postgresEpoch) },
		arrayOf(func(r *row) (time.Time, bool) { return at(r), true }),
	}
}

// ofText is a text column that stores "" as it is.
func ofText(name string, text func(*row) string) column {
	return column{
		name, "text", "%s",
		func(b []byte, r *row) []byte { return appendField(b, text(r)) },
		arrayOf(func(r *row) (string, bool) { return text(r), true }),
	}
}

// ofTextOrNull is a text column that stores "" as NULL.
func ofTextOrNull(name string, text func(*row) string) column {
	return column{
		name, "text", "%s",
		func(b []byte, r *row) []byte { return appendTextOrNull(b, text(r)) },
		arrayOf(func(r *row) (string, bool) { text := text(r); return text, text != "" }),
	}
}

// ofNumeric is a numeric column with the value n/10^scale; text formats the value for the
// array.
func ofNumeric(name string, scale int, n func(*row) (int64, bool), text func(int64) string) column {
	return column{
		name, "text", "%s::numeric",
		func(b []byte, r *row) []byte {
			n, ok := n(r)
			if !ok {
				return appendNull(b)
			}
			return appendNumeric(b, n, scale)
		},
		arrayOf(func(r *row) (string, bool) {
			n, ok := n(r)
			if !ok {
				return "", false
			}
			return text(n), true
		}),
	}
}

func moneyText(n int64) string { return usage.Money(n).String() }

func secondsText(n int64) string { return string(usage.AppendQuantity(nil, usage.AudioSeconds, n)) }

// ofCount is a whole-number quantity; 0 is NULL.
func ofCount(name string, count func(*usage.Quantities) int64) column {
	return ofInt8(name, func(r *row) (int64, bool) { n := count(&r.Quantities); return n, n != 0 })
}

// ofTotal is a total of tokens; NULL for a call that used no tokens.
func ofTotal(name string, total func(*usage.Quantities) int64) column {
	return ofInt8(name, func(r *row) (int64, bool) {
		n := total(&r.Quantities)
		return n, n > 0 || r.Quantities.TotalTokens() > 0
	})
}

func ofInt8(name string, n func(*row) (int64, bool)) column {
	return ofInteger(name, "int8", n, appendInt8)
}

// ofTokensUsed is the total of all tokens; NULL for 0.
func ofTokensUsed(name string) column {
	return ofInteger(name, "int4", func(r *row) (int32, bool) {
		n := r.Quantities.TotalTokens()
		return int32(n), n > 0 //nolint:gosec // checkRecord bounds it
	}, func(b []byte, n int32) []byte {
		return binary.BigEndian.AppendUint32(append(b, 0, 0, 0, 4), uint32(n)) //nolint:gosec // the same 32 bits
	})
}

// ofFolded is a column of bits; 0 is NULL.
func ofFolded(name string) column {
	return ofInteger(name, "int2", func(r *row) (int16, bool) { return r.folded, r.folded != 0 }, func(b []byte, n int16) []byte {
		return binary.BigEndian.AppendUint16(append(b, 0, 0, 0, 2), uint16(n)) //nolint:gosec // the same 16 bits
	})
}

func ofInteger[T int16 | int32 | int64](name, element string, n func(*row) (T, bool), appendTo func([]byte, T) []byte) column {
	return column{
		name, element, "%s",
		func(b []byte, r *row) []byte {
			n, ok := n(r)
			if !ok {
				return appendNull(b)
			}
			return appendTo(b, n)
		},
		arrayOf(n),
	}
}

// ofJSON is a JSON document that fill appends; NULL when fill appends nothing.
func ofJSON(name string, fill func(r *row, b []byte) []byte) column {
	return column{
		name, "text", "%s::jsonb",
		func(b []byte, r *row) []byte { return appendJSONB(b, r, fill) },
		arrayOf(func(r *row) (string, bool) { text := fill(r, nil); return string(text), len(text) > 0 }),
	}
}

// ofAssumptions is the list of assumptions that pricing made; NULL when unknown.
func ofAssumptions(name string) column {
	return column{
		name, "text", "string_to_array(%[1]s, '+') AS %[1]s", // '' becomes an empty array
		func(b []byte, r *row) []byte { return r.appendAssumptions(b) },
		arrayOf(func(r *row) (string, bool) {
			if !r.HasAssumptions {
				return "", false
			}
			return strings.Join(r.assumptions(), "+"), true
		}),
	}
}

// ofTraceID is a trace id in hexadecimal; the zero id is NULL.
func ofTraceID(name string) column {
	return column{
		name, "text", "%s",
		func(b []byte, r *row) []byte {
			if r.TraceID == [16]byte{} {
				return appendNull(b)
			}
			return hex.AppendEncode(append(b, 0, 0, 0, 32), r.TraceID[:])
		},
		arrayOf(func(r *row) (string, bool) { return hex.EncodeToString(r.TraceID[:]), r.TraceID != [16]byte{} }),
	}
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
	args := make([]any, len(columns))
	for i, c := range columns {
		args[i] = c.array(rows)
	}
	return args
}
