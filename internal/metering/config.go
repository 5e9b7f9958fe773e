package metering

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"
	"go.yaml.in/yaml/v3"

	"github.com/otelcol-usage/otelcol-usage/internal/endpoint"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// Config is what is charged on, and to which engines.
type Config struct {
	Engines []Engine
	Meters  []*Meter // ordered by name
}

// The engines that there are.
const (
	OpenMeter = "openmeter"
	Lago      = "lago"
	Stripe    = "stripe"
)

// Engine is a billing engine of the configuration.
type Engine struct {
	Name string
	// Kind is [OpenMeter], [Lago] or [Stripe].
	Kind string
	// Endpoint is the address of its API.
	Endpoint string
	// KeyFile holds the API key alone.
	KeyFile string
	// Source is the CloudEvents source of all events; of OpenMeter alone.
	Source string
	// Past is how old a call may be when its event is sent; 0: any age.
	Past time.Duration
	// Repeats is for how long the engine recognises an id that it has had before; 0: it
	// does not.
	Repeats time.Duration
}

// engineDefaults are what is documented of each.
var engineDefaults = map[string]Engine{
	OpenMeter: {Endpoint: "https://openmeter.cloud", Source: "otelcol-usage"},
	Lago:      {Endpoint: "https://api.getlago.com", Repeats: forever},
	// An hour less than what is documented: an event travels.
	Stripe: {Endpoint: "https://api.stripe.com", Past: 35*day - time.Hour, Repeats: 23 * time.Hour},
}

const (
	day     = 24 * time.Hour
	forever = 100 * 365 * day
)

// file is the form of the configuration. Numbers are texts: a float would lose digits.
type file struct {
	Engines map[string]struct {
		Engine        string `yaml:"engine"`
		Endpoint      string `yaml:"endpoint"`
		KeyFile       string `yaml:"key_file"`
		Source        string `yaml:"source"`
		AcceptsPast   string `yaml:"accepts_past"`
		RepeatsWithin string `yaml:"repeats_within"`
	} `yaml:"engines"`
	Meters map[string]fileMeter `yaml:"meters"`
}

type fileMeter struct {
	Engine   string `yaml:"engine"`
	Code     string `yaml:"code"`
	Field    string `yaml:"field"`
	Measure  string `yaml:"measure"`
	Unit     string `yaml:"unit"`
	Since    string `yaml:"since"`
	Customer struct {
		By   string `yaml:"by"`
		Tag  string `yaml:"tag"`
		File string `yaml:"file"`
	} `yaml:"customer"`
	Only   map[string][]string `yaml:"only"`
	Charge []string            `yaml:"charge"`
	Rules  []struct {
		From     string `yaml:"from"`
		Factor   string `yaml:"factor"`
		Decimals *int32 `yaml:"decimals"`
		Rounding string `yaml:"rounding"`
	} `yaml:"rules"`
}

var nameForm = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)

// Load reads a configuration file, and the files of customers that it names, whose
// paths are relative to it. The error names all faults.
func Load(path string) (*Config, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var f file
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&f); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	c, faults := f.read(filepath.Dir(path))
	if len(faults) > 0 {
		return nil, fmt.Errorf("%s: %w", path, errors.Join(faults...))
	}
	return c, nil
}

// faults collects what is wrong of a configuration.
type faults []error

func (f *faults) add(key, format string, args ...any) {
	*f = append(*f, fmt.Errorf("%s: "+format, append([]any{key}, args...)...))
}

