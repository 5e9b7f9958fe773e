// Package unsampled writes log lines of which every one counts: who read whose
// usage, and what each call cost while somebody looks for a fault.
//
// The collector keeps ten of a message in ten seconds and then each hundredth
// (service::telemetry::logs::sampling). It owns the way past that; it does not own
// what is said.
package unsampled

import (
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// Info writes a line at the level info, unless that level is off. A sampler decides
// in Check, so a line that is handed to Write is not asked about.
func Info(logger *zap.Logger, message string, fields ...zap.Field) {
	core := logger.Core()
	if !core.Enabled(zapcore.InfoLevel) {
		return
	}
	entry := zapcore.Entry{Level: zapcore.InfoLevel, Time: time.Now(), LoggerName: logger.Name(), Message: message}
	_ = core.Write(entry, fields) // a fault of the log cannot be logged
}
