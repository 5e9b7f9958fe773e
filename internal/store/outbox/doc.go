// Package outbox keeps the events that charge calls on: it follows the calls and writes
// what [metering.Meter] says of them (collect.go, write.go), hands events to an engine
// and notes what became of them (send.go), and says how far all of it is (status.go).
//
// It owns these statements, and that nothing is lost and nothing repeated between the
// calls and an engine. What is charged is internal/metering; how an engine is spoken to,
// the packages below that. It changes no call.
package outbox
