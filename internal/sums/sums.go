package sums

import (
	"slices"
	"strings"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// Measure is a quantity that is summed over calls.
type Measure struct {
	// Name is the column, and the name in answers and on boards.
	Name string
	// Amount is the value for one call: an expression over the columns of public.api_usage,
	// where NULL counts as 0. Empty means 1, so the measure counts calls.
	Amount string
	// When is the condition under which a call counts; empty for every call.
	When string
	// Money means dollars: numeric without a precision, so that sums cannot overflow. Other
	// measures are bigint.
	Money bool
	// Reads lists the columns of public.api_usage that Amount and When use.
	Reads []string
	// Since is the number of the migration that adds the measure to levels that are there,
	// where its column is NULL until it is filled, and stays NULL where retention has
	// removed the calls: unknown, not 0. It is 0 for a measure that its levels were created
	// with.
	Since int
}

// since returns the measure as levels keep it that were created before the migration.
func (m Measure) since(migration int) Measure {
	m.Since = migration
	return m
}

// Key is a property by which a level groups calls.
type Key struct {
	// Name is the column in the level.
	Name string
	// Of is the value for one call: an expression over the columns of public.api_usage, or
	// over the result of the level's Unnest. It is never NULL.
	Of string
	// Type is the SQL type of the column.
	Type string
	// Reads lists the columns of public.api_usage that Of uses.
	Reads []string
	// None is what boards show instead of the empty text, which means that the call has no
	// value. It is empty for a key that always has one.
	None string
	// Names is the default for how many different values of a UTC day have their own sums;
	// later ones become [Other]. 0 means no limit. Bit marks such a value in the column
	// folded of a call. See names.go.
	Names, Bit int
	// InSums is the key as the sums have it, where the column folded does not say
	// what of it is [Other].
	InSums string
}

// Unnest makes several rows of calls that have the same lines or sets.
type Unnest struct {
	// Lines is the text that is taken apart into lines, and RawLines the same before any
	// names become [Other]; instead Sets may be taken apart. Reads are the columns of
	// public.api_usage that they read, When is the condition under which a call has any.
	Lines, RawLines string
	Sets            []Set
	Reads           []string
	When            string
	// Join is the part of a FROM that takes the sets, or the column lines, apart, such as a
	// CROSS JOIN LATERAL, and Keep says which of its rows count. Only keys of a level with
	// this Unnest may name what it makes; of lines that is the column line.
	Join, Keep string
}

// Set is a name, and what it is of a call.
type Set struct{ Name, Of string }

// sets returns what calls are summed by before it is taken apart.
func (u *Unnest) sets() []Set {
	if u.Lines != "" {
		return []Set{{"lines", u.Lines}}
	}
	return u.Sets
}

// FromCalls is the part of a FROM after calls that are not added up first. folded says that
// calls count under the names that their sums have.
func (u *Unnest) FromCalls(folded bool) string {
	lines := u.RawLines
	if folded {
		lines = u.Lines
	}
	return "CROSS JOIN LATERAL (VALUES (" + lines + ")) AS sets (lines) " + u.Join
}

// Level is a table of sums.
type Level struct {
	// Name is the table in the schema public.
	Name string
	// Since is the number of the migration that creates the table; 0 is the first ones. The
	// texts of earlier migrations do not know the level.
	Since int
	// Comment precedes the table in the migration. It has no dashes.
	Comment string
	// Of is the parent level from which this one is computed; nil when it is computed from
	// the calls.
	Of *Level
	// Width is the length of the buckets.
	Width Width
	// Unnest turns a call into several rows. When it is nil, a call is one row.
	Unnest   *Unnest
	Keys     []Key
	Measures []Measure
	// Fillfactor of the table, in percent. Free space lets an update stay on its page.
	Fillfactor int
	// Index lists the columns of a second index, and IndexServes says what it is for.
	Index, IndexServes string
	// View is the level's view in the schema usage_report, for boards.
	View string
	// OwnView is the view that shows users their own sums; empty when the level has no key
	// user_id.
	OwnView string
	// Changed is the number of the migration since which the level is computed by these
	// Keys and this Unnest; 0 when it always was. Before has those of earlier triggers.
	Changed int
	Before  *Level
}

var (
	user        = Key{Name: "user_id", Of: "coalesce(user_id, '00000000-0000-0000-0000-000000000000')", Type: "uuid", Reads: []string{"user_id"}}
	apiType     = Key{Name: "api_type", Of: knownTypes(), Type: "text", Reads: []string{"api_type"}}
	provider    = Key{Name: "provider", Of: "provider", Type: "text", Reads: []string{"provider", foldedColumn}, None: "(none)", Names: 100, Bit: 1}
	model       = Key{Name: "model", Of: "coalesce(model, '')", Type: "text", Reads: []string{"model", foldedColumn}, None: "(none)", Names: 500, Bit: 2}
	service     = Key{Name: "service", Of: "service", Type: "text", Reads: []string{"service", foldedColumn}, None: "(none)", Names: 500, Bit: 4}
	environment = Key{Name: "environment", Of: "environment", Type: "text", Reads: []string{"environment", foldedColumn}, None: "(none)", Names: 50, Bit: 8}

	allKeys = []Key{apiType, provider, model, service, environment}

	// What tags.go takes a call apart by.
	tagName  = Key{Name: "tag_name", Of: "left(line, strpos(line, '=') - 1)", Type: "text"}
	tagValue = Key{Name: "tag_value", Of: "substr(line, strpos(line, '=') + 1)", Type: "text"}
)

// knownTypes is the expression for the API type as the sums have it: [Other] where this
// build does not know the type. The table accepts any text, because a newer collector may
// add one, but in the sums each value costs a row per user and day. After a migration that
// adds a type to usage.APITypes, `usagectl verify --repair` recomputes the sums.
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

// Measures.
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

	// EstimatedDollars is the estimated part of the dollars, and AssumedDollars the part
	// that was priced with assumptions.
	EstimatedDollars = Measure{Name: "estimated_dollars", Amount: "usage_dollars", When: isEstimated, Money: true, Reads: []string{"usage_dollars", "pricing_status"}}
	AssumedCalls     = Measure{Name: "assumed_calls", When: isAssumed, Reads: []string{"pricing_assumptions"}}
	AssumedDollars   = Measure{Name: "assumed_dollars", Amount: "usage_dollars", When: isAssumed, Money: true, Reads: []string{"usage_dollars", "pricing_assumptions"}}
	// The parts of the dollars, which are at API prices, that each payer pays. The payer of
	// the rest is unknown.
	APIDollars    = paidBy("api")
	PlanDollars   = paidBy("plan")
	CreditDollars = paidBy("credit")
	OwnDollars    = paidBy("own")
)

