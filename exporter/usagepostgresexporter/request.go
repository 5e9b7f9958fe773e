package usagepostgresexporter

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/exporter/exporterhelper/xexporterhelper"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-usage/otelcol-usage/internal/usageattr"
)

// request is what waits in the queue: usage records in the form they had on their spans or
// log records. They are decoded only when they are written to the database: a text of 450
// bytes is smaller than the decoded record and needs no work on the way in.
type request struct {
	records []string
	bytes   int       // of all records including their frames
	since   time.Time // when the first of them was accepted

	// What this process learnt while it tried: done counts the first records that need no
	// more writing, atOnce is how many to write at a time, 0 for all. Neither is kept on
	// disk.
	done, atOnce int
}

// frameBytes is the greatest overhead of a record in the queue.
const frameBytes = binary.MaxVarintLen32

func newRequest(records []string, since time.Time) *request {
	r := &request{records: records, since: since}
	for _, text := range records {
		r.bytes += len(text) + frameBytes
	}
	return r
}

// with returns the records of both, those of r first. It may share memory with r, which is
// then not to be added to again.
func (r *request) with(more *request) *request {
	return &request{records: append(r.records, more.records...), bytes: r.bytes + more.bytes, since: r.since}
}

// readyKey is the key of a request in a context: the helper accepts payloads only, and asks
// for the request of a payload with the context that it was given.
type readyKey struct{}

func withReady(ctx context.Context, r *request) context.Context {
	return context.WithValue(ctx, readyKey{}, r)
}

func readyRequest(ctx context.Context) *request {
	r, _ := ctx.Value(readyKey{}).(*request)
	return r
}

// carriers are the attributes of everything in a payload that may carry a record.
type carriers = iter.Seq[pcommon.Map]

func spansOf(td ptrace.Traces) carriers {
	return func(yield func(pcommon.Map) bool) {
		for _, resource := range td.ResourceSpans().All() {
			for _, scope := range resource.ScopeSpans().All() {
				for _, span := range scope.Spans().All() {
					if !yield(span.Attributes()) {
						return
					}
				}
			}
		}
	}
}

func logRecordsOf(ld plog.Logs) carriers {
	return func(yield func(pcommon.Map) bool) {
		for _, resource := range ld.ResourceLogs().All() {
			for _, scope := range resource.ScopeLogs().All() {
				for _, record := range scope.LogRecords().All() {
					if !yield(record.Attributes()) {
						return
					}
				}
			}
		}
	}
}

// hasRecord reports whether any carrier has a record.
func hasRecord(all carriers) bool {
	for attributes := range all {
		if _, ok := carried(attributes); ok {
			return true
		}
	}
	return false
}

// carried returns the record of a call, or what a span says about the user of its trace.
func carried(attributes pcommon.Map) (pcommon.Value, bool) {
	if value, ok := attributes.Get(usageattr.Record); ok {
		return value, true
	}
	return attributes.Get(usageattr.TraceUser)
}

func (e *usageExporter) requestFromTraces(ctx context.Context, td ptrace.Traces) (xexporterhelper.Request, error) {
	if ready := readyRequest(ctx); ready != nil {
		return ready, nil
	}
	return e.requestFrom(ctx, spansOf(td), td.SpanCount()), nil
}

func (e *usageExporter) requestFromLogs(ctx context.Context, ld plog.Logs) (xexporterhelper.Request, error) {
	if ready := readyRequest(ctx); ready != nil {
		return ready, nil
	}
	return e.requestFrom(ctx, logRecordsOf(ld), ld.LogRecordCount()), nil
}

// requestFrom takes the records from their carriers, of which there are count.
func (e *usageExporter) requestFrom(ctx context.Context, all carriers, count int) *request {
	records := make([]string, 0, count)
	without, notText := 0, 0
	for attributes := range all {
		value, ok := carried(attributes)
		switch {
		case !ok:
			without++
		case value.Type() != pcommon.ValueTypeStr:
			notText++
		default:
			records = append(records, value.Str())
		}
	}
	e.countWithout(ctx, without)
	if notText > 0 {
		e.lost(ctx, reasonNotText, notText)
	}
	r := newRequest(slices.Clip(records), time.Now())
	e.accepted(r)
	return r
}

