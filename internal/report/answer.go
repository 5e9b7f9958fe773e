package report

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/shopspring/decimal"

	"github.com/otelcol-usage/otelcol-usage/internal/store/read"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// Keys for usage that has no name of its own. Filters accept them too; see [KeyText].
const (
	Unattributed = "unattributed" // usage without a user
	Others       = "others"       // the sum of what a list leaves out
	NoName       = "(none)"       // calls without a model, provider or service
	// NoLongerStored is the cost of calls that retention deleted, in breakdowns for which
	// no sums are kept.
	NoLongerStored = "(no longer stored)"
)

// Answer is the document returned by GET /api/admin/usage and GET /api/usage.
type Answer struct {
	Current  Usage `json:"current"`
	Previous Usage `json:"previous"`
	// Currency of every amount, as an ISO 4217 code. Without detail it is omitted for US
	// dollars.
	Currency string `json:"currency,omitempty"`
	*AnswerDetail
}

// AnswerDetail is the part of an answer that applies to both periods.
type AnswerDetail struct {
	Change   Change `json:"change"`
	Timezone string `json:"timezone"`
	// DataThrough is the time of the newest stored call, null when there is none. It lets
	// an empty dashboard distinguish "nothing was used" from "nothing arrived".
	DataThrough *time.Time `json:"dataThrough"`
	// UserNames maps user ids in UsageByUser to names: the id that the app sends, or else
	// the email address. Users with neither are missing. Only an administrator's answer has
	// it.
	UserNames map[string]string `json:"userNames,omitempty"`
}

// Usage is the usage of one period. Every breakdown adds up to TotalCost exactly.
type Usage struct {
	TotalCost   usage.Sum `json:"totalCost"`
	UsageByType Costs     `json:"usageByType"`
	UsageByUser Costs     `json:"usageByUser"`
	DailyUsage  []DayCost `json:"dailyUsage"`
	// Unpriced describes the calls without a known cost. Without detail it is omitted when
	// there are none.
	Unpriced *Unpriced `json:"unpriced,omitempty"`
	*UsageDetail
}

// DayCost is the cost of one calendar day.
type DayCost struct {
	Date string    `json:"date"`
	Cost usage.Sum `json:"cost"`
}

// UsageDetail is the part of [Usage] that an answer has only with detail.
type UsageDetail struct {
	Start           time.Time `json:"start"`
	End             time.Time `json:"end"` // excluded
	Calls           int64     `json:"calls"`
	Tokens          Tokens    `json:"tokens"`
	ActiveUsers     int64     `json:"activeUsers"`
	DailyAverage    usage.Sum `json:"dailyAverage"`
	UsageByModel    Costs     `json:"usageByModel"`
	UsageByProvider Costs     `json:"usageByProvider"`
	UsageByService  Costs     `json:"usageByService"`
	// UsageByTag has a breakdown for each tag that a call of the period has, by name;
	// nil where the question is narrowed by what no sums by tag are kept of.
	UsageByTag  Tagged[Costs] `json:"usageByTag"`
	CallsByType Numbers       `json:"callsByType"`
	// EstimatedCalls have a cost that may differ from the bill.
	EstimatedCalls int64     `json:"estimatedCalls"`
	EstimatedCost  usage.Sum `json:"estimatedCost"`
	// AssumedCalls were priced with defaults, because they do not report everything the
	// price depends on.
	AssumedCalls int64     `json:"assumedCalls"`
	AssumedCost  usage.Sum `json:"assumedCost"`
	// Estimated and Assumed break EstimatedCost and AssumedCost down by key.
	Estimated Parts `json:"estimated"`
	Assumed   Parts `json:"assumed"`
	// Sampled describes the calls of traces that a sampler thinned out; omitted when there
	// are none. Only an administrator's answer has it.
	Sampled *Sampled `json:"sampled,omitempty"`
	// CostByPayer breaks TotalCost down by who pays. Amounts are at API prices, so only the
	// part of "api" is cash.
	CostByPayer Costs `json:"costByPayer"`
	// OtherUsers is the number of users summed under "others"; likewise for the other
	// lists.
	OtherUsers     int64 `json:"otherUsers"`
	OtherModels    int64 `json:"otherModels"`
	OtherProviders int64 `json:"otherProviders"`
	OtherServices  int64 `json:"otherServices"`
	// NotInDays is the part of TotalCost that is missing from DailyUsage, because retention
	// deleted the calls and their sums are kept by UTC day. It is 0 except for one user's
	// old usage in another time zone.
	NotInDays usage.Sum `json:"notInDays"`
}

