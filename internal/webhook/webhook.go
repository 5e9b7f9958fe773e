// Package webhook sends JSON documents to one address that is a secret. It owns the rules
// for that address and when another try is of use; it keeps nothing.
package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/endpoint"
	"github.com/otelcol-usage/otelcol-usage/internal/pause"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// timeout of one request.
const timeout = 15 * time.Second

// pauses before the second and each further try.
var pauses = []time.Duration{time.Second, 4 * time.Second}

// Hook is a webhook.
type Hook struct {
	address string
	client  *http.Client
	pauses  []time.Duration
}

// ErrUnreachable means that the webhook did not answer, or asked for a later try: what
// follows will fare no better.
var ErrUnreachable = errors.New("the webhook cannot be reached")

// New returns a hook for an address, the content of a file. The address is never part of an
// error: it may hold a key.
func New(address string) (*Hook, error) {
	address = strings.TrimSpace(address)
	u, err := url.Parse(address)
	if err != nil || address == "" {
		return nil, errors.New("must be one address such as https://hooks.example.com/usage")
	}
	plain := url.URL{Scheme: u.Scheme, Host: u.Host, User: u.User}
	if u.Host == "" || endpoint.Check(plain.String()) != nil {
		return nil, errors.New("must be one address such as https://hooks.example.com/usage; http only to this machine, and no user in it")
	}
	return &Hook{
		address: address, pauses: pauses,
		client: &http.Client{Timeout: timeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}, nil
}

// Send posts a document, and repeats it a few times where the webhook does not answer or is
// busy; the error is then [ErrUnreachable]. id is the same for the same document: whoever
// receives it twice has it in the header Idempotency-Key.
func (h *Hook) Send(ctx context.Context, id string, document []byte) error {
	for try := 0; ; try++ {
		err := h.post(ctx, id, document)
		if !errors.Is(err, ErrUnreachable) || try == len(h.pauses) {
			return err
		}
		if err := pause.For(ctx, h.pauses[try]); err != nil {
			return err
		}
	}
}

func (h *Hook) post(ctx context.Context, id string, document []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, h.address, bytes.NewReader(document))
	if err != nil {
		return errors.New("the request cannot be made")
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "otelcol-usage usagectl")
	request.Header.Set("Idempotency-Key", id)
	response, err := h.client.Do(request)
	if err != nil {
		var withAddress *url.Error
		if errors.As(err, &withAddress) {
			err = withAddress.Err
		}
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	defer response.Body.Close() //nolint:errcheck // it was only read
	said, _ := io.ReadAll(io.LimitReader(response.Body, 400))
	switch code := response.StatusCode; {
	case code < 300:
		return nil
	case code == http.StatusTooManyRequests, code == http.StatusRequestTimeout, code >= 500:
		return fmt.Errorf("%w: status %d", ErrUnreachable, code)
	default:
		return fmt.Errorf("the webhook refused it: status %d %s", code, h.plain(said))
	}
}

// plain is an answer in one line, without the address, which it may repeat.
func (h *Hook) plain(said []byte) string {
	text := strings.Join(strings.Fields(usage.CleanText(string(said), 400)), " ")
	if u, err := url.Parse(h.address); err == nil {
		for _, secret := range []string{h.address, u.RequestURI(), u.EscapedPath(), u.RawQuery} {
			if len(secret) > 1 {
				text = strings.ReplaceAll(text, secret, "…")
			}
		}
	}
	return usage.CleanText(text, 200)
}
