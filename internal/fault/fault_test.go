package fault

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAPanicIsAnErrorWithoutTheTextsOfItsInput(t *testing.T) {
	t.Parallel()
	require.NoError(t, Guard(func() error { return nil }))
	require.ErrorIs(t, Guard(func() error { return io.EOF }), io.EOF)
	for want, f := range map[string]func(){
		"runtime error: index out of range [3] with length 2":              func() { list := make([]int, 2); list[len(list)+1] = 1 },
		"runtime error: invalid memory address or nil pointer dereference": func() { var p *int; *p = 1 },
		"panic with a value of type string":                                func() { panic("the prompt") },
		"panic with a value of type *errors.errorString":                   func() { panic(errors.New("the prompt")) },
		"panic with a value of type *fmt.wrapError":                        func() { panic(fmt.Errorf("the prompt: %w", io.EOF)) },
	} {
		err := Guard(func() error { f(); return nil })
		var met *Error
		require.ErrorAs(t, err, &met)
		assert.Equal(t, want, met.Reason)
		assert.Equal(t, "a fault in this build: "+want, err.Error())
		assert.Contains(t, string(met.Stack), "fault_test.go")
		assert.NotContains(t, string(met.Stack), "the prompt")
	}
}
