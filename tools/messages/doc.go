// Package messages lists what our programs say to people: errors, problems of the
// API, log lines and what commands print, in testdata/messages.golden. Whoever changes
// a message reads it there among its neighbours.
//
// It owns the list and nothing else: it is test code only.
package messages
