package genai

import (
	"net/url"
	"strings"
)

// A span of an HTTP client may have the headers of the answer, which some providers count
// in. It is a call where no span of a library reports the same.
//
// Sources: AWS (InvokeModel, headers of the answer); elevenlabs/elevenlabs-js#407.
var (
	headerInput      = name("http.response.header.x-amzn-bedrock-input-token-count")
	headerOutput     = name("http.response.header.x-amzn-bedrock-output-token-count")
	headerCacheRead  = name("http.response.header.x-amzn-bedrock-cache-read-input-token-count")
	headerCacheWrite = name("http.response.header.x-amzn-bedrock-cache-write-input-token-count")
	// headerCredits has what ElevenLabs bills in credits, which is one for a character or less.
	headerCredits = name("http.response.header.character-cost")

	headerNames = setOf(headerInput, headerOutput, headerCacheRead, headerCacheWrite, headerCredits)
)

// readHeaders reads these headers.
func (s *spanReader) readHeaders(f *facts) {
	a := s.a
	if a.has(headerInput) || a.has(headerOutput) {
		if f.n[factInput] == absent && f.n[factOutput] == absent {
			f.inputMeans, f.unlisted = inputAsProvider, false // they are Bedrock's own numbers
			f.n[factInput], f.n[factOutput] = headerCount(a, headerInput), headerCount(a, headerOutput)
		}
		for to, id := range map[fact]nameID{factCacheRead: headerCacheRead, factCacheWrite: headerCacheWrite} {
			if f.n[to] == absent {
				f.n[to] = headerCount(a, id)
			}
		}
	}
	if n := headerCount(a, headerCredits); n > 0 && f.n[factCharacters] == absent {
		f.n[factCharacters], f.unknown = n, true
	}
	if s.call.Model == "" && s.call.RequestModel == "" {
		s.call.RequestModel = modelInURL(a)
	}
}

// headerCount reads a header, which is a list of texts or a text.
func headerCount(a *attributes, id nameID) count {
	if !a.has(id) {
		return absent
	}
	return countOfText(strings.Trim(a.values[id].AsString(), `[]"`))
}

// countsInHeaders reports whether a header counts more than zero.
func countsInHeaders(a *attributes) bool {
	return a.some(isHeader) && (headerCount(a, headerInput) > 0 || headerCount(a, headerOutput) > 0 || headerCount(a, headerCredits) > 0)
}

// modelInURL returns the model that the path of Bedrock's runtime names:
// "/model/anthropic.claude-haiku-4-5-20251001-v1%3A0/invoke".
func modelInURL(a *attributes) string {
	for _, id := range namesURL {
		_, path, found := strings.Cut(a.text(id), "/model/")
		if !found {
			continue
		}
		escaped, _, _ := strings.Cut(path, "/")
		if model, err := url.PathUnescape(escaped); err == nil {
			return model
		}
	}
	return ""
}
