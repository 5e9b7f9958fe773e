// Package endpoint decides to which addresses an API key may be sent. It owns that rule
// and makes no requests.
package endpoint

import (
	"fmt"
	"net"
	"net/url"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// Check returns an error for an address to which a key would be sent unencrypted. An
// empty address means the caller's default.
func Check(address string) error {
	if address == "" {
		return nil
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" {
		return fmt.Errorf("found %q, must be an address such as https://api.example.com", usage.CleanText(address, 100))
	}
	ip := net.ParseIP(u.Hostname())
	if u.Scheme != "https" && (u.Scheme != "http" || u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback())) {
		return fmt.Errorf("found %q, must begin with https, because the key would be sent in clear text", usage.CleanText(address, 100))
	}
	return nil
}
