package cli

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWhatTakesSomethingAwayIsDoneOnlyWhenSomebodySaysSo(t *testing.T) {
	t.Parallel()
	for answer, goes := range map[string]bool{"y\n": true, "Yes\n": true, "n\n": false, "\n": false, "": false} {
		cmd := &cobra.Command{}
		var asked bytes.Buffer
		cmd.SetErr(&asked)
		cmd.SetIn(strings.NewReader(answer))
		err := confirm(cmd, false, "7 calls would be deleted")
		assert.Equal(t, goes, err == nil, "%q", answer)
		assert.Equal(t, "7 calls would be deleted. Go on? [y/N] ", strings.TrimSuffix(asked.String(), "\n"))
		if answer == "" { // as from /dev/null
			assert.ErrorContains(t, err, "no answer, nothing was changed: add --yes to do it")
		}
		require.NoError(t, confirm(cmd, true, ""))
	}
	pipe, _, err := os.Pipe()
	require.NoError(t, err)
	defer pipe.Close()
	cmd := &cobra.Command{}
	cmd.SetIn(pipe)
	assert.ErrorContains(t, confirm(cmd, false, "7 calls would be deleted"), "7 calls would be deleted; nothing was changed: add --yes to do it")
}
