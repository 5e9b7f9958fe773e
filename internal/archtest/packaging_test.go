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

// Where no container engine runs, these hold what a build and a start would
// stumble over.

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../..", file))
	require.NoError(t, err)
	return string(text)
}

func first(t *testing.T, text, expression string) string {
	t.Helper()
	m := regexp.MustCompile(expression).FindStringSubmatch(text)
	require.NotNil(t, m, expression)
	return m[1]
}

func TestTheImageIsMadeOfWhatThereIs(t *testing.T) {
	t.Parallel()
	dockerfile := read(t, "Dockerfile")
	ignored := strings.Fields(read(t, ".dockerignore"))
	stages := map[string]bool{}
	for _, line := range strings.Split(dockerfile, "\n") {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		switch words[0] {
		case "FROM":
			image := words[1]
			if strings.HasPrefix(image, "--platform") {
				image = words[2]
			}
			assert.Regexp(t, `:[\w.-]+$`, image, "pinned")
			assert.NotContains(t, image, ":latest")
			stages[words[len(words)-1]] = true
		case "COPY":
			if from, ok := strings.CutPrefix(words[1], "--from="); ok {
				assert.True(t, stages[from], line)
				continue
			}
			for _, source := range words[1 : len(words)-1] {
				_, err := os.Stat(filepath.Join("../..", source))
				require.NoError(t, err, line)
				assert.NotContains(t, ignored, strings.Split(source, "/")[0], "%s: .dockerignore keeps it out", line)
			}
		}
	}
	goImage := first(t, dockerfile, `golang:(\d+\.\d+)`)
	assert.Contains(t, read(t, "go.mod"), "\ngo "+goImage, "the compiler of the image can build this module")
	assert.Contains(t, read(t, "distribution/go.mod"), "\ngo "+goImage)
	assert.Regexp(t, `(?m)^USER [1-9]\d*:[1-9]\d*$`, dockerfile, "Kubernetes' runAsNonRoot wants a number")
	assert.Equal(t, first(t, dockerfile, `VOLUME (\S+)`), first(t, read(t, "examples/container.yaml"), `USAGE_QUEUE_DIR:-([^}]+)`))
}

func TestComposeRunsTheImageAsItIsConfigured(t *testing.T) {
	t.Parallel()
	type service struct {
		Build       string            `yaml:"build"`
		User        string            `yaml:"user"`
		Environment map[string]string `yaml:"environment"`
		Ports       []string          `yaml:"ports"`
		Volumes     []string          `yaml:"volumes"`
		Security    []string          `yaml:"security_opt"`
		Health      struct {
			Test []string `yaml:"test"`
		} `yaml:"healthcheck"`
		Needs map[string]struct {
			Condition string `yaml:"condition"`
		} `yaml:"depends_on"`
	}
	var compose struct {
		Services map[string]service `yaml:"services"`
		Volumes  map[string]any     `yaml:"volumes"`
	}
	require.NoError(t, yaml.Unmarshal([]byte(read(t, "compose.yaml")), &compose))
	for name, s := range compose.Services {
		assert.Contains(t, s.Security, "no-new-privileges:true", name)
		for _, volume := range s.Volumes {
			source, _, _ := strings.Cut(volume, ":")
			if strings.HasPrefix(source, ".") {
				assert.DirExists(t, filepath.Join("../..", source), name)
				assert.True(t, strings.HasSuffix(volume, ":ro"), "%s: %s", name, volume)
			} else {
				assert.Contains(t, compose.Volumes, source, name)
			}
		}
		for needed, how := range s.Needs {
			if how.Condition == "service_healthy" {
				assert.NotEmpty(t, compose.Services[needed].Health.Test, "%s waits for the health of %s", name, needed)
			}
		}
	}

	collector, config := compose.Services["collector"], read(t, "examples/container.yaml")
	for _, m := range regexp.MustCompile(`\$\{env:(\w+)\}`).FindAllStringSubmatch(config, -1) {
		assert.NotEmpty(t, collector.Environment[m[1]], m[1])
	}
	for _, port := range collector.Ports {
		inside := port[strings.LastIndex(port, ":")+1:]
		assert.Contains(t, config, "0.0.0.0:"+inside+"\n")
		assert.Regexp(t, `(?m)^EXPOSE .*\b`+inside+`\b`, read(t, "Dockerfile"))
	}
	// The image has no shell: what asks for the health must be a program in it.
	health := collector.Health.Test
	require.Equal(t, "CMD", health[0])
	assert.Contains(t, read(t, "Dockerfile"), "/out/"+filepath.Base(health[1])+" "+filepath.Dir(health[1])+"/")
	assert.FileExists(t, filepath.Join("../../cmd/usagectl/internal/cli", health[2]+".go"))
	assert.Contains(t, config, "endpoint: 0.0.0.0:13133")
	assert.Contains(t, strings.Join(compose.Services["postgres"].Health.Test, " "), "--host",
		"the temporary server of the first start listens on the socket only")
	for name, value := range collector.Environment {
		if name != "PGPASSWORD" {
			assert.NotContains(t, value, "${POSTGRES_PASSWORD", "%s: a URL gives characters a meaning", name)
		}
	}
}

func TestTheServiceOwnsTheFolderOfTheQueue(t *testing.T) {
	t.Parallel()
	unit := read(t, "examples/otelcol-usage.service")
	for _, config := range []string{"examples/production.yaml", "examples/container.yaml", "examples/prometheus.yaml", "examples/gateway.yaml"} {
		assert.Equal(t, "/var/lib/"+first(t, unit, `(?m)^StateDirectory=(\S+)$`), first(t, read(t, config), `USAGE_QUEUE_DIR:-([^}]+)`), config)
	}
}
