package explain

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/bill"

	"github.com/shopspring/decimal"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// Amount is an exact number in a JSON document.
type Amount struct{ decimal.Decimal }

// MarshalJSON writes a JSON number with all digits.
func (a Amount) MarshalJSON() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalJSON reads a JSON number from its text.
func (a *Amount) UnmarshalJSON(text []byte) (err error) {
	a.Decimal, err = bill.ParseDecimal("amount", string(text))
	return err
}

// Answer is the document of `usagectl bill explain --json` and GET /api/admin/bill. Costs
// are in the currency of the bill.
type Answer struct {
	From string `json:"from"` // first day, UTC
	To   string `json:"to"`   // day after the last, UTC
	// Providers are those whose bills were imported.
	Providers []Provider `json:"providers"`
	// WithoutBill lists the providers that have calls with a cost but no imported bill.
	WithoutBill []RowCost `json:"withoutBill,omitempty"`
}

// RowCost is the cost of a provider's rows in dollars.
type RowCost struct {
	Provider string `json:"provider"`
	RowCost  Amount `json:"rowCost"`
}

// Provider is the comparison for one provider, all accounts together.
type Provider struct {
	Provider string `json:"provider"`
	Account  string `json:"account"`
	Currency string `json:"currency"`
	// BillCost and RowCost cover the same days, namely those whose costs were imported.
	BillCost   Amount `json:"billCost"`
	RowCost    Amount `json:"rowCost"`
	Difference Amount `json:"difference"` // bill minus rows
	// ExplainedShare is the part of the bill that is neither unknown nor not seen without
	// an owner. It is null when the bill is 0.
	ExplainedShare *Amount `json:"explainedShare"`
	Causes         []Cause `json:"causes"`
	// CustomerTypes breaks down what developers use by who pays, as the provider's report
	// estimates it. It is not part of the comparison: only the usage of type api is
	// charged.
	CustomerTypes []CustomerType `json:"customerTypes,omitempty"`
	Days          []Day          `json:"days"`
	// Problems lists what is unknown and what to do about it.
	Problems []string `json:"problems"`
}

// CustomerType sums what developers of one customer type used.
type CustomerType struct {
	CustomerType  string `json:"customerType"` // subscription or api
	EstimatedCost Amount `json:"estimatedCost"`
	Tokens        Amount `json:"tokens"`
}

// Cause is a part of a difference.
type Cause struct {
	Cause    Word    `json:"cause"`
	Cost     Amount  `json:"cost"`
	Quantity *Amount `json:"quantity,omitempty"`
	Unit     string  `json:"unit,omitempty"` // call or token
	Details  Details `json:"details"`
}

// Details say where a cause comes from. Fields that do not apply are omitted.
type Details struct {
	Model      string   `json:"model,omitempty"`
	Tier       string   `json:"tier,omitempty"`
	Reason     string   `json:"reason,omitempty"`
	Assumption string   `json:"assumption,omitempty"`
	Category   string   `json:"category,omitempty"`
	Item       string   `json:"item,omitempty"`
	Payer      string   `json:"payer,omitempty"`
	Project    string   `json:"project,omitempty"`
	APIKey     string   `json:"apiKey,omitempty"`
	User       string   `json:"user,omitempty"`
	Candidates []string `json:"candidates,omitempty"`
	// Divided means that the amount is a share proportional to the number of calls, because
	// the bill does not say which of several causes it belongs to.
	Divided bool   `json:"divided,omitempty"`
	Note    string `json:"note,omitempty"`
	// Factor is the bill's cost divided by the rows' cost, for calls with another price.
	Factor *Amount `json:"factor,omitempty"`
	// Rates are the prices that the bill implies.
	Rates []Rate `json:"rates,omitempty"`

	rates []rate
}

// What describes what a cause is about.
func (d *Details) What() string {
	parts := nonEmpty(d.Reason, d.Assumption, d.Category, d.Item, d.Payer)
	if d.Factor != nil {
		parts = append(parts, "bill = "+d.Factor.String()+" × calls")
	}
	for _, r := range d.Rates {
		parts = append(parts, r.Kind+" "+r.PerMillion.String()+"/1M")
	}
	if d.Divided {
		parts = append(parts, "divided by calls")
	}
	return strings.Join(append(parts, nonEmpty(d.Note)...), ", ")
}

