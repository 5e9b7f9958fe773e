package genaiusageprocessor

import (
	"strings"
	"sync"

	"go.uber.org/zap"

	"github.com/otelcol-usage/otelcol-usage/internal/unsampled"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// logRecord writes the line that `debug: true` requests: what was counted and what it cost,
// never what was said. No line is sampled away.
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
	unsampled.Info(logger, "usage record "+r.ID.String(), fields...)
}

// firsts remembers keys, to log once what is true of every call. Keys contain names from
// outside, so their number is bounded; beyond the limit, new ones are not logged.
type firsts[K comparable] struct {
	mu   sync.Mutex
	seen map[K]struct{}
}

const maxFirsts = 1000

// first reports whether the key is new. keep returns a copy that does not hold the payload
// in memory.
func (f *firsts[K]) first(key K, keep func(K) K) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, known := f.seen[key]; known || len(f.seen) >= maxFirsts {
		return false
	}
	if f.seen == nil {
		f.seen = map[K]struct{}{}
	}
	f.seen[keep(key)] = struct{}{}
	return true
}

func (f *firsts[K]) forget() {
	f.mu.Lock()
	clear(f.seen)
	f.mu.Unlock()
}

// modelLog logs once, not for every call, that a model has no price.
type modelLog struct {
	logger *zap.Logger
	firsts[modelKey]
}

type modelKey struct {
	provider, model string
	reason          usage.Reason
}

func newModelLog(logger *zap.Logger) *modelLog { return &modelLog{logger: logger} }

// unpriced logs the model of a record. It logs again after another book was loaded, which
// may know the model: see forget.
func (l *modelLog) unpriced(r *usage.Record) {
	if !r.Reason.OfBook() || !l.first(modelKey{r.Provider, r.Model, r.Reason}, func(k modelKey) modelKey {
		return modelKey{strings.Clone(k.provider), strings.Clone(k.model), k.reason}
	}) {
		return
	}
	l.logger.Warn("no price: calls are stored as unpriced until a price file names the model",
		zap.String("provider", r.Provider), zap.String("model", r.Model), zap.String("pricing_reason", string(r.Reason)))
}

// samplingLog logs once for each service that its traces are sampled.
type samplingLog struct {
	logger *zap.Logger
	firsts[samplingKey]
}

type samplingKey struct{ service, share string }

func (l *samplingLog) sampled(r *usage.Record) {
	if l.first(samplingKey{r.Service, r.Sampled}, func(k samplingKey) samplingKey {
		return samplingKey{strings.Clone(k.service), k.share}
	}) {
		l.logger.Warn("traces are sampled: sums of cost are this share of what was spent; let the sampler keep the traces of AI calls",
			zap.String("service", r.Service), zap.String("share", r.Sampled))
	}
}
