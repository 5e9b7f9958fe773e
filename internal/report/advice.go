package report

import (
	"context"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/outlook"
	"github.com/otelcol-usage/otelcol-usage/internal/store/read"
)

// AdviceAnswer is the document that GET /api/admin/advice gives.
type AdviceAnswer struct {
	// PublishedAt is when the advice was computed, null where none was published.
	PublishedAt *time.Time `json:"publishedAt"`
	Currency    string     `json:"currency"` // of every amount, as an ISO 4217 code
	outlook.AdviceList
}

// Advice gives what was published last: making it takes the price book and reads every
// call.
func Advice(ctx context.Context, r *read.Reader) (AdviceAnswer, error) {
	list, at, err := r.PublishedAdvice(ctx)
	answer := AdviceAnswer{Currency: read.Dollar, AdviceList: list}
	if !at.IsZero() {
		answer.PublishedAt = &at
	}
	return answer, err
}