func paidBy(payer string) Measure {
	return Measure{Name: payer + "_dollars", Amount: "usage_dollars", When: "payer = '" + payer + "'", Money: true, Reads: []string{"usage_dollars", "payer"}}
}

// The measures of every level, and those kept by user, by API type and by all keys. A level
// keeps at most the measures of its parent. A measure with Since comes last.
var (
	basicMeasures = []Measure{Calls, UnpricedCalls, Tokens, Dollars}
	userMeasures  = append(slices.Clone(basicMeasures), EstimatedDollars.since(22), AssumedDollars.since(22))
	typeMeasures  = []Measure{Calls, UnpricedCalls, EstimatedCalls, Tokens, UnpricedTokens, Dollars}
	allMeasures   = []Measure{
		Calls, UnpricedCalls, EstimatedCalls, Tokens, UnpricedTokens, InputTokens, OutputTokens,
		CacheReadTokens, CacheWriteTokens, ReasoningTokens, Dollars,
		EstimatedDollars, ReportedCalls, AssumedCalls, AssumedDollars, APIDollars, PlanDollars, CreditDollars, OwnDollars,
	}
)

// AllMeasures returns the measures that the levels with all keys keep, which is every
// measure.
func AllMeasures() []Measure { return slices.Clone(allMeasures) }

// IsMoney reports whether the named measure is in dollars.
func IsMoney(name string) bool {
	return slices.ContainsFunc(allMeasures, func(m Measure) bool { return m.Money && m.Name == name })
}

// Names returns the names of measures.
func Names(measures []Measure) []string {
	list := make([]string, len(measures))
	for i, m := range measures {
		list[i] = m.Name
	}
	return list
}

// BasicMeasures returns the measures that every level keeps.
func BasicMeasures() []Measure { return slices.Clone(basicMeasures) }

// UserMeasures returns the measures that the levels by user keep. Those with Since are NULL
// where they are unknown.
func UserMeasures() []Measure { return slices.Clone(userMeasures) }

