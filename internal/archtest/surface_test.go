package archtest

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/config/configopaque"
	"go.yaml.in/yaml/v3"

	"github.com/otelcol-usage/otelcol-usage/internal/golden"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// surfaceHead is the head of the golden file.
const surfaceHead = `# Every name that a user of otelcol-usage writes or reads: in a configuration, on
# a span, in a metric, in an answer. A test writes this list from the sources and
# compares. When a line goes or changes, somebody's configuration, query or
# dashboard breaks: keep the old name as well, or say in CHANGELOG.md what to do.
# New lines: make golden PKG=./internal/archtest
#
# The columns of the tables stand in internal/dbmigrate/testdata/schema.golden.txt.

`

// TestThePublicSurfaceChangesOnPurpose writes the whole public surface into one
// file, so that a change of it is seen by whoever reviews the commit.
func TestThePublicSurfaceChangesOnPurpose(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(surfaceHead)
	section := func(title string, lines []string) {
		if len(lines) == 0 {
			t.Errorf("section %q is empty", title)
		}
		fmt.Fprintf(&b, "## %s\n%s\n\n", title, strings.Join(lines, "\n"))
	}
	section("span attributes", attributeNames(t))
	section("quantities", quantityNames())
	section("api types", texts(usage.APITypes))
	section("pricing statuses", texts(usage.PricingStatuses))
	section("pricing reasons", texts(usage.Reasons))
	section("configuration", configLines(t))
	section("metrics", metricLines(t))
	section("query api", apiLines(t))
	golden.Equal(t, "testdata/public_surface.txt", strings.TrimRight(b.String(), "\n")+"\n")
}

// attributeNames evaluates the exported text constants of usageattr's names.go.
func attributeNames(t *testing.T) (names []string) {
	t.Helper()
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, filepath.Join(root, "internal/usageattr/names.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	pkg, err := new(types.Config).Check("usageattr", files, []*ast.File{file}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range pkg.Scope().Names() {
		if c, isConst := pkg.Scope().Lookup(name).(*types.Const); isConst && c.Exported() && c.Val().Kind() == constant.String {
			names = append(names, constant.StringVal(c.Val()))
		}
	}
	slices.Sort(names)
	return names
}

func quantityNames() (names []string) {
	for kind := range usage.QuantityKindCount {
		names = append(names, kind.String())
	}
	return names
}

func texts[T ~string](values []T) (lines []string) {
	for _, v := range values {
		lines = append(lines, string(v))
	}
	return lines
}

func configLines(t *testing.T) (lines []string) {
	t.Helper()
	for _, factory := range factories {
		for _, key := range keysOf(t, factory) {
			line := fmt.Sprintf("%s::%s %s", factory.Type(), key.path, typeName(key.typ))
			if text, plain := key.scalar(); plain && text != "" {
				line += " = " + text
			}
			lines = append(lines, line)
		}
	}
	slices.Sort(lines)
	return lines
}

// typeName is the type as a writer of YAML sees it.
func typeName(typ reflect.Type) string {
	switch {
	case typ == reflect.TypeFor[time.Duration]():
		return "duration"
	case typ == reflect.TypeFor[configopaque.String]():
		return "secret"
	case typ.PkgPath() != "" && !strings.HasPrefix(typ.PkgPath(), module):
		// The type that matters is in brackets: configoptional.Optional[…].
		if _, inner, found := strings.Cut(typ.Name(), "["); found {
			return path.Base(strings.TrimSuffix(inner, "]"))
		}
		return typ.String()
	}
	switch typ.Kind() {
	case reflect.Slice:
		return "list of " + typeName(typ.Elem())
	case reflect.Map:
		return "map to " + typeName(typ.Elem())
	case reflect.Pointer:
		return typeName(typ.Elem())
	}
	return typ.Kind().String()
}

// metricLines reads the metrics that the components declare.
func metricLines(t *testing.T) (lines []string) {
	t.Helper()
	for _, folder := range components {
		var metadata struct {
			Telemetry struct {
				Metrics map[string]struct {
					Unit       string   `yaml:"unit"`
					Attributes []string `yaml:"attributes"`
				} `yaml:"metrics"`
			} `yaml:"telemetry"`
		}
		if err := yaml.Unmarshal([]byte(readFile(t, folder+"/metadata.yaml")), &metadata); err != nil {
			t.Fatalf("%s/metadata.yaml: %v", folder, err)
		}
		for name, m := range metadata.Telemetry.Metrics {
			line := "otelcol_" + name + " " + m.Unit
			if len(m.Attributes) > 0 {
				line += " by " + strings.Join(m.Attributes, ", ")
			}
			lines = append(lines, line)
		}
	}
	slices.Sort(lines)
	return lines
}

// apiLines reads the paths, parameters and fields of the query API.
func apiLines(t *testing.T) (lines []string) {
	t.Helper()
	var document map[string]any
	if err := yaml.Unmarshal([]byte(readFile(t, "extension/usageapiextension/openapi.yaml")), &document); err != nil {
		t.Fatalf("openapi.yaml: %v", err)
	}
	paths, _ := document["paths"].(map[string]any)
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		operations, _ := paths[path].(map[string]any)
		for _, method := range slices.Sorted(maps.Keys(operations)) {
			operation, isOperation := operations[method].(map[string]any)
			if !isOperation || operation["responses"] == nil {
				continue
			}
			var parameters []string
			list, _ := operation["parameters"].([]any)
			for _, p := range list {
				parameters = append(parameters, parameterName(p))
			}
			line := strings.ToUpper(method) + " " + path
			if len(parameters) > 0 {
				line += " ? " + strings.Join(parameters, ", ")
			}
			lines = append(lines, line)
		}
	}
	schemas, _ := dig(document, "components", "schemas").(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(schemas)) {
		properties, _ := dig(schemas[name], "properties").(map[string]any)
		lines = append(lines, strings.TrimRight("schema "+name+": "+strings.Join(slices.Sorted(maps.Keys(properties)), ", "), ": "))
	}
	return lines
}

// parameterName is the name of a parameter, or the last part of the reference
// that stands for it.
func parameterName(p any) string {
	m, _ := p.(map[string]any)
	if name, ok := m["name"].(string); ok {
		return name
	}
	ref, _ := m["$ref"].(string)
	return ref[strings.LastIndex(ref, "/")+1:]
}

// dig follows keys into nested maps; nil when one is missing.
func dig(value any, keys ...string) any {
	for _, key := range keys {
		m, _ := value.(map[string]any)
		value = m[key]
	}
	return value
}
