// Package trim gives back to the system what only the start of a process needed: memory of
// the heap, and pages of the program's file that the initialisers of its packages touched.
// It owns when and how; it does not own what is kept in memory.
package trim

import (
	"runtime/debug"
	"sync"
	"time"
)

// AfterStart gives back once, half a second from now, when the start of all components has
// ended. More calls do nothing.
func AfterStart() { once() }

var once = sync.OnceFunc(func() {
	time.AfterFunc(500*time.Millisecond, func() {
		debug.FreeOSMemory()
		dropPages()
	})
})