var errForeignRequest = errors.New("request of another exporter")

// ItemsCount returns the number of records.
func (r *request) ItemsCount() int { return len(r.records) }

// BytesSize returns the size of the request in the queue.
func (r *request) BytesSize() int { return r.bytes }

// MergeSplit appends other, which may be nil, and cuts the whole into parts of at most
// maxSize, 0 for no limit. A record larger than the limit becomes a part of its own: it
// must not be lost because of its size.
func (r *request) MergeSplit(_ context.Context, maxSize int, sizer exporterhelper.RequestSizerType, other xexporterhelper.Request) ([]xexporterhelper.Request, error) {
	inBytes := sizer == exporterhelper.RequestSizerTypeBytes
	if !inBytes && sizer != exporterhelper.RequestSizerTypeItems {
		return nil, fmt.Errorf("cannot split by %s", sizer.String())
	}
	merged, added := r, r
	if other != nil {
		more, ok := other.(*request)
		if !ok {
			return nil, errForeignRequest
		}
		// Parts share memory; limiting the capacity of each keeps one from writing into the
		// next.
		merged, added = r.with(more), more
	}
	if maxSize <= 0 || (inBytes && merged.bytes <= maxSize) || (!inBytes && len(merged.records) <= maxSize) {
		return []xexporterhelper.Request{merged}, nil
	}
	part := func(from, to int) *request {
		since := r.since
		if from >= len(r.records) {
			since = added.since
		}
		return newRequest(slices.Clip(merged.records[from:to]), since)
	}
	var parts []xexporterhelper.Request
	start, size := 0, 0
	for i, text := range merged.records {
		one := 1
		if inBytes {
			one = len(text) + frameBytes
		}
		if i > start && size+one > maxSize {
			parts = append(parts, part(start, i))
			start, size = i, 0
		}
		size += one
	}
	// The order matters: the batcher uses it to acknowledge requests of the queue, and only
	// the last part may still grow.
	return append(parts, part(start, len(merged.records))), nil
}

// encoding is the form of a request on disk: one byte with the version, the time of
// acceptance in eight bytes (Unix nanoseconds, big endian), then for each record its length
// as a varint and its text.
type encoding struct {
	// lost counts records that could not be read back.
	lost func(ctx context.Context, reason string, records int)
}

const (
	encodingVersion = 2
	headBytes       = 1 + 8
)

// Marshal never fails for our own requests.
func (encoding) Marshal(_ context.Context, r xexporterhelper.Request) ([]byte, error) {
	own, ok := r.(*request)
	if !ok {
		return nil, errForeignRequest
	}
	b := make([]byte, 0, headBytes+own.bytes)
	b = append(b, encodingVersion)
	b = binary.BigEndian.AppendUint64(b, uint64(own.since.UnixNano())) //nolint:gosec // read back as it was
	for _, text := range own.records {
		b = binary.AppendUvarint(b, uint64(len(text)))
		b = append(b, text...)
	}
	return b, nil
}

// Unmarshal reads as much as is well formed and counts the rest as lost. It returns no
// error, because the queue would then silently drop the whole request. Empty data is a
// request that was refused or is done.
func (e encoding) Unmarshal(data []byte) (context.Context, xexporterhelper.Request, error) {
	ctx := context.Background()
	if len(data) == 0 {
		return ctx, newRequest(nil, time.Now()), nil
	}
	if data[0] != encodingVersion || len(data) < headBytes {
		e.lost(ctx, reasonQueue, 1)
		return ctx, newRequest(nil, time.Now()), nil
	}
	since := time.Unix(0, int64(binary.BigEndian.Uint64(data[1:]))) //nolint:gosec // as it was written
	text := string(data[headBytes:])                                // once for all records, which are parts of it
	var records []string
	for rest := data[headBytes:]; len(rest) > 0; {
		n, width := binary.Uvarint(rest)
		if width <= 0 || n > uint64(len(rest)-width) {
			e.lost(ctx, reasonQueue, 1)
			break
		}
		at := len(text) - len(rest) + width
		records = append(records, text[at:at+int(n)]) //nolint:gosec // n is below the length
		rest = rest[width+int(n):]                    //nolint:gosec // n is below the length
	}
	return ctx, newRequest(slices.Clip(records), since), nil
}
