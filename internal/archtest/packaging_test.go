package archtest

import (
	"os"
	"os/exec"
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

// TestMakeWithoutGoSaysSo and does not leave it to the shell.
func TestMakeWithoutGoSaysSo(t *testing.T) {
	t.Parallel()
	for _, target := range []string{"build", "demo"} {
		out, err := exec.Command("make", "-C", root, target, "GO=no-such-go").CombinedOutput() //nolint:gosec // two words of this test
		require.Error(t, err)
		require.Contains(t, string(out), "no-such-go is not installed: install Go 1.26 or newer", target)
	}
}

// TestMakePsqlWithoutADatabaseEndsThere and starts no psql.
func TestMakePsqlWithoutADatabaseEndsThere(t *testing.T) {
	t.Parallel()
	command := exec.CommandContext(t.Context(), "make", "-C", t.TempDir(), "-f", absolute(t, "Makefile"), "psql")
	command.Env = append(os.Environ(), "DATABASE_URL=")
	out, err := command.CombinedOutput()
	require.Error(t, err)
	assert.Contains(t, string(out), "no database: set DATABASE_URL or run make db in another terminal")
	assert.NotContains(t, string(out), "psql: ")
}

func absolute(t *testing.T, file string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("../..", file))
	require.NoError(t, err)
	return path
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

type composeService struct {
	Build       string            `yaml:"build"`
	Image       string            `yaml:"image"`
	User        string            `yaml:"user"`
	Environment map[string]string `yaml:"environment"`
	Command     []string          `yaml:"command"`
	Entrypoint  []string          `yaml:"entrypoint"`
	Secrets     []string          `yaml:"secrets"`
	Ports       []string          `yaml:"ports"`
	Volumes     []string          `yaml:"volumes"`
	ReadOnly    bool              `yaml:"read_only"`
	CapDrop     []string          `yaml:"cap_drop"`
	CapAdd      []string          `yaml:"cap_add"`
	Privileged  bool              `yaml:"privileged"`
	Network     string            `yaml:"network_mode"`
	Security    []string          `yaml:"security_opt"`
	Health      struct {
		Test []string `yaml:"test"`
	} `yaml:"healthcheck"`
	Needs map[string]struct {
		Condition string `yaml:"condition"`
	} `yaml:"depends_on"`
}

type composeFile struct {
	Services map[string]composeService `yaml:"services"`
	Volumes  map[string]any            `yaml:"volumes"`
	Secrets  map[string]struct {
		File string `yaml:"file"`
	} `yaml:"secrets"`
}

func readCompose(t *testing.T) (compose composeFile) {
	t.Helper()
	require.NoError(t, yaml.Unmarshal([]byte(read(t, "compose.yaml")), &compose))
	require.NotEmpty(t, compose.Services)
	return compose
}

// TestComposeIsClosed holds what each service may not do, and where passwords are.
func TestComposeIsClosed(t *testing.T) {
	t.Parallel()
	compose := readCompose(t)
	used := map[string]bool{}
	for name, s := range compose.Services {
		assert.Contains(t, s.Security, "no-new-privileges:true", name)
		assert.True(t, s.ReadOnly, "%s: read_only", name)
		assert.Equal(t, []string{"ALL"}, s.CapDrop, name)
		assert.Empty(t, s.CapAdd, name)
		assert.False(t, s.Privileged, name)
		assert.Empty(t, s.Network, name)
		if s.Image != compose.Services["collector"].Image { // the Dockerfile has a user
			assert.Regexp(t, `^[1-9]\d*:\d+$`, s.User, name)
		}
		for _, port := range s.Ports {
			assert.Regexp(t, `^127\.0\.0\.1:\d+:\d+$`, port, name)
		}
		// A digest, or a version that names its patch: never a tag that moves.
		assert.Regexp(t, `@sha256:[0-9a-f]{64}$|:\d+\.\d+(\.\d+)?(-[\w.]+)?$|^otelcol-usage:local$`, s.Image, name)
		for key, value := range s.Environment {
			if strings.Contains(strings.ToUpper(key), "PASSWORD") && !strings.HasSuffix(key, "_FILE") {
				assert.Empty(t, value, "%s: %s: passwords are files", name, key)
			}
			assert.NotRegexp(t, `://[^@/]*:[^@/]*@`, value, "%s: %s: a password in a URL", name, key)
		}
		for _, secret := range s.Secrets {
			used[secret] = true
			assert.Contains(t, compose.Secrets, secret, name)
		}
		for _, text := range append(append([]string{}, s.Command...), s.Entrypoint...) {
			if at := strings.Index(text, "/run/secrets/"); at >= 0 {
				assert.Contains(t, s.Secrets, first(t, text[at:], `/run/secrets/(\w+)`), name)
			}
		}
		if name != "postgres" {
			assert.NotContains(t, s.Secrets, "postgres", "%s knows the superuser's password", name)
		}
	}
	head := read(t, "compose.yaml")[:1000]
	for secret, from := range compose.Secrets {
		assert.True(t, used[secret], "%s is used by nobody", secret)
		assert.Equal(t, "./secrets/"+secret, from.File)
		assert.Regexp(t, `\b`+secret+`\b`, head, "the head says how to make it")
	}
	assert.Contains(t, read(t, ".gitignore"), "\n/secrets/\n")
	assert.Contains(t, strings.Fields(read(t, ".dockerignore")), "secrets")
}

func TestComposeRunsTheImageAsItIsConfigured(t *testing.T) {
	t.Parallel()
	compose := readCompose(t)
	for name, s := range compose.Services {
		for _, volume := range s.Volumes {
			source, _, _ := strings.Cut(volume, ":")
			if strings.HasPrefix(source, ".") {
				_, err := os.Stat(filepath.Join("../..", source))
				require.NoError(t, err, name)
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
		assert.Contains(t, collector.Environment, m[1])
	}
	for _, port := range collector.Ports {
		inside := port[strings.LastIndex(port, ":")+1:]
		assert.Contains(t, config, "0.0.0.0:"+inside+"\n")
		assert.Regexp(t, `(?m)^EXPOSE .*\b`+inside+`\b`, read(t, "Dockerfile"))
	}
	// The image has no shell: what is started must be a program in it.
	for _, program := range []string{collector.Health.Test[1], compose.Services["migrate"].Entrypoint[0]} {
		assert.Contains(t, read(t, "Dockerfile"), "/out/"+filepath.Base(program)+" "+filepath.Dir(program)+"/")
	}
	require.Equal(t, "CMD", collector.Health.Test[0])
	assert.FileExists(t, filepath.Join("../../cmd/usagectl/internal/cli", collector.Health.Test[2]+".go"))
	assert.Contains(t, config, "endpoint: 0.0.0.0:13133")
	assert.Contains(t, strings.Join(compose.Services["postgres"].Health.Test, " "), "--host",
		"the temporary server of the first start listens on the socket only")
}

func TestTheServiceOwnsTheFolderOfTheQueue(t *testing.T) {
	t.Parallel()
	unit := read(t, "examples/otelcol-usage.service")
	for _, config := range []string{"examples/production.yaml", "examples/container.yaml", "examples/prometheus.yaml", "examples/gateway.yaml"} {
		assert.Equal(t, "/var/lib/"+first(t, unit, `(?m)^StateDirectory=(\S+)$`), first(t, read(t, config), `USAGE_QUEUE_DIR:-([^}]+)`), config)
	}
}