// Whose describes whom a cause belongs to.
func (d *Details) Whose() string {
	var parts []string
	for _, owner := range [][2]string{{"project", d.Project}, {"key", d.APIKey}, {"user", d.User}} {
		if owner[1] != "" {
			parts = append(parts, owner[0]+" "+owner[1])
		}
	}
	if len(d.Candidates) > 0 {
		parts = append(parts, "one of "+strings.Join(d.Candidates, ", "))
	}
	return strings.Join(parts, ", ")
}

// Rate is a price that a bill implies.
type Rate struct {
	Kind       string `json:"kind"`
	Quantity   Amount `json:"quantity"`
	Cost       Amount `json:"cost"`
	PerMillion Amount `json:"perMillion"` // price of a million of the kind, rounded to 12 places
}

// Day is the comparison for one UTC day.
type Day struct {
	Date       string          `json:"date"`
	BillCost   Amount          `json:"billCost"`
	RowCost    Amount          `json:"rowCost"`
	Difference Amount          `json:"difference"`
	Causes     map[Word]Amount `json:"causes"`

	details     []Cause
	unexplained decimal.Decimal
}

// Details returns the day's causes with all details; they add up to the difference.
// unexplained is the part that nothing explains.
func (d *Day) Details() (causes []Cause, unexplained Amount) {
	return d.details, Amount{d.unexplained}
}

type rate struct {
	kind  usage.QuantityKind
	cost  decimal.Decimal
	count decimal.Decimal
}

// quantity is an amount with its unit, call or token.
type quantity struct {
	n    decimal.Decimal
	unit string
}

func calls(n int64) quantity { return quantity{decimal.New(n, 0), string(usage.UnitCall)} }

func tokens(n decimal.Decimal) quantity { return quantity{n, string(usage.UnitToken)} }

// providerWork collects the days of a provider.
type providerWork struct {
	name       string
	accounts   []string
	currencies []string
	charged    map[string]decimal.Decimal // by currency
	compared   map[time.Time]bool
	explained  map[time.Time]bool
	counted    map[time.Time]bool // days for which the bill has quantities
	calls      map[time.Time][]*bill.CallSum
	names      *nameMatch
	rates      map[bill.RateKey]decimal.Decimal
	days       []*dayCauses
	causes     causes // summed over all days
	developers map[string]*CustomerType
	// noRate are the days without an exchange rate, and cut those with too many lines to
	// keep apart.
	noRate, cut []time.Time
	// searches is how many steps the searches for owners may still take.
	searches int
}

type cause struct {
	word     Word
	details  Details
	cost     decimal.Decimal
	quantity quantity
	rows     decimal.Decimal // cost of the rows, for a price
	charged  decimal.Decimal
}

func newProvider(in *bill.Input, name string) *providerWork {
	p := &providerWork{
		name: name, charged: map[string]decimal.Decimal{}, compared: map[time.Time]bool{}, explained: map[time.Time]bool{}, counted: map[time.Time]bool{},
		calls: map[time.Time][]*bill.CallSum{}, names: newNameMatch(), searches: mostSearched, rates: in.Rates, causes: causes{}, developers: map[string]*CustomerType{},
	}
	accounts := map[string]bool{}
	for _, d := range in.Days {
		if d.Provider == name {
			accounts[d.Account] = true
			p.counted[d.Day] = p.counted[d.Day] || d.Report.HasQuantities()
			if d.Report.HasCosts() && !d.Day.Before(in.RetainedFrom) {
				p.compared[d.Day] = true
			}
		}
	}
	p.accounts = sortedKeys(accounts)
	for _, c := range in.Charged {
		if c.Provider == name {
			p.charged[c.Currency] = p.charged[c.Currency].Add(c.Cost)
		}
	}
	p.currencies = sortedKeys(p.charged)
	return p
}

func (p *providerWork) addCalls(c *bill.CallSum) {
	p.names.addCall(c.Model)
	p.calls[c.Day] = append(p.calls[c.Day], c)
}

func (p *providerWork) currency() string {
	if len(p.currencies) == 0 {
		return dollar
	}
	return p.currencies[0]
}

