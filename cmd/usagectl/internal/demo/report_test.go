package demo

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestWhatIsUnpricedIsNotShownAsNothing(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	breakdown(&out, "By API type",
		map[string]json.Number{"text": "3", "speech": "1", "image": "0", "rerank": "0"},
		map[string]json.Number{"image": "55", "speech": "2"}, nil)
	assert.Equal(t, `  By API type
    text                                     $3.0000   75%
    speech                                   $1.0000   25%  and 2 unpriced
    image                                          –     –  55 unpriced
    rerank                                   $0.0000    0%

`, out.String())
}

func TestTheAddressOfThePageComesFirst(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	(&collector{api: "127.0.0.1:8080", http: "127.0.0.1:4318"}).suggest(&out, time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC), 30, "", false)
	assert.True(t, strings.HasPrefix(out.String(), "  Look at it: http://127.0.0.1:8080/\n"), out.String())
}