// Sampled describes calls that are a share of those that were made. Their costs are right,
// and sums over them are that share of what was spent.
type Sampled struct {
	Calls int64 `json:"calls"`
	// More: there are more than Calls; counting stopped.
	More bool `json:"more"`
	// LeastShare and MostShare bound the shares of the traces that were kept, between 0 and 1.
	LeastShare json.Number `json:"leastShare"`
	MostShare  json.Number `json:"mostShare"`
}

// Parts breaks part of a cost down by key. Keys with a zero cost are omitted.
type Parts struct {
	Types     Costs `json:"types"`
	Models    Costs `json:"models"`
	Providers Costs `json:"providers"`
	Services  Costs `json:"services"`
	// Users is nil where it is unknown for some user: retention deleted calls before the
	// sums by user had this part.
	Users *Costs `json:"users"`
}

// Tokens counts tokens by kind. Input and output include cache and reasoning tokens.
type Tokens struct {
	Total      int64 `json:"total"`
	Input      int64 `json:"input"`
	Output     int64 `json:"output"`
	CacheRead  int64 `json:"cacheRead"`
	CacheWrite int64 `json:"cacheWrite"`
	Reasoning  int64 `json:"reasoning"`
}

// Unpriced describes the calls without a known cost. They are included in every count of
// calls and in no cost.
type Unpriced struct {
	Calls int64 `json:"calls"`
	// Numbers of unpriced calls by API type, user and day.
	Types Numbers `json:"types"`
	Users Numbers `json:"users"`
	Days  Numbers `json:"days"`
	*UnpricedDetail
}

// UnpricedDetail is the part of [Unpriced] that an answer has only with detail.
type UnpricedDetail struct {
	Tokens int64 `json:"tokens"`
	// Numbers of unpriced calls by model, provider and service.
	Models    Numbers `json:"models"`
	Providers Numbers `json:"providers"`
	Services  Numbers `json:"services"`
	// Tags are the values of each tag with unpriced calls, and how many.
	Tags Tagged[Numbers] `json:"tags"`
}

// Change is the change from the previous period in percent, rounded to two decimal places;
// null when the previous value is 0.
type Change struct {
	TotalCost    *Percent `json:"totalCost"`
	Calls        *Percent `json:"calls"`
	ActiveUsers  *Percent `json:"activeUsers"`
	DailyAverage *Percent `json:"dailyAverage"`
}

// Percent is a decimal percentage.
type Percent struct{ value decimal.Decimal }

// String returns decimal text such as "-12.5".
func (p Percent) String() string { return p.value.String() }

// MarshalJSON writes a JSON number.
func (p Percent) MarshalJSON() ([]byte, error) { return []byte(p.value.String()), nil }

// UnmarshalJSON reads a JSON number.
func (p *Percent) UnmarshalJSON(text []byte) (err error) {
	p.value, err = decimal.NewFromString(string(text))
	return err
}

// Costs is a JSON object of costs that keeps its order, highest first.
type Costs []Cost

// Cost is one member of [Costs].
type Cost struct {
	Key  string
	Cost usage.Sum
}

// MarshalJSON writes the object.
func (c Costs) MarshalJSON() ([]byte, error) {
	return marshalObject(len(c), func(i int) (string, []byte, error) { return c[i].Key, []byte(c[i].Cost.String()), nil })
}

// UnmarshalJSON reads the object in its order.
func (c *Costs) UnmarshalJSON(text []byte) error {
	*c = Costs{}
	return unmarshalObject(text, func(key string, value json.RawMessage) error {
		var cost usage.Sum
		if err := json.Unmarshal(value, &cost); err != nil {
			return err
		}
		*c = append(*c, Cost{key, cost})
		return nil
	})
}

