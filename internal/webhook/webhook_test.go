package webhook

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOnlyTLSOrThisMachineGetsMessages(t *testing.T) {
	t.Parallel()
	for address, ok := range map[string]bool{
		"https://hooks.example.com/services/T0/B0/key": true, " https://h.example.com/a?sig=x&v=1\n": true, "http://127.0.0.1:9/x": true, "http://localhost/x?y": true,
		"": false, "\n": false, "http://hooks.example.com/key": false, "ftp://127.0.0.1/key": false, "hooks.example.com/key": false,
		"https://user:pw@hooks.example.com/key": false, "https://a.example/key\nhttps://b.example/key": false,
	} {
		_, err := New(address)
		if assert.Equal(t, ok, err == nil, "%q: %v", address, err); err != nil {
			assert.NotContains(t, err.Error(), "key", "the address is a secret")
		}
	}
}

func TestWhatIsWorthAnotherTryIsTriedAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		statuses []int // of one answer after the other, the last one of all further ones
		tries    int
		want     string
	}{
		"accepted":        {[]int{204}, 1, ""},
		"busy, then not":  {[]int{503, 429, 200}, 3, ""},
		"always busy":     {[]int{500}, 3, "the webhook cannot be reached: status 500"},
		"refused":         {[]int{404}, 1, "the webhook refused it: status 404 no hook at …"},
		"leads elsewhere": {[]int{302}, 1, "the webhook refused it: status 302 no hook at …"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var tries atomic.Int64
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				assert.Equal(t, []string{"application/json", "the-id"}, []string{r.Header.Get("Content-Type"), r.Header.Get("Idempotency-Key")})
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(c.statuses[min(int(tries.Add(1)), len(c.statuses))-1])
				w.Write([]byte("no hook at " + r.URL.Path)) //nolint:errcheck,gosec // a test
			}))
			defer server.Close()
			h, err := New(server.URL + "/secret")
			require.NoError(t, err)
			h.pauses = []time.Duration{0, 0}
			err = h.Send(t.Context(), "the-id", []byte("{}"))
			assert.EqualValues(t, c.tries, tries.Load())
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, c.want)
		})
	}
	gone := httptest.NewServer(nil)
	gone.Close()
	h, err := New(gone.URL + "/secret")
	require.NoError(t, err)
	h.pauses = nil
	err = h.Send(t.Context(), "the-id", []byte("{}"))
	require.ErrorIs(t, err, ErrUnreachable)
	assert.False(t, strings.Contains(err.Error(), "secret"), err)
}
