package book_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/otelcol-usage/otelcol-usage/internal/golden"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing/book"
)

func TestSchemaIsWrittenForEditors(t *testing.T) {
	t.Parallel()
	golden.Equal(t, "schema.json", string(book.Schema()))
}

// TestSchemaAllowsWhatIsWritten checks every file we ship, and one that says
// everything there is to say; unknown keys and missing units it refuses.
func TestSchemaAllowsWhatIsWritten(t *testing.T) {
	t.Parallel()
	var schema map[string]any
	require.NoError(t, json.Unmarshal(book.Schema(), &schema))
	files, err := filepath.Glob("../books/*/*.yaml")
	require.NoError(t, err)
	for _, file := range append(files, "../testdata/cases/published.yaml") {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.NoError(t, validator{schema}.check(schema, parse(t, content), file))
	}
	assert.NoError(t, validator{schema}.check(schema, parse(t, []byte(everything)), "everything"))
	for _, faulty := range []string{"unknown_key", "missing_unit", "unknown_unit", "no_provider", "no_model", "context_tiers"} {
		content, err := os.ReadFile("testdata/bad/" + faulty + ".yaml")
		require.NoError(t, err)
		assert.Error(t, validator{schema}.check(schema, parse(t, content), faulty))
	}
}

func parse(t *testing.T, content []byte) any {
	t.Helper()
	var v any
	require.NoError(t, yaml.Unmarshal(content, &v))
	return v
}

// validator knows as much of JSON Schema as ours uses.
type validator struct{ root map[string]any }

func (c validator) check(schema map[string]any, v any, path string) error {
	if ref, ok := schema["$ref"].(string); ok {
		definitions := c.root["$defs"].(map[string]any)
		return c.check(definitions[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any), v, path)
	}
	for _, key := range []string{"anyOf", "oneOf"} {
		options, ok := schema[key].([]any)
		if !ok {
			continue
		}
		met := 0
		var last error
		for _, o := range options {
			if last = c.check(o.(map[string]any), v, path); last == nil {
				met++
			}
		}
		if met == 0 || (key == "oneOf" && met != 1) {
			return fmt.Errorf("%s: %d of %s: %w", path, met, key, last)
		}
	}
	if enum, ok := schema["enum"].([]any); ok && !slices.Contains(enum, v) {
		return fmt.Errorf("%s: %v is none of %v", path, v, enum)
	}
	object, isObject := v.(map[string]any)
	list, isList := v.([]any)
	switch schema["type"] {
	case "object":
		if !isObject {
			return fmt.Errorf("%s: no object", path)
		}
	case "array":
		if !isList {
			return fmt.Errorf("%s: no list", path)
		}
	case "number", "integer":
		switch v.(type) {
		case int, float64:
		default:
			return fmt.Errorf("%s: %v is no number", path, v)
		}
	case "boolean":
		if _, ok := v.(bool); !ok {
			return fmt.Errorf("%s: %v is neither true nor false", path, v)
		}
	case "string":
		if isObject || isList || v == nil {
			return fmt.Errorf("%s: no text", path)
		}
	}
	if required, ok := schema["required"].([]any); ok {
		for _, key := range required {
			if _, ok := object[key.(string)]; !ok {
				return fmt.Errorf("%s: %s is missing", path, key)
			}
		}
	}
	if items, ok := schema["items"].(map[string]any); ok {
		for i, e := range list {
			if err := c.check(items, e, fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return err
			}
		}
	}
	properties, _ := schema["properties"].(map[string]any)
	for key, e := range object {
		at := path + "." + key
		if s, ok := properties[key].(map[string]any); ok {
			if err := c.check(s, e, at); err != nil {
				return err
			}
			continue
		}
		switch more := schema["additionalProperties"].(type) {
		case bool:
			if !more {
				return fmt.Errorf("%s: unknown key", at)
			}
		case map[string]any:
			if err := c.check(more, e, at); err != nil {
				return err
			}
		}
	}
	return nil
}
