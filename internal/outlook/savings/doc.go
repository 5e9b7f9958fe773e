// Package savings says what would have saved money: rules over one's own calls and the
// price book, each with exact dollars ([Of]).
//
// It owns the rules and the order in which they are applied. It knows no SQL and has no
// clock. The calls come from package read, added up where one price holds for them; the
// words of an answer are package outlook's, because readers of stored advice need no
// prices.
package savings
