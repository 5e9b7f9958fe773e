package usageapiextension

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// gzipFrom is the size in bytes from which an answer is compressed. A smaller one fits into
// one network packet anyway.
const gzipFrom = 1400

// send writes an answer. Usage can change at any time, even last year's (calls arrive late,
// prices are corrected), so a cached answer must be revalidated. Its entity tag makes that
// cheap.
func send(w http.ResponseWriter, r *http.Request, a *answer) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	if a.contentType != "" {
		h.Set("Content-Type", a.contentType)
	}
	h.Add("Vary", "Accept-Encoding")
	if h.Get("Cache-Control") != "" { // a page, which is never cached
		sendBody(w, r, a)
		return
	}
	h.Set("Cache-Control", "private, no-cache")
	if a.maxAge > 0 {
		h.Set("Cache-Control", fmt.Sprintf("private, max-age=%d", int(a.maxAge.Seconds())))
	}
	tag := a.entityTag()
	h.Set("ETag", tag)
	if matches(r.Header.Values("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	sendBody(w, r, a)
}

// entityTag identifies the body. It is weak: the compressed answer is equivalent but has
// other bytes.
func (a *answer) entityTag() string {
	a.tagged.Do(func() {
		sum := sha256.Sum256(a.body)
		a.tag = `W/"` + hex.EncodeToString(sum[:12]) + `"`
	})
	return a.tag
}

// gzip returns the compressed body.
func (a *answer) gzip() []byte {
	a.compressed.Do(func() {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write(a.body) // a buffer never fails
		_ = z.Close()
		a.gzipped = b.Bytes()
	})
	return a.gzipped
}

// sendBody compresses the body if the caller accepts that and it is large enough.
func sendBody(w http.ResponseWriter, r *http.Request, a *answer) {
	h, body := w.Header(), a.body
	if len(body) >= gzipFrom && acceptsGzip(r.Header.Values("Accept-Encoding")) {
		body = a.gzip()
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // the caller is gone
	}
}

// matches compares entity tags weakly, as If-None-Match requires.
func matches(headers []string, tag string) bool {
	for _, header := range headers {
		for candidate := range strings.SplitSeq(header, ",") {
			candidate = strings.TrimSpace(candidate)
			if candidate == "*" || strings.TrimPrefix(candidate, "W/") == strings.TrimPrefix(tag, "W/") {
				return true
			}
		}
	}
	return false
}

// acceptsGzip parses Accept-Encoding. A weight of 0 means no.
func acceptsGzip(headers []string) bool {
	for _, header := range headers {
		for offer := range strings.SplitSeq(header, ",") {
			name, weight, _ := strings.Cut(offer, ";")
			if !strings.EqualFold(strings.TrimSpace(name), "gzip") {
				continue
			}
			value, found := strings.CutPrefix(strings.TrimSpace(weight), "q=")
			if !found {
				return true
			}
			q, err := strconv.ParseFloat(value, 64)
			return err == nil && q > 0
		}
	}
	return false
}
