package usageapiextension

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/report"
	"github.com/otelcol-usage/otelcol-usage/internal/store/read"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// focusVersion is the version of the FinOps Open Cost and Usage Specification
// that the export follows (https://focus.finops.org).
const focusVersion = "1.2"

// focusRow is what one line of the export says: a group of calls, and one of
// its meters or, when it has several, all of them together.
type focusRow struct {
	*read.MeterGroup
	// meter is nil for the line that carries the cost of several meters.
	meter *read.Meter
	// carriesCost: the group's cost stands in this line.
	carriesCost bool
}

// focusColumns in the order of the specification, ours after them. Empty is
// null.
var focusColumns = []struct {
	name  string
	value func(r focusRow) string
}{
	{"BilledCost", focusRow.cost},
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
			return "Other" // a usage must have a category
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
	{"x_Payer", func(r focusRow) string { return safeCell(r.Payer) }},
	{"x_PricingStatus", func(r focusRow) string { return string(r.Status) }},
	{"x_ServiceTier", func(r focusRow) string { return safeCell(r.ServiceTier) }},
	{"x_UserId", func(r focusRow) string {
		if r.UserID.IsZero() {
			return ""
		}
		return r.UserID.String()
	}},
	{"x_FocusVersion", func(focusRow) string { return focusVersion }},
}

func (r focusRow) unpriced() bool { return r.Status == usage.StatusUnpriced }

// cost: FOCUS lets a cost not be null, so a line of quantities alone and a line
// of unpriced calls have 0; x_PricingStatus and SkuPriceId say which.
func (r focusRow) cost() string {
	if !r.carriesCost {
		return "0"
	}
	return r.Cost.String()
}

// quantity: FOCUS wants one in every line of usage. That of a line for several
// meters is what they have in common, the number of calls.
func (r focusRow) quantity() string {
	if r.meter == nil {
		return strconv.FormatInt(r.Calls, 10)
	}
	return r.meter.Amount
}

// unit is a plural with a capital, as FOCUS writes units.
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

// allMeters is the SkuMeter of a line that carries the cost of several meters.
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

// tags are those of the call and its environment; a tag of that name is the
// operator's own and wins.
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
		return "{}" // texts always marshal
	}
	return string(text)
}

// named stands in for a name that is not known where FOCUS allows no null.
func named(name string) string {
	if name == "" {
		return report.NoName
	}
	return name
}

func focusTime(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// focusExport writes FOCUS: one line for each UTC day, group and meter. The
// store knows what a call cost, not what each of its meters did. A group with
// one meter is one line. A group with several is a line for each quantity and
// one, SkuMeter "all meters", for the cost: so sums of costs and sums of
// quantities are both exact, and no split is invented.
type focusExport struct{ out *csv.Writer }

func newFocusExport(w io.Writer) *focusExport { return &focusExport{csv.NewWriter(w)} }

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
	return a.reader.EachMeterGroup(q, ask, exportDayTimeout, func(g *read.MeterGroup) error {
		if len(g.Meters) == 1 {
			return write(focusRow{g, &g.Meters[0], true})
		}
		if err := write(focusRow{g, nil, true}); err != nil {
			return err
		}
		for i := range g.Meters {
			if err := write(focusRow{g, &g.Meters[i], false}); err != nil {
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
