package report

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/outlook"
	"github.com/otelcol-usage/otelcol-usage/internal/store/read"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// ForecastScopes lists what can be forecast; the first is the default. "budget" forecasts
// every budget, each in its own period and time zone.
var ForecastScopes = []string{"org", "user", "team", "service", "model", "provider", tagScope + "NAME", "budget"}

// tagScope begins the scope of the values of a tag.
const tagScope = "tag:"

// ForecastPeriods lists the calendar periods that can be forecast; the first is the
// default.
var ForecastPeriods = []string{"month", "quarter", "year", "week", "day"}

const (
	// historyDays is how many days of history a forecast uses.
	historyDays = 400
	// lateness is how long after its end a day counts as complete, because calls arrive
	// late.
	lateness = time.Hour
	// recentDays is the period in which the costs are ranked to choose what to forecast.
	recentDays = 30
	// allValues is more than a tag has values with sums of their own.
	allValues = 10_000
)

// ForecastQuestion is a request for forecasts; [Forecasts] answers it.
type ForecastQuestion struct {
	Viewer read.Viewer
	Filter read.Filter
	Scope  string // one of ForecastScopes
	Period string // one of ForecastPeriods
	Zone   *time.Location
	Now    time.Time
	// Top is how many users, services, models or providers are forecast: those with the
	// highest cost in the last 30 days.
	Top int
	// Brief leaves out the drivers, which take as long as all else.
	Brief bool
}

// Day returns the date of the running day, with which the forecasts begin.
func (q ForecastQuestion) Day() string { return calendarOf(q.Period, q.Zone, q.Now).running.String() }

// ForecastAnswer is the document returned by GET /api/admin/forecast and GET
// /api/usage/forecast.
type ForecastAnswer struct {
	Forecasts []ScopeForecast `json:"forecasts"`
	Timezone  string          `json:"timezone"`
	Currency  string          `json:"currency"` // of every amount, as an ISO 4217 code
	// Others is the number of users, services, models or providers that have calls in the
	// last 30 days but no forecast. OthersCost is their cost in that time. Of budgets and
	// teams Others counts those too that one reading has no room for, such as a team of a
	// thousand, without their cost.
	Others     int64     `json:"others"`
	OthersCost usage.Sum `json:"othersCost"`
}

// ScopeForecast is the forecast of one scope.
type ScopeForecast struct {
	Scope string `json:"scope"`
	// Key is the user, service, model, provider, or the name of the budget. It is omitted
	// for the organisation.
	Key string `json:"key,omitempty"`
	// Name is a user's name: the id that the app sends, or else the email address. Only an
	// administrator's answer has it.
	Name   string         `json:"name,omitempty"`
	Period ForecastPeriod `json:"period"`
	outlook.Forecast
	// UnpricedCalls is the number of calls of the period so far without a known cost. No
	// amount includes them.
	UnpricedCalls int64 `json:"unpricedCalls,omitempty"`
	// Drivers are the user, the service and the model whose costs changed most between the
	// last seven complete days and the seven before. Only the organisation's forecast has
	// them.
	Drivers []Driver `json:"drivers,omitempty"`
}

// ForecastPeriod is a calendar period; its last day is included.
type ForecastPeriod struct {
	Unit  string `json:"unit"`
	Start string `json:"start"`
	End   string `json:"end"`
	Zone  string `json:"timezone,omitempty"` // only if it differs from the answer's
}

// Driver is a user, service or model whose cost changed most.
type Driver struct {
	Dimension string    `json:"dimension"` // user, service or model
	Key       string    `json:"key"`
	Name      string    `json:"name,omitempty"` // of a user
	Before    usage.Sum `json:"before"`
	After     usage.Sum `json:"after"`
}