func (f *file) read(folder string) (*Config, []error) {
	var c Config
	var bad faults
	for _, name := range slices.Sorted(maps.Keys(f.Engines)) {
		e, key := f.Engines[name], "engines."+name
		defaults, known := engineDefaults[e.Engine]
		if !nameForm.MatchString(name) {
			bad.add(key, "a name is 1 to 40 of a-z, 0-9 and _, and begins with a letter")
		}
		if !known {
			bad.add(key+".engine", "found %q, allowed are %s, %s and %s", e.Engine, Lago, OpenMeter, Stripe)
			continue
		}
		engine := defaults
		engine.Name, engine.Kind, engine.KeyFile = name, e.Engine, e.KeyFile
		if e.Endpoint != "" {
			engine.Endpoint = strings.TrimSuffix(e.Endpoint, "/")
		}
		if err := endpoint.Check(engine.Endpoint); err != nil {
			bad.add(key+".endpoint", "%w", err)
		}
		if e.KeyFile == "" {
			bad.add(key+".key_file", "must name a file that holds the key of the API")
		}
		if e.Source != "" && e.Engine != OpenMeter {
			bad.add(key+".source", "only events for %s have a source", OpenMeter)
		} else if e.Source != "" {
			engine.Source = e.Source
		}
		duration(&bad, key+".accepts_past", e.AcceptsPast, &engine.Past)
		if e.RepeatsWithin == "" && e.Engine == OpenMeter {
			bad.add(key+".repeats_within", "must say for how long the server recognises ids, for example 720h: the expiry of its dedupe configuration, 0s where that is off")
		}
		duration(&bad, key+".repeats_within", e.RepeatsWithin, &engine.Repeats)
		c.Engines = append(c.Engines, engine)
	}
	for _, name := range slices.Sorted(maps.Keys(f.Meters)) {
		m := f.Meters[name]
		meter := m.read(&bad, name, folder)
		if i := slices.IndexFunc(c.Engines, func(e Engine) bool { return e.Name == m.Engine }); i < 0 {
			bad.add("meters."+name+".engine", "found %q, which is not under engines", m.Engine)
		} else {
			meter.Engine = c.Engines[i].Name
		}
		c.Meters = append(c.Meters, meter)
	}
	if len(c.Meters) == 0 {
		bad.add("meters", "there is none, so nothing would be charged")
	}
	return &c, bad
}

// duration reads text into d; empty text keeps what is there.
func duration(bad *faults, key, text string, d *time.Duration) {
	if text == "" {
		return
	}
	value, err := time.ParseDuration(text)
	if err != nil || value < 0 {
		bad.add(key, "found %q, must be a duration with its unit, such as 24h", text)
		return
	}
	*d = value
}

// read makes a meter of its part of the file.
func (m *fileMeter) read(bad *faults, name, folder string) *Meter {
	key := "meters." + name
	meter := &Meter{Name: name, Code: m.Code, Field: m.Field, Measure: Measure(m.Measure), By: m.Customer.By, tag: m.Customer.Tag, only: m.Only}
	if !nameForm.MatchString(name) {
		bad.add(key, "a name is 1 to 40 of a-z, 0-9 and _, and begins with a letter")
	}
	if meter.Code == "" {
		meter.Code = name
	}
	if len(meter.Code) > 100 {
		bad.add(key+".code", "has %d bytes, at most 100 are allowed", len(meter.Code))
	}
	if meter.Field == "" {
		meter.Field = "value"
	}
	if !slices.Contains(Measures, meter.Measure) {
		bad.add(key+".measure", "found %q, allowed are %s", m.Measure, joined(Measures))
	}
	meter.unitPlaces = m.unit(bad, key+".unit")
	meter.Since = date(bad, key+".since", m.Since)
	if !slices.Contains(subjects, meter.By) {
		bad.add(key+".customer.by", "found %q, allowed are %s", m.Customer.By, strings.Join(subjects, ", "))
	}
	if (meter.By == "tag") != (meter.tag != "") {
		bad.add(key+".customer.tag", "must name the tag if customers are found by tag, and only then")
	}
	if m.Customer.File != "" {
		path := m.Customer.File
		if !filepath.IsAbs(path) {
			path = filepath.Join(folder, path)
		}
		var err error
		if meter.customers, err = readCustomers(path); err != nil {
			bad.add(key+".customer.file", "%w", err)
		}
	}
	for _, column := range slices.Sorted(maps.Keys(m.Only)) {
		if !slices.Contains(filters, column) {
			bad.add(key+".only."+column, "allowed are %s", strings.Join(filters, ", "))
		} else if len(m.Only[column]) == 0 {
			bad.add(key+".only."+column, "must list at least one value")
		}
	}
	meter.charge = m.Charge
	if m.Charge == nil {
		meter.charge = defaultCharge
	}
	for _, status := range meter.charge {
		if !slices.Contains(defaultCharge, status) {
			bad.add(key+".charge", "found %q, allowed are %s", status, strings.Join(defaultCharge, ", "))
		}
	}
	m.rules(bad, key, meter)
	return meter
}

