package reports

import (
	"cmp"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/bill"

	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// focusNeeded lists the required columns of FOCUS 1.2.
var focusNeeded = []string{"BilledCost", "BillingCurrency", "ChargeCategory", "ChargePeriodStart", "ChargePeriodEnd", "ProviderName"}

// focusHosts finds the host of a model by words of the line; the first match wins. Clouds
// bill under product names.
var focusHosts = []struct{ words, host string }{
	{"azure openai", catalog.AzureOpenAI},
	{"openai microsoft", catalog.AzureOpenAI},
	{"foundry microsoft", catalog.AzureAI},
	{"bedrock", catalog.Bedrock},
	{"vertex ai", catalog.Vertex},
	{"gemini api google", catalog.Gemini},
	{"generative language", catalog.Gemini},
}

// FocusNotes describes what a FOCUS file contains besides lines of models.
type FocusNotes struct {
	Page
	// Others counts the lines of services that host no models, by name of the service.
	Others map[string]int
}

// ReadFOCUS parses a CSV file of FOCUS 1.2. Lines of services that do not host models are
// counted and left out.
func ReadFOCUS(in io.Reader, o Options, each func(*bill.Line) error) (FocusNotes, error) {
	notes := FocusNotes{Others: map[string]int{}}
	r := csv.NewReader(withoutBOM(in))
	r.ReuseRecord, r.LazyQuotes = true, false
	first, err := r.Read()
	if err != nil {
		return notes, fmt.Errorf("line 1: found no header of FOCUS 1.2: %w", err)
	}
	header := slices.Clone(first)
	at := make(map[string]int, len(header)) // by name in lower case: some databases export only that
	for i, name := range header {
		header[i] = strings.TrimSpace(name)
		name = strings.ToLower(header[i])
		if _, twice := at[name]; twice && name != "" {
			return notes, fmt.Errorf("line 1: the column %s is there twice", header[i])
		}
		at[name] = i
	}
	for _, name := range focusNeeded {
		if _, ok := at[strings.ToLower(name)]; !ok {
			return notes, fmt.Errorf("line 1: the column %s is missing; those of FOCUS 1.2 are required, at least %s", name, strings.Join(focusNeeded, ", "))
		}
	}
	f := focusReader{at: at, named: map[string]int{}, header: header, o: o, seen: map[bill.Covered]int{}}
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			notes.Days = withGaps(f.days)
			return notes, nil
		}
		if err != nil {
			return notes, err
		}
		line, _ := r.FieldPos(0)
		l, other, err := f.line(record)
		switch {
		case err != nil:
			return notes, fmt.Errorf("line %d: %w", line, err)
		case other != "":
			notes.Others[other]++
			continue
		}
		notes.Rows++
		if err := each(l); err != nil {
			return notes, err
		}
	}
}

type focusReader struct {
	at     map[string]int // by name in lower case
	named  map[string]int // the same by name, for those that were asked for; -1 when missing
	header []string
	record []string
	o      Options
	days   []bill.Covered
	seen   map[bill.Covered]int // index in days, by provider and day
}

// get returns a field, or "" when the column is missing. Most providers write null as an
// empty field, some as the word.
func (f *focusReader) get(name string) string {
	i, ok := f.named[name]
	if !ok {
		if i, ok = f.at[strings.ToLower(name)]; !ok {
			i = -1
		}
		f.named[name] = i
	}
	if i < 0 || strings.EqualFold(f.record[i], "null") {
		return ""
	}
	return strings.TrimSpace(f.record[i])
}

// line parses a record. other is the service of a line that is not about models.
func (f *focusReader) line(record []string) (l *bill.Line, other string, err error) {
	f.record = record
	l = &bill.Line{Report: bill.FOCUS}
	words := strings.Join([]string{f.get("ServiceName"), f.get("SkuMeter"), f.get("ChargeDescription"), f.get("PublisherName"), f.get("ProviderName"), f.get("SkuId")}, " ")
	if l.Provider = f.host(words); l.Provider == "" {
		return nil, orNone(f.get("ServiceName")), nil
	}
	if err := f.span(l); err != nil {
		return nil, "", err
	}
	if l.Cost, err = bill.ParseDecimal("BilledCost", f.get("BilledCost")); err != nil {
		return nil, "", err
	}
	if l.Currency, err = currency(f.get("BillingCurrency")); err != nil {
		return nil, "", fmt.Errorf("Billing%w", err)
	}
	l.HasCost, l.Slack = true, slackOfText(l.Cost)
	l.Project, l.Item = f.get("SubAccountId"), f.get("SkuMeter")
	if l.Item == "" {
		l.Item = f.get("ChargeDescription")
	}
	f.what(l, words)
	if err := f.quantity(l); err != nil {
		return nil, "", err
	}
	if l.Raw, err = f.raw(); err != nil {
		return nil, "", err
	}
	l.Clean()
	f.cover(l)
	return l, "", nil
}

// host returns the provider that hosts the model of a line, or "" for none.
func (f *focusReader) host(words string) string {
	words = strings.ToLower(words)
	for _, h := range focusHosts {
		if hasAll(words, h.words) {
			return h.host
		}
	}
	for _, name := range []string{f.get("ProviderName"), f.get("PublisherName"), f.get("ServiceName")} {
		if p := catalog.Named(strings.ToLower(strings.ReplaceAll(name, " ", "_"))); p != nil && !cloudNames[p.Name] {
			return p.Name
		}
	}
	return ""
}

// cloudNames are providers named like a cloud, which bills for much besides models.
var cloudNames = map[string]bool{catalog.Bedrock: true, catalog.GoogleAny: true, catalog.AzureOpenAI: true, catalog.Alibaba: true}

