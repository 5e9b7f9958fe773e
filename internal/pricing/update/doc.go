// Package update brings a price book up to date from newer public price data, without a
// release. It fetches the data of other projects, compares independent sources, and keeps
// the result as a price file, the update layer of a book.
//
// It owns what is taken over and what is held back, and makes sure that the file is always
// complete: after a fault the last good file stays in place, and the previous version can
// be restored. It does not own the formats of the sources (foreign), how they are weighed
// against each other (consensus) or what the changes cost on stored calls (usagectl).
package update
