package usageattr

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// traceUserHead is the prefix of the text of a [usage.TraceUser]; no record begins with it.
const traceUserHead = "user1"

// AppendTraceUser appends the user of a trace as text: "user1;trace=<32 hex
// digits>;service=<name>;user=<UUID>;xuser=<text>", with the last two as in a record.
func AppendTraceUser(b []byte, u *usage.TraceUser) []byte {
	b = hex.AppendEncode(append(b, traceUserHead+";trace="...), u.TraceID[:])
	b = appendText(b, false, ";service=", u.Service)
	b = u.UserID.AppendText(append(b, ";user="...))
	return appendText(b, false, ";xuser=", u.UserExternalID)
}

// IsTraceUser reports whether [AppendTraceUser] wrote the text.
func IsTraceUser(text string) bool { return strings.HasPrefix(text, traceUserHead+";") }

// DecodeTraceUser reads what [AppendTraceUser] wrote. The strings of u share
// memory with text. An error names the field, never its content.
func DecodeTraceUser(text string, u *usage.TraceUser) error {
	*u = usage.TraceUser{}
	if len(text) > MaxRecordBytes || !IsTraceUser(text) {
		return errMalformed
	}
	var r usage.Record
	for _, field := range strings.Split(text[len(traceUserHead)+1:], ";") {
		key, value, ok := strings.Cut(field, "=")
		if ok {
			value, ok = unescape(value)
		}
		if !ok {
			return errors.New("field without a value, or broken percent-encoding")
		}
		switch key {
		case "trace", "service", "user", "xuser":
			if err := setField(&r, key, value); err != nil {
				return fmt.Errorf("field %q: %w", key, err)
			}
		}
	}
	r.Clean()
	u.TraceID, u.Service, u.UserID, u.UserExternalID = r.TraceID, r.Service, r.UserID, r.UserExternalID
	return u.Validate()
}