const dollar = "USD"

func (p *providerWork) rateOn(at time.Time) (decimal.Decimal, bool) {
	if p.currency() == dollar {
		return one, true
	}
	r, ok := p.rates[bill.RateKey{Currency: p.currency(), Day: at}]
	if !ok {
		p.noRate = append(p.noRate, at)
	}
	return r, ok
}

// mixedCurrencies returns a problem instead of a sum over several currencies.
func (p *providerWork) mixedCurrencies() Provider {
	var sums []string
	for _, c := range p.currencies {
		sums = append(sums, p.charged[c].String()+" "+c)
	}
	return Provider{
		Provider: p.name, Account: strings.Join(p.accounts, ", "), Causes: []Cause{}, Days: []Day{},
		Problems: []string{fmt.Sprintf("the bill is in several currencies (%s), and rows do not say which account they were charged to: nothing was compared; import the accounts of one currency, or explain the days of each apart", strings.Join(sums, ", "))},
	}
}

// dayCauses collects the causes of one day.
type dayCauses struct {
	p          *providerWork
	day        time.Time
	bill, rows decimal.Decimal
	slack      decimal.Decimal
	sum        decimal.Decimal
	causes     causes
	list       []Cause // set by finish
	// plans are the quantities that developers used on a subscription, by model; "" holds
	// those of an unknown model.
	plans map[string]*amounts
	// unexplained is the amount that lowers the explained share.
	unexplained decimal.Decimal
}

// causes sums causes by their [Details.key].
type causes map[string]*cause

func (p *providerWork) begin(at time.Time) *dayCauses {
	d := &dayCauses{p: p, day: at, causes: causes{}, plans: map[string]*amounts{}}
	p.days, p.explained[at] = append(p.days, d), true
	return d
}

// key returns the key by which causes are merged.
func (d *Details) key(w Word) string {
	return strings.Join([]string{
		string(w), d.Model, d.Tier, d.Reason, d.Assumption, d.Category, d.Item, d.Payer, d.Project, d.APIKey, d.User, d.Note, fmt.Sprint(d.Divided), strings.Join(d.Candidates, ","),
	}, "\x00")
}

func (d *dayCauses) add(w Word, details Details, cost decimal.Decimal, q quantity) *cause {
	d.sum = d.sum.Add(cost)
	if w == Unknown {
		d.unexplained = d.unexplained.Add(cost.Abs())
	}
	details.rates = nil
	return d.causes.add(&cause{word: w, details: details, cost: cost, quantity: q})
}

// add merges a cause into an existing one with the same key, if any.
func (all causes) add(more *cause) *cause {
	key := more.details.key(more.word)
	c, ok := all[key]
	if !ok {
		c = &cause{word: more.word, details: more.details}
		c.details.rates = nil
		all[key] = c
	}
	c.cost, c.rows, c.charged = c.cost.Add(more.cost), c.rows.Add(more.rows), c.charged.Add(more.charged)
	if more.quantity.unit != "" {
		c.quantity = quantity{c.quantity.n.Add(more.quantity.n), more.quantity.unit}
	}
	c.addRates(more.details.rates)
	return c
}

func (c *cause) addRates(rates []rate) {
	for _, r := range rates {
		i := slices.IndexFunc(c.details.rates, func(have rate) bool { return have.kind == r.kind })
		if i < 0 {
			c.details.rates = append(c.details.rates, r)
			continue
		}
		have := &c.details.rates[i]
		have.cost, have.count = have.cost.Add(r.cost), have.count.Add(r.count)
	}
}

// list returns the causes in display order.
func (all causes) list() []Cause {
	list := []Cause{}
	for _, key := range sortedKeys(all) {
		if c := all[key]; !c.cost.IsZero() {
			list = append(list, c.document())
		}
	}
	slices.SortStableFunc(list, func(x, y Cause) int {
		return cmp.Or(slices.Index(Words, x.Cause)-slices.Index(Words, y.Cause), y.Cost.Abs().Cmp(x.Cost.Abs()))
	})
	return list
}

func (d *dayCauses) addNotSeen(details Details, cost decimal.Decimal, q quantity, known bool) {
	d.add(NotSeen, details, cost, q)
	if !known {
		d.unexplained = d.unexplained.Add(cost.Abs())
	}
}

