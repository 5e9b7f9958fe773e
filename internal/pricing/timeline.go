package pricing

import (
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing/book"
)

// provider holds the prices of one host. Where unread is set, the fields below it are not
// there until [provider.open].
type provider struct {
	layer    Layer
	name     string
	unread   func()
	once     sync.Once // of unread
	names    map[string]*timeline
	folded   map[string]string // lower case -> the name, where they differ
	patterns []pattern         // the most specific first
	// missable is the set that mayMiss returns, valid when knownAssumable is set.
	missable atomic.Uint32
	// versionsKnown: findVersions has run; versions is locked while it runs.
	versionsKnown atomic.Bool
	versions      sync.Mutex
}

// timeline holds the rows of one name, in order of time and without overlap.
type timeline struct {
	of       *provider
	segments []segment
	// versions are the periods in which a snapshot of the model has a price of its own, so
	// that the price depends on which snapshot answered.
	versions []segment
}

// segment is the period in which a row is in force, [from, until) in Unix seconds; the
// years 1 and 9999 fit too.
type segment struct {
	from, until int64
	row         *row
	// alias is the model that the timeline's name refers to, "" when the row is the name's
	// own.
	alias string
	// snapshot: that model is one of several snapshots.
	snapshot bool
}

const (
	always = math.MinInt64
	never  = math.MaxInt64
)

// timeline finds the timeline of a name, or creates it.
func (p *provider) timeline(name string) *timeline {
	t := p.names[name]
	if t == nil {
		t = &timeline{of: p}
		p.names[name] = t
	}
	return t
}

// at returns the segment in force at a moment, nil for none.
func (t *timeline) at(second int64) *segment {
	// The newest row is last and is needed most often.
	for i := len(t.segments) - 1; i >= 0; i-- {
		if s := &t.segments[i]; second >= s.from {
			if second < s.until {
				return s
			}
			return nil
		}
	}
	return nil
}

// within lists the segments that overlap a span, cut to it.
func (t *timeline) within(span book.Span) (list []segment) {
	from, until := seconds(span)
	for _, s := range t.segments {
		s.from, s.until = max(s.from, from), min(s.until, until)
		if s.from < s.until {
			list = append(list, s)
		}
	}
	return list
}

// put puts a row in force during a span and cuts off what was there before.
func (t *timeline) put(span book.Span, r *row) { t.putAlias(span, r, "") }

// putAlias is put for a row of the model that the name refers to.
func (t *timeline) putAlias(span book.Span, r *row, alias string) {
	from, until := seconds(span)
	now := segment{from, until, r, alias, alias != "" && catalog.IsSnapshot(alias)}
	var kept []segment
	for _, s := range t.segments {
		if s.until <= from || until <= s.from {
			kept = append(kept, s)
			continue
		}
		if s.from < from {
			kept = append(kept, segment{s.from, from, s.row, s.alias, s.snapshot})
		}
		if until < s.until {
			kept = append(kept, segment{until, s.until, s.row, s.alias, s.snapshot})
		}
	}
	t.segments = append(kept, now)
	slices.SortFunc(t.segments, func(a, b segment) int {
		if a.from < b.from {
			return -1
		}
		return 1
	})
}

// apart lists the periods in which two names have different prices.
func apart(a, b *timeline) (list []segment) {
	if a == nil || b == nil || a == b {
		return nil
	}
	for _, s := range a.segments {
		for _, o := range b.within(s.span()) {
			if s.row.differs(o.row) {
				list = append(list, segment{from: o.from, until: o.until})
			}
		}
	}
	return list
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
