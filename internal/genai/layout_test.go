package genai

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// layoutNamesOfTest are names of every kind: known, unknown, of usage, of a modifier, our own.
var layoutNamesOfTest = []string{
	"gen_ai.operation.name", "gen_ai.request.model", "gen_ai.response.model", "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens",
	"user.id", "session.id", "app.a", "app.b", "app.cc", "", "gen_ai.usage.smells", "mastra.metadata.response.service_tier",
	"usage.images", "usage.record", "usage.service_tier_of_ours", "gen_ai.response.finish_reasons",
}

func TestALayoutReadsAsASearchForEachName(t *testing.T) {
	t.Parallel()
	reader, err := NewReader(Config{TrackUsers: true, Own: "usage."})
	require.NoError(t, err)
	random := rand.New(rand.NewPCG(3, 5))
	var with, without attributes
	with.layouts = new(layouts)
	remembered := 0
	layouts := make([][]string, 40)
	for i := range layouts {
		for range random.IntN(12) {
			layouts[i] = append(layouts[i], layoutNamesOfTest[random.IntN(len(layoutNamesOfTest))])
		}
	}
	for range 4_000 {
		m := decodedMap(t, layouts[random.IntN(len(layouts))])
		with.read(reader.names, m)
		without.read(reader.names, m)
		require.Equal(t, without.present, with.present)
		require.Equal(t, without.roles, with.roles)
		require.Equal(t, without.unknown, with.unknown)
		require.Equal(t, without.hasAside, with.hasAside)
		require.Equal(t, without.aside, with.aside)
		without.present.each(func(id nameID) { require.Equal(t, without.values[id], with.values[id]) })
		if with.layouts.of(m).read(&with, m) {
			remembered++
		}
	}
	require.Greater(t, remembered, 1_000, "otherwise it proves nothing")
}

// decodedMap is a map as it is decoded: it may repeat a name.
func decodedMap(t *testing.T, names []string) pcommon.Map {
	var b strings.Builder
	for i, name := range names {
		fmt.Fprintf(&b, `,{"key":%q,"value":{"stringValue":"%d"}}`, name, i)
	}
	text := `{"resourceSpans":[{"resource":{"attributes":[` + strings.TrimPrefix(b.String(), ",") + `]}}]}`
	td, err := new(ptrace.JSONUnmarshaler).UnmarshalTraces([]byte(text))
	require.NoError(t, err)
	return td.ResourceSpans().At(0).Resource().Attributes()
}

func TestSpansOfWhichNoTwoAreAlikeTeachLittle(t *testing.T) {
	t.Parallel()
	reader, err := NewReader(Config{Own: "usage."})
	require.NoError(t, err)
	var a attributes
	a.layouts = new(layouts)
	learned := 0
	const spans = 64_000
	for i := range spans {
		m := pcommon.NewMap()
		m.PutStr(fmt.Sprintf("app.%d", i), "")
		m.PutStr(strings.Repeat("x", i%9000), "")
		before := a.layouts.credit
		a.read(reader.names, m)
		if a.layouts.credit < before {
			learned++
		}
	}
	require.LessOrEqual(t, learned, spans/learningCosts+maxCredit/learningCosts)
	for i := range a.layouts.known {
		bytes := 0
		for _, n := range a.layouts.known[i].names {
			bytes += len(n.name)
		}
		require.LessOrEqual(t, bytes, maxLayoutBytes)
	}
	long := pcommon.NewMap()
	for i := range maxLayoutNames + 1 {
		long.PutStr(fmt.Sprint(i), "")
	}
	a.layouts.credit = maxCredit
	a.read(reader.names, long)
	require.False(t, a.layouts.of(long).read(&a, long), "a span with many attributes is not remembered")
}
