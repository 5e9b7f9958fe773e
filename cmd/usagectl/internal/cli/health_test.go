package cli

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestHealthFailsUnlessTheCollectorIsWell(t *testing.T) {
	t.Parallel()
	status := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))

	out, err := run(t, "health", "--url", server.URL)
	require.NoError(t, err)
	assert.Equal(t, "the collector is healthy\n", out)

	status = http.StatusServiceUnavailable
	_, err = run(t, "health", "--url", server.URL)
	require.ErrorContains(t, err, "health_check answers 503")

	server.Close()
	_, err = run(t, "health", "--url", server.URL)
	require.ErrorContains(t, err, "the collector does not answer")

	_, err = run(t, "health", "--url", ":")
	require.ErrorContains(t, err, "--url")
}
