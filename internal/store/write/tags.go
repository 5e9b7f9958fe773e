package write

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/sums"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// tagOfDay is a tag on a UTC day.
type tagOfDay struct {
	day  int64 // since 1970
	name string
}

// tagged is a value of it.
type tagged struct {
	tagOfDay
	value string
}

// ownValues are the values of a tag that have sums of their own on a day.
type ownValues struct {
	known map[string]struct{}
	// all: the day has as many values as it may have, and these are all of them.
	all bool
	// leftOut: the day has as many tags as it may have, and this is none of them.
	leftOut bool
}

// tagDecisions remembers what was decided about tags. A decision never changes, so nothing
// of it is ever out of date.
type tagDecisions struct {
	mu   sync.Mutex
	tags map[tagOfDay]*ownValues
	size int // values of all tags
}

// maxTagValues bounds the memory of tagDecisions: 6 MB when values have 40 bytes, 20 MB when
// each has its maximum length.
const maxTagValues = 1 << 16

// foldTags says of every row what of its tags the sums replace or leave out. It decides in
// transactions of its own before the batch's, as foldNames does.
func (w *Writer) foldTags(ctx context.Context, rows []row) error {
	fresh := w.tags.fold(rows, nil)
	if len(fresh) == 0 {
		return nil
	}
	decided, full, err := w.decideTags(ctx, fresh)
	if err != nil {
		return err
	}
	w.tags.learn(decided, full)
	w.tags.fold(rows, decided)
	return nil
}

// fold decides about the tags of rows by what is known, or else by what was decided just now.
// It returns the tags that it knows nothing of.
func (d *tagDecisions) fold(rows []row, decided map[tagged]string) (fresh []tagged) {
	d.mu.Lock()
	defer d.mu.Unlock()
	asked := map[tagged]struct{}{}
	// Most calls have the tags of the call before them.
	var last [usage.MaxTags]struct {
		tagOfDay
		values *ownValues
	}
	for i := range rows {
		r := &rows[i]
		r.foldedTags = nil
		for n := range r.Tags[:min(len(r.Tags), len(last))] {
			tag := &r.Tags[n]
			if tag.Value == "" {
				continue // no sum has one without a value
			}
			if key := (tagOfDay{dayOf(r), tag.Key}); last[n].values == nil || last[n].tagOfDay != key {
				last[n].tagOfDay, last[n].values = key, d.tags[key]
			}
			folded, ok := last[n].values.decision(tag.Value)
			if !ok {
				t := tagged{last[n].tagOfDay, tag.Value}
				if folded, ok = decided[t]; !ok {
					if _, again := asked[t]; !again {
						asked[t] = struct{}{}
						fresh = append(fresh, t)
					}
				}
			}
			if folded != "" {
				r.foldedTags = append(r.foldedTags, usage.Tag{Key: tag.Key, Value: folded})
			}
		}
	}
	return fresh
}

// decision returns what was decided about a value, and false when that is not known.
func (v *ownValues) decision(value string) (string, bool) {
	if v == nil {
		return "", false
	}
	if v.leftOut {
		return sums.FoldedName, true
	}
	if _, ok := v.known[value]; ok || !v.all {
		return "", ok
	}
	return sums.FoldedValue, true
}

// learn adds what was decided. full has all values of tags that have as many as they may have.
func (d *tagDecisions) learn(decided map[tagged]string, full map[tagOfDay][]string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	add := len(decided)
	for _, values := range full {
		add += len(values)
	}
	if d.size+add > maxTagValues {
		d.tags, d.size = nil, 0
	}
	if add > maxTagValues {
		return // each batch asks
	}
	d.size += add
	of := func(key tagOfDay) *ownValues {
		values := d.tags[key]
		if values == nil {
			values = &ownValues{known: map[string]struct{}{}}
			if d.tags == nil {
				d.tags = map[tagOfDay]*ownValues{}
			}
			d.tags[tagOfDay{key.day, strings.Clone(key.name)}] = values
		}
		return values
	}
	for t, folded := range decided {
		switch folded {
		case "":
			of(t.tagOfDay).known[strings.Clone(t.value)] = struct{}{}
		case sums.FoldedName:
			of(t.tagOfDay).leftOut = true
		}
	}
	for key, list := range full {
		values := of(key)
		for _, value := range list {
			values.known[value] = struct{}{}
		}
		values.all = true
	}
}

// decideTags asks the database about tags in one round trip, and in one more for each tag
// that turns out to have as many values as it may have, for all of them.
func (w *Writer) decideTags(ctx context.Context, list []tagged) (decided map[tagged]string, full map[tagOfDay][]string, err error) {
	days, names, values := make([]time.Time, len(list)), make([]string, len(list)), make([]string, len(list))
	for i, t := range list {
		days[i], names[i], values[i] = startOf(t.day), t.name, t.value
	}
	ctx, cancel := context.WithTimeout(ctx, w.o.StatementTimeout)
	defer cancel()
	var folded []string
	if err := w.pool.QueryRow(ctx, sums.FoldTags, days, names, values).Scan(&folded); err != nil {
		return nil, nil, err
	}
	decided, full = make(map[tagged]string, len(list)), map[tagOfDay][]string{}
	for i, t := range list {
		if decided[t] = folded[i]; folded[i] == sums.FoldedValue {
			full[t.tagOfDay] = nil
		}
	}
	for _, key := range slices.Collect(maps.Keys(full)) {
		var own []string
		if err := w.pool.QueryRow(ctx, sums.TagValues, startOf(key.day), key.name).Scan(&own); err != nil {
			return nil, nil, err
		}
		full[key] = own
	}
	return decided, full, nil
}
