package metering_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/metering"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// load reads a configuration of one engine and the given meters, and a file of customers.
func load(t *testing.T, meters string) (*metering.Config, error) {
	t.Helper()
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "customers.csv"), []byte("subject,customer\nann,cus_1\nbob,cus_2\n"), 0o600))
	path := filepath.Join(folder, "metering.yaml")
	require.NoError(t, os.WriteFile(path, []byte("engines:\n  s: {engine: stripe, key_file: key}\nmeters:\n"+meters), 0o600))
	return metering.Load(path)
}

func one(t *testing.T, meter string) *metering.Meter {
	t.Helper()
	c, err := load(t, "  m: {engine: s, since: 2026-01-01, "+meter+"}\n")
	require.NoError(t, err)
	return c.Meters[0]
}

func n(i int64) *int64 { return &i }

var at = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

func call(change func(*metering.Call)) *metering.Call {
	c := &metering.Call{
		At: at, User: "ann", Service: "chat", Payer: "api", Status: usage.StatusPriced, Dollars: decimal.RequireFromString("0.000000400005"),
		Tokens: n(1100), Input: n(1000), Output: n(100), CacheRead: n(300), CacheWrite5m: n(50), CacheWrite1h: n(25),
	}
	if change != nil {
		change(c)
	}
	return c
}

func TestEachCallIsChargedExactlyByItsRule(t *testing.T) {
	t.Parallel()
	seconds := decimal.RequireFromString("12.345678901")
	for _, c := range []struct {
		name, meter string
		change      func(*metering.Call)
		want        string // customer and quantity, or what is held
	}{
		{"all digits of a cost", "measure: cost, customer: {by: user}", nil, "ann 0.000000400005"},
		{"a markup keeps digits", "measure: cost, customer: {by: user}, rules: [{factor: 1.15, decimals: 18}]", nil, "ann 0.00000046000575"},
		{"half up", "measure: cost, unit: 0.000000000001, customer: {by: user}, rules: [{factor: 0.5, decimals: 0}]", nil, "ann 200003"},
		{"half even", "measure: cost, unit: 0.000000000001, customer: {by: user}, rules: [{factor: 0.5, decimals: 0, rounding: half_even}]", nil, "ann 200002"},
		{"up", "measure: cost, unit: 0.000001, customer: {by: user}, rules: [{decimals: 0, rounding: up}]", nil, "ann 1"},
		{"down to nothing", "measure: cost, unit: 0.000001, customer: {by: user}, rules: [{decimals: 0, rounding: down}]", nil, ""},
		{"cents", "measure: cost, unit: 0.01, customer: {by: user}", nil, "ann 0.0000400005"},
		{"thousands of tokens", "measure: tokens, unit: 1000, customer: {by: user}", nil, "ann 1.1"},
		{"input", "measure: input_tokens, customer: {by: user}", nil, "ann 1000"},
		{"input beside the cache", "measure: uncached_input_tokens, customer: {by: user}", nil, "ann 625"},
		{"written to the cache", "measure: cache_write_tokens, customer: {by: user}", nil, "ann 75"},
		{"a kind that the call has none of", "measure: images, customer: {by: user}", nil, ""},
		{"seconds", "measure: audio_seconds, customer: {by: user}", func(c *metering.Call) { c.AudioSeconds = &seconds }, "ann 12.345678901"},
		{"calls", "measure: calls, customer: {by: user}", nil, "ann 1"},
		{"before the first day", "measure: calls, customer: {by: user}", func(c *metering.Call) { c.At = at.AddDate(-1, 0, 0) }, ""},
		{"the rule of the time", "measure: calls, customer: {by: user}, rules: [{from: 2026-01-01, factor: 2}, {from: 2026-03-01, factor: 3}, {from: 2026-03-02, factor: 4}]", nil, "ann 3"},
		{"before the first rule", "measure: calls, customer: {by: user}, rules: [{from: 2026-03-02}]", nil, "held no_rule (ann)"},
		{"a customer of the file", "measure: calls, customer: {by: user, file: customers.csv}", nil, "cus_1 1"},
		{"nobody of the file", "measure: calls, customer: {by: service, file: customers.csv}", nil, "held no_customer (chat) 1"},
		{"no user", "measure: calls, customer: {by: user}", func(c *metering.Call) { c.User = "" }, "held no_customer () 1"},
		{"a team", "measure: calls, customer: {by: team}", func(c *metering.Call) { c.Teams = []string{"search"} }, "search 1"},
		{"two teams", "measure: calls, customer: {by: team}", func(c *metering.Call) { c.Teams = []string{"a", "b"} }, "held several_teams (ann) 1"},
		{"a tenant", "measure: calls, customer: {by: tag, tag: tenant}", func(c *metering.Call) { c.Tags = map[string]string{"tenant": "acme", "feature": "x"} }, "acme 1"},
		{"no tenant", "measure: calls, customer: {by: tag, tag: tenant}", nil, "held no_customer () 1"},
		{"no team", "measure: calls, customer: {by: team}", nil, "held no_customer () 1"},
		{"without a cost", "measure: cost, customer: {by: user}", func(c *metering.Call) { c.Status, c.Reason = usage.StatusUnpriced, usage.ReasonUnknownModel }, "held unknown_model (ann)"},
		{"an estimate that is not charged", "measure: cost, charge: [priced], customer: {by: user}", func(c *metering.Call) { c.Status = usage.StatusEstimated }, "held not_charged (ann) 0.000000400005"},
		{"tokens of a call without usage", "measure: tokens, customer: {by: user}", func(c *metering.Call) {
			c.Tokens, c.Status, c.Reason = nil, usage.StatusUnpriced, usage.ReasonNoUsage
		}, "held no_usage (ann)"},
		{"tokens of a call without a price", "measure: tokens, customer: {by: user}", func(c *metering.Call) { c.Status, c.Reason = usage.StatusUnpriced, usage.ReasonUnknownModel }, "ann 1100"},
		{"more than there is", "measure: characters, unit: 0.000001, customer: {by: user}", func(c *metering.Call) { c.Characters = n(1 << 62) }, "held out_of_range ()"},
		{"a reason that somebody else wrote", "measure: cost, customer: {by: user}", func(c *metering.Call) {
			c.Status, c.Reason = usage.StatusUnpriced, usage.Reason(strings.Repeat("x", 100))
		}, "held " + strings.Repeat("x", 64) + " (ann)"},
		{"paid by a plan", "measure: cost, only: {payer: [api]}, customer: {by: user}", func(c *metering.Call) { c.Payer = "plan" }, ""},
		{"of two services", "measure: calls, only: {service: [chat, search], payer: [api]}, customer: {by: user}", nil, "ann 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := one(t, c.meter).Assess(call(c.change))
			got := ""
			switch {
			case a.Held != "":
				got = "held " + a.Held + " (" + a.Subject + ")"
				if a.HasQuantity {
					got += " " + a.Quantity.String()
				}
			case a.Customer != "":
				got = a.Customer + " " + a.Quantity.String()
			}
			assert.Equal(t, c.want, got)
		})
	}
}