func orNone(text string) string {
	if text == "" {
		return "(no ServiceName)"
	}
	return usage.CleanText(text, usage.MaxTextBytes)
}

func (f *focusReader) span(l *bill.Line) error {
	var from, to time.Time
	for _, c := range []struct {
		name string
		into *time.Time
	}{{"ChargePeriodStart", &from}, {"ChargePeriodEnd", &to}} {
		at, err := focusTime(f.get(c.name))
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		*c.into = at
	}
	// A charge for a month or a year has no day of its own; it is assigned to the first.
	if to.Sub(from.UTC().Truncate(day)) > day {
		l.Category, to = bill.ForOther, from.UTC().Truncate(day).AddDate(0, 0, 1)
	}
	if err := l.SetSpan(from, to); err != nil {
		return err
	}
	// Lines may cover single hours, but the file covers the whole day.
	if l.Until = earlier(l.Day.AddDate(0, 0, 1), f.o.AsOf); !l.Until.After(l.Day) {
		return fmt.Errorf("ChargePeriodStart: %s is after %s, when the file was made; is --as-of right?", from.Format(time.RFC3339), f.o.AsOf.Format(time.RFC3339))
	}
	return nil
}

// focusTime parses a time of FOCUS, which is in UTC when it has no zone.
func focusTime(text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02 15:04:05 MST", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05Z07", "2006-01-02 15:04:05", "2006-01-02T15:04:05", time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("found %q, must be a time such as 2026-01-31T00:00:00Z", usage.CleanText(text, 60))
}

// what determines what a line charges for.
func (f *focusReader) what(l *bill.Line, words string) {
	switch category := f.get("ChargeCategory"); {
	case l.Category != bill.ForCalls:
		return
	case category != "Usage":
		l.Category = bill.ForOther // tax, credit, purchase, adjustment
		return
	}
	l.Model = f.get("SkuId")
	if kind, err := usage.ParseQuantityKind(f.get("SkuMeter")); err == nil { // as written by our own export
		l.Kind, l.HasKind = bill.Folded(kind), true
	} else {
		l.Category, l.Kind, l.HasKind = charge(l.Item)
		if catalog.Inspect(l.Model).Vendor == 0 {
			l.Model = l.Item // the meter contains the model's name, more or less
		}
	}
	if l.Tier = strings.ToLower(f.get("x_ServiceTier")); l.Tier == "" {
		if _, ours := f.at["x_servicetier"]; ours {
			l.Tier = bill.StandardTier
		} else {
			l.Tier = tierOf(words)
		}
	}
	switch payer := usage.Payer(f.get("x_Payer")); payer {
	case usage.PayerAPI, usage.PayerPlan, usage.PayerCredit, usage.PayerOwn:
		l.Payer = payer
	}
}

func (f *focusReader) quantity(l *bill.Line) error {
	if calls := f.get("x_Calls"); calls != "" {
		n, err := count("x_Calls", calls)
		if err != nil {
			return err
		}
		l.Requests, l.HasRequests = n.IntPart(), true
	}
	if !l.HasKind {
		return nil
	}
	for _, c := range [][2]string{{"ConsumedQuantity", "ConsumedUnit"}, {"PricingQuantity", "PricingUnit"}} {
		text := f.get(c[0])
		factor, known := unitFactor(f.get(c[1]))
		if text == "" || !known {
			continue
		}
		n, err := bill.ParseDecimal(c[0], text)
		if err != nil {
			return err
		}
		l.Add(l.Kind, n.Mul(factor))
		return nil
	}
	return nil
}

// raw returns the record as a JSON object with its columns in order.
func (f *focusReader) raw() ([]byte, error) {
	b := []byte{'{'}
	for i, name := range f.header {
		if f.record[i] == "" {
			continue
		}
		for j, text := range []string{name, f.record[i]} {
			quoted, err := json.Marshal(strings.ToValidUTF8(text, "\uFFFD"))
			if err != nil {
				return nil, err
			}
			if j == 0 && len(b) > 1 {
				b = append(b, ',')
			}
			if b = append(b, quoted...); j == 0 {
				b = append(b, ':')
			}
		}
	}
	return append(b, '}'), nil
}

// cover records the day of a line.
func (f *focusReader) cover(l *bill.Line) {
	key := bill.Covered{Provider: l.Provider, Day: l.Day}
	if i, ok := f.seen[key]; ok {
		if l.Until.After(f.days[i].Until) {
			f.days[i].Until = l.Until
		}
		return
	}
	f.seen[key] = len(f.days)
	f.days = append(f.days, bill.Covered{Provider: l.Provider, Report: bill.FOCUS, Day: l.Day, Until: l.Until})
}

// longestGap is the longest time without a line of a provider for which the file still
// counts as covering the days between.
const longestGap = 62 * day

// withGaps adds the days without lines between the first and the last day of each provider.
// Nothing was charged on them.
func withGaps(days []bill.Covered) []bill.Covered {
	slices.SortFunc(days, func(a, b bill.Covered) int {
		return cmp.Or(strings.Compare(a.Provider, b.Provider), a.Day.Compare(b.Day))
	})
	var all []bill.Covered
	for i, d := range days {
		if i > 0 && days[i-1].Provider == d.Provider && d.Day.Sub(days[i-1].Day) <= longestGap {
			for at := days[i-1].Day.AddDate(0, 0, 1); at.Before(d.Day); at = at.AddDate(0, 0, 1) {
				all = append(all, bill.Covered{Provider: d.Provider, Report: bill.FOCUS, Day: at, Until: at.AddDate(0, 0, 1)})
			}
		}
		all = append(all, d)
	}
	return all
}
