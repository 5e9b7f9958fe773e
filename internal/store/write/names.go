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
	day                                   int64 // Unix seconds
	provider, model, service, environment string
}

// tagged is a tag of a call, on a UTC day.
type tagged struct {
	day         int64 // seconds since 1970
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

// each sets the decision on n keys. It has unknown keys decided in one query; clone returns
// a key that does not share memory with a payload.
func (d *decisions[Key, Decision]) each(n int, key func(i int) Key, set func(i int, decision Decision), decide func([]Key) ([]Decision, error), clone func(Key) Key) error {
	var fresh []Key
	asked := map[Key]int{}
	d.mu.Lock()
	for i := range n {
		k := key(i)
		decision, ok := d.known[k]
		if set(i, decision); ok {
			continue
		}
		if _, ok := asked[k]; !ok {
			asked[k] = len(fresh)
			fresh = append(fresh, k)
		}
	}
	d.mu.Unlock()
	if len(fresh) == 0 {
		return nil
	}
	decided, err := decide(fresh)
	if err != nil {
		return err
	}
	for i := range n {
		if at, ok := asked[key(i)]; ok {
			set(i, decided[at])
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
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
	err := w.names.each(len(rows), func(i int) named { return namesOf(&rows[i]) }, func(i int, folded int16) { rows[i].folded = folded },
		func(fresh []named) ([]int16, error) { return w.decide(ctx, fresh) },
		func(k named) named {
			k.provider, k.model, k.service, k.environment = strings.Clone(k.provider), strings.Clone(k.model), strings.Clone(k.service), strings.Clone(k.environment)
			return k
		})
	if err != nil {
		return err
	}
	type place struct{ row, tag int }
	var places []place
	for i := range rows {
		rows[i].foldedTags = nil
		for n, tag := range rows[i].Tags {
			if tag.Value != "" { // no sum has one without a value
				places = append(places, place{i, n})
			}
		}
	}
	if len(places) == 0 {
		return nil
	}
	return w.tags.each(len(places),
		func(i int) tagged {
			r := &rows[places[i].row]
			tag := &r.Tags[places[i].tag]
			return tagged{sums.Day.Floor(r.Time).Unix(), tag.Key, tag.Value}
		},
		func(i int, folded string) {
			if r := &rows[places[i].row]; folded != "" {
				r.foldedTags = append(r.foldedTags, usage.Tag{Key: r.Tags[places[i].tag].Key, Value: folded})
			}
		},
		func(fresh []tagged) ([]string, error) { return w.decideTags(ctx, fresh) },
		func(k tagged) tagged {
			k.name, k.value = strings.Clone(k.name), strings.Clone(k.value)
			return k
		})
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

// decideTags asks the database about tags, in one way to it.
func (w *Writer) decideTags(ctx context.Context, list []tagged) (folded []string, err error) {
	days, names, values := make([]time.Time, len(list)), make([]string, len(list)), make([]string, len(list))
	for i, key := range list {
		days[i], names[i], values[i] = time.Unix(key.day, 0), key.name, key.value
	}
	ctx, cancel := context.WithTimeout(ctx, w.o.StatementTimeout)
	defer cancel()
	err = w.pool.QueryRow(ctx, sums.FoldTags, days, names, values).Scan(&folded)
	return folded, err
}
