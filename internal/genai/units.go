package genai

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// readUnits reads what is not counted in tokens: first what the app itself reports in the
// configured attributes, then what libraries report.
func (s *spanReader) readUnits(f *facts) {
	r, a := s.r, s.a
	if n := a.count(r.inputImages); n != absent {
		f.n[factImages] = n
	}
	if n := a.count(r.inputCharacters); n != absent {
		f.n[factCharacters] = n
	}
	if a.has(r.inputSeconds) {
		f.n[factAudioNanos] = nanosOf(a.values[r.inputSeconds])
	}
	if s.op == opChat {
		return
	}
	if f.n[factAudioNanos] == absent {
		for _, id := range conventionWords.seconds {
			if a.has(id) {
				f.n[factAudioNanos] = nanosOf(a.values[id])
				break
			}
		}
	}
	if s.op == opTranscription && f.n[factAudioNanos] == absent {
		if seconds, err := strconv.ParseFloat(jsonMember(a.text(nameLiveKitSTT), "audio_duration"), 64); err == nil {
			f.n[factAudioNanos] = nanosOfFloat(seconds)
		}
	}
	if s.op == opTTS && f.n[factCharacters] == absent {
		f.n[factCharacters] = a.firstCount(namesCharacters)
	}
	if s.op == opTTS && f.n[factCharacters] == absent {
		f.n[factCharacters] = countOfText(jsonMember(a.text(nameLiveKitTTS), "characters_count"))
	}
	if s.op == opTTS && f.n[factCharacters] == absent {
		if text := a.text(nameRequestText); text != "" {
			f.n[factCharacters] = count(utf8.RuneCountInString(text))
		}
	}
	if s.op == opImage || s.op == opVideo {
		s.call.Variant = imageVariant(a.firstText(namesImageSize), a.firstText(namesImageQuality))
	}
}

// Characters that were spoken, and the metrics of LiveKit's speech.
//
// Sources: pipecat-ai/pipecat (utils/tracing), livekit/agents (telemetry).
var (
	namesCharacters = names("gen_ai.usage.characters", "gen_ai.usage.character_count", "gen_ai.usage.input_characters", "metrics.character_count", "llm.usage.characters")
	nameLiveKitTTS  = name("lk.tts_metrics")
	nameLiveKitSTT  = name("lk.stt_metrics")
)

// imageVariant returns the variant of an image, "1024x1792/hd", from its size and its
// quality, unless the quality is standard.
func imageVariant(size, quality string) string {
	switch {
	case size == "":
		return quality
	case quality == "", quality == "standard", quality == "auto":
		return size
	}
	return size + "/" + quality
}

// nanosOf reads a number of seconds.
func nanosOf(v pcommon.Value) count {
	seconds, ok := numberOf(v)
	if !ok {
		return invalid
	}
	return nanosOfFloat(seconds)
}

func nanosOfFloat(seconds float64) count {
	nanos, ok := usage.SecondsToQuantity(seconds)
	if !ok || seconds > maxSeconds {
		return invalid
	}
	return count(nanos)
}

// maxSeconds is the longest audio accepted: a year.
const maxSeconds = 366 * 24 * 3600

// readCost reads the cost that arrived with the span.
func (s *spanReader) readCost(ids []nameID) {
	if s.call.HasReportedCost || !s.a.some(isCost) {
		return
	}
	if currency := s.a.text(nameCostCurrency); currency != "" && !strings.EqualFold(currency, "USD") {
		return
	}
	for _, id := range ids {
		if s.a.has(id) {
			if s.call.reportCost(s.a.values[id]); s.call.HasReportedCost {
				return
			}
		}
	}
	s.readCostBySides()
}

// reportCost sets a cost in dollars from a double or a text. Zero, negative and absurd
// costs are ignored.
func (c *Call) reportCost(v pcommon.Value) {
	switch v.Type() {
	case pcommon.ValueTypeStr:
		text := v.Str()
		if strings.HasPrefix(text, "{") {
			text = costOfParts(text)
		}
		c.reportCostText(strings.TrimPrefix(text, "$"))
	case pcommon.ValueTypeMap:
		c.reportCostText(costOfParts(v.AsString()))
	case pcommon.ValueTypeSlice: // a header
		if v.Slice().Len() == 1 && v.Slice().At(0).Type() == pcommon.ValueTypeStr {
			c.reportCostText(v.Slice().At(0).Str())
		}
	case pcommon.ValueTypeDouble:
		c.reportCostFloat(v.Double())
	case pcommon.ValueTypeInt:
		c.reportCostFloat(float64(v.Int()))
	}
}

func (c *Call) reportCostFloat(dollars float64) {
	if dollars > 0 && dollars < math.MaxInt32 {
		var digits [48]byte
		c.reportCostText(string(strconv.AppendFloat(digits[:0], dollars, 'f', -1, 64)))
	}
}

func (c *Call) reportCostText(text string) {
	if m, err := usage.ParseMoney(text); err == nil && m > 0 && m <= usage.MaxCallCost {
		c.ReportedCost, c.HasReportedCost = m, true
	}
}

// minKeyBytes is the length from which a response id is considered unique. The providers'
// ids have 20 or more random characters; Ollama counts from chatcmpl-0 to chatcmpl-999.
const minKeyBytes = 16

// setKey makes the response id the identity of the call, where it can be unique.
func (c *Call) setKey() {
	if c.Key == "" && len(c.ResponseID) >= minKeyBytes {
		c.Key = c.ResponseID
	}
}
