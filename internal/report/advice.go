package report

import (
	"context"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/outlook"
	"github.com/otelcol-usage/otelcol-usage/internal/store/read"
)

// AdviceAnswer is the document returned by GET /api/admin/advice.
type AdviceAnswer struct {
	// PublishedAt is when the advice was computed, null when none was published.
	PublishedAt *time.Time `json:"publishedAt"`
	Currency    string     `json:"currency"` // of every amount, as an ISO 4217 code
	outlook.AdviceList
}

// Advice returns the latest published advice. Computing it requires the price book and
// reads every call.
func Advice(ctx context.Context, r *read.Reader) (AdviceAnswer, error) {
	list, at, err := r.PublishedAdvice(ctx)
	answer := AdviceAnswer{Currency: read.Dollar, AdviceList: list}
	if !at.IsZero() {
		answer.PublishedAt = &at
	}
	return answer, err
}
