package cli

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// reachSums counts the calls that rows of the price files apply to.
type reachSums struct {
	Reached int64         `json:"reachedCalls"`
	Missed  []missedCalls `json:"missed"`
}

// missedCalls are calls that a row of the files was almost certainly meant for.
type missedCalls struct {
	Provider string `json:"provider"`
	Model    string `json:"model"`
	Calls    int64  `json:"calls"`
	Why      string `json:"why"`
}

// reachCount counts stored calls by whether a row of the given files prices them.
type reachCount struct {
	book    *pricing.Book
	known   map[reachKey]pricing.Reach
	reached int64
	missed  map[missedCalls]int64
}

// reachKey holds what the result depends on. Prices change at midnight; other times are too
// rare to affect a count.
type reachKey struct {
	provider, model, request string
	day                      time.Time
}

func newReachCount(b *pricing.Book) *reachCount {
	return &reachCount{book: b, known: map[reachKey]pricing.Reach{}, missed: map[missedCalls]int64{}}
}

func (c *reachCount) add(r *usage.Record) {
	key := reachKey{r.Provider, r.Model, r.RequestModel, r.Time.UTC().Truncate(24 * time.Hour)}
	reach, ok := c.known[key]
	if !ok {
		reach = c.book.Reach(&pricing.Call{Provider: r.Provider, Model: r.Model, RequestModel: r.RequestModel, At: r.Time})
		c.known[key] = reach
	}
	switch {
	case reach.Layer == pricing.LayerContract:
		c.reached++
	case reach.Missed != "":
		c.missed[missedCalls{Provider: r.Provider, Model: r.Model, Why: reach.Missed}]++
	}
}

func (c *reachCount) sums() *reachSums {
	s := &reachSums{Reached: c.reached, Missed: []missedCalls{}}
	for m, calls := range c.missed {
		m.Calls = calls
		s.Missed = append(s.Missed, m)
	}
	slices.SortFunc(s.Missed, func(a, b missedCalls) int {
		return cmp.Or(cmp.Compare(b.Calls, a.Calls), cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Model, b.Model), cmp.Compare(a.Why, b.Why))
	})
	return s
}

// print prints the counts for a terminal, and nothing when no files were tried.
func (s *reachSums) print(w io.Writer) error {
	if s == nil {
		return nil
	}
	if _, err := fmt.Fprintf(w, "%s a price of the files\n", plural(s.Reached, "call gets", "calls get")); err != nil {
		return err
	}
	for _, m := range s.Missed {
		if _, err := fmt.Fprintf(w, "not reached: %s of %s at %s: %s\n", plural(m.Calls, "call", "calls"), m.Model, m.Provider, m.Why); err != nil {
			return err
		}
	}
	return nil
}
