package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pricing/book"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing/consensus"
)

// mayDiffer are researched rows ("provider model", or "provider" for the defaults) that
// the built-in book has otherwise, and why.
var mayDiffer = map[string]string{
	"gcp.vertex_ai text-embedding-005": "the downloads confirm it by text-embedding-004, which costs the same",
}

// TestTheBuiltInBookSaysWhatWasResearched: a researched price stands in two files, that of
// the research and the book that is made of it. The book may say more, where a rule adds
// regions or fees; what the research says, it says alike.
func TestTheBuiltInBookSaysWhatWasResearched(t *testing.T) {
	t.Parallel()
	researched, err := readCurated("curated")
	require.NoError(t, err)
	require.NotEmpty(t, researched)
	used := map[string]bool{}
	for provider, file := range researched {
		name := filepath.Join("../../internal/pricing/books/current", provider+".yaml")
		content, err := os.ReadFile(name)
		require.NoError(t, err)
		parts, _, err := book.Decode(name, content)
		require.NoError(t, err)
		require.Len(t, parts, 1)
		for _, difference := range differences(file, parts[0]) {
			key, what, _ := strings.Cut(difference, ": ")
			if used[key] = true; mayDiffer[key] == "" {
				assert.Fail(t, "curated and built-in book differ", "%s: %s (make the book again, or give the reason in mayDiffer)", key, what)
			}
		}
	}
	for key := range mayDiffer {
		assert.True(t, used[key], "%s does not differ any more", key)
	}
}

// differences lists what a book does not say as the research does.
func differences(researched, built *book.File) (list []string) {
	differ := func(key, format string, args ...any) {
		list = append(list, key+": "+fmt.Sprintf(format, args...))
	}
	if !slices.Equal(researched.Also, built.Also) {
		differ(researched.Provider, "also: %v, in the book %v", researched.Also, built.Also)
	}
	if a, b := encoded(researched.Defaults), encoded(built.Defaults); !bytes.Equal(a, b) {
		differ(researched.Provider, "defaults: %s in the book %s", a, b)
	}
	for i := range researched.Rows {
		row := &researched.Rows[i]
		key := researched.Provider + " " + row.Model
		j := slices.IndexFunc(built.Rows, func(have book.Row) bool { return have.Model == row.Model && have.Span == row.Span })
		if j < 0 {
			differ(key, "the book has no row %s", row.Span)
			continue
		}
		have := &built.Rows[j]
		if !strings.HasPrefix(have.Source, row.Source) || have.Confidence != row.Confidence {
			differ(key, "from %s (%s), in the book from %s (%s)", row.Source, row.Confidence, have.Source, have.Confidence)
		}
		ours, theirs := consensus.Flatten(row), consensus.Flatten(have)
		for _, p := range consensus.Places([]consensus.Vote{{Prices: ours}}) {
			if price, ok := theirs[p]; !ok || price.Same != ours[p].Same || !consensus.Alike(price, ours[p]) {
				differ(key, "%s is %s %s, in the book %s", p, ours[p].Amount, ours[p].Unit, price.Amount)
			}
		}
	}
	for _, row := range built.Rows {
		known := func(r book.Row) bool { return r.Model == row.Model }
		if slices.ContainsFunc(researched.Rows, known) && !slices.ContainsFunc(researched.Rows, func(r book.Row) bool { return known(r) && r.Span == row.Span }) {
			differ(researched.Provider+" "+row.Model, "the book has a row %s besides", row.Span)
		}
	}
	for _, a := range researched.Aliases {
		if !slices.ContainsFunc(built.Aliases, func(have book.Alias) bool {
			return have.Name == a.Name && have.Model == a.Model && have.Span == a.Span
		}) {
			differ(researched.Provider+" "+a.Name, "the book does not know that it means %s %s", a.Model, a.Span)
		}
	}
	return list
}

// encoded are prices as a file has them.
func encoded(b book.Blocks) []byte { return book.Encode(&book.File{Provider: "p", Defaults: b}) }
