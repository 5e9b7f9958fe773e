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

// gzipFrom is the size in bytes from which an answer is worth packing: what
// fits into one network packet is not.
const gzipFrom = 1400

// send writes an answer. Usage can change at any time, also that of last year
// (calls arrive late, prices are corrected), so an answer is kept by the
// caller but asked for again; its entity tag makes that cheap.
func send(w http.ResponseWriter, r *http.Request, a *answer) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	if a.contentType != "" {
		h.Set("Content-Type", a.contentType)
	}
	h.Add("Vary", "Accept-Encoding")
	if h.Get("Cache-Control") != "" { // a page, which nobody keeps
		sendBody(w, r, a.body)
		return
	}
	h.Set("Cache-Control", "private, no-cache")
	if a.maxAge > 0 {
		h.Set("Cache-Control", fmt.Sprintf("private, max-age=%d", int(a.maxAge.Seconds())))
	}
	sum := sha256.Sum256(a.body)
	// Weak: packed and plain are the same answer and not the same bytes.
	tag := `W/"` + hex.EncodeToString(sum[:12]) + `"`
	h.Set("ETag", tag)
	if matches(r.Header.Values("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	sendBody(w, r, a.body)
}

// sendBody packs the body where that is wanted and worth it.
func sendBody(w http.ResponseWriter, r *http.Request, body []byte) {
	h := w.Header()
	if len(body) >= gzipFrom && acceptsGzip(r.Header.Values("Accept-Encoding")) {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write(body) // a buffer takes everything
		_ = z.Close()
		body = b.Bytes()
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // the caller is gone: nobody is left to tell
	}
}

// matches compares entity tags weakly, as If-None-Match wants it.
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

// acceptsGzip reads Accept-Encoding. A weight of 0 refuses.
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
