package cli

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// answering is a server in the place of usage_api; e2e/access_test.go asks the real one.
func answering(t *testing.T, status int, body string) (address string, got *http.Request) {
	t.Helper()
	got = &http.Request{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*got = *r
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	return server.URL, got
}

func TestTheAPIIsAskedWhatTheFlagsSay(t *testing.T) {
	january, err := os.ReadFile("testdata/january.json")
	require.NoError(t, err)
	address, got := answering(t, http.StatusOK, string(january))
	secret := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(secret, []byte("ada:pass:word\n"), 0o600))
	out, err := run(t, "usage", "--api", address, "--api-credentials", secret, "--start", "2026-01-01", "--type", "text", "--user", "ada")
	require.NoError(t, err)
	want, err := os.ReadFile("testdata/january.table")
	require.NoError(t, err)
	assert.Equal(t, string(want), out, "the same table as of the database")
	assert.Equal(t, "/api/admin/usage?apiType=text&startDate=2026-01-01&top=10&userId=ada", got.URL.String())
	user, password, _ := got.BasicAuth()
	assert.Equal(t, []string{"ada", "pass:word"}, []string{user, password})

	t.Setenv(credentialsVariable, "a.bearer.token")
	_, err = run(t, "usage", "--api", address, "--own")
	require.NoError(t, err)
	assert.Equal(t, "/api/usage?top=10", got.URL.String())
	assert.Equal(t, "Bearer a.bearer.token", got.Header.Get("Authorization"))
}

func TestRefusalsOfTheAPISayWhatToDo(t *testing.T) {
	t.Setenv(credentialsVariable, "ada:secret")
	for _, c := range []struct {
		status int
		body   string
		says   []string
	}{
		{http.StatusUnauthorized, "", []string{"401 Unauthorized", "--api-credentials", credentialsVariable}},
		{http.StatusForbidden, `{"detail": "you are no administrator"}`, []string{"you are no administrator", "--own"}},
		{http.StatusNotFound, "", []string{"is this the address of usage_api?"}},
		{http.StatusServiceUnavailable, `{"detail": "the database does not answer"}`, []string{"the database does not answer"}},
		{http.StatusOK, `<html>`, []string{"not as usage_api does"}},
		{http.StatusOK, `{}`, []string{"not as usage_api does"}},
	} {
		address, _ := answering(t, c.status, c.body)
		_, err := run(t, "usage", "--api", address)
		for _, text := range c.says {
			require.ErrorContains(t, err, text)
		}
		assert.NotContains(t, err.Error(), "secret")
	}
	for _, address := range []string{"127.0.0.1:8080", "http://ada:secret@127.0.0.1:8080", "ftp://x"} {
		_, err := run(t, "usage", "--api", address)
		require.ErrorContains(t, err, "must be a URL without credentials")
		assert.NotContains(t, err.Error(), "secret")
	}
}
