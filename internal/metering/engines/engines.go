// Package engines makes the sink of an engine of the configuration. It owns which kinds
// there are and how a key is read from its file.
package engines

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/metering"
	"github.com/otelcol-usage/otelcol-usage/internal/metering/lago"
	"github.com/otelcol-usage/otelcol-usage/internal/metering/openmeter"
	"github.com/otelcol-usage/otelcol-usage/internal/metering/post"
	"github.com/otelcol-usage/otelcol-usage/internal/metering/stripe"
)

// New reads the key and makes the sink. A request takes at most timeout; 0 is 30 s.
func New(e metering.Engine, timeout time.Duration) (metering.Sink, error) {
	text, err := os.ReadFile(e.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("engines.%s.key_file: %w", e.Name, err)
	}
	key := strings.TrimSpace(string(text))
	if key == "" || strings.ContainsAny(key, " \t\r\n") {
		return nil, fmt.Errorf("engines.%s.key_file: %s must contain the key and nothing else", e.Name, e.KeyFile)
	}
	client := post.Client{Base: e.Endpoint, Key: key, Timeout: timeout}
	switch e.Kind {
	case metering.Lago:
		return &lago.Sink{Client: client}, nil
	case metering.Stripe:
		return &stripe.Sink{Client: client}, nil
	}
	return &openmeter.Sink{Client: client, Source: e.Source}, nil
}