// add adds an amount to a key, which may exist already: an app may have a model named
// "others".
func (c *Costs) add(key string, cost usage.Sum) {
	for i := range *c {
		if (*c)[i].Key == key {
			(*c)[i].Cost = (*c)[i].Cost.Plus(cost)
			return
		}
	}
	*c = append(*c, Cost{key, cost})
}

// Numbers is a JSON object of counts that keeps its order.
type Numbers []Number

// Number is one member of [Numbers].
type Number struct {
	Key   string
	Count int64
}

// MarshalJSON writes the object.
func (n Numbers) MarshalJSON() ([]byte, error) {
	return marshalObject(len(n), func(i int) (string, []byte, error) {
		return n[i].Key, strconv.AppendInt(nil, n[i].Count, 10), nil
	})
}

// UnmarshalJSON reads the object in its order.
func (n *Numbers) UnmarshalJSON(text []byte) error {
	*n = Numbers{}
	return unmarshalObject(text, func(key string, value json.RawMessage) error {
		var count int64
		if err := json.Unmarshal(value, &count); err != nil {
			return err
		}
		*n = append(*n, Number{key, count})
		return nil
	})
}

func (n *Numbers) add(key string, count int64) {
	for i := range *n {
		if (*n)[i].Key == key {
			(*n)[i].Count += count
			return
		}
	}
	*n = append(*n, Number{key, count})
}

// Tagged is a JSON object with a breakdown for each tag, in the order of their names.
type Tagged[Breakdown any] []TagBreakdown[Breakdown]

// TagBreakdown is one member of [Tagged].
type TagBreakdown[Breakdown any] struct {
	Name   string
	Values Breakdown
}

// MarshalJSON writes the object.
func (t Tagged[Breakdown]) MarshalJSON() ([]byte, error) {
	if t == nil {
		return []byte("null"), nil
	}
	return marshalObject(len(t), func(i int) (string, []byte, error) {
		values, err := json.Marshal(t[i].Values)
		return t[i].Name, values, err
	})
}

// UnmarshalJSON reads the object in its order.
func (t *Tagged[Breakdown]) UnmarshalJSON(text []byte) error {
	if *t = nil; string(text) == "null" {
		return nil
	}
	*t = Tagged[Breakdown]{}
	return unmarshalObject(text, func(key string, value json.RawMessage) error {
		tag := TagBreakdown[Breakdown]{Name: key}
		if err := json.Unmarshal(value, &tag.Values); err != nil {
			return err
		}
		*t = append(*t, tag)
		return nil
	})
}

func marshalObject(length int, member func(i int) (key string, value []byte, err error)) ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i := range length {
		if i > 0 {
			b.WriteByte(',')
		}
		key, value, err := member(i)
		if err != nil {
			return nil, err
		}
		if isPlain(key) {
			b.WriteByte('"')
			b.WriteString(key)
			b.WriteByte('"')
		} else {
			k, err := json.Marshal(key)
			if err != nil {
				return nil, err
			}
			b.Write(k)
		}
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// isPlain reports whether a text is written in JSON as it is, as the ids of users are. A
// list can have thousands.
func isPlain(text string) bool {
	for i := range len(text) {
		switch c := text[i]; {
		case c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '-', c == '.', c == '_', c == '/', c == ' ':
		default:
			return false
		}
	}
	return true
}

func unmarshalObject(text []byte, member func(key string, value json.RawMessage) error) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	if _, err := dec.Token(); err != nil {
		return err
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return err
		}
		name, _ := key.(string) // the decoder returns only strings as keys
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return err
		}
		if err := member(name, value); err != nil {
			return err
		}
	}
	return nil
}

// KeyText returns the value that the text of a filter means: "" for [NoName].
func KeyText(text string) string {
	if text == NoName {
		return ""
	}
	return text
}

// keyName is the inverse of [KeyText].
func keyName(key string) string {
	if key == "" {
		return NoName
	}
	return key
}

