// Package fault turns a panic into an error where foreign input is read or written: it
// is a fault of this program that one input met, and must not end the process, which
// holds everybody's calls. It owns the way from the one to the other, and not what becomes
// of that input.
package fault

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
)

// Error is a panic that [Guard] met.
type Error struct {
	// Reason says what it was, without a text of the input.
	Reason string
	// Stack is of the panic, with no values either.
	Stack []byte
}

func (e *Error) Error() string { return "a fault in this build: " + e.Reason }

// Guard runs f and gives its error, or its panic as an [*Error].
func Guard(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &Error{kindOf(p), debug.Stack()}
		}
	}()
	return f()
}

// kindOf says what a panic is. Only the errors of Go itself are known to hold no
// text of an input.
func kindOf(p any) string {
	var ofGo runtime.Error
	if err, ok := p.(error); ok && errors.As(err, &ofGo) {
		return ofGo.Error()
	}
	return fmt.Sprintf("panic with a value of type %T", p)
}
