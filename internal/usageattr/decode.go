package usageattr

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// MaxRecordBytes bounds the text that [Decode] reads. A record with every field at its
// limit and escaped is shorter.
const MaxRecordBytes = 128 << 10

// ErrVersion means that a record has a version that this build cannot read.
var ErrVersion = errors.New("record version is not known here; update the collector that reads it")

// Decode reads what [Append] wrote. The strings of r share memory with text.
// An error names the field, never its content.
func Decode(text string, r *usage.Record) error {
	if len(text) > MaxRecordBytes {
		return fmt.Errorf("record has %d bytes, at most %d are allowed", len(text), MaxRecordBytes)
	}
	*r = usage.Record{}
	head, rest, _ := strings.Cut(text, ";")
	if head != version {
		return fmt.Errorf("%w (want %q)", ErrVersion, version)
	}
	for rest != "" {
		var field string
		field, rest, _ = strings.Cut(rest, ";")
		key, value, ok := strings.Cut(field, "=")
		if !ok {
			return errors.New("field without a value")
		}
		if strings.IndexByte(value, '%') >= 0 {
			if value, ok = unescape(value); !ok {
				return fmt.Errorf("field %q: broken percent-encoding", knownKey(key))
			}
		}
		if err := setField(r, key, value); err != nil {
			return fmt.Errorf("field %q: %w", knownKey(key), err)
		}
	}
	settleStatus(r)
	if err := errors.Join(usage.CheckUser(r.UserID, r.UserExternalID), r.Validate()); err != nil {
		return fmt.Errorf("record is not valid: %w", err)
	}
	return nil
}

var errMalformed = errors.New("malformed value")

func setField(r *usage.Record, key, value string) error {
	if text := textField(r, key); text != nil {
		*text = value
		return nil
	}
	ok := true
	var err error
	var unknown string
	switch key {
	case "id":
		r.ID, ok = usage.ParseID(value)
	case "t":
		var ns int64
		if ns, err = strconv.ParseInt(value, 10, 64); err == nil {
			r.Time = time.Unix(0, ns).UTC()
		}
	case "type":
		r.APIType = usage.APIType(value)
	case "status":
		r.Status = usage.PricingStatus(value)
	case "assumed":
		var set usage.Assumptions
		set, unknown = usage.ParseAssumptions(value)
		r.Assumptions, r.HasAssumptions = r.Assumptions|set, true
	case "outcome":
		r.Outcome = usage.Outcome(value)
	case "payer":
		r.Payer = usage.Payer(value)
	case "reason":
		r.Reason = usage.Reason(value)
	case "cost":
		r.Cost, err = usage.ParseMoney(value)
	case "source":
		switch source := usage.CostSource(value); source {
		case usage.SourceComputed, usage.SourceReported:
			r.CostSource = source
		default:
			unknown = value
		}
	case "bill":
		r.ReportedIsBill = value == "1"
	case "reported":
		r.ReportedCost, err = usage.ParseMoney(value)
		r.HasReportedCost = err == nil
	case "user":
		r.UserID, ok = usage.ParseID(value)
	case "trace":
		ok = decodeHex(r.TraceID[:], value)
	case "span":
		ok = decodeHex(r.SpanID[:], value)
	case "qreason":
		r.QuantityReason = usage.Reason(value)
	case "missing":
		var set usage.Missing
		set, unknown = usage.ParseMissing(value)
		r.Missing |= set
	default:
		if name, isTag := strings.CutPrefix(key, "tag."); isTag {
			if name, ok = unescape(name); ok && len(r.Tags) < usage.MaxTags {
				r.Tags = append(r.Tags, usage.Tag{Key: name, Value: value})
			}
			break
		}
		name, isQuantity := strings.CutPrefix(key, "q.")
		if k, known := usage.ParseQuantityKind(name); isQuantity && known == nil {
			r.Quantities[k], err = usage.ParseQuantity(k, value)
		} else {
			unknown = value
		}
	}
	if err != nil || !ok {
		return errMalformed
	}
	if unknown != "" {
		keepUnread(r, key, unknown)
	}
	return nil
}

// textField returns the field for a key whose value is a text of the app or the book, nil
// for other keys.
func textField(r *usage.Record, key string) *string {
	switch key {
	case "price":
		return &r.PriceID
	case "provider":
		return &r.Provider
	case "model":
		return &r.Model
	case "rmodel":
		return &r.RequestModel
	case "service":
		return &r.Service
	case "env":
		return &r.Environment
	case "xuser":
		return &r.UserExternalID
	case "session":
		return &r.SessionID
	case "req":
		return &r.RequestID
	case "tier":
		return &r.ServiceTier
	case "region":
		return &r.Region
	case "variant":
		return &r.Variant
	case "sampled":
		return &r.Sampled
	case "dialect":
		return &r.Dialect
	}
	return nil
}

// keepUnread keeps what a newer build wrote under a key. The words of one key are adjacent.
func keepUnread(r *usage.Record, key, value string) {
	if name, ok := unescape(key); ok {
		key = name
	}
	for i := range r.Unread {
		if r.Unread[i].Key == key {
			r.Unread[i].Value += "+" + value
			return
		}
	}
	if len(r.Unread) < usage.MaxTags {
		r.Unread = append(r.Unread, usage.Tag{Key: key, Value: value})
	}
}

// settleStatus gives a record with a status that only a newer build knows the most cautious
// status that this build knows.
func settleStatus(r *usage.Record) {
	if r.Status == "" || slices.Contains(usage.PricingStatuses, r.Status) {
		return
	}
	keepUnread(r, "status", string(r.Status))
	r.Status = usage.StatusEstimated
	if r.CostSource == usage.SourceNone && r.Cost == 0 {
		r.Status = usage.StatusUnpriced
	}
	if r.Reason == "" {
		r.Reason = usage.ReasonNewerRecord
	}
}

func decodeHex(dst []byte, text string) bool {
	if len(text) != 2*len(dst) {
		return false
	}
	_, err := hex.Decode(dst, []byte(text))
	return err == nil
}

func unescape(text string) (string, bool) {
	if strings.IndexByte(text, '%') < 0 {
		return text, true
	}
	b := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] != '%' {
			b = append(b, text[i])
			continue
		}
		if i+2 >= len(text) {
			return "", false
		}
		c, err := strconv.ParseUint(text[i+1:i+3], 16, 8)
		if err != nil {
			return "", false
		}
		b = append(b, byte(c))
		i += 2
	}
	return string(b), true
}

// knownKey keeps outside text out of errors: a key is named only when it is short and
// plain.
func knownKey(key string) string {
	if len(key) > 32 {
		return "(unknown)"
	}
	for i := range len(key) {
		if c := key[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '.' && c != '_' {
			return "(unknown)"
		}
	}
	return key
}
