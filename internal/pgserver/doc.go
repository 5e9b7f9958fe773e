// Package pgserver runs a private PostgreSQL server for tests and demos: it
// finds the server's programs (or installs them, where it may), creates a
// cluster in a directory of its own, and starts it on a free port of 127.0.0.1
// as an unprivileged user, also when the caller is root.
//
// [FreePort] finds a port for it and for what runs beside it, such as a
// collector.
//
// A server outlives neither [Server.Stop] nor its caller: a watchdog process
// waits for the caller's end, however it comes, stops the server and removes
// its temporary directory.
package pgserver
