// Package bill defines what a provider charges, independent of the report it comes from. A
// Line is one row of a report. A CallSum sums the stored calls that it is compared with.
//
// Three packages use it, and none imports another: reports parses the providers' reports
// into lines, fetch downloads the reports from the providers, and explain splits the
// difference between the bill and the stored calls into causes.
//
// It owns these types. It does not own SQL, network access or a clock: internal/store
// stores the lines and sums the calls.
package bill
