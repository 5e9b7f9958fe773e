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
	day                                   int64 // since 1970
	provider, model, service, environment string
}

// decisions remembers what was decided about names. A decision never changes, so an entry is
// never out of date.
type decisions struct {
	mu    sync.Mutex
	known map[named]int16
}

// maxNames bounds its memory: 9 MB when every name has its maximum length.
const maxNames = 8192

// each calls walk, which passes keys to its argument and uses the decisions it gets. When
// some are unknown, it has them decided in one query and calls walk again.
func (d *decisions) each(walk func(decision func(named) int16), decide func([]named) ([]int16, error)) error {
	var fresh []named
	asked := map[named]int{}
	d.mu.Lock()
	known := d.known
	walk(func(k named) int16 {
		decision, ok := known[k]
		if !ok {
			if _, ok := asked[k]; !ok {
				asked[k] = len(fresh)
				fresh = append(fresh, k)
			}
		}
		return decision
	})
	d.mu.Unlock()
	if len(fresh) == 0 {
		return nil
	}
	decided, err := decide(fresh)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	walk(func(k named) int16 {
		if at, ok := asked[k]; ok {
			return decided[at]
		}
		return known[k]
	})
	if d.known == nil || len(d.known)+len(fresh) > maxNames {
		d.known = make(map[named]int16, len(fresh))
	}
	for i, k := range fresh[:min(len(fresh), maxNames)] {
		// A copy that does not share memory with a payload.
		k.provider, k.model, k.service, k.environment = strings.Clone(k.provider), strings.Clone(k.model), strings.Clone(k.service), strings.Clone(k.environment)
		d.known[k] = decided[i]
	}
	return nil
}

// foldNames says of every row what of it the sums call [sums.Other]. It decides in
// transactions of its own before the batch's, so that no lock on the names of a day
// is held while rows are written.
func (w *Writer) foldNames(ctx context.Context, rows []row) error {
	err := w.names.each(
		func(decision func(named) int16) {
			for i := range rows {
				r := &rows[i]
				r.folded = decision(named{dayOf(r), r.Provider, r.Model, r.Service, r.Environment})
			}
		},
		func(fresh []named) ([]int16, error) {
			w.services.add(fresh)
			return w.decide(ctx, fresh)
		})
	if err != nil {
		return err
	}
	return w.foldTags(ctx, rows)
}

const secondsOfDay = 24 * 60 * 60

// dayOf returns the UTC day of a call, counted from 1970, and startOf its start.
func dayOf(r *row) int64 { return r.Time.Unix() / secondsOfDay }

func startOf(day int64) time.Time { return time.Unix(day*secondsOfDay, 0) }

// decide asks the database about all names in one round trip.
func (w *Writer) decide(ctx context.Context, list []named) (folded []int16, err error) {
	n := len(list)
	days := make([]time.Time, n)
	providers, models, services, environments := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	for i, key := range list {
		days[i] = startOf(key.day)
		providers[i], models[i], services[i], environments[i] = key.provider, key.model, key.service, key.environment
	}
	ctx, cancel := context.WithTimeout(ctx, w.o.StatementTimeout)
	defer cancel()
	err = w.pool.QueryRow(ctx, sums.FoldNames, days, providers, models, services, environments).Scan(&folded)
	return folded, err
}
