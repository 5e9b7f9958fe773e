package genaiusageprocessor

import (
	"strings"
	"sync"

	"go.uber.org/zap"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// logRecord writes the line that `debug: true` asks for: what was counted and
// what it cost, never what was said. The id stands in the message because the
// collector samples its log by message: equal ones would be left out after the
// tenth.
func logRecord(logger *zap.Logger, r *usage.Record) {
	fields := []zap.Field{
		zap.String("api_type", string(r.APIType)),
		zap.String("provider", r.Provider),
		zap.String("model", r.Model),
		zap.String("service", r.Service),
		zap.String("request_id", r.RequestID),
		zap.Int64("input_tokens", r.Quantities.InputTokens()),
		zap.Int64("output_tokens", r.Quantities.OutputTokens()),
		zap.String("pricing_status", string(r.Status)),
		zap.String("dialect", r.Dialect),
	}
	if !r.UserID.IsZero() {
		fields = append(fields, zap.Stringer("user_id", r.UserID))
	}
	if r.Status != usage.StatusUnpriced {
		fields = append(fields, zap.Stringer("cost_usd", r.Cost), zap.String("price_id", r.PriceID))
	}
	if r.Reason != "" {
		fields = append(fields, zap.String("pricing_reason", string(r.Reason)))
	}
	logger.Info("usage record "+r.ID.String(), fields...)
}

// modelLog says once, not for every call, that a model has no price.
type modelLog struct {
	logger *zap.Logger
	mu     sync.Mutex
	seen   map[modelKey]struct{}
}

type modelKey struct {
	provider, model string
	reason          usage.Reason
}

// maxLoggedModels bounds the memory that foreign model names can take.
const maxLoggedModels = 1000

func newModelLog(logger *zap.Logger) *modelLog {
	return &modelLog{logger: logger, seen: map[modelKey]struct{}{}}
}

func (l *modelLog) unpriced(r *usage.Record) {
	if !r.Reason.OfBook() {
		return
	}
	key := modelKey{r.Provider, r.Model, r.Reason}
	l.mu.Lock()
	_, known := l.seen[key]
	full := len(l.seen) >= maxLoggedModels
	if !known && !full {
		key.provider, key.model = strings.Clone(r.Provider), strings.Clone(r.Model)
		l.seen[key] = struct{}{}
	}
	l.mu.Unlock()
	if known || full {
		return
	}
	l.logger.Warn("no price: calls are stored as unpriced until a price file names the model",
		zap.String("provider", r.Provider), zap.String("model", r.Model), zap.String("pricing_reason", string(r.Reason)))
}

// forget starts over, because another book may know the models.
func (l *modelLog) forget() {
	l.mu.Lock()
	clear(l.seen)
	l.mu.Unlock()
}
