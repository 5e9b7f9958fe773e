package endpoint_test

import (
	"testing"

	"github.com/otelcol-usage/otelcol-usage/internal/endpoint"
)

func TestAKeyGoesOnlyOverTLSOrToThisMachine(t *testing.T) {
	t.Parallel()
	for address, ok := range map[string]bool{
		"": true, "https://proxy.example.com": true, "http://127.0.0.1:8080": true, "http://localhost:1": true, "http://[::1]:1": true,
		"http://proxy.example.com": false, "ftp://127.0.0.1": false, "proxy": false, "https://user:pw@proxy": false, "https://proxy?a=b": false,
	} {
		if err := endpoint.Check(address); (err == nil) != ok {
			t.Errorf("%q: %v", address, err)
		}
	}
}