// addRated adds a cause with the rates of the bill. rows is the cost of the pool's rows,
// and charged what the bill charges for the same quantities.
func (d *dayCauses) addRated(w Word, details Details, cost decimal.Decimal, q quantity, rows, charged decimal.Decimal) {
	c := d.add(w, details, cost, q)
	c.rows, c.charged = c.rows.Add(rows), c.charged.Add(charged)
	c.addRates(details.rates)
}

// addDevelopers adds a row of the developer report.
func (d *dayCauses) addDevelopers(b *bill.Line) {
	var counts amounts
	counts.add(b.Quantities)
	name := "api"
	if b.Payer == usage.PayerPlan {
		name = "subscription"
		model := d.p.names.ofBill(b.Model)
		if d.plans[model] == nil {
			d.plans[model] = &amounts{}
		}
		d.plans[model].addAll(&counts)
	}
	t := d.p.developers[name]
	if t == nil {
		t = &CustomerType{CustomerType: name}
		d.p.developers[name] = t
	}
	t.EstimatedCost.Decimal, t.Tokens.Decimal = t.EstimatedCost.Add(b.Cost), t.Tokens.Add(counts.tokens())
}

// finish adds the remaining difference as a cause, so that the causes of a day add up to it
// exactly. It then stores the day's causes.
func (d *dayCauses) finish() {
	left := d.bill.Sub(d.rows).Sub(d.sum)
	switch {
	case left.IsZero():
	case left.Abs().Cmp(d.slack.Add(decimal.New(1, -6))) <= 0:
		d.add(Rounding, Details{}, left, quantity{})
	default:
		d.add(Unknown, Details{Note: "the parts of the bill do not add up"}, left, quantity{})
	}
	d.causes.keep(maxOfDay)
	for _, c := range d.causes {
		d.p.causes.add(c)
	}
	if len(d.p.causes) > 2*maxCauses {
		d.p.causes.keep(maxCauses)
	}
	d.list, d.causes = d.causes.list(), nil
}

// Limits on the number of causes per day and per provider; only the largest are kept. A
// bill can have a line for each user, and nobody reads more.
const (
	maxOfDay  = 500
	maxCauses = 5_000
)

// notListed marks a cause that sums many small ones.
const notListed = "smaller ones, not listed one by one"

// keep keeps the largest causes and merges the others into one cause per word.
func (all causes) keep(most int) {
	if len(all) <= most {
		return
	}
	keys := sortedKeys(all)
	slices.SortStableFunc(keys, func(x, y string) int { return all[y].cost.Abs().Cmp(all[x].cost.Abs()) })
	for _, key := range keys[most:] {
		c := all[key]
		if c.details.Note == notListed {
			continue
		}
		delete(all, key)
		all.add(&cause{word: c.word, details: Details{Note: notListed}, cost: c.cost})
	}
}

// answer builds the provider's part of the document.
func (p *providerWork) answer(in *bill.Input) Provider {
	a := Provider{Provider: p.name, Account: strings.Join(p.accounts, ", "), Currency: p.currency(), Causes: []Cause{}, Days: []Day{}}
	var bill, rows, unexplained decimal.Decimal
	for _, d := range p.days {
		if slices.Contains(p.noRate, d.day) {
			continue
		}
		bill, rows, unexplained = bill.Add(d.bill), rows.Add(d.rows), unexplained.Add(d.unexplained)
		out := Day{
			Date: d.day.Format(time.DateOnly), BillCost: Amount{d.bill}, RowCost: Amount{d.rows}, Difference: Amount{d.bill.Sub(d.rows)},
			Causes: map[Word]Amount{}, details: d.list, unexplained: d.unexplained,
		}
		for _, c := range out.details {
			out.Causes[c.Cause] = Amount{out.Causes[c.Cause].Add(c.Cost.Decimal)}
		}
		a.Days = append(a.Days, out)
	}
	a.BillCost, a.RowCost, a.Difference = Amount{bill}, Amount{rows}, Amount{bill.Sub(rows)}
	if bill.IsPositive() {
		share := one.Sub(unexplained.DivRound(bill, ratePlaces)).Round(6)
		a.ExplainedShare = &Amount{decimal.Max(share, decimal.Zero)}
	}
	for _, name := range sortedKeys(p.developers) {
		a.CustomerTypes = append(a.CustomerTypes, *p.developers[name])
	}
	p.causes.keep(maxCauses)
	a.Causes = p.causes.list()
	a.Problems = p.problemsOf(in)
	return a
}

