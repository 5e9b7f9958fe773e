package genai

import (
	"math"
	"strconv"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// count is a number of tokens or other things, or one of two values that say why there is
// none.
type count int64

const (
	absent  count = -1 // the span does not say
	invalid count = -2 // the span reports something that is not a count
	// maxCount is the greatest number accepted, about 10^12. The sum of all quantities of a
	// call stays far below the limit of an int64.
	maxCount = 1 << 40
)

// or0 returns the number, or 0 when there is none.
func (c count) or0() int64 {
	if c < 0 {
		return 0
	}
	return int64(c)
}

func (c count) known() bool { return c >= 0 }

// countOf reads a count: an integer, also as a double ("1306.0", from languages without
// integers) or as text. Nothing, NaN and "" are [absent]; negative numbers, fractions,
// numbers beyond [maxCount] and everything else are [invalid].
func countOf(v pcommon.Value) count {
	switch v.Type() {
	case pcommon.ValueTypeInt:
		return countOfInt(v.Int())
	case pcommon.ValueTypeDouble:
		return countOfFloat(v.Double())
	case pcommon.ValueTypeStr:
		return countOfText(v.Str())
	case pcommon.ValueTypeEmpty:
		return absent
	}
	return invalid
}

func countOfInt(n int64) count {
	if n < 0 || n > maxCount {
		return invalid
	}
	return count(n)
}

func countOfFloat(f float64) count {
	if math.IsNaN(f) {
		return absent // JavaScript's sum of numbers that were not reported
	}
	if !(f >= 0 && f <= maxCount) || f != math.Trunc(f) {
		return invalid
	}
	return count(f)
}

func countOfText(text string) count {
	text = strings.TrimSpace(text)
	if text == "" || text == "null" {
		return absent
	}
	if len(text) > 32 {
		return invalid
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return countOfInt(n)
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil {
		return countOfFloat(f)
	}
	return invalid
}

// numberOf reads a measured number, such as seconds, from a double or a text.
func numberOf(v pcommon.Value) (float64, bool) {
	switch v.Type() {
	case pcommon.ValueTypeInt:
		return float64(v.Int()), true
	case pcommon.ValueTypeDouble:
		return v.Double(), true
	case pcommon.ValueTypeStr:
		if text := strings.TrimSpace(v.Str()); len(text) <= 32 {
			f, err := strconv.ParseFloat(text, 64)
			return f, err == nil
		}
	}
	return 0, false
}
