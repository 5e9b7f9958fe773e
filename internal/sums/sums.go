package sums

import (
	"slices"
	"strings"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// Measure is something that is added up over calls.
type Measure struct {
	// Name of the column, and the word for it in answers and on boards.
	Name string
	// Amount of one call: an expression over the columns of public.api_usage.
	// NULL counts as 0. Empty is 1: the measure counts calls.
	Amount string
	// When is the condition under which a call counts, empty for every call.
	When string
	// Money says that it is dollars: numeric, without a bound that a sum could
	// overflow. The others are bigint.
	Money bool
	// Reads are the columns of public.api_usage that Amount and When read.
	Reads []string
}

// Key is what a level distinguishes calls by.
type Key struct {
	// Name of the column in the level.
	Name string
	// Of a call: an expression over the columns of public.api_usage, or over
	// what the level's Unnest makes of it. It is never NULL.
	Of string
	// Type of the column.
	Type string
	// Reads are the columns of public.api_usage that Of reads.
	Reads []string
	// Text that boards show for the empty text, which means that the call has
	// none; empty when there is always one.
	None string
	// Names is how many different values of a UTC day have sums of their own by
	// default; the rest of the day is [Other]. 0 is no limit. Bit says so in the
	// column folded of a call. See names.go.
	Names, Bit int
}

// Level is one table of sums.
type Level struct {
	// Name of the table, in the schema public.
	Name string
	// Comment of the table in the migration, without the dashes.
	Comment string
	// Of is the level that this one is a sum of; nil when it has to be made from
	// the calls.
	Of *Level
	// Width of the buckets.
	Width Width
	// Unnest makes several rows of a call: the part of a FROM after the calls,
	// such as a CROSS JOIN LATERAL. Empty: a call is one row. UnnestReads are the
	// columns of public.api_usage it reads. Only keys of this level may name what
	// it makes.
	Unnest      string
	UnnestReads []string
	Keys        []Key
	Measures    []Measure
	// Fillfactor of the table: how full its pages are left, so that an update
	// finds room on the same page.
	Fillfactor int
	// Index are the columns of a second index, IndexServes what it is for.
	Index, IndexServes string
	// View is the view of it in the schema usage_report, for boards.
	View string
	// OwnView shows one user their own sums; empty when the level has no user.
	OwnView string
}

var (
	user        = Key{Name: "user_id", Of: "coalesce(user_id, '00000000-0000-0000-0000-000000000000')", Type: "uuid", Reads: []string{"user_id"}}
	apiType     = Key{Name: "api_type", Of: knownTypes(), Type: "text", Reads: []string{"api_type"}}
	provider    = Key{Name: "provider", Of: "provider", Type: "text", Reads: []string{"provider", foldedColumn}, None: "(none)", Names: 100, Bit: 1}
	model       = Key{Name: "model", Of: "coalesce(model, '')", Type: "text", Reads: []string{"model", foldedColumn}, None: "(none)", Names: 500, Bit: 2}
	service     = Key{Name: "service", Of: "service", Type: "text", Reads: []string{"service", foldedColumn}, None: "(none)", Names: 500, Bit: 4}
	environment = Key{Name: "environment", Of: "environment", Type: "text", Reads: []string{"environment", foldedColumn}, None: "(none)", Names: 50, Bit: 8}

	allKeys = []Key{apiType, provider, model, service, environment}
)

// knownTypes is the API type where this build knows it. The table takes any word,
// because a newer collector may say one; in the sums it is [Other], for a word
// costs a row of each user and day. A migration that adds one to usage.APITypes
// has the sums made again by `usagectl verify --repair`.
func knownTypes() string {
	list := make([]string, len(usage.APITypes))
	for i, t := range usage.APITypes {
		list[i] = "'" + string(t) + "'"
	}
	return "CASE WHEN api_type IN (" + commas(list) + ") THEN api_type ELSE '" + Other + "' END"
}

const (
	isUnpriced  = "pricing_status = 'unpriced'"
	isEstimated = "pricing_status = 'estimated'"
	isReported  = "pricing_status = 'reported'"
	isAssumed   = "cardinality(pricing_assumptions) > 0"
)

// The measures.
var (
	Calls            = Measure{Name: "calls"}
	UnpricedCalls    = Measure{Name: "unpriced_calls", When: isUnpriced, Reads: []string{"pricing_status"}}
	EstimatedCalls   = Measure{Name: "estimated_calls", When: isEstimated, Reads: []string{"pricing_status"}}
	ReportedCalls    = Measure{Name: "reported_calls", When: isReported, Reads: []string{"pricing_status"}}
	Tokens           = Measure{Name: "tokens", Amount: "tokens_used", Reads: []string{"tokens_used"}}
	UnpricedTokens   = Measure{Name: "unpriced_tokens", Amount: "tokens_used", When: isUnpriced, Reads: []string{"tokens_used", "pricing_status"}}
	InputTokens      = Measure{Name: "input_tokens", Amount: "input_tokens", Reads: []string{"input_tokens"}}
	OutputTokens     = Measure{Name: "output_tokens", Amount: "output_tokens", Reads: []string{"output_tokens"}}
	CacheReadTokens  = Measure{Name: "cache_read_tokens", Amount: "cache_read_tokens", Reads: []string{"cache_read_tokens"}}
	CacheWriteTokens = Measure{
		Name: "cache_write_tokens", Amount: "coalesce(cache_write_5m_tokens, 0) + coalesce(cache_write_1h_tokens, 0)",
		Reads: []string{"cache_write_5m_tokens", "cache_write_1h_tokens"},
	}
	ReasoningTokens = Measure{Name: "reasoning_tokens", Amount: "reasoning_tokens", Reads: []string{"reasoning_tokens"}}
	Dollars         = Measure{Name: "usage_dollars", Amount: "usage_dollars", Money: true, Reads: []string{"usage_dollars"}}

	// What of the dollars is an estimate, and what rests on defaults that the
	// price took.
	EstimatedDollars = Measure{Name: "estimated_dollars", Amount: "usage_dollars", When: isEstimated, Money: true, Reads: []string{"usage_dollars", "pricing_status"}}
	AssumedCalls     = Measure{Name: "assumed_calls", When: isAssumed, Reads: []string{"pricing_assumptions"}}
	AssumedDollars   = Measure{Name: "assumed_dollars", Amount: "usage_dollars", When: isAssumed, Money: true, Reads: []string{"usage_dollars", "pricing_assumptions"}}
	// What of the dollars, which are at API prices, somebody pays; the payer of
	// the rest is not known.
	APIDollars    = paidBy("api")
	PlanDollars   = paidBy("plan")
	CreditDollars = paidBy("credit")
	OwnDollars    = paidBy("own")
)

func paidBy(payer string) Measure {
	return Measure{Name: payer + "_dollars", Amount: "usage_dollars", When: "payer = '" + payer + "'", Money: true, Reads: []string{"usage_dollars", "payer"}}
}

// What is kept by user, by API type and by all keys. A level has the measures of
// the level that it is a sum of, or fewer.
var (
	userMeasures = []Measure{Calls, UnpricedCalls, Tokens, Dollars}
	typeMeasures = []Measure{Calls, UnpricedCalls, EstimatedCalls, Tokens, UnpricedTokens, Dollars}
	allMeasures  = []Measure{
		Calls, UnpricedCalls, EstimatedCalls, Tokens, UnpricedTokens, InputTokens, OutputTokens,
		CacheReadTokens, CacheWriteTokens, ReasoningTokens, Dollars,
		EstimatedDollars, ReportedCalls, AssumedCalls, AssumedDollars, APIDollars, PlanDollars, CreditDollars, OwnDollars,
	}
)

// AllMeasures are the measures that are kept by all keys: every one there is.
func AllMeasures() []Measure { return slices.Clone(allMeasures) }

// IsMoney reports whether a measure of this name is dollars.
func IsMoney(name string) bool {
	return slices.ContainsFunc(allMeasures, func(m Measure) bool { return m.Money && m.Name == name })
}

// Names of measures.
func Names(measures []Measure) []string {
	list := make([]string, len(measures))
	for i, m := range measures {
		list[i] = m.Name
	}
	return list
}

// BasicMeasures are kept at every level.
func BasicMeasures() []Measure { return slices.Clone(userMeasures) }

// The levels.
var (
	DayUser = &Level{
		Name:    "usage_day_user",
		Comment: "Per UTC day and user. The nil UUID is \"no user\": a key column cannot be NULL.",
		Width:   Day, Keys: []Key{user, apiType}, Measures: userMeasures, Fillfactor: 70,
		Index: "user_id, bucket", IndexServes: "one user over a long period",
		View: "user_day", OwnView: "public.usage_own_day_user",
	}
	HalfMonthUser = &Level{
		Name: "usage_half_month_user",
		Comment: "Per half month of UTC and user: the list of users over a year. Half a month\n" +
			"and not a whole one, because the days up to the nearest border are read from\n" +
			"the table above, which has many more rows.",
		Of: DayUser, Width: HalfMonth, Keys: []Key{user}, Measures: userMeasures, Fillfactor: 70, View: "user_half_month",
	}
	QuarterHour = &Level{
		Name: "usage_quarter_hour",
		Comment: "Per quarter hour, without the user: exact for the days of every time zone,\n" +
			"because all of them are offset by whole quarter hours.",
		Width: Quarter, Keys: allKeys, Measures: allMeasures, Fillfactor: 70, View: "quarter_hour",
	}
	DayKeys = &Level{
		Name:    "usage_day",
		Comment: "The same per UTC day: the inside of long periods.",
		Of:      QuarterHour, Width: Day, Keys: allKeys, Measures: allMeasures, Fillfactor: 70, View: "day",
	}
	HalfMonthKeys = &Level{
		Name: "usage_half_month",
		Comment: "The same per half month of UTC (from the 1st and from the 16th): a year, from a\n" +
			"few thousand rows.",
		Of: DayKeys, Width: HalfMonth, Keys: allKeys, Measures: allMeasures, Fillfactor: 70,
	}
	QuarterType = &Level{
		Name: "usage_quarter_type",
		Comment: "Per quarter hour and API type: a daily series in any time zone. A day of another\n" +
			"zone is one of UTC and the quarter hours between the two midnights.",
		Of: QuarterHour, Width: Quarter, Keys: []Key{apiType}, Measures: typeMeasures, Fillfactor: 50, View: "quarter_type",
	}
	DayType = &Level{
		Name:    "usage_day_type",
		Comment: "The same per UTC day.",
		Of:      QuarterType, Width: Day, Keys: []Key{apiType}, Measures: typeMeasures, Fillfactor: 50, View: "day_type",
	}
)

// Levels are all of them, each after the one that it is a sum of, and in the
// order in which every writer touches them: two writers then wait for each other
// at their first common row, and never in a circle. The most contended is last.
var Levels = []*Level{DayUser, HalfMonthUser, QuarterHour, DayKeys, HalfMonthKeys, QuarterType, DayType}

// Single is the calls themselves as if they were a level: any instant, every
// key, every measure. It is no table of sums and none of Levels.
var Single = &Level{
	Name: "api_usage", Width: Instant, Keys: append([]Key{user}, allKeys...), Measures: allMeasures, OwnView: "public.usage_own_calls",
}

// Table is the name with its schema.
func (l *Level) Table() string { return "public." + l.Name }

// Has reports whether the level distinguishes calls by this key.
func (l *Level) Has(key string) bool {
	return slices.ContainsFunc(l.Keys, func(k Key) bool { return k.Name == key })
}

// keeps reports whether the level keeps this measure.
func (l *Level) keeps(measure string) bool {
	return slices.ContainsFunc(l.Measures, func(m Measure) bool { return m.Name == measure })
}

// unnest is what makes several rows of a call, here or where the level comes from.
func (l *Level) unnest() string {
	if l.Unnest == "" && l.Of != nil {
		return l.Of.unnest()
	}
	return l.Unnest
}

// ByUser reports whether the level has the sums of single users.
func (l *Level) ByUser() bool { return l.Has(user.Name) }

// Column is how a statement over the level says a key, a measure or "at", the
// time that periods are made of: the tables of sums have them under their names,
// the calls have to be asked.
func (l *Level) Column(name string) string {
	if l != Single {
		if name == "at" {
			return "bucket"
		}
		return name
	}
	if name == "at" {
		return "timestamp"
	}
	for _, k := range l.Keys {
		if k.Name == name {
			return k.Of
		}
	}
	for _, m := range l.Measures {
		if m.Name == name {
			return m.ofOneCall()
		}
	}
	return name
}

// Conditional is what a measure counts of a call, and of which calls; when is "" for
// sums of several calls, and for a measure of all. It spares the others the addition
// of a 0, which for money takes as long as that of a cost.
func (l *Level) Conditional(name string) (amount, when string) {
	if l == Single {
		for _, m := range l.Measures {
			if m.Name == name && m.When != "" {
				return m.amount(), m.When
			}
		}
	}
	return l.Column(name), ""
}

func (m Measure) amount() string {
	if m.Amount != "" {
		return "coalesce(" + m.Amount + ", 0)"
	}
	return "1"
}

// ofOneCall is the measure of one call, never NULL.
func (m Measure) ofOneCall() string {
	amount := m.amount()
	if m.When != "" {
		amount = "CASE WHEN " + m.When + " THEN " + amount + " ELSE 0 END"
	}
	if m.Money {
		return amount
	}
	return "(" + amount + ")::bigint"
}

// Type of the column.
func (m Measure) Type() string {
	if m.Money {
		return "numeric"
	}
	return "bigint"
}

// keyNames are "bucket" and the keys.
func (l *Level) keyNames() []string {
	list := []string{"bucket"}
	for _, k := range l.Keys {
		list = append(list, k.Name)
	}
	return list
}

func (l *Level) measureNames() []string { return Names(l.Measures) }

// Columns are the columns of public.api_usage that the sums are made of, in a
// fixed order: what a statement has to return for [Fold] to read.
func Columns(levels []*Level) []string {
	columns := []string{"timestamp"}
	add := func(names ...string) {
		for _, name := range names {
			if !slices.Contains(columns, name) {
				columns = append(columns, name)
			}
		}
	}
	for _, l := range levels {
		if l.Of != nil {
			continue
		}
		add(l.UnnestReads...)
		for _, k := range l.Keys {
			add(k.Reads...)
		}
		for _, m := range l.Measures {
			add(m.Reads...)
		}
	}
	return columns
}

// numbered is "1, 2, ... n".
func numbered(n int) string {
	const digits = "1, 2, 3, 4, 5, 6, 7, 8, 9"
	return digits[:3*n-2]
}

func commas(list []string) string { return strings.Join(list, ", ") }