// ParseForecast parses the parameters period, scope and timezone; parameter returns "" for
// a missing one. [ParseFilter] parses those of the filter.
func ParseForecast(parameter func(name string) string, now time.Time) (q ForecastQuestion, err error) {
	q.Now = now
	if q.Zone, err = parseZone(parameter("timezone")); err != nil {
		return q, err
	}
	for _, p := range []struct {
		name    string
		to      *string
		allowed []string
	}{{"period", &q.Period, ForecastPeriods}, {"scope", &q.Scope, ForecastScopes}} {
		*p.to = cmp.Or(parameter(p.name), p.allowed[0])
		if tag, is := strings.CutPrefix(*p.to, tagScope); p.name == "scope" && is && tag != "" {
			continue
		}
		if !slices.Contains(p.allowed, *p.to) {
			return q, &ParamError{p.name, *p.to, strings.Join(p.allowed, ", ")}
		}
	}
	return q, nil
}

// Forecasts reads the daily costs from the store and forecasts from them.
func Forecasts(ctx context.Context, r *read.Reader, q ForecastQuestion) (ForecastAnswer, error) {
	answer := ForecastAnswer{Forecasts: []ScopeForecast{}, Timezone: q.Zone.String(), Currency: read.Dollar}
	switch q.Scope {
	case "budget":
		err := q.budgets(ctx, r, &answer)
		return answer, err
	case "team":
		err := q.teams(ctx, r, &answer)
		return answer, err
	}
	c := calendarOf(q.Period, q.Zone, q.Now)
	subjects, drivers, err := q.subjects(ctx, r, c, &answer)
	if err != nil {
		return answer, err
	}
	var scopes []read.DaysScope
	borders := c.borders()
	for _, s := range subjects {
		scopes = append(scopes, read.DaysScope{Filter: s.filter, Days: borders})
	}
	days, err := r.Days(ctx, q.Viewer, scopes)
	if err != nil {
		return answer, err
	}
	for i, s := range subjects {
		var changes []time.Time
		if model := s.filter.Model; model != nil && q.Viewer == read.Administrator() {
			if changes, err = r.PriceChanges(ctx, *model, borders[0], c.instant(c.running.next(1))); err != nil {
				return answer, err
			}
		}
		f, err := c.forecast(days[i], changes, nil)
		if err != nil {
			return answer, err
		}
		f.Scope, f.Key, f.Name = q.Scope, s.key, s.name
		if q.Scope == "org" {
			f.Drivers = drivers
		}
		answer.Forecasts = append(answer.Forecasts, f)
	}
	return answer, nil
}

// subject is what one forecast is about.
type subject struct {
	key, name string
	filter    read.Filter
}

// subjects returns what to forecast, highest recent cost first, and for the organisation
// the drivers. It counts what it leaves out in answer.
func (q ForecastQuestion) subjects(ctx context.Context, r *read.Reader, c calendar, answer *ForecastAnswer) ([]subject, []Driver, error) {
	days := recentDays
	if q.Scope == "org" {
		if q.Viewer != read.Administrator() || q.Brief {
			return []subject{{filter: q.Filter}}, nil, nil
		}
		days = week
	}
	end := c.running
	span := newSpan(c.instant(end.next(-days)), c.instant(end), c.zone)
	top := max(q.Top, week)
	tag, isTag := strings.CutPrefix(q.Scope, tagScope)
	if isTag {
		top = allValues
	}
	a, err := Ask(ctx, r, Question{Viewer: q.Viewer, Filter: q.Filter, Span: span, Top: top, Detail: true, Currency: read.Dollar})
	if err != nil {
		return nil, nil, err
	}
	if q.Scope == "org" {
		return []subject{{filter: q.Filter}}, drivers(a), nil
	}
	var list []subject
	keys, more := a.Current.by(q.Scope)
	if isTag && a.Current.UsageByTag == nil {
		return nil, nil, &ParamError{"scope", q.Scope, "a scope of a tag without the filters provider, model, service and environment: no sums are kept by both"}
	}
	answer.Others = more
	for _, key := range keys {
		switch {
		case key.Key == Others:
			answer.OthersCost = answer.OthersCost.Plus(key.Cost)
			continue
		case isRest(key.Key), isTag && key.Key == NoName:
			continue
		case len(list) == q.Top:
			answer.Others++
			answer.OthersCost = answer.OthersCost.Plus(key.Cost)
			continue
		}
		s := subject{key: key.Key, filter: q.Filter}
		value := KeyText(key.Key)
		switch q.Scope {
		case "user":
			ByUser(&s.filter, key.Key)
			s.name = a.UserNames[key.Key]
		case "service":
			s.filter.Service = &value
		case "model":
			s.filter.Model = &value
		case "provider":
			s.filter.Provider = &value
		default:
			s.filter.Tag = &read.TagValue{Name: tag, Value: value}
		}
		list = append(list, s)
	}
	return list, nil, nil
}

