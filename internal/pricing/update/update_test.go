package update_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing/update"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

var now = time.Date(2026, 12, 1, 10, 0, 0, 0, time.UTC)

// book is the built-in book of the tests, with a price that is over, one that is
// sure and one that one source alone knows.
const book = `
provider: openai
rows:
  - {model: gpt-x, until: 2026-08-01, per_1m_tokens: {input: 4, output: 20}, source: then, confidence: high}
  - model: gpt-x
    from: 2026-08-01
    per_1m_tokens: {input: 2, cache_read: 0.20, output: 10}
    per_1k_calls: {web_search: 10}
    service_tiers: {batch: {times: 0.5}, priority: {per_1m_tokens: {input: 5, output: 25}}}
    source: page
    confidence: high
  - {model: gpt-gone, until: 2026-08-01, per_1m_tokens: {input: 4, output: 20}, source: then, confidence: high}
  - {model: gpt-low, per_1m_tokens: {input: 1, output: 5}, source: one, confidence: low}
`

func liteLLM(models string) string { return `{` + models + `}` }

func entry(name, input, output string) string {
	return fmt.Sprintf(`%q: {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": %s, "output_cost_per_token": %s}`, name, input, output)
}

func modelsDev(name, input, output string) string {
	return fmt.Sprintf(`{"openai": {"models": {%q: {"cost": {"input": %s, "output": %s}}}}}`, name, input, output)
}

func piAI(name, input, output string) string {
	return fmt.Sprintf(`{"openai": [{"id": %q, "type": "chat", "cost": {"input": %q, "output": %q, "cacheRead": "0", "cacheWrite": "0"}}]}`, name, input, output)
}

// installation is a folder with a book, whose update layer the test changes.
type installation struct {
	t      *testing.T
	folder string
	store  update.Store
}

func install(t *testing.T) *installation {
	folder := t.TempDir()
	i := &installation{t, folder, update.Store{Path: filepath.Join(folder, "update.yaml")}}
	i.write("book.yaml", book)
	return i
}

