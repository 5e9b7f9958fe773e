package write

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/sums"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// named holds the names of a call by which sums are kept, on one UTC day.
type named struct {
	day                                   int64 // since 1970
	provider, model, service, environment string
}

// tagged is a tag of a call, on a UTC day.
type tagged struct {
	day         int64 // since 1970
	name, value string
}

// decisions remembers what was decided about names or tags. A decision never changes, so
// an entry is never out of date.
type decisions[Key comparable, Decision any] struct {
	mu    sync.Mutex
	known map[Key]Decision
}

// maxNames bounds the memory of each: 9 MB when every name has its maximum length.
const maxNames = 8192

// each calls walk, which passes keys to its argument and uses the decisions it gets. When
// some are unknown, it has them decided in one query and calls walk again; clone returns a
// key that does not share memory with a payload.
func (d *decisions[Key, Decision]) each(walk func(decision func(Key) Decision), decide func([]Key) ([]Decision, error), clone func(Key) Key) error {
	var fresh []Key
	asked := map[Key]int{}
	d.mu.Lock()
	known := d.known
	walk(func(k Key) Decision {
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
	walk(func(k Key) Decision {
		if at, ok := asked[k]; ok {
			return decided[at]
		}
		return known[k]
	})
	if d.known == nil || len(d.known)+len(fresh) > maxNames {
		d.known = make(map[Key]Decision, len(fresh))
	}
	for i, k := range fresh[:min(len(fresh), maxNames)] {
		d.known[clone(k)] = decided[i]
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
		},
		func(k named) named {
			k.provider, k.model, k.service, k.environment = strings.Clone(k.provider), strings.Clone(k.model), strings.Clone(k.service), strings.Clone(k.environment)
			return k
		})
	if err != nil {
		return err
	}
	return w.tags.each(
		func(decision func(tagged) string) {
			for i := range rows {
				r := &rows[i]
				r.foldedTags = nil
				for _, tag := range r.Tags {
					if tag.Value == "" {
						continue // no sum has one without a value
					}
					if folded := decision(tagged{dayOf(r), tag.Key, tag.Value}); folded != "" {
						r.foldedTags = append(r.foldedTags, usage.Tag{Key: tag.Key, Value: folded})
					}
				}
			}
		},
		func(fresh []tagged) ([]string, error) { return w.decideTags(ctx, fresh) },
		func(k tagged) tagged {
			k.name, k.value = strings.Clone(k.name), strings.Clone(k.value)
			return k
		})
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

// decideTags asks the database about tags, in one way to it.
func (w *Writer) decideTags(ctx context.Context, list []tagged) (folded []string, err error) {
	days, names, values := make([]time.Time, len(list)), make([]string, len(list)), make([]string, len(list))
	for i, key := range list {
		days[i], names[i], values[i] = startOf(key.day), key.name, key.value
	}
	ctx, cancel := context.WithTimeout(ctx, w.o.StatementTimeout)
	defer cancel()
	err = w.pool.QueryRow(ctx, sums.FoldTags, days, names, values).Scan(&folded)
	return folded, err
}
