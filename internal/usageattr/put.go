package usageattr

import (
	"fmt"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// Writer puts records on spans. It keeps a buffer between calls and is not safe for
// concurrent use.
type Writer struct {
	optional map[string]bool
	extra    int // attributes that a record adds, rare ones not counted
	buf      []byte
	// chunk holds the texts of many records in one allocation. Its content never changes,
	// so a text stays valid as long as a span keeps it.
	chunk *strings.Builder
}

// chunkBytes is the size of one allocation, about 40 records.
const chunkBytes = 16 << 10

// NewWriter returns a Writer that adds the given attributes, each from [Optional], to those
// that are always written.
func NewWriter(optional []string) (*Writer, error) {
	w := &Writer{optional: map[string]bool{}, extra: alwaysWritten}
	for _, name := range optional {
		if !slices.Contains(Optional, name) {
			return nil, fmt.Errorf("unknown attribute %q; known are %s", name, strings.Join(Optional, ", "))
		}
		w.optional[name] = true
		w.extra++
		if name == Quantities {
			w.extra += int(usage.QuantityKindCount)
		}
	}
	if len(w.optional) == 0 {
		w.optional = nil
	}
	return w, nil
}

// alwaysWritten counts Record, CostAmount, APIType and PricingStatus.
const alwaysWritten = 4

// Put writes the record, and whether the call was sent before, on attributes from which
// [Strip] has removed all of ours.
func (w *Writer) Put(attributes pcommon.Map, r *usage.Record, sentAgain bool) {
	var cost part
	w.buf, cost = appendRecord(w.buf[:0], r)
	text := w.keep(w.buf)

	// The first attribute added to a decoded span copies the whole slice: once is enough.
	extra := w.extra
	if r.Reason != "" {
		extra++
	}
	if sentAgain {
		extra++
	}
	attributes.EnsureCapacity(attributes.Len() + extra)
	attributes.PutStr(Record, text)
	attributes.PutStr(APIType, string(r.APIType))
	attributes.PutStr(PricingStatus, string(r.Status))
	if r.Reason != "" {
		attributes.PutStr(PricingReason, string(r.Reason))
	}
	if r.Status != usage.StatusUnpriced {
		attributes.PutDouble(CostAmount, r.Cost.Float64())
	}
	if w.optional != nil {
		w.putOptional(attributes, r, text, cost)
	}
	if sentAgain {
		attributes.PutBool(SentAgain, true)
	}
}

// keep returns a lasting copy of b.
func (w *Writer) keep(b []byte) string {
	if w.chunk == nil || w.chunk.Cap()-w.chunk.Len() < len(b) {
		w.chunk = new(strings.Builder)
		w.chunk.Grow(max(chunkBytes, len(b)))
	}
	start := w.chunk.Len()
	w.chunk.Write(b)
	return w.chunk.String()[start:]
}

func (w *Writer) putOptional(attributes pcommon.Map, r *usage.Record, text string, cost part) {
	putText := func(name, value string) {
		if value != "" && w.optional[name] {
			attributes.PutStr(name, value)
		}
	}
	putText(ID, text[idOffset:idEnd])
	putText(Provider, r.Provider)
	putText(Model, r.Model)
	putText(PriceID, r.PriceID)
	putText(Dialect, r.Dialect)
	putText(Payer, string(r.Payer))
	if r.Assumptions != 0 && w.optional[Assumptions] {
		attributes.PutStr(Assumptions, r.Assumptions.String())
	}
	if !r.UserID.IsZero() && w.optional[UserID] {
		attributes.PutStr(UserID, r.UserID.String())
	}
	if r.Status != usage.StatusUnpriced {
		putText(CostUSD, text[cost.start:cost.end])
		putText(CostCurrency, "USD")
		source := "local"
		if r.CostSource == usage.SourceReported {
			source = "provider"
		}
		putText(CostSource, source)
	}
	if w.optional[Quantities] {
		for k := range usage.QuantityKindCount {
			switch n := r.Quantities[k]; {
			case n == 0:
			case k.Unit() == usage.UnitSecond:
				attributes.PutDouble(quantityNames[k], float64(n)/usage.NanosPerSecond)
			default:
				attributes.PutInt(quantityNames[k], n)
			}
		}
	}
}

var quantityNames = func() (names [usage.QuantityKindCount]string) {
	for k := range names {
		names[k] = QuantityPrefix + usage.QuantityKind(k).String()
	}
	return names
}()

// Strip removes every attribute of ours and reports whether there was any.
func Strip(attributes pcommon.Map) bool {
	found := false
	for key := range attributes.All() {
		if isOurs(key) {
			found = true
			break
		}
	}
	if found {
		attributes.RemoveIf(func(key string, _ pcommon.Value) bool { return isOurs(key) })
	}
	return found
}

func isOurs(key string) bool {
	return strings.HasPrefix(key, Prefix) && (written[key] || strings.HasPrefix(key, QuantityPrefix))
}

// written are our attribute names, except the quantities. Other names with the prefix
// belong to apps and libraries: VoltAgent's agents have "usage.cost".
var written = map[string]bool{
	Record: true, CostUSD: true, APIType: true, PricingStatus: true, PricingReason: true, TraceUser: true, SentAgain: true,
	ID: true, Provider: true, Model: true, UserID: true, PriceID: true, Dialect: true, Payer: true, Assumptions: true,
	InputAudioSeconds: true, InputCharacters: true, InputImages: true,
}

// StripForged removes every attribute of ours except the inputs, which only the reader of
// the span may consume.
func StripForged(attributes pcommon.Map) bool {
	found := false
	for key := range attributes.All() {
		if isForged(key) {
			found = true
			break
		}
	}
	if found {
		attributes.RemoveIf(func(key string, _ pcommon.Value) bool { return isForged(key) })
	}
	return found
}

func isForged(key string) bool {
	return isOurs(key) && key != InputAudioSeconds && key != InputCharacters && key != InputImages
}
