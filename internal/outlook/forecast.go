package outlook

import (
	"fmt"
	"strconv"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// Question is the input of [Of]. Its days are calendar days in the user's time zone, each
// given by its date at midnight UTC.
type Question struct {
	// First is the day of Costs[0].
	First time.Time
	// Costs are the costs of consecutive complete days. The day after the last one is
	// running.
	Costs []usage.Sum
	// Running is the cost of the running day so far.
	Running usage.Sum
	// From is the first day of the period, and To the first day after it. The running day
	// is in the period.
	From, To time.Time
	// PriceChanges are the days, in ascending order, on which prices changed.
	PriceChanges []time.Time
	// Limit is the budget of the period; nil for none.
	Limit *usage.Sum
}

// Forecast is the expected cost of a period.
type Forecast struct {
	// Spent is the exact cost of the period so far.
	Spent usage.Sum `json:"spent"`
	// Expected is the cost of the whole period, including Spent.
	Expected usage.Sum `json:"expected"`
	// Bands are ranges of the cost, by their probability in percent: "50", "80", "95".
	// There are none when the history is too short to judge forecasts.
	Bands map[string]Band `json:"bands,omitempty"`
	// Method says how the forecast was made. ShortHistory means that there were too few
	// days to compare methods.
	Method       Method `json:"method"`
	ShortHistory bool   `json:"shortHistory,omitempty"`
	// PastError and LineError are the errors of the last forecasts and of a straight line
	// over the same days: the sum of the absolute errors as a share of the sum of the
	// costs. Coverage is the share of outcomes, over up to a year, within the band of 80 %.
	// Forecasts is the number of the last forecasts. All are omitted when there is nothing to
	// compare.
	PastError *Share `json:"pastError,omitempty"`
	LineError *Share `json:"lineError,omitempty"`
	Coverage  *Share `json:"coverage,omitempty"`
	Forecasts int    `json:"forecasts,omitempty"`
	// Budget compares the forecast with the limit, if there is one.
	Budget *Budget `json:"budget,omitempty"`
}

// Band is a range of costs, in JSON the array [low, high].
type Band [2]usage.Sum

// Budget compares a forecast with a limit.
type Budget struct {
	Limit usage.Sum `json:"limit"`
	// Exceeds is the probability that the period costs more than the limit. It is omitted
	// when the history is too short.
	Exceeds *Share `json:"exceeds,omitempty"`
	// Exhausted is the day, as 2006-01-02, on which the expected cost exceeds the limit. It
	// is omitted when it does not.
	Exhausted string `json:"exhausted,omitempty"`
}

// Share is a ratio in millionths, in JSON a number such as 0.125.
type Share int64

// String returns the share as a decimal number.
func (s Share) String() string { return sumOf(micro(s)).String() }

// MarshalJSON writes a number.
func (s Share) MarshalJSON() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalJSON reads a number from its text.
func (s *Share) UnmarshalJSON(text []byte) error {
	sum, err := usage.ParseSum(string(text))
	if err != nil {
		return fmt.Errorf("%q is not a share", text)
	}
	*s = Share(sum.Decimal().Shift(6).IntPart())
	return nil
}

// share returns part / whole, or nil when whole is 0.
func share(part, whole int64) *Share {
	switch {
	case whole == 0 && part == 0:
		s := Share(0)
		return &s
	case whole == 0:
		return nil
	}
	s := Share(scale(part, perMillion, whole))
	return &s
}

// Of forecasts the cost of a period. It returns an error when the running day is not in the
// period.
func Of(q Question) (Forecast, error) {
	running := q.First.AddDate(0, 0, len(q.Costs))
	if running.Before(q.From) || !running.Before(q.To) {
		return Forecast{}, fmt.Errorf("the running day %s is not in the period from %s until before %s",
			running.Format(time.DateOnly), q.From.Format(time.DateOnly), q.To.Format(time.DateOnly))
	}
	h := q.history()
	days := daysBetween(running, q.To)
	past := h.test(graded(len(h.costs), days))
	choose, move := past.best, within
	g := past.grade(choose, move)
	if g.missed > g.lineMissed {
		choose, move = func(int) Method { return RunRate }, asSaid
		g = past.grade(choose, move)
	}
	method := choose(len(h.costs))
	ahead := h.next(method, days)
	outcomes := past.outcomes(method, len(h.costs), total(ahead))
	spread(ahead, move(total(ahead), outcomes, past.days))
	more := max(microOf(q.Running)-ahead[0], 0)
	ahead[0] += more

	closed := q.closed()
	f := Forecast{
		Spent: closed.Plus(q.Running), Expected: closed.Plus(sumOf(total(ahead))),
		Method: method, ShortHistory: len(past.came) < fewest,
	}
	if g.forecasts > 0 {
		f.Forecasts = g.forecasts
		f.PastError, f.LineError = share(g.missed, g.came), share(g.lineMissed, g.came)
	}
	if g.banded > 0 {
		f.Coverage = share(int64(g.covered), int64(g.banded))
	}
	for i := range outcomes {
		outcomes[i] = max(plus(outcomes[i], more), microOf(q.Running))
	}
	if len(outcomes) < fewest {
		outcomes = nil
	} else {
		f.Bands = make(map[string]Band, 3)
		for _, percent := range []int{50, 80, 95} {
			low, high := band(outcomes, percent, past.days)
			f.Bands[strconv.Itoa(percent)] = Band{closed.Plus(sumOf(low)), closed.Plus(sumOf(high))}
		}
	}
	if q.Limit != nil {
		f.Budget = q.budget(f.Spent, ahead, outcomes)
	}
	return f, nil
}

// graded returns the length in days of the past forecasts that judge a forecast of the
// given length: the same, but at most a third of the history after its first two weeks.
func graded(history, days int) int { return max(min(days, (history-shortest)/3), 1) }

// history returns the days since the scope's first cost; days before that carry no
// information.
func (q Question) history() (h history) {
	first := 0
	for first < len(q.Costs) && q.Costs[first].IsZero() {
		first++
	}
	for _, c := range q.Costs[first:] {
		h.costs = append(h.costs, microOf(c))
	}
	for _, change := range q.PriceChanges {
		if day := daysBetween(q.First, change) - first; day > 0 && day <= len(h.costs) {
			h.changes = append(h.changes, day)
		}
	}
	return h
}

// closed returns the cost of the complete days of the period.
func (q Question) closed() (sum usage.Sum) {
	for i := max(daysBetween(q.First, q.From), 0); i < len(q.Costs); i++ {
		sum = sum.Plus(q.Costs[i])
	}
	return sum
}

// budget compares the limit with the spent and the expected cost.
func (q Question) budget(spent usage.Sum, ahead, outcomes []micro) *Budget {
	b := &Budget{Limit: *q.Limit}
	if spent.Cmp(*q.Limit) > 0 {
		b.Exceeds = share(1, 1)
	} else if len(outcomes) > 0 {
		left := q.Limit.Minus(q.closed())
		above := 0
		for _, o := range outcomes {
			if sumOf(o).Cmp(left) > 0 {
				above++
			}
		}
		b.Exceeds = share(int64(above), int64(len(outcomes)))
	}
	days := q.Costs
	for _, cost := range ahead {
		days = append(days[:len(days):len(days)], sumOf(cost))
	}
	var sum usage.Sum
	for i := max(daysBetween(q.First, q.From), 0); i < len(days); i++ {
		if sum = sum.Plus(days[i]); sum.Cmp(*q.Limit) > 0 {
			b.Exhausted = q.First.AddDate(0, 0, i).Format(time.DateOnly)
			break
		}
	}
	return b
}

// daysBetween returns the number of days between two dates.
func daysBetween(from, to time.Time) int { return int(to.Sub(from) / (24 * time.Hour)) }
