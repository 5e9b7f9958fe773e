// Package update brings a price book up to date from newer public price data,
// without a release: it fetches the data of other projects, lets independent
// sources agree, and keeps the result as a price file of its own, the update
// layer of a book.
//
// It owns what is taken over and what is held back, and that there is always one
// whole file: a fault leaves the last good one in place, and there is a way back
// to the one before. It does not own how a source's file is read (foreign), how
// sources agree (consensus) and what the changes cost on stored calls (usagectl).
package update