// unit reads a power of ten as its exponent.
func (m *fileMeter) unit(bad *faults, key string) int32 {
	if m.Unit == "" {
		return 0
	}
	d, err := decimal.NewFromString(m.Unit)
	for places := int32(-12); err == nil && places <= 12; places++ {
		if d.Equal(decimal.New(1, places)) {
			return places
		}
	}
	bad.add(key, "found %q, must be a power of ten from 0.000000000001 to 1000000000000", m.Unit)
	return 0
}

func (m *fileMeter) rules(bad *faults, key string, meter *Meter) {
	if len(m.Rules) == 0 {
		meter.rules = []Rule{{Factor: decimal.New(1, 0), Decimals: defaultDecimals, Rounding: HalfUp}}
	}
	for i, r := range m.Rules {
		key := fmt.Sprintf("%s.rules[%d]", key, i)
		rule := Rule{Factor: decimal.New(1, 0), Decimals: defaultDecimals, Rounding: Rounding(r.Rounding)}
		if r.From != "" || i > 0 {
			rule.From = date(bad, key+".from", r.From)
		}
		if i > 0 && !rule.From.After(meter.rules[i-1].From) {
			bad.add(key+".from", "found %q, which is not after the rule before it: put them in the order of time", r.From)
		}
		if r.Factor != "" {
			var err error
			if rule.Factor, err = decimal.NewFromString(r.Factor); err != nil || len(r.Factor) > 32 || rule.Factor.IsNegative() || rule.Factor.GreaterThan(decimal.New(1000, 0)) {
				bad.add(key+".factor", "found %q, must be a number from 0 to 1000; 1.2 adds 20 %%", r.Factor)
			}
		}
		if r.Decimals != nil {
			rule.Decimals = *r.Decimals
			if rule.Decimals < 0 || rule.Decimals > 18 {
				bad.add(key+".decimals", "found %d, allowed are 0 to 18", rule.Decimals)
			}
		}
		if r.Rounding == "" {
			rule.Rounding = HalfUp
		}
		if !slices.Contains(Roundings, rule.Rounding) {
			bad.add(key+".rounding", "found %q, allowed are %s", r.Rounding, joined(Roundings))
		}
		meter.rules = append(meter.rules, rule)
	}
}

// date reads a day, midnight UTC, or an instant.
func date(bad *faults, key, text string) time.Time {
	for _, form := range []string{time.DateOnly, time.RFC3339} {
		if at, err := time.Parse(form, text); err == nil {
			return at.UTC()
		}
	}
	bad.add(key, "found %q, must be a day such as 2026-01-31 (from midnight UTC on) or an instant such as 2026-01-31T12:00:00Z", text)
	return time.Time{}
}

// readCustomers reads a CSV file of subjects and customers. Its first line names the
// columns: subject,customer.
func readCustomers(path string) (map[string]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	reader := csv.NewReader(bytes.NewReader(text))
	reader.FieldsPerRecord = 2
	rows, err := reader.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(rows) == 0 || rows[0][0] != "subject" || rows[0][1] != "customer" {
		return nil, fmt.Errorf("%s: the first line must be subject,customer", path)
	}
	customers := make(map[string]string, len(rows))
	for i, row := range rows[1:] {
		subject, customer := strings.TrimSpace(row[0]), strings.TrimSpace(row[1])
		switch other, twice := customers[subject]; {
		case subject == "" || customer == "" || len(customer) > usage.MaxTextBytes:
			return nil, fmt.Errorf("%s line %d: subject and customer must have 1 to %d bytes", path, i+2, usage.MaxTextBytes)
		case twice && other != customer:
			return nil, fmt.Errorf("%s line %d: %q has another customer above", path, i+2, subject)
		}
		customers[subject] = customer
	}
	return customers, nil
}

func joined[T ~string](list []T) string {
	texts := make([]string, len(list))
	for i, one := range list {
		texts[i] = string(one)
	}
	return strings.Join(texts, ", ")
}