// by returns the breakdown by scope, and how many keys are summed under [Others] in it.
func (u *Usage) by(scope string) (keys Costs, others int64) {
	switch scope {
	case "user":
		return u.UsageByUser, u.OtherUsers
	case "service":
		return u.UsageByService, u.OtherServices
	case "model":
		return u.UsageByModel, u.OtherModels
	case "provider":
		return u.UsageByProvider, u.OtherProviders
	}
	for _, tag := range u.UsageByTag {
		if tagScope+tag.Name == scope {
			return tag.Values, 0
		}
	}
	return nil, 0
}

// isRest reports whether a key sums several keys, so that no filter can select it.
func isRest(key string) bool { return key == Others || key == NoLongerStored }

// drivers returns, for each breakdown, the key whose cost changed most.
func drivers(a Answer) []Driver {
	var list []Driver
	for _, dimension := range []string{"service", "model", "user"} {
		before := map[string]usage.Sum{}
		keys := map[string]usage.Sum{}
		previous, _ := a.Previous.by(dimension)
		current, _ := a.Current.by(dimension)
		for _, c := range previous {
			before[c.Key] = c.Cost
			keys[c.Key] = usage.Sum{}
		}
		for _, c := range current {
			keys[c.Key] = c.Cost
		}
		var most *Driver
		for key, after := range keys {
			if isRest(key) || after.Cmp(before[key]) == 0 {
				continue
			}
			d := Driver{Dimension: dimension, Key: key, Before: before[key], After: after}
			if most == nil || d.isMore(*most) {
				most = &d
			}
		}
		if most != nil {
			if dimension == "user" {
				most.Name = a.UserNames[most.Key]
			}
			list = append(list, *most)
		}
	}
	slices.SortStableFunc(list, func(a, b Driver) int { return b.change().Cmp(a.change()) })
	return list
}

// change returns the absolute difference.
func (d Driver) change() usage.Sum {
	if d.After.Cmp(d.Before) < 0 {
		return d.Before.Minus(d.After)
	}
	return d.After.Minus(d.Before)
}

func (d Driver) isMore(other Driver) bool {
	return cmp.Or(d.change().Cmp(other.change()), cmp.Compare(other.Key, d.Key)) > 0
}

// maxScopes bounds one reading of budgets or teams, of which a team takes a scope for each
// member.
const maxScopes = 1000

// whole is one budget or team: several scopes that are forecast as one.
type whole struct {
	calendar
	key    string
	scopes []read.DaysScope // their days come with the calendar
	limit  *usage.Sum
	days   read.Days
}