// answer builds the document from the sums.
func (q Question) answer(previous, current read.Summary, dataThrough time.Time) Answer {
	a := Answer{
		Current:  q.usage(q.Span.Current, current),
		Previous: q.usage(q.Span.Previous, previous),
	}
	if q.Detail || q.Currency != read.Dollar {
		a.Currency = q.Currency
	}
	if !q.Detail {
		return a
	}
	a.AnswerDetail = &AnswerDetail{
		Change: Change{
			TotalCost:    percent(a.Previous.TotalCost.Decimal(), a.Current.TotalCost.Decimal()),
			Calls:        percent(decimal.NewFromInt(a.Previous.Calls), decimal.NewFromInt(a.Current.Calls)),
			ActiveUsers:  percent(decimal.NewFromInt(a.Previous.ActiveUsers), decimal.NewFromInt(a.Current.ActiveUsers)),
			DailyAverage: percent(a.Previous.DailyAverage.Decimal(), a.Current.DailyAverage.Decimal()),
		},
		Timezone: q.Span.Zone.String(),
	}
	if !dataThrough.IsZero() {
		a.DataThrough = &dataThrough
	}
	for _, g := range append(slices.Clone(current.ByUser), previous.ByUser...) {
		if g.Name == "" {
			continue
		}
		if a.UserNames == nil {
			a.UserNames = map[string]string{}
		}
		a.UserNames[g.User.String()] = g.Name
	}
	return a
}

func percent(from, to decimal.Decimal) *Percent {
	if from.IsZero() {
		return nil
	}
	return &Percent{to.Sub(from).Mul(decimal.NewFromInt(100)).DivRound(from, 2)}
}

func (q Question) usage(p Period, s read.Summary) Usage {
	u := Usage{
		TotalCost:   s.Total.Cost,
		UsageByType: costs(s.ByType, len(s.ByType), s.Total.Cost),
		UsageByUser: usersCosts(s),
		DailyUsage:  make([]DayCost, len(p.Days)),
	}
	notInDays := s.Total.Cost
	for i, d := range p.Days {
		u.DailyUsage[i] = DayCost{d.Date, s.Daily[i]}
		notInDays = notInDays.Minus(s.Daily[i])
	}
	t := s.Total
	if q.Detail || t.UnpricedCalls > 0 {
		u.Unpriced = &Unpriced{Calls: t.UnpricedCalls, Types: unpricedGroups(s.ByType, len(s.ByType)), Users: unpricedUsers(s), Days: Numbers{}}
		for i, d := range p.Days {
			if n := s.DailyUnpriced[i]; n != 0 {
				u.Unpriced.Days = append(u.Unpriced.Days, Number{d.Date, n})
			}
		}
	}
	if !q.Detail {
		return u
	}
	u.Unpriced.UnpricedDetail = &UnpricedDetail{
		Tokens: t.UnpricedTokens, Models: unpricedGroups(s.ByModel, q.Top), Providers: unpricedGroups(s.ByProvider, q.Top),
		Services: unpricedGroups(s.ByService, q.Top),
	}
	u.UsageDetail = &UsageDetail{
		Start: p.From.In(q.Span.Zone), End: p.To.In(q.Span.Zone),
		Calls: t.Calls,
		Tokens: Tokens{
			Total: t.Tokens, Input: t.InputTokens, Output: t.OutputTokens,
			CacheRead: t.CacheReadTokens, CacheWrite: t.CacheWriteTokens, Reasoning: t.ReasoningTokens,
		},
		ActiveUsers:     s.ActiveUsers,
		DailyAverage:    average(t.Cost, len(p.Days)),
		UsageByModel:    costs(s.ByModel, q.Top, t.Cost),
		UsageByProvider: costs(s.ByProvider, q.Top, t.Cost),
		UsageByService:  costs(s.ByService, q.Top, t.Cost),
		CallsByType:     Numbers{},
		EstimatedCalls:  t.EstimatedCalls,
		EstimatedCost:   t.EstimatedCost,
		AssumedCalls:    t.AssumedCalls,
		AssumedCost:     t.AssumedCost,
		CostByPayer:     costByPayer(&t),
		OtherUsers:      s.OtherUsers.Users,
		OtherModels:     int64(max(0, len(s.ByModel)-q.Top)),
		OtherProviders:  int64(max(0, len(s.ByProvider)-q.Top)),
		OtherServices:   int64(max(0, len(s.ByService)-q.Top)),
		NotInDays:       notInDays,
	}
	if n := s.Sampled; n.Calls > 0 {
		u.Sampled = &Sampled{n.Calls, n.More, json.Number(n.LeastShare), json.Number(n.MostShare)}
	}
	u.Estimated = q.parts(s, func(c *read.Counts) usage.Sum { return c.EstimatedCost })
	u.Estimated.Users = usersParts(s, func(d *read.Doubts) usage.Sum { return d.EstimatedCost })
	u.Assumed = q.parts(s, func(c *read.Counts) usage.Sum { return c.AssumedCost })
	u.Assumed.Users = usersParts(s, func(d *read.Doubts) usage.Sum { return d.AssumedCost })
	if s.ByTag != nil {
		u.UsageByTag, u.Unpriced.Tags = Tagged[Costs]{}, Tagged[Numbers]{}
	}
	for _, tag := range s.ByTag {
		u.UsageByTag = append(u.UsageByTag, TagBreakdown[Costs]{tag.Name, tagCosts(&tag, t.Cost)})
		if unpriced := tagUnpriced(&tag); len(unpriced) > 0 {
			u.Unpriced.Tags = append(u.Unpriced.Tags, TagBreakdown[Numbers]{tag.Name, unpriced})
		}
	}
	for _, g := range s.ByType {
		u.CallsByType.add(keyName(g.Key), g.Calls)
	}
	return u
}

