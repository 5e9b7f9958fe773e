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

func TestTheTotalIsADashWhereNothingHasAPrice(t *testing.T) {
	t.Parallel()
	for want, c := range map[string][3]json.Number{
		"  Total cost   $3.5 in 7 calls\n\n":                                          {"3.5", "7", "0"},
		"  Total cost   $0 in 0 calls\n\n":                                            {"0", "0", "0"},
		"  Total cost   $3.5 in 7 calls; 2 calls have no price and are not in it\n\n": {"3.5", "7", "2"},
		"  Total cost   – in 7 calls, none of which has a price\n\n":                  {"0", "7", "7"},
	} {
		var out strings.Builder
		totalCost(&out, c[0], c[1], c[2])
		assert.Equal(t, want, out.String())
	}
}

func TestTheDemosOwnDatabaseIsNamed(t *testing.T) {
	t.Parallel()
	var own, other strings.Builder
	(&collector{}).suggest(&own, time.Now(), 30, "postgres://127.0.0.1:5433/demo", true)
	assert.Contains(t, own.String(), "export DATABASE_URL='postgres://127.0.0.1:5433/demo'")
	(&collector{}).suggest(&other, time.Now(), 30, "postgres://me:secret@db/app", false)
	assert.NotContains(t, other.String(), "secret", "whoever named a database knows it")
}

func TestTheAddressOfThePageComesFirst(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	(&collector{api: "127.0.0.1:8080", http: "127.0.0.1:4318"}).suggest(&out, time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC), 30, "", false)
	assert.True(t, strings.HasPrefix(out.String(), "  Look at it: http://127.0.0.1:8080/\n"), out.String())
}