// readWholes fills in the days, from one snapshot. It leaves out, and counts as others, those
// that have no room.
func (q ForecastQuestion) readWholes(ctx context.Context, r *read.Reader, list []whole, answer *ForecastAnswer) ([]whole, error) {
	var kept []whole
	var scopes []read.DaysScope
	for _, w := range list {
		if len(scopes)+len(w.scopes) > maxScopes {
			answer.Others++
			continue
		}
		borders := w.borders()
		for _, s := range w.scopes {
			s.Days = borders
			scopes = append(scopes, s)
		}
		kept = append(kept, w)
	}
	days, err := r.Days(ctx, q.Viewer, scopes)
	if err != nil {
		return nil, err
	}
	for i := range kept {
		n := len(kept[i].scopes)
		kept[i].days, days = together(days[:n], len(kept[i].borders())-1), days[n:]
	}
	return kept, nil
}

// add forecasts a whole.
func (w *whole) add(scope string, answer *ForecastAnswer) error {
	f, err := w.forecast(w.days, nil, w.limit)
	if err != nil {
		return err
	}
	f.Scope, f.Key = scope, w.key
	if w.zone.String() != answer.Timezone {
		f.Period.Zone = w.zone.String()
	}
	answer.Forecasts = append(answer.Forecasts, f)
	return nil
}

// budgets forecasts each budget that is running, in its own period and time zone. An amount
// in another currency is compared in dollars, at the latest exchange rate.
func (q ForecastQuestion) budgets(ctx context.Context, r *read.Reader, answer *ForecastAnswer) error {
	budgets, err := r.Budgets(ctx, q.Viewer, q.Now)
	if err != nil {
		return err
	}
	var list []whole
	for i := range budgets {
		b := &budgets[i]
		zone, err := parseZone(b.TimeZone)
		if err != nil {
			return err
		}
		c := calendarOf(b.Period, zone, q.Now)
		if b.Period == "dates" {
			if q.Now.Before(b.Start) || !q.Now.Before(b.End) {
				continue
			}
			c = c.within(dateOf(b.Start, zone), dateOf(b.End, zone), dateOf(q.Now, zone))
		}
		list = append(list, whole{calendar: c, key: b.Name, scopes: scopesOf(b, q.Filter), limit: b.Limit})
	}
	list, err = q.readWholes(ctx, r, list, answer)
	for i := range list {
		if err == nil {
			err = list[i].add("budget", answer)
		}
	}
	return err
}

// teams forecasts the teams with the greatest cost in the last 30 days. A user in several
// teams counts in each.
func (q ForecastQuestion) teams(ctx context.Context, r *read.Reader, answer *ForecastAnswer) error {
	teams, err := r.Teams(ctx)
	if err != nil {
		return err
	}
	c := calendarOf(q.Period, q.Zone, q.Now)
	var list []whole
	for _, t := range teams {
		list = append(list, whole{calendar: c, key: t.Name, scopes: ofMembers(t.Members, q.Filter)})
	}
	if list, err = q.readWholes(ctx, r, list, answer); err != nil {
		return err
	}
	recent := func(w whole) (sum usage.Sum) {
		for _, cost := range w.days.Costs[max(len(w.days.Costs)-1-recentDays, 0):] {
			sum = sum.Plus(cost)
		}
		return sum
	}
	slices.SortStableFunc(list, func(a, b whole) int { return recent(b).Cmp(recent(a)) })
	for i := range list {
		if i >= q.Top {
			answer.Others, answer.OthersCost = answer.Others+1, answer.OthersCost.Plus(recent(list[i]))
			continue
		}
		if err := list[i].add("team", answer); err != nil {
			return err
		}
	}
	return nil
}

// ofMembers returns a scope for each member of a team: what they used while they were in it.
func ofMembers(members []read.Member, f read.Filter) []read.DaysScope {
	list := make([]read.DaysScope, len(members))
	for i, member := range members {
		f.ByUser, f.User = true, member.User
		list[i] = read.DaysScope{Filter: f, Since: member.Since, Until: member.Until}
	}
	return list
}

