package usage

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// QuantityKind names one thing that a provider bills. Kinds are disjoint: a token read from
// the cache is in CacheReadTokens and not in InputTextTokens, so the cost of a call is the
// plain sum over its kinds.
type QuantityKind uint8

// The kinds. Their names are stable: they are used in the record on the span, in price
// books and in the table.
const (
	InputTextTokens       QuantityKind = iota // uncached text input
	CacheReadTokens                           // text input served from the provider's cache
	CacheWrite5mTokens                        // input written to the cache, 5 minute or unstated lifetime
	CacheWrite1hTokens                        // input written to the cache, 1 hour lifetime
	InputAudioTokens                          // uncached audio input
	InputImageTokens                          // uncached image input
	InputVideoTokens                          // video input
	CacheReadAudioTokens                      // audio input served from the cache
	CacheReadImageTokens                      // image input served from the cache
	OutputTextTokens                          // visible text output
	OutputReasoningTokens                     // reasoning (thinking) output
	OutputAudioTokens                         // audio output
	OutputImageTokens                         // image output
	AudioSeconds                              // length of transcribed or generated audio, in nanoseconds
	VideoSeconds                              // length of generated video, in nanoseconds
	Characters                                // characters (Unicode code points) of input text, as speech synthesis is billed
	Images                                    // generated images
	WebSearches                               // web search tool calls
	FileSearches                              // file search tool calls
	CodeSessions                              // code interpreter sessions
	Pages                                     // document pages read (OCR)
	SearchUnits                               // rerank units
	CitationTokens                            // source texts that a search model read, billed separately from its answer
	Pixels                                    // pixels of generated images, where they are billed by area
	StorageMBDays                             // stored megabytes (10^6 bytes) times days
	CacheWrite30mTokens                       // input written to the cache, 30 minute lifetime (OpenAI)
	CacheWrite12hTokens                       // input written to the cache, 12 hour lifetime (OpenAI)

	QuantityKindCount // not a kind: the number of kinds
)

// Unit is the unit of a [QuantityKind].
type Unit string

// The units.
const (
	UnitToken     Unit = "token"
	UnitSecond    Unit = "second"
	UnitCharacter Unit = "character"
	UnitImage     Unit = "image"
	UnitCall      Unit = "call"
	UnitPage      Unit = "page"
	UnitPixel     Unit = "pixel"
	UnitMBDay     Unit = "megabyte_day"
)

// NanosPerSecond is the fixed-point scale of the kinds counted in [UnitSecond]: 12.5 s is
// stored as 12_500_000_000.
const NanosPerSecond = 1_000_000_000

var quantityKinds = [QuantityKindCount]struct {
	name string
	unit Unit
}{
	InputTextTokens:       {"input_text", UnitToken},
	CacheReadTokens:       {"cache_read", UnitToken},
	CacheWrite5mTokens:    {"cache_write_5m", UnitToken},
	CacheWrite1hTokens:    {"cache_write_1h", UnitToken},
	InputAudioTokens:      {"input_audio", UnitToken},
	InputImageTokens:      {"input_image", UnitToken},
	InputVideoTokens:      {"input_video", UnitToken},
	CacheReadAudioTokens:  {"cache_read_audio", UnitToken},
	CacheReadImageTokens:  {"cache_read_image", UnitToken},
	OutputTextTokens:      {"output_text", UnitToken},
	OutputReasoningTokens: {"output_reasoning", UnitToken},
	OutputAudioTokens:     {"output_audio", UnitToken},
	OutputImageTokens:     {"output_image", UnitToken},
	AudioSeconds:          {"audio_seconds", UnitSecond},
	VideoSeconds:          {"video_seconds", UnitSecond},
	Characters:            {"characters", UnitCharacter},
	Images:                {"images", UnitImage},
	WebSearches:           {"web_searches", UnitCall},
	FileSearches:          {"file_searches", UnitCall},
	CodeSessions:          {"code_sessions", UnitCall},
	Pages:                 {"pages", UnitPage},
	SearchUnits:           {"search_units", UnitCall},
	CitationTokens:        {"citation", UnitToken},
	Pixels:                {"pixels", UnitPixel},
	StorageMBDays:         {"storage_mb_days", UnitMBDay},
	CacheWrite30mTokens:   {"cache_write_30m", UnitToken},
	CacheWrite12hTokens:   {"cache_write_12h", UnitToken},
}

// String returns the stable name, such as "cache_read".
func (k QuantityKind) String() string {
	if k >= QuantityKindCount {
		return "quantity_" + strconv.Itoa(int(k))
	}
	return quantityKinds[k].name
}

// Unit returns the unit of the kind.
func (k QuantityKind) Unit() Unit { return quantityKinds[k].unit }

// ParseQuantityKind is the inverse of [QuantityKind.String].
func ParseQuantityKind(name string) (QuantityKind, error) {
	for k := range QuantityKindCount {
		if quantityKinds[k].name == name {
			return k, nil
		}
	}
	return 0, fmt.Errorf("unknown quantity %q; known are %s", name, strings.Join(QuantityKindNames(), ", "))
}

