package usageattr

import (
	"encoding/hex"
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
	b = append(b, version+";id="...)
	b = r.ID.AppendText(b)
	b = append(b, ";t="...)
	b = strconv.AppendInt(b, r.Time.UnixNano(), 10)
	b = appendText(b, ";type=", string(r.APIType))
	b = appendText(b, ";status=", string(r.Status))
	b = appendText(b, ";reason=", string(r.Reason))
	if r.HasAssumptions {
		b = r.Assumptions.AppendText(append(b, ";assumed="...))
	}
	if r.Status != usage.StatusUnpriced {
		b = append(b, ";cost="...)
		cost.start = len(b)
		b = r.Cost.AppendText(b)
		cost.end = len(b)
	}
	b = appendText(b, ";source=", string(r.CostSource))
	if r.HasReportedCost {
		b = append(b, ";reported="...)
		b = r.ReportedCost.AppendText(b)
		if r.ReportedIsBill {
			b = append(b, ";bill=1"...)
		}
	}
	b = appendText(b, ";price=", r.PriceID)
	b = appendText(b, ";provider=", r.Provider)
	b = appendText(b, ";model=", r.Model)
	b = appendText(b, ";rmodel=", r.RequestModel)
	b = appendText(b, ";service=", r.Service)
	b = appendText(b, ";env=", r.Environment)
	if !r.UserID.IsZero() {
		b = append(b, ";user="...)
		b = r.UserID.AppendText(b)
	}
	b = appendText(b, ";xuser=", r.UserExternalID)
	b = appendText(b, ";session=", r.SessionID)
	b = appendText(b, ";req=", r.RequestID)
	if r.TraceID != [16]byte{} {
		b = append(b, ";trace="...)
		b = hex.AppendEncode(b, r.TraceID[:])
	}
	if r.SpanID != [8]byte{} {
		b = append(b, ";span="...)
		b = hex.AppendEncode(b, r.SpanID[:])
	}
	b = appendText(b, ";tier=", r.ServiceTier)
	b = appendText(b, ";region=", r.Region)
	b = appendText(b, ";variant=", r.Variant)
	b = appendText(b, ";outcome=", string(r.Outcome))
	b = appendText(b, ";payer=", string(r.Payer))
	b = appendText(b, ";sampled=", r.Sampled)
	b = appendText(b, ";dialect=", r.Dialect)
	b = appendText(b, ";qreason=", string(r.QuantityReason))
	if r.Missing != 0 {
		b = r.Missing.AppendText(append(b, ";missing="...))
	}
	for k := range usage.QuantityKindCount {
		if n := r.Quantities[k]; n != 0 {
			b = append(b, ";q."...)
			b = append(b, k.String()...)
			b = append(b, '=')
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

// appendText appends a field unless its value is empty.
func appendText(b []byte, key, value string) []byte {
	if value == "" {
		return b
	}
	return appendEscaped(append(b, key...), value, false)
}

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
