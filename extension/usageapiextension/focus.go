package usageapiextension

import (
	"encoding/csv"
	"encoding/json"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/report"
	"github.com/otelcol-usage/otelcol-usage/internal/store/read"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// focusVersion is the version of the FinOps Open Cost and Usage Specification
// (https://focus.finops.org) that the export conforms to.
const focusVersion = "1.2"

// focusRow is one row of the export: a group of calls with one of its meters or, for a
// group with several meters, all of them together.
type focusRow struct {
	*read.MeterGroup
	// meter is nil for the row that carries the cost of several meters.
	meter *read.Meter
	// carriesCost means that the group's cost is in this row.
	carriesCost bool
	// team and costCentre are the user's on that day, "" where there are no teams.
	team, costCentre string
}

// focusColumns lists the columns in the order of the specification, then ours. An empty
// value is null.
var focusColumns = []struct {
	name  string
	value func(r focusRow) string
}{
	{"BilledCost", focusRow.billed},
	{"BillingAccountId", func(r focusRow) string { return safeCell(named(r.Provider)) }},
	{"BillingAccountName", func(r focusRow) string { return safeCell(named(r.Provider)) }},
	{"BillingCurrency", func(focusRow) string { return "USD" }},
	{"BillingPeriodEnd", func(r focusRow) string { return focusTime(r.month().AddDate(0, 1, 0)) }},
	{"BillingPeriodStart", func(r focusRow) string { return focusTime(r.month()) }},
	{"ChargeCategory", func(focusRow) string { return "Usage" }},
	{"ChargeClass", func(focusRow) string { return "" }},
	{"ChargeDescription", func(r focusRow) string { return safeCell(named(r.Model) + " " + r.meterName()) }},
	{"ChargeFrequency", func(focusRow) string { return "Usage-Based" }},
	{"ChargePeriodEnd", func(r focusRow) string { return focusTime(r.To) }},
	{"ChargePeriodStart", func(r focusRow) string { return focusTime(r.From) }},
	{"ConsumedQuantity", focusRow.quantity},
	{"ConsumedUnit", focusRow.unit},
	{"ContractedCost", focusRow.cost},
	{"EffectiveCost", focusRow.cost},
	{"InvoiceIssuerName", func(r focusRow) string { return safeCell(named(r.Provider)) }},
	{"ListCost", focusRow.cost},
	{"PricingCategory", func(r focusRow) string {
		if r.unpriced() {
			return "Other" // usage must have a category
		}
		return "Standard"
	}},
	{"PricingCurrency", func(focusRow) string { return "USD" }},
	{"PricingQuantity", focusRow.quantity},
	{"PricingUnit", focusRow.unit},
	{"ProviderName", func(r focusRow) string { return safeCell(named(r.Provider)) }},
	{"PublisherName", func(r focusRow) string { return safeCell(named(r.Provider)) }},
	{"RegionId", func(r focusRow) string { return safeCell(r.Region) }},
	{"RegionName", func(r focusRow) string { return safeCell(r.Region) }},
	{"ServiceCategory", func(focusRow) string { return "AI and Machine Learning" }},
	{"ServiceName", func(r focusRow) string { return safeCell(named(r.Provider)) }},
	{"ServiceSubcategory", func(focusRow) string { return "Generative AI" }},
	{"SkuId", func(r focusRow) string { return safeCell(named(r.Model)) }},
	{"SkuMeter", focusRow.meterName},
	{"SkuPriceId", func(r focusRow) string { return safeCell(r.PriceID) }},
	{"SubAccountId", func(r focusRow) string { return safeCell(r.Service) }},
	{"SubAccountName", func(r focusRow) string { return safeCell(r.Service) }},
	{"Tags", focusRow.tags},
	{"x_ApiType", func(r focusRow) string { return r.APIType }},
	{"x_Calls", func(r focusRow) string {
		if !r.carriesCost {
			return ""
		}
		return strconv.FormatInt(r.Calls, 10)
	}},
	{"x_CostCenter", func(r focusRow) string { return safeCell(r.costCentre) }},
	{"x_Payer", func(r focusRow) string { return safeCell(r.Payer) }},
	{"x_PayerPlan", func(r focusRow) string { return safeCell(r.PayerPlan) }},
	{"x_PricingStatus", func(r focusRow) string { return string(r.Status) }},
	{"x_ServiceTier", func(r focusRow) string { return safeCell(r.ServiceTier) }},
	{"x_SessionId", func(r focusRow) string { return safeCell(r.Session) }},
	{"x_Team", func(r focusRow) string { return safeCell(r.team) }},
	{"x_UserId", func(r focusRow) string {
		if r.UserID.IsZero() {
			return ""
		}
		return r.UserID.String()
	}},
	{"x_FocusVersion", func(focusRow) string { return focusVersion }},
}

func (r focusRow) unpriced() bool { return r.Status == usage.StatusUnpriced }

// cost returns the cost of the row. FOCUS does not allow null there, so a row of quantities
// and a row of unpriced calls have 0; x_PricingStatus and SkuPriceId distinguish them.
func (r focusRow) cost() string {
	if !r.carriesCost {
		return "0"
	}
	return r.Cost.String()
}

// billed returns the part of the cost that somebody is billed for: nothing of the calls that
// a plan, credits or own hardware cover. An unknown payer is billed.
func (r focusRow) billed() string {
	switch r.Payer {
	case "", string(usage.PayerAPI):
		return r.cost()
	}
	return "0"
}

// quantity returns the quantity of the row. FOCUS requires one in every row of usage. A row
// for several meters has the number of calls, which they share.
func (r focusRow) quantity() string {
	if r.meter == nil {
		return strconv.FormatInt(r.Calls, 10)
	}
	return r.meter.Amount
}

// unit returns a capitalised plural, as FOCUS writes units.
func (r focusRow) unit() string {
	if r.meter == nil {
		return "Requests"
	}
	unit := string(r.meter.Kind.Unit())
	if unit == string(usage.UnitMBDay) {
		return "MB-Days"
	}
	return strings.ToUpper(unit[:1]) + unit[1:] + "s"
}

// allMeters is the SkuMeter of a row that carries the cost of several meters.
const allMeters = "all meters"

func (r focusRow) meterName() string {
	if r.meter == nil {
		return allMeters
	}
	return r.meter.Kind.String()
}

func (r focusRow) month() time.Time {
	return time.Date(r.From.Year(), r.From.Month(), 1, 0, 0, 0, 0, time.UTC)
}

// tags returns the tags of the call and its environment as a JSON object. An operator's tag
// named environment takes precedence.
func (r focusRow) tags() string {
	tags := maps.Clone(r.Tags)
	if _, own := tags["environment"]; !own && r.Environment != "" {
		if tags == nil {
			tags = map[string]string{}
		}
		tags["environment"] = r.Environment
	}
	if len(tags) == 0 {
		return "{}"
	}
	text, err := json.Marshal(tags)
	if err != nil {
		return "{}" // cannot happen: strings always marshal
	}
	return string(text)
}

// named replaces an unknown name where FOCUS does not allow null.
func named(name string) string {
	if name == "" {
		return report.NoName
	}
	return name
}

func focusTime(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// focusExport writes FOCUS: one row for each UTC day, group and meter. The store knows the
// cost of a call, but not of each meter. A group with one meter is one row. A group with
// several has a row per quantity, and another one with SkuMeter "all meters" for the cost.
// Sums of costs and of quantities are thus exact, and no split is invented.
type focusExport struct {
	out *csv.Writer
	// sessions means that calls of different sessions are in different rows.
	sessions bool
}

func (e *focusExport) each(a *api, q *question, ask read.CallsQuestion, row func() error) error {
	line := make([]string, len(focusColumns))
	for i, c := range focusColumns {
		line[i] = c.name
	}
	if err := e.out.Write(line); err != nil {
		return err
	}
	write := func(r focusRow) error {
		for i, c := range focusColumns {
			line[i] = c.value(r)
		}
		if err := e.out.Write(line); err != nil {
			return err
		}
		return row()
	}
	directory, err := a.reader.TeamDirectory(q, q.viewer)
	if err != nil {
		return err
	}
	return a.reader.EachMeterGroup(q, ask, e.sessions, exportDayTimeout, func(g *read.MeterGroup) error {
		r := focusRow{MeterGroup: g, carriesCost: true}
		if directory.InUse {
			r.team, r.costCentre = directory.Of(g.UserID, g.From, false), directory.Of(g.UserID, g.From, true)
		}
		if len(g.Meters) == 1 {
			r.meter = &g.Meters[0]
			return write(r)
		}
		if err := write(r); err != nil {
			return err
		}
		r.carriesCost = false
		for i := range g.Meters {
			r.meter = &g.Meters[i]
			if err := write(r); err != nil {
				return err
			}
		}
		return nil
	})
}

func (e *focusExport) flush() error {
	e.out.Flush()
	return e.out.Error()
}
