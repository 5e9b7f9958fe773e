package fetch_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/bill/reports"

	"github.com/shopspring/decimal"

	"github.com/otelcol-usage/otelcol-usage/e2e/mockprovider"
	"github.com/otelcol-usage/otelcol-usage/internal/bill"
	"github.com/otelcol-usage/otelcol-usage/internal/bill/fetch"
	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
)

const adminKey = "sk-admin-of-the-test"

var (
	from = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	to   = from.AddDate(0, 0, 10)
	now  = from.AddDate(0, 0, 9).Add(15 * time.Hour)
)

// month charges something on nine days, and nothing on the fourth and the sixth.
func month(provider string) *mockprovider.Account {
	a := &mockprovider.Account{AdminKey: adminKey}
	for d := range 10 {
		if d == 3 || d == 5 {
			continue
		}
		for key := range 3 {
			a.Charge(mockprovider.Charge{
				Provider: provider, At: from.AddDate(0, 0, d).Add(time.Hour), Model: "m", Key: fmt.Sprintf("key_%d", key), Project: "p", Requests: int64(d + 1),
				Bill: mockprovider.Bill{Input: 1000, CacheRead: 100, Output: 10}, Rates: mockprovider.Rates{Input: "2", CacheRead: "0.2", Output: "8"},
			})
		}
	}
	return a
}

// delivered is all that a fetch handed on.
type delivered struct {
	cost, input decimal.Decimal
	rows        int
	days        map[time.Time]int
	until       []time.Time
	partial     int
}

func run(t *testing.T, a http.Handler, provider string, report bill.Report, key string) (delivered, error) {
	t.Helper()
	server := httptest.NewServer(a)
	defer server.Close()
	f := fetch.Fetcher{Provider: provider, Key: key, Endpoint: server.URL, Pause: func(context.Context, time.Duration) error { return nil }}
	out := delivered{days: map[time.Time]int{}}
	for _, s := range fetch.Sources(provider) {
		if s.Report != report {
			continue
		}
		return out, f.Each(t.Context(), s, from, to, now, reports.Options{}, func(d fetch.Days) error {
			for _, c := range d.Covered {
				out.days[c.Day]++
				if c.Until.Before(c.Day.AddDate(0, 0, 1)) {
					out.partial++
				}
			}
			for _, l := range d.Lines {
				if !l.Day.Before(d.Until) {
					t.Errorf("a line of %s is handed over before its day is complete", l.Day)
				}
				out.rows++
				out.cost = out.cost.Add(l.Cost)
				for _, q := range l.Quantities {
					out.input = out.input.Add(q.Amount)
				}
			}
			out.until = append(out.until, d.Until)
			return nil
		})
	}
	t.Fatalf("no source %s", report)
	return out, nil
}

// one is what a charge of [month] costs.
var one = decimal.RequireFromString("0.00190")

// TestEveryDayIsReadOnceWhateverTheProviderDoes pages through months with all
// faults that go away.
func TestEveryDayIsReadOnceWhateverTheProviderDoes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(*mockprovider.Account)
	}{
		{"as documented", func(*mockprovider.Account) {}},
		{"busy and broken", func(a *mockprovider.Account) { a.Busy, a.Broken = 2, 2 }},
		{"too dense for ten days", func(a *mockprovider.Account) { a.MostRows = 20 }},
		{"too dense for two days", func(a *mockprovider.Account) { a.MostRows = 9 }},
		{"pages that end inside a day", func(a *mockprovider.Account) { a.PageRows = 4 }},
		{"pages of single rows", func(a *mockprovider.Account) { a.PageRows = 1 }},
	} {
		for provider, reports := range map[string][]bill.Report{
			catalog.OpenAI: {bill.OpenAICosts, bill.OpenAIUsage + "/completions"}, catalog.Anthropic: {bill.AnthropicCosts, bill.AnthropicUsage},
		} {
			t.Run(c.name+" "+provider, func(t *testing.T) {
				t.Parallel()
				for _, report := range reports {
					a := month(provider)
					c.change(a)
					got, err := run(t, a, provider, report, adminKey)
					if err != nil {
						t.Fatal(err)
					}
					if len(got.days) != 10 || got.partial == 0 || !got.until[len(got.until)-1].Equal(to) {
						t.Errorf("%s: days %v, %d of them in part, until %s", report, got.days, got.partial, got.until)
					}
					if report.HasCosts() {
						if want := one.Mul(decimal.New(24, 0)); !got.cost.Equal(want) || got.rows != 72 {
							t.Errorf("%s: %s of %s in %d rows", report, got.cost, want, got.rows)
						}
					} else if got.rows != 24 || !got.input.Equal(decimal.New(24*1010, 0)) {
						t.Errorf("%s: %s tokens in %d rows", report, got.input, got.rows)
					}
				}
			})
		}
	}
}

func TestWhatCannotBeReadIsAnErrorAndNeverAnEnd(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(*mockprovider.Account)
		key    string
		want   string
	}{
		{"a key of a project", nil, "key-of-somebody-else", "the key is not accepted"},
		{"a key without the right", func(a *mockprovider.Account) { a.Forbidden = true }, adminKey, "the key has no right to it"},
		{"pages without an end", func(a *mockprovider.Account) { a.Endless = true }, adminKey, "does not lead to them"},
		{"broken for good", func(a *mockprovider.Account) { a.Broken = 1000 }, adminKey, "status 500: we are sorry"},
		{"too dense for one day", func(a *mockprovider.Account) { a.MostRows = 2 }, adminKey, "status 400"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := month(catalog.OpenAI)
			if c.change != nil {
				c.change(a)
			}
			_, err := run(t, a, catalog.OpenAI, bill.OpenAICosts, c.key)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want %q", err, c.want)
			}
			if strings.Contains(err.Error(), c.key) {
				t.Errorf("the key stands in the error: %v", err)
			}
		})
	}
	t.Run("another address", func(t *testing.T) {
		t.Parallel()
		if _, err := run(t, http.NotFoundHandler(), catalog.OpenAI, bill.OpenAICosts, adminKey); err == nil || !strings.Contains(err.Error(), "no such report at this address") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a redirect takes no key along", func(t *testing.T) {
		t.Parallel()
		elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") }))
		defer elsewhere.Close()
		if _, err := run(t, http.RedirectHandler(elsewhere.URL, http.StatusFound), catalog.OpenAI, bill.OpenAICosts, adminKey); err == nil || !strings.Contains(err.Error(), "status 302") {
			t.Errorf("got %v", err)
		}
	})
}
