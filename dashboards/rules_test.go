package dashboards_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/otelcol-usage/otelcol-usage/dashboards"
	"github.com/otelcol-usage/otelcol-usage/dashboards/internal/grafana"
)

// boardsOfFiles reads the boards as Grafana does: from the JSON in git.
func boardsOfFiles(t *testing.T) map[string]*grafana.Dashboard {
	t.Helper()
	files, err := fs.Glob(dashboards.Files, "grafana/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	all := map[string]*grafana.Dashboard{}
	for _, file := range files {
		text, err := dashboards.Files.ReadFile(file)
		require.NoError(t, err)
		b := &grafana.Dashboard{}
		require.NoError(t, json.Unmarshal(text, b), file)
		all[path.Base(file)] = b
	}
	return all
}

// TestBoardsKeepTheRulesOfGoodBoards holds what a reader of a wall expects of
// every panel, and what provisioning needs.
func TestBoardsKeepTheRulesOfGoodBoards(t *testing.T) {
	t.Parallel()
	uids := map[string]string{}
	for file, b := range boardsOfFiles(t) {
		assert.Empty(t, uids[b.UID], "%s and %s have the uid %s", file, uids[b.UID], b.UID)
		uids[b.UID] = file
		assert.Equal(t, b.UID+".json", file)
		assert.NotEmpty(t, b.Description, file)
		assert.False(t, b.Editable, "%s: the files in git are what counts", file)
		assert.Contains(t, b.Tags, "llm-usage", "%s: the bar of links finds boards by it", file)
		assert.LessOrEqual(t, b.SchemaVersion, 39, "%s: older servers refuse a higher one", file)
		var presets []string
		for _, r := range b.Timepicker.QuickRanges {
			presets = append(presets, r.From)
		}
		assert.Subset(t, presets, []string{"now-6d/d", "now-29d/d", "now-89d/d", "now-1y/d"}, file)

		for _, v := range b.Templating.List {
			if v.Type == "query" {
				assert.Equal(t, 2, v.Refresh, "%s: %s is read again when the period changes", file, v.Name)
				assert.NotEmpty(t, v.Description, "%s: %s", file, v.Name)
				assert.Equal(t, "${datasource}", v.DataSource.UID, "%s: %s", file, v.Name)
				assert.Equal(t, v.IncludeAll, v.AllValue != "", "%s: without it All loses what is unknown: %s", file, v.Name)
			}
		}
		for _, a := range b.Annotations.List {
			assert.Equal(t, "${datasource}", a.DataSource.UID, "%s: %s", file, a.Name)
		}

		ids, titles, taken := map[int]bool{}, map[string]bool{}, map[[2]int]string{}
		for _, p := range b.AllPanels() {
			what := file + ": " + p.Title
			assert.False(t, ids[p.ID], "%s: id %d twice", what, p.ID)
			assert.False(t, titles[p.Title], "%s: title twice", what)
			ids[p.ID], titles[p.Title] = true, true
			assert.NotEmpty(t, p.Title, what)
			assert.NotEmpty(t, p.Description, what)
			require.NotNil(t, p.FieldConfig, what)
			assert.NotEmpty(t, p.FieldConfig.Defaults.Unit, what)
			assert.NotEmpty(t, p.FieldConfig.Defaults.NoValue, "%s: says what an empty database means", what)
			require.NotNil(t, p.DataSource, what)
			assert.Equal(t, "${datasource}", p.DataSource.UID, what)
			assert.NotEmpty(t, p.Targets, what)
			for _, target := range p.Targets {
				assert.Equal(t, "${datasource}", target.DataSource.UID, what)
				assert.NotEmpty(t, target.RawSQL+target.Expr, what)
			}
			assert.LessOrEqual(t, p.GridPos.X+p.GridPos.W, grafana.Columns, what)
			for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
				for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
					assert.Empty(t, taken[[2]int{x, y}], "%s overlaps", what)
					taken[[2]int{x, y}] = p.Title
				}
			}
		}
	}
}

// TestBoardsCanBeImportedByHand: what a Grafana without our provisioning takes through
// Dashboards, New, Import. It asks for nothing there: each board has a variable for its data
// source, which falls to another of that type where ours is not there.
func TestBoardsCanBeImportedByHand(t *testing.T) {
	t.Parallel()
	files, err := fs.Glob(dashboards.Files, "grafana/*.json")
	require.NoError(t, err)
	for _, file := range files {
		text, err := dashboards.Files.ReadFile(file)
		require.NoError(t, err)
		var board map[string]any
		require.NoError(t, json.Unmarshal(text, &board), file)
		assert.NotContains(t, board, "dashboard", "%s: the board itself, not an answer of the API", file)
		assert.NotContains(t, board, "id", "%s: the id of another server", file)
		assert.NotContains(t, board, "__inputs", "%s: would ask for what the variable asks for", file)
		uid, _ := board["uid"].(string)
		assert.Regexp(t, `^[a-z-]{1,40}$`, uid, file)
		variables := 0
		var walk func(path string, value any)
		walk = func(path string, value any) {
			switch v := value.(type) {
			case map[string]any:
				if v["type"] == "datasource" && v["name"] == "datasource" {
					variables++
					return // names ours as the first choice
				}
				if source, found := v["datasource"].(map[string]any); found {
					assert.Equal(t, "${datasource}", source["uid"], "%s: %s", file, path)
				}
				for key, inner := range v {
					walk(path+"."+key, inner)
				}
			case []any:
				for i, inner := range v {
					walk(fmt.Sprintf("%s[%d]", path, i), inner)
				}
			case string:
				assert.NotContains(t, v, "llm-usage-postgres", "%s: %s: the uid of a data source of ours", file, path)
				assert.NotRegexp(t, `https?://[^ ]*/d/`, v, "%s: %s: a link to a board on a certain server", file, path)
			}
		}
		walk("", board)
		assert.Equal(t, 1, variables, file)
	}
}