func (i *installation) write(name, content string) string {
	i.t.Helper()
	path := filepath.Join(i.folder, name)
	require.NoError(i.t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

// book loads what a collector has: the layer of the test's book is that of one's
// own files, because there is no built-in book of tests.
func (i *installation) book() *pricing.Book {
	i.t.Helper()
	b, err := pricing.Load(pricing.Config{Builtin: pricing.NoBuiltin, Update: i.store.Path, Files: []string{filepath.Join(i.folder, "book.yaml")}})
	require.NoError(i.t, err)
	return b
}

func (i *installation) propose(contents ...string) (*update.Proposal, error) {
	i.t.Helper()
	var from []string
	for n, content := range contents {
		from = append(from, i.write(fmt.Sprintf("source%d.json", n), content))
	}
	var f update.Fetcher
	sources, err := f.Fetch(context.Background(), from, nil)
	if err != nil {
		return nil, err
	}
	held, err := i.store.Load()
	require.NoError(i.t, err)
	return update.Propose(i.book(), held, sources, update.Options{At: now, Known: i.store.Sources()})
}

// changes writes what a proposal changes as "model item old -> new confidence".
func changes(p *update.Proposal) (list []string) {
	for _, c := range p.Changes {
		list = append(list, fmt.Sprintf("%s %s %s -> %s %s", c.Model, c.Item, c.Old, c.New, c.Confidence))
	}
	return list
}

func why(p *update.Proposal) string {
	var list []string
	for _, h := range p.Held {
		list = append(list, h.Model+": "+h.Why)
	}
	return strings.Join(list, "\n")
}

func TestAPriceIsTakenOverWhereTwoIndependentSourcesAgree(t *testing.T) {
	t.Parallel()
	const cheaper = `"1.5e-06"`
	p, err := install(t).propose(liteLLM(entry("gpt-x", "1.5e-06", "7.5e-06")), modelsDev("gpt-x", "1.5", "7.5"))
	require.NoError(t, err, cheaper)
	assert.Equal(t, []string{"gpt-x input 2.000000 -> 1.500000 high", "gpt-x output 10.000000 -> 7.500000 high"}, changes(p))
	assert.Empty(t, p.Suspect)

	p, err = install(t).propose(liteLLM(entry("gpt-x", "1.5e-06", "7.5e-06")))
	require.NoError(t, err)
	assert.Empty(t, p.Changes)
	assert.Contains(t, why(p), "gpt-x: one source alone has")

	p, err = install(t).propose(piAI("gpt-x", "1.5", "7.5"), modelsDev("gpt-x", "1.5", "7.5"))
	require.NoError(t, err)
	assert.Empty(t, p.Changes, "pi-ai is made from models.dev: that is one voice")

	p, err = install(t).propose(liteLLM(entry("gpt-x", "1.5e-06", "7.5e-06")), modelsDev("gpt-x", "1.75", "7.5"))
	require.NoError(t, err)
	assert.Empty(t, p.Changes)
	assert.Contains(t, why(p), "sources disagree: input: litellm")
}

// TestOneSourceAloneBringsNothingBackAndNothingAboveEverything: a model whose price
// ended is off the list, and a price above all others is a slip of the unit as often as not.
func TestOneSourceAloneBringsNothingBackAndNothingAboveEverything(t *testing.T) {
	t.Parallel()
	p, err := install(t).propose(liteLLM(entry("gpt-gone", "3e-06", "15e-06") + "," + entry("gpt-costly", "3e-04", "3e-04")))
	require.NoError(t, err)
	assert.Empty(t, p.Changes)
	assert.Contains(t, why(p), "gpt-gone: its price ended on 2026-08-01, and one source alone has it still")
	assert.Contains(t, why(p), "gpt-costly: input costs 300.000000 dollars for a million tokens, more than any model of which the book is sure")

	p, err = install(t).propose(liteLLM(entry("gpt-gone", "3e-06", "15e-06")), modelsDev("gpt-gone", "3", "15"))
	require.NoError(t, err)
	assert.Equal(t, []string{"gpt-gone input  -> 3.000000 high", "gpt-gone output  -> 15.000000 high"}, changes(p), "two sources sell it again")
}

// TestReviewedSourcesProposeOnlyWhatThePageExplains: the entries of genai-prices 0.1.8 and
// pi-ai 1.6.0 for which the book of November 2026 had other prices, each looked at. What
// is right is in the book, what is wrong is held back, and what nobody knows is in
// docs/prices.md.
func TestReviewedSourcesProposeOnlyWhatThePageExplains(t *testing.T) {
	t.Parallel()
	var f update.Fetcher
	sources, err := f.Fetch(context.Background(), []string{"testdata/reviewed/genai-prices.json", "testdata/reviewed/pi-ai.json"}, nil)
	require.NoError(t, err)
	b, err := pricing.Builtin(pricing.DefaultBuiltin)
	require.NoError(t, err)
	p, err := update.Propose(b, nil, sources, update.Options{At: now})
	require.NoError(t, err)
	assert.Equal(t, []string{
		"minimax/minimax-m1 input 0.400000 -> 0.300000 low", "minimax/minimax-m1 output 2.200000 -> 1.650000 low",
		"qwen/qwen3-8b input 0.117000 -> 0.035000 low", "qwen/qwen3-8b output 0.455000 -> 0.138000 low",
	}, changes(p))
	page, err := os.ReadFile("../../../docs/prices.md")
	require.NoError(t, err)
	for _, c := range p.Changes {
		assert.Contains(t, string(page), "- `"+c.Model+"`: sources disagree: "+c.Item)
	}
}

func TestWhatOneSourceAloneKnowsHasLowConfidence(t *testing.T) {
	t.Parallel()
	p, err := install(t).propose(liteLLM(entry("gpt-new", "3e-06", "1.2e-05") + "," + entry("gpt-low", "1.1e-06", "5.5e-06")))
	require.NoError(t, err)
	assert.Equal(t, []string{
		"gpt-low input 1.000000 -> 1.100000 low", "gpt-low output 5.000000 -> 5.500000 low",
		"gpt-new input  -> 3.000000 low", "gpt-new output  -> 12.000000 low",
	}, changes(p))
}

// A name that the book prices by a spelling, and a subscription, are no news.
func TestWhatTheBookPricesByAnotherSpellingIsNoNews(t *testing.T) {
	t.Parallel()
	p, err := install(t).propose(liteLLM(entry("gpt-x-2026-08-01", "2e-06", "1e-05") + "," + entry("gpt-low-2026-01-01", "9e-07", "5e-06")))
	require.NoError(t, err)
	assert.Empty(t, p.Changes)
	assert.Equal(t, "gpt-low-2026-01-01: the book prices it as gpt-low, at another price", why(p))
	_, err = install(t).propose(strings.Replace(piAI("gpt-x", "1.5", "7.5"), `"openai"`, `"openai-codex"`, 1))
	assert.ErrorContains(t, err, "a subscription has no price for a call")
}

// The new price is a row from today on, and what multiplies stays; prices of the
// old row that nobody repeats do not.
func TestTheNewPriceIsADatedRow(t *testing.T) {
	t.Parallel()
	i := install(t)
	p, err := i.propose(liteLLM(entry("gpt-x", "1.5e-06", "7.5e-06")), modelsDev("gpt-x", "1.5", "7.5"))
	require.NoError(t, err)
	require.NoError(t, i.store.Save(p))
	b, err := pricing.Load(pricing.Config{Builtin: pricing.NoBuiltin, Update: i.store.Path})
	require.NoError(t, err)
	call := pricing.Call{Provider: "openai", Model: "gpt-x", At: now, ServiceTier: "batch", Quantities: usage.Quantities{usage.InputTextTokens: 1000, usage.WebSearches: 1}}
	assert.Equal(t, "0.01075", b.Price(&call).Cost.String(), "half of the tokens' price, and the whole fee")
	call.ServiceTier = "priority"
	assert.Equal(t, usage.ReasonTierFallback, b.Price(&call).Reason)
	call.At = now.AddDate(0, 0, -1)
	assert.Equal(t, usage.StatusUnpriced, b.Price(&call).Status, "yesterday is left to the book below")
}

func TestWhatLooksUnusualNeedsALook(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ input, output, want string }{
		"a jump":            {"5e-06", "2.5e-05", "more than a factor of two"},
		"a fall":            {"5e-07", "2.5e-06", "more than a factor of two"},
		"a price that ends": {"4e-06", "2e-05", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			million := func(perToken string) string {
				return map[string]string{"5e-06": "5", "2.5e-05": "25", "5e-07": "0.5", "2.5e-06": "2.5", "4e-06": "4", "2e-05": "20"}[perToken]
			}
			p, err := install(t).propose(liteLLM(entry("gpt-x", c.input, c.output)), modelsDev("gpt-x", million(c.input), million(c.output)))
			require.NoError(t, err)
			if c.want == "" {
				assert.Empty(t, p.Changes)
				assert.Contains(t, why(p), "held until 2026-08-01: the source is older than the book")
				return
			}
			require.Len(t, p.Suspect, 1)
			assert.Contains(t, p.Suspect[0], c.want)
		})
	}
}

