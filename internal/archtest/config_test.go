package archtest

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configopaque"

	"github.com/otelcol-usage/otelcol-usage/exporter/usagepostgresexporter"
	"github.com/otelcol-usage/otelcol-usage/extension/usageapiextension"
	"github.com/otelcol-usage/otelcol-usage/processor/genaiusageprocessor"
)

// factories are our three components, by the folder that documents them.
var factories = map[string]component.Factory{
	"processor/genaiusageprocessor":  genaiusageprocessor.NewFactory(),
	"exporter/usagepostgresexporter": usagepostgresexporter.NewFactory(),
	"extension/usageapiextension":    usageapiextension.NewFactory(),
}

// configKey is one key that a user can write.
type configKey struct {
	// path is the key as validate prints it: "prices::files". The keys of list
	// elements follow "[]".
	path string
	typ  reflect.Type
	// value is the default, the zero Value below a list.
	value reflect.Value
}

// configKeys lists the keys of a configuration. It goes into our own structs;
// structs of the collector, such as a queue or a server, are one key.
func configKeys(t *testing.T, prefix string, typ reflect.Type, value reflect.Value) (keys []configKey) {
	t.Helper()
	for field := range fields(typ) {
		name, options, _ := strings.Cut(field.Tag.Get("mapstructure"), ",")
		var fieldValue reflect.Value
		if value.IsValid() {
			fieldValue = value.FieldByIndex(field.Index)
		}
		switch {
		case name == "-":
			continue
		case strings.Contains(options, "squash"):
			keys = append(keys, configKeys(t, prefix, field.Type, fieldValue)...)
			continue
		case name == "":
			t.Errorf("%s.%s has no mapstructure tag: say which key it is, or \"-\"", typ, field.Name)
			continue
		}
		path := prefix + name
		switch element := ourStruct(field.Type); {
		case element == nil:
			keys = append(keys, configKey{path, field.Type, fieldValue})
		case field.Type.Kind() == reflect.Struct:
			keys = append(keys, configKeys(t, path+"::", element, fieldValue)...)
		case field.Type.Kind() == reflect.Slice:
			keys = append(keys, configKeys(t, path+"[]::", element, reflect.Value{})...)
		default: // pointer, map
			keys = append(keys, configKeys(t, path+"::", element, reflect.Value{})...)
		}
	}
	return keys
}

// fields gives the exported fields of a struct.
func fields(typ reflect.Type) func(func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for i := range typ.NumField() {
			if f := typ.Field(i); f.IsExported() && !yield(f) {
				return
			}
		}
	}
}

// ourStruct returns the struct of our module that typ is, points to or
// contains, else nil.
func ourStruct(typ reflect.Type) reflect.Type {
	switch typ.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return ourStruct(typ.Elem())
	case reflect.Struct:
		if strings.HasPrefix(typ.PkgPath(), module+"/") {
			return typ
		}
	}
	return nil
}

func keysOf(t *testing.T, factory component.Factory) []configKey {
	t.Helper()
	value := reflect.ValueOf(factory.CreateDefaultConfig()).Elem()
	return configKeys(t, "", value.Type(), value)
}

// scalar is the default as YAML writes it, and whether it is one plain value.
func (k configKey) scalar() (text string, plain bool) {
	if !k.value.IsValid() || k.typ == reflect.TypeFor[configopaque.String]() {
		return "", false
	}
	if d, isDuration := k.value.Interface().(time.Duration); isDuration {
		return shortDuration(d), true
	}
	switch k.value.Kind() {
	case reflect.Bool, reflect.Int, reflect.Int32, reflect.Int64, reflect.Uint32, reflect.Uint64, reflect.String:
		return fmt.Sprint(k.value.Interface()), true
	}
	return "", false
}

// shortDuration writes a duration without the units that are zero: "5m", not
// "5m0s".
func shortDuration(d time.Duration) string {
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-2]
		}
	}
	return text
}

