package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

var (
	pinnedAction = regexp.MustCompile(`^[\w.-]+/[\w./-]+@[0-9a-f]{40}$`)
	versionNote  = regexp.MustCompile(`^# v\d+\.\d+\.\d+$`)
	calledTarget = regexp.MustCompile(`\bmake ([a-z][a-z0-9-]*)`)
	makeTarget   = regexp.MustCompile(`(?m)^([a-z][a-z0-9-]*):`)
)

// TestWorkflowsAreSafeAndCallWhatThereIs reads the workflows of a public CI: foreign actions
// are pinned by commit and say their version, nothing is permitted that a job does not
// ask for, no text from outside becomes part of a script, and each make target exists.
func TestWorkflowsAreSafeAndCallWhatThereIs(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(root, ".github", "workflows", "*.y*ml"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	targets := map[string]bool{}
	for _, m := range makeTarget.FindAllStringSubmatch(readFile(t, "Makefile"), -1) {
		targets[m[1]] = true
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.Empty(t, workflowFaults(t, text, targets), filepath.Base(file))
	}

	faults := workflowFaults(t, []byte(`
on: push
permissions: write-all
jobs:
  one:
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@v5
      - uses: actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8
      - run: make relaese && echo ${{ github.head_ref }}
`), targets)
	assert.Len(t, faults, 6, "each fault is found: %q", faults)
}

// workflowFaults says what is wrong with a workflow.
func workflowFaults(t *testing.T, text []byte, targets map[string]bool) (faults []string) {
	t.Helper()
	var workflow struct {
		Permissions *map[string]string `yaml:"permissions"`
		Jobs        map[string]struct {
			Permissions *map[string]string `yaml:"permissions"`
			Steps       []struct {
				Uses yaml.Node `yaml:"uses"`
				Run  string    `yaml:"run"`
			} `yaml:"steps"`
		} `yaml:"jobs"`
	}
	if err := yaml.Unmarshal(text, &workflow); err != nil {
		faults = append(faults, "permissions: "+err.Error()) // write-all is a word
	} else if workflow.Permissions == nil || len(*workflow.Permissions) > 0 {
		faults = append(faults, "permissions: {} must stand at the top")
	}
	require.NotEmpty(t, workflow.Jobs)
	for name, job := range workflow.Jobs {
		if job.Permissions == nil {
			faults = append(faults, name+" has no permissions")
		}
		for _, step := range job.Steps {
			switch uses := step.Uses; {
			case uses.Value == "":
			case !pinnedAction.MatchString(uses.Value):
				faults = append(faults, uses.Value+" is not pinned by commit")
			case !versionNote.MatchString(uses.LineComment):
				faults = append(faults, uses.Value+" does not say which version that is")
			}
			if strings.Contains(step.Run, "${{") {
				faults = append(faults, "an expression in a script: give it as an environment variable")
			}
			for _, m := range calledTarget.FindAllStringSubmatch(step.Run, -1) {
				if !targets[m[1]] {
					faults = append(faults, "make "+m[1]+" does not exist")
				}
			}
		}
	}
	return faults
}
