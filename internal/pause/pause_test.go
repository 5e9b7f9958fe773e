package pause_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/otelcol-usage/otelcol-usage/internal/pause"
)

func TestAPauseEndsByItselfOrWithItsContext(t *testing.T) {
	t.Parallel()
	assert.NoError(t, pause.For(t.Context(), time.Millisecond))
	ended, end := context.WithCancel(t.Context())
	end()
	assert.ErrorIs(t, pause.For(ended, time.Hour), context.Canceled)
}