// tagCosts lists what the values of a tag cost, then the rest of the total: the calls
// without the tag, and those that retention has removed together with their tags.
func tagCosts(tag *read.TagGroup, total usage.Sum) Costs {
	list := make(Costs, 0, len(tag.Values)+2)
	for _, g := range tag.Values {
		list.add(keyName(g.Key), g.Cost)
		total = total.Minus(g.Cost)
	}
	if tag.Others.Calls != 0 {
		list.add(Others, tag.Others.Cost)
		total = total.Minus(tag.Others.Cost)
	}
	if tag.None.Calls != 0 || !tag.None.Cost.IsZero() {
		list.add(NoName, tag.None.Cost)
		total = total.Minus(tag.None.Cost)
	}
	if !total.IsZero() {
		list.add(NoLongerStored, total)
	}
	return list
}

// tagUnpriced lists the unpriced calls under the keys of tagCosts.
func tagUnpriced(tag *read.TagGroup) Numbers {
	list := unpricedGroups(tag.Values, len(tag.Values))
	if n := tag.Others.UnpricedCalls; n > 0 {
		list.add(Others, n)
	}
	if n := tag.None.UnpricedCalls; n > 0 {
		list.add(NoName, n)
	}
	return list
}

// parts breaks part of the cost down by the same keys as the cost itself.
func (q Question) parts(s read.Summary, of func(*read.Counts) usage.Sum) Parts {
	list := func(groups []read.Group, top int) Costs {
		out := Costs{}
		for i := range groups {
			name := keyName(groups[i].Key)
			if i >= top {
				name = Others
			}
			if cost := of(&groups[i].Counts); !cost.IsZero() {
				out.add(name, cost)
			}
		}
		return out
	}
	return Parts{Types: list(s.ByType, len(s.ByType)), Models: list(s.ByModel, q.Top), Providers: list(s.ByProvider, q.Top), Services: list(s.ByService, q.Top)}
}

// average divides by the number of days and rounds to the decimal places of money.
func average(total usage.Sum, days int) usage.Sum {
	text := total.Decimal().DivRound(decimal.NewFromInt(int64(days)), usage.MoneyScale).String()
	sum, err := usage.ParseSum(text)
	if err != nil {
		return usage.Sum{} // cannot happen: decimal text always parses
	}
	return sum
}

