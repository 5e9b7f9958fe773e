// Package archtest holds tests about the repository itself: which folder may
// import which, that each package says what it owns, that versions agree, that
// the public surface changes only on purpose, that documents point at things
// that exist.
//
// It owns the table of rooms in rooms_test.go and the golden public surface in
// testdata; it owns no product code, and nothing imports it. Begin with
// rooms_test.go: a new folder is entered there.
package archtest