// documentedKeys reads the tables of a README whose first column is headed
// "key": the key, and what its column "default" says.
func documentedKeys(readme string) map[string]string {
	documented := map[string]string{}
	column := -1 // of the defaults in the table we are in
	for line := range strings.Lines(readme) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		switch key := cells[0]; {
		case !strings.HasPrefix(line, "|"):
			column = -1
		case strings.EqualFold(key, "key"):
			column = slices.IndexFunc(cells, func(c string) bool { return strings.EqualFold(c, "default") })
		case column >= 0 && column < len(cells) && len(key) > 2 && key[0] == '`' && key[len(key)-1] == '`':
			documented[key[1:len(key)-1]] = cells[column]
		}
	}
	return documented
}

// TestReadmesDocumentEveryKeyAndItsDefault compares the tables of each
// component's README, headed "key" and "default", with the configuration
// struct, in both directions.
func TestReadmesDocumentEveryKeyAndItsDefault(t *testing.T) {
	t.Parallel()
	for folder, factory := range factories {
		t.Run(folder, func(t *testing.T) {
			t.Parallel()
			documented := documentedKeys(readFile(t, folder+"/README.md"))
			if len(documented) == 0 {
				t.Fatal("README.md has no table with the columns key and default")
			}
			for _, key := range keysOf(t, factory) {
				text, found := documented[key.path]
				delete(documented, key.path)
				for path := range documented {
					// Keys inside a struct of the collector may have rows of their own.
					if ourStruct(key.typ) == nil && strings.HasPrefix(path, key.path+"::") {
						found = true
						delete(documented, path)
					}
				}
				if !found {
					t.Errorf("README.md does not document `%s`", key.path)
				} else if want, plain := key.scalar(); plain && !saysDefault(text, want, key.value.IsZero()) {
					t.Errorf("README.md gives %q as the default of `%s`, it is `%s`", text, key.path, want)
				}
			}
			for path := range documented {
				t.Errorf("README.md documents `%s`, which is no key of the configuration", path)
			}
		})
	}
}

// saysDefault reports whether the cell of a table says the default. What is
// empty or zero may be in words, or by an empty cell.
func saysDefault(cell, want string, isZero bool) bool {
	if isZero && want != "false" && !strings.Contains(cell, "`") {
		return true
	}
	if strings.Contains(cell, "`"+want+"`") {
		return true
	}
	wanted, errWanted := time.ParseDuration(want)
	found, errFound := time.ParseDuration(strings.Trim(cell, "`"))
	return errWanted == nil && errFound == nil && wanted == found
}

func TestDocumentedKeysAreRead(t *testing.T) {
	t.Parallel()
	got := documentedKeys("| `no` | `1` |\n\n| Key | Type | Default |\n|---|---|---|\n| `a::b` | bool | `true` |\n| `c` | text | |\ntext\n| `d` | bool | `true` |\n")
	if want := map[string]string{"a::b": "`true`", "c": ""}; !maps.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, c := range []struct {
		cell, want string
		isZero, ok bool
	}{
		{"`true`", "true", false, true},
		{"`false`", "true", false, false},
		{"", "false", true, false},
		{"`false`", "false", true, true},
		{"", "", true, true},
		{"none", "0", true, true},
		{"`5`", "0", true, false},
		{"`60s`", "1m", false, true},
		{"`61s`", "1m", false, false},
		{"", "8", false, false},
	} {
		if saysDefault(c.cell, c.want, c.isZero) != c.ok {
			t.Errorf("cell %q for default %q: want %t", c.cell, c.want, c.ok)
		}
	}
}

// TestEveryKeyIsInTheExampleOfItsComponent: testdata/config.yaml sets every
// key, so that whoever looks for a key finds it in use, and loading is tested.
func TestEveryKeyIsInTheExampleOfItsComponent(t *testing.T) {
	t.Parallel()
	for folder, factory := range factories {
		text := readFile(t, folder+"/testdata/config.yaml")
		for _, key := range keysOf(t, factory) {
			name := key.path[strings.LastIndex(key.path, ":")+1:]
			if !regexp.MustCompile(`(?m)(?:^|[\s{,])` + regexp.QuoteMeta(name) + `:`).MatchString(text) {
				t.Errorf("%s/testdata/config.yaml does not set `%s`", folder, key.path)
			}
		}
	}
}
