package cli

import (
	"cmp"
	"slices"
	"strings"
)

// maxNearest is how many similar names are suggested.
const maxNearest = 3

// nearest returns the names that a mistyped one was probably meant to be, most similar
// first: those that differ in few characters.
func nearest(typed string, names []string) []string {
	type candidate struct {
		name    string
		changes int
	}
	var near []candidate
	typed = strings.ToLower(typed)
	for _, name := range names {
		if n := changes(typed, strings.ToLower(name)); n > 0 && n <= max(1, len(typed)/4) {
			near = append(near, candidate{name, n})
		}
	}
	slices.SortFunc(near, func(a, b candidate) int { return cmp.Or(a.changes-b.changes, cmp.Compare(a.name, b.name)) })
	var found []string
	for _, c := range near[:min(len(near), maxNearest)] {
		found = append(found, c.name)
	}
	return found
}

// changes returns the number of insertions, deletions, replacements and swaps of adjacent
// characters that turn a into b.
func changes(a, b string) int {
	before, row, next := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next[0] = i + 1
		for j := range len(b) {
			replaced := row[j]
			if a[i] != b[j] {
				replaced++
			}
			next[j+1] = min(row[j+1]+1, next[j]+1, replaced)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row, next = row, next, before
	}
	return row[len(b)]
}

// didYouMean suggests similar names, if there are any.
func didYouMean(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return "; did you mean " + strings.Join(names, " or ") + "?"
}
