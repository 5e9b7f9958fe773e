package savings

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"slices"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/outlook"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// proposals about the seats of plans. They rest on cash and on calls that no other rule
// looks at, so they change nothing for the others.
const (
	idleSeat      = "idle_seat"
	underusedSeat = "underused_seat"
	besideSeat    = "beside_seat"
)

// seatAdvice returns what is advised about the seats of each plan. A plan of which no call
// is seen at all says nothing: perhaps its tool sends no telemetry.
func seatAdvice(q *Question) (list []*candidate) {
	seen := map[string]bool{}
	for _, s := range q.Seats {
		seen[s.Plan] = seen[s.Plan] || s.Calls > 0
	}
	found := map[[2]string]*candidate{}
	add := func(rule, change string, s *outlook.Seat, saves usage.Sum, calls int64, cost usage.Sum) {
		key := [2]string{rule, s.Plan}
		c := found[key]
		if c == nil {
			c = &candidate{proposal: &proposal{rule: rule, change: change + " of " + s.Plan, assumption: assumes(rule), scope: scope{provider: "\x00plan " + s.Plan}}, fixed: true}
			id := sha256.Sum256([]byte(rule + "\x00" + s.Plan))
			c.advice = outlook.Advice{ID: hex.EncodeToString(id[:4]), Rule: rule, Change: c.change, Assumption: c.assumption, Rows: outlook.Rows{Link: seatLink(q)}}
			found[key], list = c, append(list, c)
		}
		a := &c.advice
		a.SavesPerMonth, a.Rows.Calls, a.Rows.Cost = a.SavesPerMonth.Plus(saves), a.Rows.Calls+calls, a.Rows.Cost.Plus(cost)
	}
	for i := range q.Seats {
		s := &q.Seats[i]
		if s.BesideUnpriced == 0 && s.BesideCalls > 0 {
			add(besideSeat, "log in with the seats", s, s.BesideCost, s.BesideCalls, s.BesideCost)
		}
		if s.Cash == nil || !s.Whole || !seen[s.Plan] {
			continue
		}
		switch {
		case s.Calls == 0 && s.BesideCalls == 0:
			add(idleSeat, "end unused seats", s, *s.Cash, 0, usage.Sum{})
		case s.Calls > 0 && s.Unpriced == 0 && s.APICost.Cmp(*s.Cash) < 0:
			add(underusedSeat, "pay at the API instead of some seats", s, s.Cash.Minus(s.APICost), s.Calls, s.APICost)
		}
	}
	slices.SortFunc(list, func(a, b *candidate) int { return cmp.Or(cmp.Compare(a.change, b.change), cmp.Compare(a.rule, b.rule)) })
	return list
}

// seatLink shows the plans of the period.
func seatLink(q *Question) string {
	values := url.Values{"startDate": {q.To.AddDate(0, 0, -Days).Format(time.DateOnly)}, "endDate": {q.To.AddDate(0, 0, -1).Format(time.DateOnly)}}
	return "/api/admin/plans?" + values.Encode()
}
