// Package page writes the usage dashboard as HTML: the overview of a period, single
// calls, and what went wrong. It is given the documents of the query API, so that a
// number on a page is the number of the API, and a viewer needs nothing but a browser:
// no script runs, and nothing comes from another host.
//
// It owns what a page looks like: overview.go and calls.go lay out the documents,
// chart.go the days, format.go the numbers, page.html and page.css the rest. It does not
// know HTTP, nor who may see what, nor SQL: the extension asks and answers.
package page
