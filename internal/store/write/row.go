package write

import (
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"

	"github.com/otelcol-usage/otelcol-usage/internal/store"
	"github.com/otelcol-usage/otelcol-usage/internal/sums"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// row is a record on its way into public.api_usage.
type row struct {
	*usage.Record
	// user is the value of user_id; zero for NULL.
	user usage.ID
	// userUnknown: the record names a user that auth.users does not have.
	userUnknown bool
	// folded is the value of the column folded; 0 for NULL.
	folded int16
	// foldedTags are the tags whose value the sums replace or leave out, and which of both:
	// [sums.FoldedValue] or [sums.FoldedName].
	foldedTags []usage.Tag
	// others are different calls that arrived under the same id.
	others []*usage.Record
	// reused: the id that the record arrived with belongs to another call.
	reused bool
}

// checkRecord returns an error for a record that the table is known to refuse.
func checkRecord(r *usage.Record) error {
	if err := r.Validate(); err != nil {
		return err
	}
	if r.HasReportedCost && (r.ReportedCost < 0 || r.ReportedCost > usage.MaxCallCost) {
		return fmt.Errorf("reported_dollars: %s is outside 0 to %s", r.ReportedCost, usage.MaxCallCost)
	}
	switch r.CostSource {
	case usage.SourceNone, usage.SourceComputed, usage.SourceReported:
	default:
		return errors.New("cost_source: neither computed nor reported")
	}
	if n := r.Quantities.TotalTokens(); n > math.MaxInt32 {
		return fmt.Errorf("tokens_used: %d is more than the column holds, at most %d", n, math.MaxInt32)
	}
	if n := r.Quantities[usage.AudioSeconds]; n > maxAudioSeconds {
		return fmt.Errorf("audio_seconds: %d is more than the column holds, at most %d", n/usage.NanosPerSecond, maxAudioSeconds/usage.NanosPerSecond)
	}
	return nil
}

// maxAudioSeconds is the maximum of numeric(18,9), in nanoseconds: about 31 years.
const maxAudioSeconds = 1_000_000_000_000_000_000 - 1

// appendMetadata appends the value of the column metadata.
func (r *row) appendMetadata(b []byte) []byte {
	b = append(b, '{')
	if r.SpanID != [8]byte{} {
		b = append(jsonKey(b, "span_id"), '"')
		b = append(hex.AppendEncode(b, r.SpanID[:]), '"')
	}
	b = jsonText(b, "dialect", r.Dialect)
	b = jsonText(b, "request_model", r.RequestModel)
	b = jsonText(b, "service_tier", r.ServiceTier)
	b = jsonText(b, "region", r.Region)
	b = jsonText(b, "variant", r.Variant)
	b = jsonText(b, "sampled", r.Sampled)
	b = jsonText(b, "quantity_reason", string(r.QuantityReason))
	if r.Missing != 0 {
		b = append(jsonKey(b, "missing"), '"')
		b = append(r.Missing.AppendText(b), '"')
	}
	if r.ReportedIsBill {
		b = jsonText(b, "reported_by", "provider")
	}
	switch {
	case r.UserExternalID != "":
		b = jsonText(b, "user", r.UserExternalID)
	case r.userUnknown:
		b = append(jsonKey(b, "user"), '"')
		b = append(r.UserID.AppendText(b), '"')
	}
	if len(r.Unread) > 0 {
		b = append(jsonKey(b, "unread"), '{')
		for i, field := range r.Unread {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendJSONString(b, field.Key), ':')
			b = appendJSONString(b, field.Value)
		}
		b = append(b, '}')
	}
	return append(b, '}')
}

// appendTags appends the value of the column tags: a line for each tag, of several with one
// name for the last. Clean has made lines of them.
func (r *row) appendTags(b []byte) []byte {
	start := len(b)
	for i := range r.Tags {
		if r.counts(i) {
			b = appendLine(b, start, r.Tags[i].Key, r.Tags[i].Value)
		}
	}
	return b
}

// appendSumTags appends the value of the column sum_tags, or nothing for NULL.
func (r *row) appendSumTags(b []byte) []byte {
	if len(r.foldedTags) == 0 {
		return b
	}
	start := len(b)
	for i, tag := range r.Tags {
		if !r.counts(i) {
			continue
		}
		for _, folded := range r.foldedTags {
			if folded.Key == tag.Key {
				tag = usage.Tag{Key: tag.Key, Value: sums.Other}
				if folded.Value == sums.FoldedName {
					tag.Key = ""
				}
			}
		}
		if tag.Key != "" {
			b = appendLine(b, start, tag.Key, tag.Value)
		}
	}
	if len(b) == start {
		b = append(b, '=') // no tag is left
	}
	return b
}

// counts reports whether the tag has a name, and none after it has the same.
func (r *row) counts(i int) bool {
	name := r.Tags[i].Key
	return name != "" && !slices.ContainsFunc(r.Tags[i+1:], func(later usage.Tag) bool { return later.Key == name })
}

func appendLine(b []byte, start int, name, value string) []byte {
	if len(b) > start {
		b = append(b, '\n')
	}
	b = append(b, name...)
	b = append(b, '=')
	return append(b, value...)
}

// assumptions yields the words of the column pricing_assumptions. Those that only a newer
// build knows come last.
func (r *row) assumptions() iter.Seq[string] {
	return func(yield func(string) bool) {
		for word := range r.Assumptions.All() {
			if !yield(word) {
				return
			}
		}
		for _, field := range r.Unread {
			if field.Key != "assumed" {
				continue
			}
			for word := range strings.SplitSeq(field.Value, "+") {
				if !yield(word) {
					return
				}
			}
		}
	}
}

// appendOtherQuantities appends the value of the column other_quantities, or nothing for
// NULL.
func (r *row) appendOtherQuantities(b []byte) []byte {
	start := len(b)
	for _, k := range store.OtherKinds {
		if n := r.Quantities[k]; n != 0 {
			if len(b) == start {
				b = append(b, '{')
			}
			b = usage.AppendQuantity(jsonKey(b, k.String()), k, n)
		}
	}
	if len(b) > start {
		b = append(b, '}')
	}
	return b
}

// jsonKey starts a member of an object.
func jsonKey(b []byte, key string) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	b = append(b, '"')
	b = append(b, key...)
	return append(b, '"', ':')
}

func jsonText(b []byte, key, value string) []byte {
	if value == "" {
		return b
	}
	return appendJSONString(jsonKey(b, key), value)
}

// appendJSONString appends text as a JSON string. The text has no NUL, which jsonb refuses:
// Clean has removed it. encoding/json is not used because it allocates, and escapes < and >
// for HTML.
func appendJSONString(b []byte, text string) []byte {
	const hexDigits = "0123456789abcdef"
	b = append(b, '"')
	start := 0
	for i := range len(text) {
		c := text[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		b = append(b, text[start:i]...)
		start = i + 1
		if c < 0x20 {
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		} else {
			b = append(b, '\\', c)
		}
	}
	b = append(b, text[start:]...)
	return append(b, '"')
}
