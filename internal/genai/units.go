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
	op := s.op
	if op == opChat {
		if !a.some(isUnit) && len(a.unknown) == 0 {
			return
		}
		op = operationWith(s.r.model(s.modelName()).kind)
		switch unit := s.unit(); {
		case op != opChat:
		case unit == factPages:
			op = opOCR
		default:
			f.unknown = f.unknown || unit == factImages // what pictures by a model of text cost is not said
			return
		}
	}
	s.readUnitNames(f, op)
	switch op {
	case opTranscription:
		if seconds, err := strconv.ParseFloat(jsonMember(a.text(nameLiveKitSTT), "audio_duration"), 64); err == nil && f.n[factAudioNanos] == absent {
			f.n[factAudioNanos] = nanosOfFloat(seconds)
		}
	case opTTS:
		if f.n[factCharacters] == absent {
			f.n[factCharacters] = countOfText(jsonMember(a.text(nameLiveKitTTS), "characters_count"))
		}
		if text := a.text(nameRequestText); text != "" && f.n[factCharacters] == absent {
			f.n[factCharacters] = count(utf8.RuneCountInString(text))
		}
	case opImage, opVideo:
		s.call.Variant = imageVariant(a.firstText(namesImageSize), a.firstText(namesImageQuality))
	}
}

// Units under names of their own. Those under a prefix of usage need no list, see [unitOf].
//
// Sources: pipecat-ai/pipecat (utils/tracing), livekit/agents (telemetry); the conventions
// (gen_ai.request.choice.count).
var (
	namesCharacters = names("gen_ai.usage.characters", "gen_ai.usage.character_count", "gen_ai.usage.input_characters", "metrics.character_count", "llm.usage.characters",
		"metrics.characters_count", "tts.characters", "tts.character_count", "character_count")
	namesImages    = names("gen_ai.response.image.count", "gen_ai.response.image_count", "gen_ai.request.image.count", "gen_ai.request.image_count", "gen_ai.request.choice.count")
	namesClip      = names("gen_ai.request.video.seconds", "gen_ai.request.video.duration")
	nameLiveKitTTS = name("lk.tts_metrics")
	nameLiveKitSTT = name("lk.stt_metrics")

	unitNames = func() nameSet {
		set := setOf(conventionWords.seconds...)
		for _, list := range [][]nameID{namesCharacters, namesImages, namesClip} {
			for _, id := range list {
				set.put(id)
			}
		}
		return set
	}()
)

// readUnitNames reads the units of a call that is not text from attributes. What was used
// counts before what was asked for.
func (s *spanReader) readUnitNames(f *facts, op operation) {
	a := s.a
	for _, u := range a.unknown {
		if i, factor := unitOf(u.name); i != factCount && f.n[i] == absent {
			f.n[i] = unitsIn(u.value, i, factor)
		}
	}
	if !a.some(isUnit) {
		return
	}
	seconds := func(ids []nameID) {
		for _, id := range ids {
			if a.has(id) && f.n[factAudioNanos] == absent {
				f.n[factAudioNanos] = nanosOf(a.values[id])
			}
		}
	}
	seconds(conventionWords.seconds)
	switch op {
	case opTTS:
		if f.n[factCharacters] == absent {
			f.n[factCharacters] = a.firstCount(namesCharacters)
		}
	case opImage:
		if f.n[factImages] == absent && f.n[factOutput] == absent {
			f.n[factImages] = a.firstCount(namesImages)
		}
	case opVideo:
		seconds(namesClip)
	}
}

// unitOf tells from the words of a name under a prefix of usage which unit it counts, and by
// what to multiply to get seconds; factCount when it counts none.
func unitOf(name string) (i fact, factor float64) {
	var is unitWords
	for word := range words(name) {
		is |= unitWord[word]
	}
	switch {
	case is&unitNone != 0, is&(unitImages|unitImage) != 0 && is&unitInput != 0: // a picture to look at or to change
	case is&unitImages != 0, is&(unitImage|unitCount) == unitImage|unitCount:
		return factImages, 0
	case is&unitCharacters != 0:
		return factCharacters, 0
	case is&unitPages != 0:
		return factPages, 0
	case is&unitMedia == 0: // the duration of the call
	case is&unitMillis != 0:
		return factAudioNanos, 1e-3
	case is&unitMinutes != 0:
		return factAudioNanos, 60
	case is&(unitSeconds|unitDuration) != 0:
		return factAudioNanos, 1
	}
	return factCount, 0
}

// unitWords is the set of words in a name that tell a unit.
type unitWords uint16

const (
	unitNone unitWords = 1 << iota // a count of tokens, money, or something else
	unitImages
	unitImage
	unitCount
	unitCharacters
	unitPages
	unitMedia
	unitSeconds
	unitMillis
	unitMinutes
	unitDuration
	unitInput
)

var unitWord = func() map[string]unitWords {
	m := map[string]unitWords{}
	for is, list := range map[unitWords]string{
		unitNone:       "token tokens cost price usd latency rate limit max remaining cached cache size width height pixels per details",
		unitImages:     "images",
		unitImage:      "image",
		unitCount:      "count num number generated created made",
		unitCharacters: "characters character chars char",
		unitPages:      "pages page",
		unitMedia:      "audio speech video media recording voice clip",
		unitSeconds:    "seconds second secs sec s",
		unitMillis:     "ms millis milliseconds millisecond",
		unitMinutes:    "minutes minute mins min",
		unitDuration:   "duration length",
		unitInput:      "input prompt request",
	} {
		for word := range strings.FieldsSeq(list) {
			m[word] |= is
		}
	}
	return m
}()

// unitsIn reads the value of such a name.
func unitsIn(v pcommon.Value, i fact, factor float64) count {
	if i != factAudioNanos {
		return countOf(v)
	}
	n, ok := numberOf(v)
	if !ok {
		return invalid
	}
	return nanosOfFloat(n * factor)
}

// unit returns the unit that the span reports more than zero of, factCount for none.
func (s *spanReader) unit() fact {
	a := s.a
	for _, u := range a.unknown {
		if i, factor := unitOf(u.name); i != factCount && unitsIn(u.value, i, factor) > 0 {
			return i
		}
	}
	switch {
	case !a.some(isUnit):
	case a.firstCount(namesCharacters) > 0:
		return factCharacters
	default:
		for _, id := range conventionWords.seconds {
			if a.has(id) && nanosOf(a.values[id]) > 0 {
				return factAudioNanos
			}
		}
	}
	return factCount
}

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
	if currency := s.a.firstText(namesCostCurrency); currency != "" && !dollarWords[strings.ToLower(currency)] {
		return
	}
	if unit := strings.ToLower(s.a.firstText(namesCostUnit)); unit != "" && !dollarWords[unit] {
		if shift, known := costUnits[unit]; known {
			s.reportShifted(ids, shift)
		}
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