func TestEventsMakeWhatIsChargedWhatItShouldBe(t *testing.T) {
	t.Parallel()
	d := decimal.RequireFromString
	charged := func(customer, live, refused string) metering.Charged {
		return metering.Charged{Customer: customer, Live: d(live), Refused: d(refused)}
	}
	pays := func(customer, quantity string) metering.Assessment {
		return metering.Assessment{Customer: customer, Quantity: d(quantity), HasQuantity: true}
	}
	for _, c := range []struct {
		name    string
		charged []metering.Charged
		a       metering.Assessment
		want    string
		replace bool
	}{
		{"new", nil, pays("x", "5"), "x 5", false},
		{"nothing", nil, metering.Assessment{}, "", false},
		{"the same again", []metering.Charged{charged("x", "5", "0")}, pays("x", "5"), "", false},
		{"more", []metering.Charged{charged("x", "5", "0")}, pays("x", "5.5"), "x 0.5", false},
		{"less", []metering.Charged{charged("x", "5", "0")}, pays("x", "4"), "x -1", false},
		{"somebody else", []metering.Charged{charged("x", "5", "0")}, pays("y", "6"), "x -5, y 6", false},
		{"and back", []metering.Charged{charged("x", "0", "0"), charged("y", "6", "0")}, pays("x", "5"), "y -6, x 5", false},
		{"nobody any more", []metering.Charged{charged("x", "5", "0")}, metering.Assessment{Held: metering.NoCustomer, Quantity: d("5")}, "x -5", false},
		{"no cost any more", []metering.Charged{charged("x", "5", "0")}, metering.Assessment{}, "x -5", false},
		{"refused and unchanged", []metering.Charged{charged("x", "0", "5")}, pays("x", "5"), "", false},
		{"refused and changed", []metering.Charged{charged("x", "0", "5")}, pays("x", "6"), "x 6", true},
		{"refused, then somebody else", []metering.Charged{charged("x", "0", "5")}, pays("y", "5"), "y 5", true},
		{"a difference was refused", []metering.Charged{charged("x", "5", "1")}, pays("x", "5"), "", true},
		{"held from the start", nil, metering.Assessment{Held: "no_usage"}, "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			changes, replace := metering.Plan(c.charged, c.a)
			var got []string
			for _, change := range changes {
				got = append(got, change.Customer+" "+change.Quantity.String())
			}
			assert.Equal(t, c.want, strings.Join(got, ", "))
			assert.Equal(t, c.replace, replace)
		})
	}
}

func TestAnEventIDFitsEveryEngine(t *testing.T) {
	t.Parallel()
	id := metering.EventID(usage.ID{15: 1}, strings.Repeat("m", 40), 1<<31-1)
	assert.LessOrEqual(t, len(id), 100)
	assert.Equal(t, "00000000-0000-0000-0000-000000000001.m.2", metering.EventID(usage.ID{15: 1}, "m", 2))
}

