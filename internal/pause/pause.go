// Package pause waits. It owns that a wait ends with its context; it does not own how long
// anything waits.
package pause

import (
	"context"
	"time"
)

// For waits for d or until the context ends, whose error it then returns.
func For(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
