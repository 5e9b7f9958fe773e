// Package unsampled writes log lines that must not be sampled away: who read whose usage,
// and what each call cost while somebody looks for a fault.
//
// By default the collector keeps ten equal messages in ten seconds and then every hundredth
// (service::telemetry::logs::sampling). The package owns the way around that; it does not
// own the messages.
package unsampled

import (
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// Info writes a line at level info, unless that level is off. A sampler decides in Check,
// so a line passed to Write is not sampled.
func Info(logger *zap.Logger, message string, fields ...zap.Field) {
	core := logger.Core()
	if !core.Enabled(zapcore.InfoLevel) {
		return
	}
	entry := zapcore.Entry{Level: zapcore.InfoLevel, Time: time.Now(), LoggerName: logger.Name(), Message: message}
	_ = core.Write(entry, fields) // an error of the log cannot be logged
}
