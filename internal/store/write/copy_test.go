package write

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// oid is the type of the column in the table.
func (c column) oid() uint32 {
	switch {
	case strings.HasSuffix(c.read, "::numeric"):
		return pgtype.NumericOID
	case strings.HasSuffix(c.read, "::jsonb"):
		return pgtype.JSONBOID
	case strings.HasPrefix(c.read, "string_to_array"):
		return pgtype.TextArrayOID
	}
	return map[string]uint32{
		"uuid": pgtype.UUIDOID, "timestamptz": pgtype.TimestamptzOID, "int2": pgtype.Int2OID, "int4": pgtype.Int4OID, "int8": pgtype.Int8OID, "text": pgtype.TextOID,
	}[c.element]
}

// TestColumnsAreThoseOfTheTable holds the columns that are sent to the table: who
// adds one there adds it here, with the same type. The database itself fills created_at and
// written_xid, and usagectl plans apply payer_plan and payer_filled.
func TestColumnsAreThoseOfTheTable(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	var sent []string
	for _, c := range columns {
		sent = append(sent, fmt.Sprintf("%s %d", c.name, c.oid()))
	}
	slices.Sort(sent)
	assert.Equal(t, db.Text(`SELECT string_agg(attname || ' ' || atttypid, E'\n' ORDER BY attname) FROM pg_attribute
		WHERE attrelid = 'public.api_usage'::regclass AND attnum > 0 AND NOT attisdropped AND attname NOT IN ('created_at', 'written_xid', 'payer_plan', 'payer_filled')`),
		strings.Join(sent, "\n"))
}

// FuzzCopiedRow holds the rows that COPY sends to the values that INSERT sends,
// byte by byte as pgx would encode them.
func FuzzCopiedRow(f *testing.F) {
	f.Add(int64(0), int64(0), int64(0), int64(0), "", "", uint8(0))
	f.Add(int64(1), int64(1), int64(1), int64(1), "gpt-4o", `say "hi"\`, uint8(1))
	f.Add(int64(123_456_789_012_345), int64(12_500_000_000), int64(2_000_000_000), int64(1_773_500_966_535_897), "é\n\x1f", "\u2028\U0001F600</script>", uint8(7))
	f.Add(int64(usage.MaxCallCost), int64(maxAudioSeconds), int64(9_999), int64(10_000), "\x7f", "\t", uint8(255))
	f.Fuzz(func(t *testing.T, cost, seconds, tokens, micros int64, name, text string, some uint8) {
		r := usage.Record{
			ID: usage.IDFromResponse(name, text), Time: time.UnixMicro(micros), APIType: usage.APITypeText, Status: usage.StatusPriced, Reason: usage.Reason(""),
			Provider: name, Model: text, RequestModel: name, Service: text, RequestID: name, PriceID: text, Dialect: name,
			Cost: usage.Money(cost), HasReportedCost: some&1 != 0, ReportedCost: usage.Money(seconds), CostSource: usage.SourceComputed,
			Quantities: usage.Quantities{usage.AudioSeconds: seconds, usage.Images: int64(some & 2), usage.WebSearches: int64(some & 4), usage.VideoSeconds: int64(some & 8)},
		}
		if some&16 != 0 {
			r.Quantities[usage.InputTextTokens], r.Quantities[usage.CacheReadTokens], r.Quantities[usage.OutputReasoningTokens] = tokens, int64(some), int64(some&1)
			r.UserExternalID, r.Tags = text, []usage.Tag{{Key: name, Value: text}, {Key: text, Value: name}}
		}
		r.Clean()
		if checkRecord(&r) != nil {
			return
		}
		sent := row{Record: &r, userUnknown: some&32 != 0, folded: int16(some & 15)}
		if some&64 != 0 {
			r.UserID = usage.UserID(name)
			sent.user = r.UserID
		}

		var encoded binaryRow
		encoded.set(&sent)
		got := encoded.buf
		require.Equal(t, uint16(len(columns)), binary.BigEndian.Uint16(got))
		got = got[2:]
		types := pgtype.NewMap()
		for i, column := range columnArrays([]row{sent}) {
			size := int32(binary.BigEndian.Uint32(got)) //nolint:gosec // the length is signed
			var field []byte
			if got = got[4:]; size >= 0 {
				field, got = got[:size:size], got[size:]
			}
			want := pgxEncoding(t, types, columns[i].oid(), reflect.ValueOf(column).Index(0).Interface())
			if columns[i].oid() == pgtype.NumericOID && field != nil {
				// pgx writes as many decimal places as the text has digits
				// that are not zero; the column makes them its own number.
				copy(want[6:8], field[6:8])
			}
			assert.Equal(t, want, field, "%s", columns[i].name)
			if columns[i].oid() == pgtype.JSONBOID && field != nil {
				assert.True(t, json.Valid(field[1:]), "%s", field)
			}
		}
		assert.Empty(t, got)
	})
}

// pgxEncoding of a value of the column; nil for NULL.
func pgxEncoding(t *testing.T, types *pgtype.Map, oid uint32, value any) []byte {
	t.Helper()
	if v := reflect.ValueOf(value); v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
		value = v.Elem().Interface()
	}
	if oid == pgtype.NumericOID {
		var n pgtype.Numeric
		require.NoError(t, n.Scan(value))
		value = n
	}
	field, err := types.Encode(oid, pgtype.BinaryFormatCode, value, []byte{})
	require.NoError(t, err)
	return field
}

// What a reader may do, copyReader takes: short reads, and a read after the end.
func TestCopyReaderGivesTheSameInAnyPieces(t *testing.T) {
	rows := make([]row, 50)
	for i := range rows {
		rows[i].Record = &usage.Record{ID: usage.IDFromResponse("p", string(rune('a'+i))), Model: "model", Cost: usage.Money(i)}
	}
	whole, err := io.ReadAll(&copyReader{rows: rows, rest: copyHeader})
	require.NoError(t, err)
	byByte, err := io.ReadAll(iotest.OneByteReader(&copyReader{rows: rows, rest: copyHeader}))
	require.NoError(t, err)
	assert.Equal(t, whole, byByte)

	closed := &copyReader{rows: rows, rest: copyHeader}
	closed.close()
	n, err := closed.Read(make([]byte, 10))
	assert.Zero(t, n)
	assert.ErrorIs(t, err, io.EOF)

	// pgx reads in a goroutine of its own, where a panic would end the process.
	broken := &copyReader{rows: append(rows[:1:1], row{}), rest: copyHeader}
	_, err = io.ReadAll(broken)
	require.ErrorIs(t, err, errPanicked)
	assert.NotNil(t, broken.close())
}