// QuantityKindNames lists all names in a fixed order.
func QuantityKindNames() []string {
	names := make([]string, 0, QuantityKindCount)
	for k := range QuantityKindCount {
		names = append(names, k.String())
	}
	return names
}

// Quantities is what one call consumed: an integer for each [QuantityKind], seconds in
// nanoseconds. Values are never negative; code that fills it from outside data checks that.
// The zero value means "nothing"; the record's [Reason] says whether that is a fact or a
// gap.
type Quantities [QuantityKindCount]int64

// IsZero reports whether no kind has a value.
func (q *Quantities) IsZero() bool { return *q == Quantities{} }

// InputTokens returns the inclusive total: uncached, cached and written to the cache, of
// every modality, as OpenTelemetry defines gen_ai.usage.input_tokens.
func (q *Quantities) InputTokens() int64 {
	return addAll(q[InputTextTokens], q[CacheReadTokens], q.CacheWriteBeside1h(), q[CacheWrite1hTokens],
		q[InputAudioTokens], q[InputImageTokens], q[InputVideoTokens], q[CacheReadAudioTokens], q[CacheReadImageTokens])
}

// OutputTokens returns the inclusive total: text, reasoning, audio, image and citations.
func (q *Quantities) OutputTokens() int64 {
	return addAll(q[OutputTextTokens], q[OutputReasoningTokens], q[OutputAudioTokens], q[OutputImageTokens], q[CitationTokens])
}

// CacheReadTotal returns the input served from the cache, of every modality.
func (q *Quantities) CacheReadTotal() int64 {
	return addAll(q[CacheReadTokens], q[CacheReadAudioTokens], q[CacheReadImageTokens])
}

// CacheWriteBeside1h returns the input written to the cache for any lifetime except an
// hour: the column cache_write_5m_tokens.
func (q *Quantities) CacheWriteBeside1h() int64 {
	return addAll(q[CacheWrite5mTokens], q[CacheWrite30mTokens], q[CacheWrite12hTokens])
}

// TotalTokens returns input plus output: the column tokens_used.
func (q *Quantities) TotalTokens() int64 { return addAll(q.InputTokens(), q.OutputTokens()) }

// addAll adds non-negative numbers; on overflow it returns the greatest int64.
func addAll(numbers ...int64) int64 {
	var sum int64
	for _, n := range numbers {
		if sum > math.MaxInt64-n {
			return math.MaxInt64
		}
		sum += n
	}
	return sum
}

// AppendQuantity appends the value of one kind as text: an integer, or for seconds a
// decimal number of seconds such as "12.5".
func AppendQuantity(b []byte, k QuantityKind, value int64) []byte {
	if k.Unit() != UnitSecond {
		return strconv.AppendInt(b, value, 10)
	}
	b = strconv.AppendInt(b, value/NanosPerSecond, 10)
	return appendFraction(b, uint64(value%NanosPerSecond), 9)
}

// ParseQuantity reads the text that [AppendQuantity] writes. It refuses negative numbers,
// fractions of units that are whole, and more than nine places of a second.
// [SecondsToQuantity], which reads measured values, rounds to nanoseconds instead.
func ParseQuantity(k QuantityKind, text string) (int64, error) {
	whole, fraction, hasPoint := strings.Cut(text, ".")
	n, err := strconv.ParseUint(whole, 10, 63)
	if err != nil {
		return 0, fmt.Errorf("%s: %q is not a number of at least 0", k, text)
	}
	if k.Unit() != UnitSecond {
		if hasPoint {
			return 0, fmt.Errorf("%s: %q is not a whole number", k, text)
		}
		return int64(n), nil
	}
	var nanos uint64
	if hasPoint {
		if len(fraction) == 0 || len(fraction) > 9 {
			return 0, fmt.Errorf("%s: %q has %d decimal places, 1 to 9 are allowed", k, text, len(fraction))
		}
		if nanos, err = strconv.ParseUint(fraction+"000000000"[len(fraction):], 10, 63); err != nil {
			return 0, fmt.Errorf("%s: %q is not a number of at least 0", k, text)
		}
	}
	if n > (math.MaxInt64-nanos)/NanosPerSecond {
		return 0, fmt.Errorf("%s: %q is too large", k, text)
	}
	return int64(n*NanosPerSecond + nanos), nil
}

// SecondsToQuantity converts a duration that a library measured as a double to nanoseconds,
// using the shortest decimal text of the double, so that 12.1 stays 12.1. It returns false
// for NaN, negative and absurdly large values.
func SecondsToQuantity(seconds float64) (int64, bool) {
	if !(seconds >= 0 && seconds < 1e9) {
		return 0, false
	}
	text := strconv.FormatFloat(seconds, 'f', -1, 64)
	if _, fraction, _ := strings.Cut(text, "."); len(fraction) > 9 {
		text = strconv.FormatFloat(seconds, 'f', 9, 64)
	}
	n, err := ParseQuantity(AudioSeconds, text)
	return n, err == nil
}
