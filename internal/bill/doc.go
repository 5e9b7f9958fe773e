// Package bill is the form of what a provider says it charges, whatever report it
// came in: a Line is one row of a report, LineSum and CallSum are what is compared
// with each other.
//
// Around it are three rooms, and none imports another's inside: reports reads the
// providers' reports into lines, fetch asks the providers for them, explain divides
// the difference between the bill and the stored calls into causes.
//
// It owns no SQL, no network and no clock: internal/store keeps the lines and
// sums the calls up.
package bill
