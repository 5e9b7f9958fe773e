// Package post makes single requests to billing engines: it adds the key, limits time and
// size, and decides what a failure means for the events that were sent. It owns no
// engine's API and does not retry.
package post

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/metering"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

const (
	// maxAnswerBytes limits an answer: a page of a hundred events is far below it.
	maxAnswerBytes = 8 << 20
	timeout        = 30 * time.Second
)

// plain follows no redirect, so that the key is sent nowhere else.
var plain = &http.Client{
	Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 32, IdleConnTimeout: time.Minute, TLSHandshakeTimeout: 10 * time.Second, ForceAttemptHTTP2: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// Client makes requests to one engine. The key is never part of an error.
type Client struct {
	Base string // address without a slash at its end
	Key  string
	// Timeout of a request; 0 is 30 s.
	Timeout time.Duration
}

// Request is one request.
type Request struct {
	Method, Path string // with the query
	ContentType  string // of Body
	Body         []byte
}

// Answer is what came back. Where there is an error, State says whether what was sent
// may have been accepted: [metering.Unknown], or [metering.NotTaken] if it was not.
type Answer struct {
	Status int
	Body   []byte
	State  metering.OutcomeState
}

// Do makes a request. The error is a [metering.Busy] if the engine did not answer or wants
// a later try, and [metering.ErrKey] for a key that it does not accept; other statuses are
// for the caller.
func (c *Client) Do(ctx context.Context, r Request) (a Answer, err error) {
	limit := c.Timeout
	if limit == 0 {
		limit = timeout
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, r.Method, c.Base+r.Path, bytes.NewReader(r.Body))
	if err != nil {
		return Answer{State: metering.NotTaken}, err
	}
	request.Header.Set("Authorization", "Bearer "+c.Key)
	request.Header.Set("User-Agent", "otelcol-usage usagectl")
	if r.ContentType != "" {
		request.Header.Set("Content-Type", r.ContentType)
	}
	response, err := plain.Do(request)
	if err != nil {
		return Answer{State: unsent(err)}, &metering.Busy{Why: c.hide(err.Error())}
	}
	defer response.Body.Close() //nolint:errcheck // it was only read
	a.Status = response.StatusCode
	if a.Body, err = io.ReadAll(io.LimitReader(response.Body, maxAnswerBytes+1)); err != nil {
		return a, &metering.Busy{Why: c.hide("the answer broke off: " + err.Error())}
	}
	if len(a.Body) > maxAnswerBytes {
		return a, fmt.Errorf("the answer has more than %d MiB", maxAnswerBytes>>20)
	}
	switch code := a.Status; {
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		a.State = metering.NotTaken
		return a, fmt.Errorf("%w: status %d: %s", metering.ErrKey, code, c.Said(a.Body))
	case code == http.StatusTooManyRequests, code == http.StatusConflict:
		a.State = metering.NotTaken
		return a, &metering.Busy{Why: fmt.Sprintf("status %d: %s", code, c.Said(a.Body)), After: after(response)}
	case code >= 500, code == http.StatusRequestTimeout:
		// It may have been accepted before it failed.
		return a, &metering.Busy{Why: fmt.Sprintf("status %d: %s", code, c.Said(a.Body)), After: after(response)}
	case code >= 300 && code < 400:
		a.State = metering.NotTaken
		return a, fmt.Errorf("status %d: the address redirects; use the address of the API itself", code)
	}
	return a, nil
}

// unsent says whether a request without an answer can have arrived.
func unsent(err error) metering.OutcomeState {
	var operation *net.OpError
	if errors.As(err, &operation) && operation.Op == "dial" {
		return metering.NotTaken
	}
	return metering.Unknown
}

// after is how long the engine wants to be left alone, 0 where it does not say.
func after(response *http.Response) time.Duration {
	seconds, err := strconv.Atoi(response.Header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return time.Duration(min(seconds, 86400)) * time.Second
}

// Said is an answer's text in one short line without the key, which an engine may repeat.
func (c *Client) Said(body []byte) string {
	text := strings.Join(strings.Fields(usage.CleanText(string(body), 1000)), " ")
	if text == "" {
		return "no reason given"
	}
	return usage.CleanText(c.hide(text), 400)
}

func (c *Client) hide(text string) string {
	if c.Key == "" {
		return text
	}
	return strings.ReplaceAll(text, c.Key, "…")
}