// scopesOf returns scopes that together select a budget's calls; each call passes exactly
// one.
func scopesOf(b *read.Budget, f read.Filter) []read.DaysScope {
	value := KeyText(b.Key)
	switch b.Scope {
	case "user":
		ByUser(&f, b.Key)
	case "service":
		f.Service = &value
	case "environment":
		f.Environment = &value
	case "provider":
		f.Provider = &value
	case "model":
		f.Model = &value
	case "api_type":
		f.APIType = &value
	case "tag":
		f.Tag = &read.TagValue{Name: b.Tag, Value: b.Key}
	case "team":
		return ofMembers(b.Members, f)
	}
	return []read.DaysScope{{Filter: f}}
}

// together sums several scopes day by day.
func together(list []read.Days, days int) read.Days {
	sum := read.Days{Costs: make([]usage.Sum, days), Unpriced: make([]int64, days)}
	for _, d := range list {
		for i := range days {
			sum.Costs[i] = sum.Costs[i].Plus(d.Costs[i])
			sum.Unpriced[i] += d.Unpriced[i]
		}
	}
	return sum
}

const week = 7

// calendar is a period, its running day, and the days before that.
type calendar struct {
	unit           string
	zone           *time.Location
	from, to       date // the period; to is excluded
	first, running date
}

// calendarOf returns the period that contains the running day. Yesterday is still running
// until its late calls have arrived, unless a period begins today.
func calendarOf(unit string, zone *time.Location, now time.Time) calendar {
	c := calendar{unit: unit, zone: zone, running: dateOf(now.Add(-lateness), zone)}
	today := dateOf(now, zone)
	from, to := periodAround(unit, today)
	return c.within(from, to, today)
}

// within sets the period.
func (c calendar) within(from, to, today date) calendar {
	if c.from, c.to = from, to; c.running < from {
		c.running = today
	}
	c.first = min(c.running.next(-historyDays), from)
	return c
}

// periodAround returns the first day of the period that contains day, and the first day
// after it.
func periodAround(unit string, day date) (from, to date) {
	t := day.midnightUTC()
	first := func(y int, m time.Month, d int) date {
		return dateOf(time.Date(y, m, d, 0, 0, 0, 0, time.UTC), time.UTC)
	}
	switch unit {
	case "day":
		return day, day.next(1)
	case "week": // starts on Monday, as in ISO 8601
		from = day.next(-(int(t.Weekday()) + 6) % week)
		return from, from.next(week)
	case "quarter":
		month := (t.Month()-1)/3*3 + 1
		return first(t.Year(), month, 1), first(t.Year(), month+3, 1)
	case "year":
		return first(t.Year(), 1, 1), first(t.Year()+1, 1, 1)
	}
	return first(t.Year(), t.Month(), 1), first(t.Year(), t.Month()+1, 1)
}

func (c calendar) instant(d date) time.Time { return startOfDay(c.zone, d) }

// borders returns the boundaries of the days from the first to the running one.
func (c calendar) borders() []time.Time {
	list := make([]time.Time, 0, c.first.daysUntil(c.running)+2)
	for d := c.first; d <= c.running.next(1); d++ {
		list = append(list, c.instant(d))
	}
	return list
}

func (c calendar) forecast(days read.Days, changes []time.Time, limit *usage.Sum) (ScopeForecast, error) {
	last := len(days.Costs) - 1
	q := outlook.Question{
		First: c.first.midnightUTC(), Costs: days.Costs[:last], Running: days.Costs[last],
		From: c.from.midnightUTC(), To: c.to.midnightUTC(), Limit: limit,
	}
	for _, at := range changes {
		q.PriceChanges = append(q.PriceChanges, dateOf(at, c.zone).midnightUTC())
	}
	f, err := outlook.Of(q)
	if err != nil {
		return ScopeForecast{}, err
	}
	s := ScopeForecast{Period: ForecastPeriod{Unit: c.unit, Start: c.from.String(), End: c.to.next(-1).String()}, Forecast: f}
	for _, n := range days.Unpriced[c.first.daysUntil(c.from):] {
		s.UnpricedCalls += n
	}
	return s, nil
}
