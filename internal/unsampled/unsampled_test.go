package unsampled_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/otelcol-usage/otelcol-usage/internal/unsampled"
)

func TestEveryLineIsWrittenWhateverIsSampled(t *testing.T) {
	t.Parallel()
	core, logs := observer.New(zap.InfoLevel)
	sampled := zap.New(zapcore.NewSamplerWithOptions(core, time.Hour, 1, 0)).Named("api").With(zap.String("component", "usage_api"))
	for range 300 {
		unsampled.Info(sampled, "An administrator read usage", zap.String("who", "ada"))
		sampled.Info("as others are")
	}
	assert.Equal(t, 300, logs.FilterMessage("An administrator read usage").Len())
	assert.Equal(t, 1, logs.FilterMessage("as others are").Len())
	line := logs.FilterMessage("An administrator read usage").All()[0]
	assert.Equal(t, map[string]any{"component": "usage_api", "who": "ada"}, line.ContextMap())
	assert.Equal(t, "api", line.LoggerName)
	assert.False(t, line.Time.IsZero())

	quiet, nothing := observer.New(zap.WarnLevel)
	unsampled.Info(zap.New(quiet), "not at this level")
	assert.Zero(t, nothing.Len())
}
