package cli

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-usage/otelcol-usage/internal/genai"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
	"github.com/otelcol-usage/otelcol-usage/internal/recorder"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
	"github.com/otelcol-usage/otelcol-usage/internal/usageattr"
)

// maxPayload is the maximum size of one payload in a file of traces.
const maxPayload = 256 << 20

// readTraces reads files that the collector's file exporter writes: OTLP as JSON, one
// payload per line, or as protobuf, each payload preceded by its length in four bytes. It
// merges all payloads into one, so that every span is near its parent.
func readTraces(file string) (ptrace.Traces, error) {
	all := ptrace.NewTraces()
	f, err := os.Open(file)
	if err != nil {
		return all, err
	}
	defer f.Close() //nolint:errcheck // only read
	in := bufio.NewReader(f)
	next, unmarshal := nextMessage, new(ptrace.ProtoUnmarshaler).UnmarshalTraces
	if first, err := in.Peek(1); err == nil && (first[0] == '{' || first[0] == '\n' || first[0] == ' ') {
		next, unmarshal = nextLine, unmarshalJSON
	}
	for n := 1; ; n++ {
		payload, err := next(in)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err == nil && len(bytes.TrimSpace(payload)) == 0 {
			continue
		}
		var td ptrace.Traces
		if err == nil {
			td, err = unmarshal(payload)
		}
		if err != nil {
			return all, fmt.Errorf("%s: payload %d: %w; must be traces as the file exporter writes them, OTLP as JSON lines or protobuf, uncompressed", file, n, err)
		}
		td.ResourceSpans().MoveAndAppendTo(all.ResourceSpans())
	}
}

func unmarshalJSON(payload []byte) (ptrace.Traces, error) {
	td, err := new(ptrace.JSONUnmarshaler).UnmarshalTraces(payload)
	if err == nil && td.ResourceSpans().Len() == 0 && !bytes.Contains(payload, []byte(`"resourceSpans"`)) {
		err = errors.New("it has no resourceSpans")
	}
	return td, err
}

// nextLine reads a line of up to maxPayload bytes.
func nextLine(in *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > maxPayload:
			return nil, fmt.Errorf("it is longer than %d MiB", maxPayload>>20)
		case err == nil, errors.Is(err, io.EOF) && len(line) > 0:
			return line, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		}
	}
}

func nextMessage(in *bufio.Reader) ([]byte, error) {
	var length [4]byte
	if _, err := io.ReadFull(in, length[:]); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = errors.New("the file breaks off")
		}
		return nil, err
	}
	n := binary.BigEndian.Uint32(length[:])
	if n > maxPayload {
		return nil, fmt.Errorf("it is longer than %d MiB", maxPayload>>20)
	}
	payload, err := io.ReadAll(io.LimitReader(in, int64(n)))
	if err == nil && len(payload) < int(n) {
		err = errors.New("the file breaks off")
	}
	return payload, err
}

// readCalls finds the calls in traces and prices each as if it were made at the given time,
// so that two runs are priced alike. A call that is reported twice is counted once.
func readCalls(td ptrace.Traces, pricer pricing.Pricer, at time.Time) ([]usage.Record, error) {
	reader, err := genai.NewReader(genai.Config{
		InputAudioSeconds: usageattr.InputAudioSeconds, InputCharacters: usageattr.InputCharacters, InputImages: usageattr.InputImages,
		Own: usageattr.Prefix, Touch: func(span ptrace.Span) { usageattr.StripForged(span.Attributes()) },
	})
	if err != nil {
		return nil, err
	}
	r := recorder.New(pricer)
	r.Begin(pricer.Book, at)
	var calls []usage.Record
	place := map[usage.ID]int{}
	reader.Read(td, func(call *genai.Call, _ ptrace.Span) {
		made := *call
		made.Start = at
		record := *r.Make(&made)
		if i, again := place[record.ID]; again {
			if record.Quantities.TotalTokens() > calls[i].Quantities.TotalTokens() {
				calls[i] = record
			}
			return
		}
		place[record.ID] = len(calls)
		calls = append(calls, record)
	}, func(string, genai.SkipReason) {})
	return calls, nil
}