// Levels of sums.
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
	DayTag = &Level{
		Name: "usage_day_tag", Since: 16,
		Comment: "Per UTC day, tag and value: a call with three tags stands in three rows, a call\n" +
			"without tags in none.",
		Width: Day, Unnest: byTags,
		Keys: []Key{tagName, tagValue, apiType}, Measures: basicMeasures, Fillfactor: 70, View: "day_tag",
		Changed: 31, Before: &Level{Unnest: byTagsInMetadata, Keys: []Key{
			{Name: "tag_name", Of: "tag.name", Type: "text"},
			{Name: "tag_value", Of: "tag.value", Type: "text", InSums: "CASE WHEN folded_tags ? tag.name THEN '" + Other + "' ELSE tag.value END"},
			apiType,
		}},
	}
	HalfMonthTag = &Level{
		Name: "usage_half_month_tag", Since: 16,
		Comment: "The same per half month of UTC: a year by tag.",
		Of:      DayTag, Width: HalfMonth, Keys: []Key{tagName, tagValue}, Measures: basicMeasures, Fillfactor: 70,
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

// Levels lists all levels, each after its parent, in the order in which every writer
// updates them. Two writers then wait for each other at their first common row and never in
// a cycle. The most contended level is last.
var Levels = []*Level{DayUser, HalfMonthUser, DayTag, HalfMonthTag, QuarterHour, DayKeys, HalfMonthKeys, QuarterType, DayType}

// Single presents the calls themselves as a level with any instant, every key and every
// measure. It is not a table of sums and not one of Levels.
var Single = &Level{
	Name: "api_usage", Width: Instant, Keys: append([]Key{user}, allKeys...), Measures: allMeasures, OwnView: "public.usage_own_calls",
}

// Tagged is [Single] with a row for each tag of a call.
var Tagged = &Level{
	Name: "api_usage", Width: Instant, Keys: append([]Key{user, tagName, tagValue}, allKeys...), Measures: allMeasures, OwnView: "public.usage_own_calls",
	Unnest: byTags,
}

// IsCalls reports whether the level is the calls themselves, not sums of them.
func (l *Level) IsCalls() bool { return l.Width == Instant }

// Table returns the qualified name.
func (l *Level) Table() string { return "public." + l.Name }

// Has reports whether the level has the key.
func (l *Level) Has(key string) bool {
	return slices.ContainsFunc(l.Keys, func(k Key) bool { return k.Name == key })
}

// keeps reports whether the level keeps the measure.
func (l *Level) keeps(measure string) bool {
	return slices.ContainsFunc(l.Measures, func(m Measure) bool { return m.Name == measure })
}

// upTo returns the levels as they are after the migration with this number.
func upTo(levels []*Level, migration int) (list []*Level) {
	then := map[*Level]*Level{}
	for _, l := range levels {
		if l.Since <= migration {
			then[l] = l.upTo(migration)
			then[l].Of = then[l.Of]
			list = append(list, then[l])
		}
	}
	return list
}

// upTo returns the level with the measures that it has after the migration with this number.
func (l *Level) upTo(migration int) *Level {
	then := *l
	then.Measures = filter(l.Measures, func(m Measure) bool { return m.Since <= migration })
	if migration < l.Changed {
		then.Keys, then.Unnest = l.Before.Keys, l.Before.Unnest
	}
	return &then
}

// grows reports whether the migration with this number adds a measure to the level.
func (l *Level) grows(migration int) bool {
	return l.Since < migration && len(l.added(migration)) > 0
}

// added returns the measures that the migration with this number adds to the level.
func (l *Level) added(migration int) []Measure {
	return filter(l.Measures, func(m Measure) bool { return m.Since == migration })
}

// unnest returns the Unnest of the level or of an ancestor.
func (l *Level) unnest() *Unnest {
	if l.Unnest == nil && l.Of != nil {
		return l.Of.unnest()
	}
	return l.Unnest
}

// ByUser reports whether the level has sums per user.
func (l *Level) ByUser() bool { return l.Has(user.Name) }

// Column returns the expression of a key, a measure, or "at", the time by which periods are
// selected. Tables of sums have columns of these names; for single calls it is computed.
func (l *Level) Column(name string) string {
	if !l.IsCalls() {
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

// Conditional returns a measure as the amount of a call and the condition for it. when is
// "" for sums and for measures without a condition. With FILTER, calls that do not count
// cost no addition of 0, which for numeric takes as long as any other.
func (l *Level) Conditional(name string) (amount, when string) {
	if l.IsCalls() {
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

// ofOneCall returns the value of the measure for one call, never NULL.
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

// Type returns the SQL type of the column.
func (m Measure) Type() string {
	if m.Money {
		return "numeric"
	}
	return "bigint"
}

// keyNames returns "bucket" and the names of the keys.
func (l *Level) keyNames() []string {
	list := []string{"bucket"}
	for _, k := range l.Keys {
		list = append(list, k.Name)
	}
	return list
}

func (l *Level) measureNames() []string { return Names(l.Measures) }

// Columns returns the columns of public.api_usage from which the levels are computed, in a
// fixed order. A statement has to return them for [Fold].
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
		if l.Unnest != nil {
			add(l.Unnest.Reads...)
		}
		for _, k := range l.Keys {
			add(k.Reads...)
		}
		for _, m := range l.Measures {
			add(m.Reads...)
		}
	}
	return columns
}

// numbered returns "1, 2, ... n".
func numbered(n int) string {
	const digits = "1, 2, 3, 4, 5, 6, 7, 8, 9"
	return digits[:3*n-2]
}

func commas(list []string) string { return strings.Join(list, ", ") }
