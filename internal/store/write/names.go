package write

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/sums"
)

// named holds the names of a call by which sums are kept, on one UTC day.
type named struct {
	day                                   int64 // Unix seconds
	provider, model, service, environment string
}

// nameCache remembers which names are folded into [sums.Other]. A decision never changes,
// so an entry is never out of date.
type nameCache struct {
	mu    sync.Mutex
	known map[named]int16
}

// maxNames bounds the cache: 9 MB when every name has its maximum length.
const maxNames = 8192

// foldNames sets, for every row, which of its names the sums replace by [sums.Other]. It
// decides in its own transaction before the batch's, so that no lock on the names of a day
// is held while rows are written.
func (w *Writer) foldNames(ctx context.Context, rows []row) error {
	var fresh []named
	asked := map[named]int{}
	w.names.mu.Lock()
	for i := range rows {
		key := namesOf(&rows[i])
		folded, ok := w.names.known[key]
		if rows[i].folded = folded; ok {
			continue
		}
		if _, ok := asked[key]; !ok {
			asked[key] = len(fresh)
			fresh = append(fresh, key)
		}
	}
	w.names.mu.Unlock()
	if len(fresh) == 0 {
		return nil
	}
	decided, err := w.decide(ctx, fresh)
	if err != nil {
		return err
	}
	for i := range rows {
		if n, ok := asked[namesOf(&rows[i])]; ok {
			rows[i].folded = decided[n]
		}
	}
	w.names.mu.Lock()
	defer w.names.mu.Unlock()
	if w.names.known == nil || len(w.names.known)+len(fresh) > maxNames {
		w.names.known = make(map[named]int16, len(fresh))
	}
	for i, key := range fresh[:min(len(fresh), maxNames)] {
		// Clone, because the texts of a record may share memory with a whole payload.
		key.provider, key.model = strings.Clone(key.provider), strings.Clone(key.model)
		key.service, key.environment = strings.Clone(key.service), strings.Clone(key.environment)
		w.names.known[key] = decided[i]
	}
	return nil
}

func namesOf(r *row) named {
	return named{sums.Day.Floor(r.Time).Unix(), r.Provider, r.Model, r.Service, r.Environment}
}

// decide asks the database about all names in one round trip.
func (w *Writer) decide(ctx context.Context, list []named) (folded []int16, err error) {
	n := len(list)
	days := make([]time.Time, n)
	providers, models, services, environments := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	for i, key := range list {
		days[i] = time.Unix(key.day, 0)
		providers[i], models[i], services[i], environments[i] = key.provider, key.model, key.service, key.environment
	}
	ctx, cancel := context.WithTimeout(ctx, w.o.StatementTimeout)
	defer cancel()
	err = w.pool.QueryRow(ctx, sums.FoldNames, days, providers, models, services, environments).Scan(&folded)
	return folded, err
}