// costs lists the first top groups by name and sums the rest under [Others]. What the
// groups lack of total goes to [NoLongerStored].
func costs(groups []read.Group, top int, total usage.Sum) Costs {
	list := make(Costs, 0, min(len(groups), top+1))
	var rest usage.Sum
	for i, g := range groups {
		total = total.Minus(g.Cost)
		switch {
		case i >= top:
			rest = rest.Plus(g.Cost)
		case g.Key == "" || g.Key == NoName:
			list.add(NoName, g.Cost)
		default:
			list = append(list, Cost{g.Key, g.Cost})
		}
	}
	if len(groups) > top {
		list.add(Others, rest)
	}
	if !total.IsZero() {
		list.add(NoLongerStored, total)
	}
	return list
}

func usersCosts(s read.Summary) Costs {
	list := make(Costs, 0, len(s.ByUser)+3)
	missing := s.Total.Cost.Minus(s.OtherUsers.Cost).Minus(s.NoUser.Cost)
	for _, g := range s.ByUser {
		list = append(list, Cost{g.User.String(), g.Cost})
		missing = missing.Minus(g.Cost)
	}
	if s.OtherUsers.Users > 0 {
		list = append(list, Cost{Others, s.OtherUsers.Cost})
	}
	if s.NoUser.Calls > 0 {
		list = append(list, Cost{Unattributed, s.NoUser.Cost})
	}
	if !missing.IsZero() {
		list = append(list, Cost{NoLongerStored, missing})
	}
	return list
}

// usersParts lists part of the costs of usersCosts, and is nil where it is unknown for some
// user. What of a user retention has deleted is in no part.
func usersParts(s read.Summary, of func(*read.Doubts) usage.Sum) *Costs {
	list := Costs{}
	add := func(key string, g read.UserGroup) (known bool) {
		if g.Calls == 0 && g.Cost.IsZero() {
			return true
		}
		if g.Doubts == nil {
			return false
		}
		if cost := of(g.Doubts); !cost.IsZero() {
			list = append(list, Cost{key, cost})
		}
		return true
	}
	for _, g := range s.ByUser {
		if !add(g.User.String(), g) {
			return nil
		}
	}
	if !add(Others, s.OtherUsers) || !add(Unattributed, s.NoUser) {
		return nil
	}
	return &list
}

// UnknownPayer is the key of costs whose payer is unknown.
const UnknownPayer = "(unknown)"

// costByPayer splits the total by payer, in a fixed order.
func costByPayer(t *read.Counts) Costs {
	list, rest := Costs{}, t.Cost
	for _, p := range []struct {
		payer usage.Payer
		cost  usage.Sum
	}{{usage.PayerAPI, t.APICost}, {usage.PayerPlan, t.PlanCost}, {usage.PayerCredit, t.CreditCost}, {usage.PayerOwn, t.OwnCost}} {
		if !p.cost.IsZero() {
			list, rest = append(list, Cost{string(p.payer), p.cost}), rest.Minus(p.cost)
		}
	}
	if !rest.IsZero() {
		list = append(list, Cost{UnknownPayer, rest})
	}
	return list
}

// unpricedUsers counts unpriced calls by user.
func unpricedUsers(s read.Summary) Numbers {
	list := Numbers{}
	for _, g := range s.ByUser {
		if g.UnpricedCalls > 0 {
			list = append(list, Number{g.User.String(), g.UnpricedCalls})
		}
	}
	if n := s.OtherUsers.UnpricedCalls; n > 0 {
		list = append(list, Number{Others, n})
	}
	if n := s.NoUser.UnpricedCalls; n > 0 {
		list = append(list, Number{Unattributed, n})
	}
	return list
}

// unpricedGroups counts unpriced calls by key, in the order of the groups.
func unpricedGroups(groups []read.Group, top int) Numbers {
	list := Numbers{}
	var rest int64
	for _, g := range groups {
		switch {
		case g.UnpricedCalls == 0:
		case len(list) < top:
			list = append(list, Number{keyName(g.Key), g.UnpricedCalls})
		default:
			rest += g.UnpricedCalls
		}
	}
	if rest > 0 {
		list.add(Others, rest)
	}
	return list
}