// Foreign files may say anything. The update that holds stays what it is.
func TestHostileFiles(t *testing.T) {
	t.Parallel()
	good := entry("gpt-new", "3e-06", "1.2e-05")
	for name, c := range map[string]struct {
		content string
		refused string // the whole file, else
		held    string // the model, else it is neither used nor reported
	}{
		"truncated":          {content: `{"gpt-x": {"litellm_provider": "openai", "input_cost_per_tok`, refused: "not JSON"},
		"empty":              {content: ``, refused: "not JSON"},
		"another form":       {content: `{"a": 1}`, refused: "none of the known formats"},
		"no price":           {content: `{"gpt-x": {"litellm_provider": "openai"}}`, refused: "no usable price"},
		"not a number":       {content: liteLLM(entry("gpt-x", "NaN", "1e-05")), refused: "not JSON"},
		"infinite":           {content: liteLLM(good + "," + entry("gpt-x", `"Infinity"`, `"-Infinity"`))},
		"negative":           {content: liteLLM(good + "," + entry("gpt-x", "-1e-06", "-1e-05"))},
		"deep nesting":       {content: `{"a": ` + strings.Repeat("[", 200_000) + strings.Repeat("]", 200_000) + `}`, refused: "not JSON"},
		"thousandfold":       {content: liteLLM(good + "," + entry("gpt-low", "1.1e-03", "5.5e-03"))},
		"hundredfold":        {content: liteLLM(good + "," + entry("gpt-low", "1.5e-04", "7.5e-04")), held: "gpt-low: 150 of input is a hundred times"},
		"noise of floats":    {content: liteLLM(good + "," + entry("gpt-low", "1.0000000000000002e-06", "4.999999999999999e-06"))},
		"a name of 1 MB":     {content: liteLLM(good + "," + entry(strings.Repeat("n", 1<<20), "1e-06", "1e-05"))},
		"a name that is *":   {content: liteLLM(good + "," + entry("*", "1e-06", "1e-05"))},
		"a name that steers": {content: liteLLM(good + "," + strings.ReplaceAll(entry("gpt?", "1e-06", "1e-05"), "?", `\u001b`))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := install(t)
			p, err := i.propose(liteLLM(good))
			require.NoError(t, err)
			require.NoError(t, i.store.Save(p))
			before, err := os.ReadFile(i.store.Path)
			require.NoError(t, err)

			p, err = i.propose(c.content)
			if c.refused != "" {
				require.ErrorContains(t, err, c.refused)
			} else {
				require.NoError(t, err)
				assert.Empty(t, p.Changes, "only what is there already")
				assert.Contains(t, why(p), c.held)
			}
			after, err := os.ReadFile(i.store.Path)
			require.NoError(t, err)
			assert.Equal(t, before, after)
		})
	}
}

func TestAFileOfTenGigabytesIsNotRead(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "big.json")
	f, err := os.Create(name)
	require.NoError(t, err)
	require.NoError(t, f.Truncate(10<<30)) // takes no space
	require.NoError(t, f.Close())
	_, err = new(update.Fetcher).Fetch(context.Background(), []string{name}, nil)
	assert.ErrorContains(t, err, "at most 33554432 bytes")
}

