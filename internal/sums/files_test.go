package sums_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/golden"
	"github.com/otelcol-usage/otelcol-usage/internal/sums"
)

// TestMigrationsSayWhatTheDeclarationSays compares what stands between the
// markers of the migrations with what is made of the declaration.
func TestMigrationsSayWhatTheDeclarationSays(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../migrations/*.sql")
	require.NoError(t, err)
	optional, err := filepath.Glob("../../migrations/optional/*.sql")
	require.NoError(t, err)
	texts := sums.Texts()
	times := map[string]int{}
	for _, file := range append(files, optional...) {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		want, found, err := sums.Replace(string(content), texts)
		require.NoError(t, err, file)
		for _, name := range found {
			times[name]++
		}
		if len(found) > 0 {
			golden.Equal(t, file, want)
		}
	}
	for name := range texts {
		assert.Equal(t, 1, times[name], "files with the text %q", name)
	}
}

// TestStatementsAreRead keeps the statements that are made while the program
// runs where a reader can see them.
func TestStatementsAreRead(t *testing.T) {
	t.Parallel()
	text := "-- Fold\n" + sums.With(sums.Fold(sums.Levels, sums.Rows{From: "ins"}), "SELECT count(*) FROM ins") + "\n"
	for _, l := range sums.Levels {
		text += "\n-- CountDifferences of " + l.Name + "\n" + l.CountDifferences() + "\n"
		text += "\n-- Fill of " + l.Name + " from the calls\n" + l.Fill(false) + "\n"
		if l.Of != nil {
			text += "\n-- Fill of " + l.Name + " from its parent\n" + l.Fill(true) + "\n"
		}
	}
	golden.Equal(t, "testdata/statements.golden.sql", text)
}