func (c *cause) document() Cause {
	out := Cause{Cause: c.word, Cost: Amount{c.cost}, Details: c.details}
	if c.quantity.unit != "" && !c.quantity.n.IsZero() {
		out.Quantity, out.Unit = &Amount{c.quantity.n}, c.quantity.unit
	}
	if c.rows.IsPositive() {
		out.Details.Factor = &Amount{c.charged.DivRound(c.rows, 6)}
	}
	slices.SortFunc(c.details.rates, func(a, b rate) int { return int(a.kind) - int(b.kind) })
	for _, r := range c.details.rates {
		out.Details.Rates = append(out.Details.Rates, Rate{r.kind.String(), Amount{r.count}, Amount{r.cost}, Amount{r.cost.Shift(6).DivRound(r.count, places)}})
	}
	return out
}

// problemsOf lists what is unknown about the provider.
func (p *providerWork) problemsOf(in *bill.Input) []string {
	list := []string{}
	var missing, part, incomplete []time.Time
	for _, d := range in.Days {
		if d.Provider != p.name {
			continue
		}
		if d.Report.HasCosts() && d.Until.Before(d.Day.AddDate(0, 0, 1)) {
			part = append(part, d.Day)
		}
		if d.Incomplete {
			incomplete = append(incomplete, d.Day)
		}
	}
	var uncounted, deleted []time.Time
	for at := in.From; at.Before(in.To); at = at.AddDate(0, 0, 1) {
		switch {
		case at.Before(in.RetainedFrom):
			deleted = append(deleted, at)
		case !p.compared[at]:
			missing = append(missing, at)
		case !p.counted[at]:
			uncounted = append(uncounted, at)
		}
	}
	for _, problem := range []struct {
		days []time.Time
		text string
	}{
		{missing, "no costs were imported of %s: those days are in none of the numbers"},
		{deleted, "the calls of %s were deleted (usagectl retention): those days are in none of the numbers"},
		{uncounted, "no usage report was imported of %s: there only dollars could be compared"},
		{part, "the bill does not cover all of %s: rows after what it covers are not_final"},
		{p.cut, "the bill of %s has too many different lines to list them: the rest has no project, key or user"},
		{incomplete, "the report of %s lists no more groups than its limit, without the rest: more may have been charged; ask for fewer groups"},
		{p.noRate, "no exchange rate for " + p.currency() + " is stored for %s, so those days are in none of the numbers; import one: usagectl rates import FILE"},
	} {
		if len(problem.days) > 0 {
			list = append(list, fmt.Sprintf(problem.text, daysText(problem.days)))
		}
	}
	return list
}

// daysText formats days, with consecutive ones joined into ranges.
func daysText(days []time.Time) string {
	slices.SortFunc(days, time.Time.Compare)
	days = slices.CompactFunc(days, time.Time.Equal)
	var parts []string
	for i := 0; i < len(days); {
		j := i
		for j+1 < len(days) && days[j+1].Equal(days[j].AddDate(0, 0, 1)) {
			j++
		}
		text := days[i].Format(time.DateOnly)
		if j > i {
			text += " to " + days[j].Format(time.DateOnly)
		}
		parts = append(parts, text)
		i = j + 1
	}
	if len(parts) > 6 {
		parts = append(parts[:5], fmt.Sprintf("%d other ranges", len(parts)-5))
	}
	return strings.Join(parts, ", ")
}

func (a *Answer) addWithoutBill(c bill.CallSum) {
	for i := range a.WithoutBill {
		if a.WithoutBill[i].Provider == c.Provider {
			a.WithoutBill[i].RowCost = Amount{a.WithoutBill[i].RowCost.Add(c.Cost)}
			return
		}
	}
	a.WithoutBill = append(a.WithoutBill, RowCost{c.Provider, Amount{c.Cost}})
}
