// Package replay sends captured telemetry again as if it had just happened: the spans that
// real instrumentation libraries wrote, with new ids, at another time, for another user.
// The demo and the end-to-end tests use it.
//
// It owns the captures under captures/ and their replay. It does not own what a span means
// or costs; what the provider really answered is stored beside each capture as [Truth].
package replay

import (
	"crypto/sha256"
	"embed"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

//go:embed captures
var builtin embed.FS

// Builtin opens the captures that are built into the program.
func Builtin() ([]*Capture, error) {
	sub, err := fs.Sub(builtin, "captures")
	if err != nil {
		return nil, err
	}
	return Open(sub)
}

// Capture is what one run of one library sent.
type Capture struct {
	// Library is the folder, with name and version: "traceloop-node-0.27.0".
	Library string
	// Case is the name of the file: "anthropic_messages".
	Case string
	// Truth is what the provider answered.
	Truth Truth

	otlpJSON string
	traceIDs []string
	spanIDs  []string
	start    pcommon.Timestamp // of the earliest span
}

// Truth is what the provider answered in a captured run, read from the
// .truth.json beside the capture.
type Truth struct {
	BillableCalls int `json:"billable_calls"`
	Calls         []struct {
		Provider       string          `json:"provider"`
		API            string          `json:"api"`
		Billable       bool            `json:"billable"`
		ModelRequested string          `json:"model_requested"`
		ModelReturned  string          `json:"model_returned"`
		ResponseID     string          `json:"response_id"`
		Usage          json.RawMessage `json:"usage"`
	} `json:"calls"`
}

// Open reads every <library>/<case>.json with its <case>.truth.json.
func Open(fsys fs.FS) ([]*Capture, error) {
	var captures []*Capture
	err := fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !isTraces(name) {
			return err
		}
		c, err := open(fsys, name)
		if err != nil {
			return fmt.Errorf("capture %s: %w", name, err)
		}
		captures = append(captures, c)
		return nil
	})
	return captures, err
}

func isTraces(name string) bool {
	stem, isJSON := strings.CutSuffix(path.Base(name), ".json")
	return isJSON && !strings.Contains(stem, ".")
}

func open(fsys fs.FS, name string) (*Capture, error) {
	otlpJSON, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, err
	}
	stem := strings.TrimSuffix(name, ".json")
	truth, err := fs.ReadFile(fsys, stem+".truth.json")
	if err != nil {
		return nil, err
	}
	c := &Capture{Library: path.Dir(name), Case: path.Base(stem), otlpJSON: string(otlpJSON)}
	if err := json.Unmarshal(truth, &c.Truth); err != nil {
		return nil, err
	}
	td, err := new(ptrace.JSONUnmarshaler).UnmarshalTraces(otlpJSON)
	if err != nil {
		return nil, err
	}
	c.index(td)
	return c, nil
}

// index records what has to be new in each replay.
func (c *Capture) index(td ptrace.Traces) {
	seen := map[string]bool{}
	for span := range spans(td) {
		if id := span.TraceID().String(); !seen[id] {
			seen[id] = true
			c.traceIDs = append(c.traceIDs, id)
		}
		c.spanIDs = append(c.spanIDs, span.SpanID().String())
		if start := span.StartTimestamp(); c.start == 0 || start < c.start {
			c.start = start
		}
	}
}

// Options say how to replay a capture.
type Options struct {
	// At is the time at which it happens.
	At time.Time
	// Seed determines the ids: equal seeds give equal ids.
	Seed uint64
	// User is set as user.id on every span, as an app's own span processor would do; ""
	// leaves the spans unchanged.
	User string
	// Service replaces service.name; "" leaves it unchanged.
	Service string
}

// Replay returns the capture's spans with new trace, span and response ids.
func (c *Capture) Replay(r Options) (ptrace.Traces, error) {
	var pairs []string
	for _, id := range c.traceIDs {
		pairs = append(pairs, id, hex.EncodeToString(c.hash(r.Seed, id))[:32])
	}
	for _, id := range c.spanIDs {
		pairs = append(pairs, id, hex.EncodeToString(c.hash(r.Seed, id))[:16])
	}
	for _, call := range c.Truth.Calls {
		if id := call.ResponseID; len(id) > 20 {
			// Keep the provider's prefix and the length, so that the id looks real.
			pairs = append(pairs, id, id[:len(id)-16]+hex.EncodeToString(c.hash(r.Seed, id))[:16])
		}
	}
	td, err := new(ptrace.JSONUnmarshaler).UnmarshalTraces([]byte(strings.NewReplacer(pairs...).Replace(c.otlpJSON)))
	if err != nil {
		return td, fmt.Errorf("replay %s/%s: %w", c.Library, c.Case, err)
	}
	shift := r.At.UnixNano() - int64(c.start)
	for span := range spans(td) {
		span.SetStartTimestamp(moved(span.StartTimestamp(), shift))
		span.SetEndTimestamp(moved(span.EndTimestamp(), shift))
		for _, event := range span.Events().All() {
			event.SetTimestamp(moved(event.Timestamp(), shift))
		}
		if r.User != "" {
			span.Attributes().PutStr("user.id", r.User)
		}
	}
	if r.Service != "" {
		for _, resource := range td.ResourceSpans().All() {
			resource.Resource().Attributes().PutStr("service.name", r.Service)
		}
	}
	return td, nil
}

func moved(t pcommon.Timestamp, shift int64) pcommon.Timestamp {
	return pcommon.Timestamp(int64(t) + shift)
}

func (c *Capture) hash(seed uint64, id string) []byte {
	h := sha256.New()
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], seed)
	h.Write(b[:])
	h.Write([]byte(c.Library + "/" + c.Case + "/" + id))
	return h.Sum(nil)
}

// spans yields every span of a payload.
func spans(td ptrace.Traces) func(yield func(ptrace.Span) bool) {
	return func(yield func(ptrace.Span) bool) {
		for _, resource := range td.ResourceSpans().All() {
			for _, scope := range resource.ScopeSpans().All() {
				for _, span := range scope.Spans().All() {
					if !yield(span) {
						return
					}
				}
			}
		}
	}
}
