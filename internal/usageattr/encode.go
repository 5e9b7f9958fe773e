package usageattr

import (
	"strconv"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

const (
	version   = "1"
	idOffset  = len(version + ";id=")
	idEnd     = idOffset + 36
	hexDigits = "0123456789ABCDEF"
)

// Append appends the record as text. It does not check the record, which is cleaned and
// validated where it is made.
func Append(b []byte, r *usage.Record) []byte {
	b, _ = appendRecord(b, r)
	return b
}

// part is the position of a value in the text.
type part struct{ start, end int }

// appendRecord is [Append], and also returns where it put the cost.
func appendRecord(b []byte, r *usage.Record) (_ []byte, cost part) {
	plain := r.Cleaned()
	b = append(b, version+";id="...)
	b = r.ID.AppendText(b)
	b = append(b, ";t="...)
	b = strconv.AppendInt(b, r.Time.UnixNano(), 10)
	b = appendWord(b, ";type=", string(r.APIType))
	b = appendWord(b, ";status=", string(r.Status))
	b = appendText(b, plain, ";reason=", string(r.Reason))
	if r.HasAssumptions {
		b = r.Assumptions.AppendText(append(b, ";assumed="...))
	}
	if r.Status != usage.StatusUnpriced {
		b = append(b, ";cost="...)
		cost.start = len(b)
		b = r.Cost.AppendText(b)
		cost.end = len(b)
	}
	b = appendWord(b, ";source=", string(r.CostSource))
	if r.HasReportedCost {
		b = append(b, ";reported="...)
		b = r.ReportedCost.AppendText(b)
		if r.ReportedIsBill {
			b = append(b, ";bill=1"...)
		}
	}
	b = appendText(b, plain, ";price=", r.PriceID)
	b = appendText(b, plain, ";provider=", r.Provider)
	b = appendText(b, plain, ";model=", r.Model)
	b = appendText(b, plain, ";rmodel=", r.RequestModel)
	b = appendText(b, plain, ";service=", r.Service)
	b = appendText(b, plain, ";env=", r.Environment)
	if !r.UserID.IsZero() {
		b = append(b, ";user="...)
		b = r.UserID.AppendText(b)
	}
	b = appendText(b, plain, ";xuser=", r.UserExternalID)
	b = appendText(b, plain, ";session=", r.SessionID)
	b = appendText(b, plain, ";req=", r.RequestID)
	if r.TraceID != [16]byte{} {
		b = append(b, ";trace="...)
		b = usage.AppendHex(b, r.TraceID[:])
	}
	if r.SpanID != [8]byte{} {
		b = append(b, ";span="...)
		b = usage.AppendHex(b, r.SpanID[:])
	}
	b = appendText(b, plain, ";tier=", r.ServiceTier)
	b = appendText(b, plain, ";region=", r.Region)
	b = appendText(b, plain, ";variant=", r.Variant)
	b = appendWord(b, ";outcome=", string(r.Outcome))
	b = appendWord(b, ";payer=", string(r.Payer))
	b = appendText(b, plain, ";sampled=", r.Sampled)
	b = appendText(b, plain, ";dialect=", r.Dialect)
	b = appendText(b, plain, ";qreason=", string(r.QuantityReason))
	if r.Missing != 0 {
		b = r.Missing.AppendText(append(b, ";missing="...))
	}
	for k := range usage.QuantityKindCount {
		if n := r.Quantities[k]; n != 0 {
			b = append(b, quantityFields[k]...)
			b = usage.AppendQuantity(b, k, n)
		}
	}
	for _, tag := range r.Tags {
		b = append(b, ";tag."...)
		b = appendEscaped(b, tag.Key, true)
		b = append(b, '=')
		b = appendEscaped(b, tag.Value, false)
	}
	for _, field := range r.Unread {
		b = appendEscaped(append(b, ';'), field.Key, true)
		b = appendEscaped(append(b, '='), field.Value, false)
	}
	return b, cost
}

// appendText appends a field unless its value is empty. A plain one needs no escaping.
func appendText(b []byte, plain bool, key, value string) []byte {
	if plain {
		return appendWord(b, key, value)
	}
	if value == "" {
		return b
	}
	return appendEscaped(append(b, key...), value, false)
}

// appendWord appends a field unless its value is empty, which has the form of a word of a
// closed set.
func appendWord(b []byte, key, value string) []byte {
	if value == "" {
		return b
	}
	return append(append(b, key...), value...)
}

// quantityFields begin the fields of the quantities.
var quantityFields = func() (fields [usage.QuantityKindCount]string) {
	for k := range fields {
		fields[k] = ";q." + usage.QuantityKind(k).String() + "="
	}
	return fields
}()

func appendEscaped(b []byte, text string, isKey bool) []byte {
	if !isKey && usage.IsPlain(text) {
		return append(b, text...)
	}
	done := 0
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c >= 0x20 && c != '%' && c != ';' && c != 0x7f && !(isKey && c == '=') {
			continue
		}
		b = append(b, text[done:i]...)
		b = append(b, '%', hexDigits[c>>4], hexDigits[c&15])
		done = i + 1
	}
	return append(b, text[done:]...)
}
