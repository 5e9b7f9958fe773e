package pricing

import (
	"math"
	"slices"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/pricing/book"
)

// provider holds the prices of one host.
type provider struct {
	name     string
	names    map[string]*timeline
	folded   map[string]string // lower case -> the name, where they differ
	patterns []pattern         // the most specific first
}

// timeline is the rows of one name, in the order of time, without overlap.
type timeline struct {
	segments []segment
}

// segment is the time during which a row holds, [from, until) in seconds since
// 1970: the year 1 and the year 9999 fit as well.
type segment struct {
	from, until int64
	row         *row
}

const (
	always = math.MinInt64
	never  = math.MaxInt64
)

// at returns the row that holds at a moment, nil when none does.
func (t *timeline) at(second int64) *row {
	// The newest row is last and is asked for most.
	for i := len(t.segments) - 1; i >= 0; i-- {
		if s := &t.segments[i]; second >= s.from {
			if second < s.until {
				return s.row
			}
			return nil
		}
	}
	return nil
}

// put lets a row hold during a span and cuts what was there before. It returns
// what the row replaced.
func (t *timeline) put(span book.Span, r *row) (replaced []segment) {
	from, until := seconds(span)
	var kept []segment
	for _, s := range t.segments {
		if s.until <= from || until <= s.from {
			kept = append(kept, s)
			continue
		}
		if s.from < from {
			kept = append(kept, segment{s.from, from, s.row})
		}
		if until < s.until {
			kept = append(kept, segment{until, s.until, s.row})
		}
		replaced = append(replaced, segment{max(s.from, from), min(s.until, until), s.row})
	}
	t.segments = append(kept, segment{from, until, r})
	slices.SortFunc(t.segments, func(a, b segment) int {
		if a.from < b.from {
			return -1
		}
		return 1
	})
	return replaced
}

func seconds(s book.Span) (from, until int64) {
	from, until = always, never
	if !s.From.IsZero() {
		from = s.From.Unix()
	}
	if !s.Until.IsZero() {
		until = s.Until.Unix()
	}
	return from, until
}

func (s segment) span() (span book.Span) {
	if s.from != always {
		span.From = time.Unix(s.from, 0).UTC()
	}
	if s.until != never {
		span.Until = time.Unix(s.until, 0).UTC()
	}
	return span
}
