package cli

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/dbmigrate"
)

func TestTheVersionNamesTheSchemaEverywhere(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"version"}, {"--version"}} {
		out, err := run(t, args...)
		require.NoError(t, err)
		assert.Contains(t, out, fmt.Sprintf(", schema %d", dbmigrate.Latest()))
	}
}

func TestAWrongUsePointsToTheRightOne(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		says []string
	}{
		{[]string{"usage", "--begin", "2026-01-01"}, []string{"unknown flag: --begin", "see usagectl usage --help"}},
		{[]string{"usage", "--sstart", "2026-01-01"}, []string{"unknown flag: --sstart; did you mean --start?"}},
		{[]string{"prices", "list", "--provider", "opnai"}, []string{`--provider: found "opnai"; did you mean openai?`}},
		{[]string{"prices", "list", "--provider", "openai", "--model", "gpt-4o-mni"}, []string{"no row of the book fits; did you mean gpt-4o-mini?"}},
		{[]string{"migrate", "upp"}, []string{`unknown command "upp" for "usagectl migrate"`, "did you mean up?", "see usagectl migrate --help"}},
		{[]string{"usge"}, []string{`unknown command "usge" for "usagectl"`, "did you mean usage?", "see usagectl --help"}},
		{[]string{"prices", "validate"}, []string{"found 0 arguments, must be usagectl prices validate FILE", "see usagectl prices validate --help"}},
		{[]string{"explain", "a", "b"}, []string{"found 2 arguments, must be usagectl explain ID"}},
		{[]string{"prices", "explain", "--model", "gpt-4o", "input=1000"}, []string{`unknown quantity "input"`, "did you mean input_text or input_audio"}},
		{[]string{"prices", "explain", "--model", "gpt-4o", "cache_reed=1000"}, []string{"did you mean cache_read?"}},
		{[]string{"doctor", "now"}, []string{`unknown command "now" for "usagectl doctor"`, "see usagectl doctor --help"}},
	} {
		_, err := run(t, c.args...)
		for _, text := range c.says {
			require.ErrorContains(t, err, text)
		}
	}
	out, err := run(t, "prices")
	require.NoError(t, err)
	assert.Contains(t, out, "explain", "a group of commands lists them")
}