func TestAnEndlessAnswerIsCutOff(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		block := make([]byte, 1<<20)
		for range 64 {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	}))
	t.Cleanup(server.Close)
	_, err := new(update.Fetcher).Fetch(context.Background(), []string{server.URL + "/prices.json"}, nil)
	assert.ErrorContains(t, err, "more than 33554432 bytes")
}

func TestASourceIsFetchedAgainOnlyWhenItIsNew(t *testing.T) {
	t.Parallel()
	version, requests := "v1", 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests++
		w.Header().Set("ETag", `"`+version+`"`)
		if r.Header.Get("If-None-Match") == `"`+version+`"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		_, _ = w.Write([]byte(liteLLM(entry("gpt-new", "3e-06", "1.2e-05"))))
	}))
	t.Cleanup(server.Close)
	var f update.Fetcher
	from := []string{server.URL + "/prices.json?token=secret"}
	known, err := f.Fetch(context.Background(), from, nil)
	require.NoError(t, err)
	require.Len(t, known, 1)
	assert.NotContains(t, known[0].From, "secret")
	assert.Equal(t, `"v1"`, known[0].ETag)
	assert.Len(t, known[0].SHA256, 64)

	again, err := f.Fetch(context.Background(), from, known)
	require.NoError(t, err)
	assert.Nil(t, again)
	version = "v2"
	again, err = f.Fetch(context.Background(), from, known)
	require.NoError(t, err)
	require.Len(t, again, 1)
	assert.Equal(t, 3, requests)
}

func TestOnlyHTTPSLeavesTheMachine(t *testing.T) {
	t.Parallel()
	for _, from := range []string{"http://example.com/prices.json", "ftp://example.com/prices.json", "file:///etc/passwd"} {
		_, err := new(update.Fetcher).Fetch(context.Background(), []string{from}, nil)
		assert.ErrorContains(t, err, "price data is read over https", from)
	}
}

func TestThereIsAWayBack(t *testing.T) {
	t.Parallel()
	i := install(t)
	assert.ErrorContains(t, i.store.Rollback(), "there is no price update")
	one, err := i.propose(liteLLM(entry("gpt-one", "3e-06", "1.2e-05")))
	require.NoError(t, err)
	require.NoError(t, i.store.Save(one))
	two, err := i.propose(liteLLM(entry("gpt-two", "3e-06", "1.2e-05")))
	require.NoError(t, err)
	require.NoError(t, i.store.Save(two))
	second, err := os.ReadFile(i.store.Path)
	require.NoError(t, err)
	assert.Contains(t, string(second), "[gpt-one, gpt-two]")

	require.NoError(t, i.store.Rollback())
	first, err := os.ReadFile(i.store.Path)
	require.NoError(t, err)
	assert.NotContains(t, string(first), "gpt-two")
	assert.Empty(t, i.store.Sources(), "their versions belong to what was taken back")
	require.NoError(t, i.store.Rollback())
	again, err := os.ReadFile(i.store.Path)
	require.NoError(t, err)
	assert.Equal(t, second, again)
}

func TestTheFirstUpdateCanBeTakenBack(t *testing.T) {
	t.Parallel()
	i := install(t)
	p, err := i.propose(liteLLM(entry("gpt-one", "3e-06", "1.2e-05")))
	require.NoError(t, err)
	require.NoError(t, i.store.Save(p))
	require.NoError(t, i.store.Rollback())
	assert.NoFileExists(t, i.store.Path)
	require.NoError(t, i.store.Rollback())
	assert.FileExists(t, i.store.Path)
}

func TestTwoUpdatesDoNotRunAtOnce(t *testing.T) {
	t.Parallel()
	i := install(t)
	unlock, err := i.store.Lock()
	require.NoError(t, err)
	_, err = i.store.Lock()
	require.ErrorContains(t, err, "another update is running")
	unlock()
	unlock, err = i.store.Lock()
	require.NoError(t, err)
	unlock()
}

func TestASourceThatLostHalfOfItsModelsNeedsALook(t *testing.T) {
	t.Parallel()
	i := install(t)
	var many []string
	for n := range 10 {
		many = append(many, entry(fmt.Sprintf("gpt-%d", n), "3e-06", "1.2e-05"))
	}
	p, err := i.propose(liteLLM(strings.Join(many, ",")))
	require.NoError(t, err)
	require.NoError(t, i.store.Save(p))
	p, err = i.propose(liteLLM(entry("gpt-x", "2e-06", "1e-05")))
	require.NoError(t, err)
	require.Len(t, p.Suspect, 1)
	assert.Contains(t, p.Suspect[0], "has 1 models, it had 10 at the last update")
}
