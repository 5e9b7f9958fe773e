// Package page renders the usage dashboard as HTML: the overview of a period, single calls,
// sessions, forecasts and advice, the bill, and errors. Its input are the documents of the
// query API, so every number on a page is the API's. A viewer needs only a browser: no script
// runs, and nothing is loaded from another host.
//
// It owns the look of the pages: overview.go, outlook.go, calls.go, sessions.go and bill.go
// lay out the documents, page.html and page.css show them; package show says how numbers look.
// It knows nothing of HTTP, of who may see what, or of SQL: the extension asks the questions
// and sends the pages.
package page
