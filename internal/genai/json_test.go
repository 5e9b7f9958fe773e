package genai

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheCharactersOfAJSONTextAreThoseOfTheTextItStandsFor(t *testing.T) {
	t.Parallel()
	for _, escaped := range []string{
		``, `Good morning.`, `\"b\"`, `line\nline\\n`, `\u00e9t\u00e9`, `été`, `\ud83d\ude00 and 😀`, `\u4f60\u597d\t你好`, `\\u00e9`,
	} {
		var text string
		require.NoError(t, json.Unmarshal([]byte(`"`+escaped+`"`), &text), escaped)
		assert.EqualValues(t, utf8.RuneCountInString(text), runesIn(escaped), escaped)
	}
	for _, broken := range []string{`\`, `\u`, `\ud8`, `\\\`} { // cut texts
		assert.GreaterOrEqual(t, runesIn(broken), count(0), broken)
	}
}
