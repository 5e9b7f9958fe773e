package store_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
	"github.com/otelcol-usage/otelcol-usage/internal/store"
	"github.com/otelcol-usage/otelcol-usage/internal/store/read"
)

// TestEveryColumnIsReadOrSaysWhyNot holds what is read of a row to the table: who
// adds a column there adds it to the readers, or here with the reason.
func TestEveryColumnIsReadOrSaysWhyNot(t *testing.T) {
	t.Parallel()
	all := strings.Split(pgtest.New(t).Text(`SELECT attname FROM pg_attribute
		WHERE attrelid = 'public.api_usage'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY 1`), "\n")
	for _, reader := range []struct {
		name, list string
		without    map[string]string
	}{
		{"a call that is priced or compared again", store.SelectCalls, map[string]string{
			"created_at": "says nothing of the call",
			"request_id": "the id is made of it",
			"session_id": "no price depends on it",
			"outcome":    "no price depends on it",
			"folded":     "says of the sums what they hold, and nothing of the call",
			"tags":       "no price depends on them",
			"sum_tags":   "says of the sums what they hold, and nothing of the call",
		}},
		{"a call that people see", read.CallColumns(), map[string]string{
			"folded":      "says of the sums what they hold, and nothing of the call",
			"sum_tags":    "says of the sums what they hold, and nothing of the call",
			"written_xid": "distinguishes our transactions, says nothing about the call",
		}},
	} {
		words := strings.FieldsFunc(reader.list, func(c rune) bool { return c != '_' && (c < 'a' || c > 'z') && (c < '0' || c > '9') })
		var left []string
		for _, column := range all {
			if reason := reader.without[column]; slices.Contains(words, column) == (reason != "") {
				left = append(left, column)
			}
		}
		assert.Empty(t, left, "%s: neither read nor left out with a reason, or both", reader.name)
		for column := range reader.without {
			assert.Contains(t, all, column, reader.name)
		}
	}
}
