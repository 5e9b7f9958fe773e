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
		{[]string{"prices", "list", "--provider", "opnai"}, []string{`--provider: found "opnai"; did you mean openai?`, "providers are"}},
		{[]string{"prices", "list", "--provider", "openai", "--model", "gpt-4o-mni"}, []string{"no row of the book fits; did you mean gpt-4o-mini?"}},
		{[]string{"migrate", "upp"}, []string{`unknown command "upp" for "usagectl migrate"`, "did you mean up?", "see usagectl migrate --help"}},
		{[]string{"usge"}, []string{`unknown command "usge" for "usagectl"`, "did you mean usage?", "see usagectl --help"}},
		{[]string{"prices", "validate"}, []string{"requires at least 1 arg(s)", "see usagectl prices validate --help"}},
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
