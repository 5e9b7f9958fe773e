// Package fault turns a panic into an error where input from outside is read or written: a
// fault of this program that one input triggers must not end the process, which holds
// everybody's calls. It owns the conversion; it does not own what happens to the input.
package fault

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
)

// Error is a panic that [Guard] recovered.
type Error struct {
	// Reason describes the panic without any text of the input.
	Reason string
	// Stack is the stack of the panic, without values.
	Stack []byte
}

func (e *Error) Error() string { return "a fault in this build: " + e.Reason }

// Guard runs f and returns its error, or its panic as an [*Error].
func Guard(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &Error{kindOf(p), debug.Stack()}
		}
	}()
	return f()
}

// kindOf describes a panic. Only errors of the Go runtime are known to contain no text of
// the input.
func kindOf(p any) string {
	var ofGo runtime.Error
	if err, ok := p.(error); ok && errors.As(err, &ofGo) {
		return ofGo.Error()
	}
	return fmt.Sprintf("panic with a value of type %T", p)
}