func TestEachFaultOfTheConfigurationIsNamedWithItsKey(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ meter, want string }{
		{"engine: other, measure: cost, since: 2026-01-01, customer: {by: user}", `meters.m.engine: found "other", which is not under engines`},
		{"engine: s, measure: money, since: 2026-01-01, customer: {by: user}", `meters.m.measure: found "money", allowed are cost, calls`},
		{"engine: s, measure: cost, customer: {by: user}", `meters.m.since: found "", must be a day`},
		{"engine: s, measure: cost, since: 2026-01-01, customer: {by: mail}", `meters.m.customer.by: found "mail", allowed are user, team, tag, service, environment`},
		{"engine: s, measure: cost, since: 2026-01-01, customer: {by: user, file: none.csv}", "meters.m.customer.file: open"},
		{"engine: s, measure: cost, since: 2026-01-01, customer: {by: tag}", "meters.m.customer.tag: must name the tag"},
		{"engine: s, measure: cost, since: 2026-01-01, customer: {by: user}, unit: 3", `meters.m.unit: found "3", must be a power of ten`},
		{"engine: s, measure: cost, since: 2026-01-01, customer: {by: user}, only: {colour: [red]}", "meters.m.only.colour: allowed are api_type"},
		{"engine: s, measure: cost, since: 2026-01-01, customer: {by: user}, only: {service: []}", "meters.m.only.service: must list"},
		{"engine: s, measure: cost, since: 2026-01-01, customer: {by: user}, charge: [unpriced]", `meters.m.charge: found "unpriced"`},
		{"engine: s, measure: cost, since: 2026-01-01, customer: {by: user}, rules: [{factor: -1}]", `meters.m.rules[0].factor: found "-1"`},
		{"engine: s, measure: cost, since: 2026-01-01, customer: {by: user}, rules: [{factor: 1e99}]", `meters.m.rules[0].factor`},
		{"engine: s, measure: cost, since: 2026-01-01, customer: {by: user}, rules: [{decimals: 19}]", "meters.m.rules[0].decimals: found 19"},
		{"engine: s, measure: cost, since: 2026-01-01, customer: {by: user}, rules: [{rounding: nearest}]", `meters.m.rules[0].rounding: found "nearest"`},
		{"engine: s, measure: cost, since: 2026-01-01, customer: {by: user}, rules: [{from: 2026-02-01}, {from: 2026-01-01}]", `meters.m.rules[1].from: found "2026-01-01", which is not after`},
		{"engine: s, measure: cost, since: 2026-01-01, customer: {by: user}, price: 3", "field price not found"},
	} {
		_, err := load(t, "  m: {"+c.meter+"}\n")
		if assert.Error(t, err, c.meter) {
			assert.Contains(t, err.Error(), c.want)
		}
	}
	for text, want := range map[string]string{
		"":                                  "meters: there is none",
		"engines: {x: {engine: abacus}}":    `engines.x.engine: found "abacus", allowed are lago, openmeter and stripe`,
		"engines: {x: {engine: stripe}}":    "engines.x.key_file: must name a file",
		"engines: {x: {engine: openmeter}}": "engines.x.repeats_within: must say",
		"engines: {x: {engine: lago, key_file: k, endpoint: 'http://lago.example.com'}}": "engines.x.endpoint: found \"http://lago.example.com\", must begin with https",
		"engines: {x: {engine: lago, key_file: k, source: y}}":                           "engines.x.source: only events for openmeter",
		"engines: {x: {engine: lago, key_file: k, accepts_past: 3}}":                     `engines.x.accepts_past: found "3", must be a duration`,
	} {
		path := filepath.Join(t.TempDir(), "metering.yaml")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		_, err := metering.Load(path)
		if assert.Error(t, err, text) {
			assert.Contains(t, err.Error(), want)
		}
	}
}

func TestTheFileOfCustomersIsReadStrictly(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                 "the first line must be subject,customer",
		"a,b\n":                            "the first line must be subject,customer",
		"subject,customer\nann\n":          "wrong number of fields",
		"subject,customer\nann,\n":         "line 2: subject and customer must have",
		"subject,customer\nann,a\nann,b\n": `line 3: "ann" has another customer above`,
		"subject,customer\nann,a\nann,a\nbob,a\n": "",
	} {
		folder := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(folder, "c.csv"), []byte(text), 0o600))
		path := filepath.Join(folder, "metering.yaml")
		require.NoError(t, os.WriteFile(path, []byte("engines: {s: {engine: stripe, key_file: k}}\nmeters: {m: {engine: s, measure: calls, since: 2026-01-01, customer: {by: user, file: c.csv}}}"), 0o600))
		_, err := metering.Load(path)
		if want == "" {
			assert.NoError(t, err)
		} else if assert.Error(t, err, text) {
			assert.Contains(t, err.Error(), want)
		}
	}
}
