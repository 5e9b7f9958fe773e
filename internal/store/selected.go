package store

import "strings"

// Selected pairs a column of a SELECT with the destination of its value, so that the two
// cannot get out of step.
type Selected[T any] struct {
	// SQL is the expression to select.
	SQL  string
	Into func(*T) any
}

// SelectList joins the expressions for a SELECT.
func SelectList[T any](list []Selected[T]) string {
	texts := make([]string, len(list))
	for i, s := range list {
		texts[i] = s.SQL
	}
	return strings.Join(texts, ", ")
}

// Targets returns the scan destinations of one row, in the order of [SelectList].
func Targets[T any](list []Selected[T], into *T) []any {
	targets := make([]any, len(list))
	for i, s := range list {
		targets[i] = s.Into(into)
	}
	return targets
}
