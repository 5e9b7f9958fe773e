package store

import "strings"

// Selected is a column of a SELECT and where its value goes, so that the two
// cannot part.
type Selected[T any] struct {
	// SQL is the expression.
	SQL  string
	Into func(*T) any
}

// SelectList is the list of expressions.
func SelectList[T any](list []Selected[T]) string {
	texts := make([]string, len(list))
	for i, s := range list {
		texts[i] = s.SQL
	}
	return strings.Join(texts, ", ")
}

// Targets are where the values of a row go.
func Targets[T any](list []Selected[T], into *T) []any {
	targets := make([]any, len(list))
	for i, s := range list {
		targets[i] = s.Into(into)
	}
	return targets
}