// TestProvisioningNeverReplacesWhatAGrafanaHas: a file with policies would
// replace all of them.
func TestProvisioningNeverReplacesWhatAGrafanaHas(t *testing.T) {
	t.Parallel()
	require.NoError(t, fs.WalkDir(dashboards.Files, "provisioning", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := dashboards.Files.ReadFile(file)
		require.NoError(t, err)
		content := struct {
			Version  int   `yaml:"apiVersion"`
			Policies []any `yaml:"policies"`
			Groups   []struct {
				Rules []struct {
					UID         string            `yaml:"uid"`
					NoData      string            `yaml:"noDataState"`
					Failed      string            `yaml:"execErrState"`
					Annotations map[string]string `yaml:"annotations"`
				} `yaml:"rules"`
			} `yaml:"groups"`
		}{}
		require.NoError(t, yaml.Unmarshal(text, &content), file)
		assert.Equal(t, 1, content.Version, file)
		assert.Empty(t, content.Policies, file)
		uids := map[string]bool{}
		for _, group := range content.Groups {
			for _, r := range group.Rules {
				assert.False(t, uids[r.UID], "%s twice", r.UID)
				uids[r.UID] = true
				assert.Equal(t, []string{"OK", "Error"}, []string{r.NoData, r.Failed}, r.UID)
				assert.NotEmpty(t, r.Annotations["summary"], r.UID)
				assert.NotEmpty(t, r.Annotations["description"], r.UID)
			}
		}
		return nil
	}))
}

// TestEveryAlertHasItsSectionInTheRunbook: a link of a notification leads to a
// heading that is there.
func TestEveryAlertHasItsSectionInTheRunbook(t *testing.T) {
	t.Parallel()
	runbook, err := os.ReadFile("../docs/alerts.md")
	require.NoError(t, err)
	for _, file := range []string{"provisioning/alerting/llm-usage.yaml", "prometheus/rules.yaml"} {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		rules := regexp.MustCompile(`(?m)^ +- (?:uid|alert): (\S+)$`).FindAllStringSubmatch(string(text), -1)
		links := regexp.MustCompile(`runbook_url: https://github.com/otelcol-usage/otelcol-usage/blob/main/docs/alerts.md#(\S+)`).FindAllStringSubmatch(string(text), -1)
		require.NotEmpty(t, rules)
		require.Len(t, links, len(rules), file)
		for i, rule := range rules {
			assert.Equal(t, strings.ToLower(rule[1]), links[i][1], file)
			assert.Contains(t, string(runbook), "\n### "+rule[1]+"\n")
		}
	}
}

// ruleFile is what Grafana's provisioning reads of a file of alert rules.
type ruleFile struct {
	Groups []struct {
		Folder string `yaml:"folder"`
		Rules  []struct {
			UID         string            `yaml:"uid"`
			Annotations map[string]string `yaml:"annotations"`
		} `yaml:"rules"`
	} `yaml:"groups"`
}

func rulesOfFile(t *testing.T) (content ruleFile) {
	t.Helper()
	text, err := dashboards.Files.ReadFile("provisioning/alerting/llm-usage.yaml")
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, &content))
	return content
}

func annotationsOfRules(t *testing.T) map[string]map[string]string {
	t.Helper()
	all := map[string]map[string]string{}
	for _, group := range rulesOfFile(t).Groups {
		for _, r := range group.Rules {
			all[r.UID] = r.Annotations
		}
	}
	return all
}

// TestBoardsAndRulesMeetInOneFolder: Grafana provisions rules first and finds
// their folder by its title. A provider of boards that names a uid of its own
// makes a second folder of that title, and at the next start rules move from one
// to the other, with false "resolved" messages.
func TestBoardsAndRulesMeetInOneFolder(t *testing.T) {
	t.Parallel()
	text, err := dashboards.Files.ReadFile("provisioning/dashboards/llm-usage.yaml")
	require.NoError(t, err)
	var content struct {
		Providers []struct {
			Folder    string `yaml:"folder"`
			FolderUID string `yaml:"folderUid"`
		} `yaml:"providers"`
	}
	require.NoError(t, yaml.Unmarshal(text, &content))
	require.Len(t, content.Providers, 1)
	assert.Empty(t, content.Providers[0].FolderUID)
	for _, group := range rulesOfFile(t).Groups {
		assert.Equal(t, content.Providers[0].Folder, group.Folder)
	}
}
