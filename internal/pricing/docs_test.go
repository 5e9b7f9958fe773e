package pricing_test

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/golden"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing/book"
)

const docsIntro = `# Prices

<!-- Written by a test: UPDATE_GOLDEN=1 go test ./internal/pricing -run TestPricesPage -->

What the built-in book ` + "`current`" + ` knows, where its prices come from, and what was left out and
why. [price-files.md](price-files.md) shows how to lay prices of your own over it, and
` + "`usagectl prices explain`" + ` how one call is priced.

## Where prices come from

Researched rows stand first (tools/pricebook/curated, each with its source). Everything else is
taken from BerriAI/litellm, pydantic/genai-prices, anomalyco/models.dev (since September 2026 by way
of earendil-works/pi-ai, which is made from it) and Portkey-AI/models, all under the MIT licence, by
tools/pricebook; charmbracelet/catwalk confirms:

- A price is taken when two sources agree on it and no equal number of sources says otherwise;
  when a majority overrules one source, that is listed below.
- What one source alone knows is taken with ` + "`confidence: low`" + `: calls at such a price are
  marked ` + "`estimated`" + ` with the reason ` + "`unconfirmed_price`" + `, until a file of your own says
  what you pay. It counts as confirmed when the same model has the same price under another
  spelling of its name (a date, ` + "`-latest`" + `, a Bedrock version), or at its maker.
- What sources disagree about without a majority is left out and listed below; a call to such a
  model is ` + "`unpriced`" + `. When it is only a detail (cache, service tier, context tier, region), the
  model stays; a call that needs the detail is billed at the parent's rate and marked as estimated.
- Where evidence speaks against a majority (tools/pricebook/evidence.go: hosts that charge a tenth
  more in a region), the evidence counts, and the sources that say otherwise are listed.
- Earlier prices come from research and from the dated rows of genai-prices. What a source
  announces for later is not believed before it happened.
- A price that a later download has is a row of its own, from the day its source says, else from
  the first day on which a download had it; the row before ends there. The change itself may be some
  days older: a file of your own with the day of your invoice settles it.
- A long prompt is nowhere cheaper than a short one, a cache read nowhere more expensive than the input;
  what says so is left out. Whether a threshold of 272,000 tokens holds from it on or above it, the
  sources do not agree; above is taken, and at xAI from it on, as its price list says.
- What belongs to a subscription (seats, token plans) is no price of a call and is left out; so is
  what a router takes when credits are bought (OpenRouter 5.5 %): write it as a margin
  ([price-files.md](price-files.md#discounts-margins-fees)). Anthropic's code execution is billed by
  the hour beyond a free allowance and has no price per call.
- A container of OpenAI's code interpreter costs 0.03 dollars here: 20 minutes with 1 GB. Since
  2026-06-02 OpenAI bills its minutes, from five on, and four times as much for 4 GB; no answer
  says either. Where that matters, write ` + "`per_call: {code_session: …}`" + ` as your bill has it.
- Gemini 2 pays for a prompt that searched, Gemini 3 for each search; recognition counts so.
- A price of 0 in these files stands for plans and for what nobody filled in; it is never a fact.
- What a source no longer lists stays until two agree on another price, or until one alone has
  it and the book was never sure. On the downloads of the day that the book knows last,
  ` + "`usagectl prices update`" + ` proposes two models for that reason, ` + "`minimax/minimax-m1`" + ` and
  ` + "`qwen/qwen3-8b`" + ` at OpenRouter: pi-ai dropped them, and genai-prices has another price.
- A price that looks like a slip (the checks are in internal/pricing/book/check.go) is left out.

`

// TestPricesPage writes docs/prices.md: what the book knows, and what was left
// out and why.
func TestPricesPage(t *testing.T) {
	t.Parallel()
	current, err := pricing.Builtin("current")
	require.NoError(t, err)
	var page strings.Builder
	page.WriteString(docsIntro)

	type count struct{ names, alone, rows, dated int }
	counts := map[string]*count{}
	seen := map[string]bool{}
	for _, r := range current.Rows() {
		c := counts[r.Provider]
		if c == nil {
			c = &count{}
			counts[r.Provider] = c
		}
		c.rows++
		if !seen[r.Provider+"\x00"+r.Name] {
			seen[r.Provider+"\x00"+r.Name] = true
			c.names++
			if r.Confidence == book.LowConfidence {
				c.alone++
			}
		}
		if !r.Span.From.IsZero() || !r.Span.Until.IsZero() {
			c.dated++
		}
	}
	page.WriteString("## What the book knows\n\n| provider | models | of these by one source alone | rows | of these with a date |\n|---|---:|---:|---:|---:|\n")
	total := count{}
	for _, p := range slices.Sorted(maps.Keys(counts)) {
		c := counts[p]
		fmt.Fprintf(&page, "| `%s` | %d | %d | %d | %d |\n", p, c.names, c.alone, c.rows, c.dated)
		total = count{total.names + c.names, total.alone + c.alone, total.rows + c.rows, total.dated + c.dated}
	}
	fmt.Fprintf(&page, "| all | %d | %d | %d | %d |\n\n", total.names, total.alone, total.rows, total.dated)
	writeLeftOut(t, &page)
	golden.Equal(t, "../../docs/prices.md", page.String())
}

func writeLeftOut(t *testing.T, page *strings.Builder) {
	t.Helper()
	content, err := os.ReadFile("testdata/left_out.tsv")
	require.NoError(t, err)
	other := map[string][]string{}
	for line := range strings.Lines(string(content)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		cells := strings.Split(strings.TrimSpace(line), "\t")
		require.Len(t, cells, 3, line)
		other[cells[0]] = append(other[cells[0]], "- `"+cells[1]+"`: "+cells[2])
	}
	page.WriteString("## Where sources disagree\n\nWhat was left out, and where a majority or research overruled a source. Prices are per million\ntokens unless the source says otherwise.\n")
	for _, p := range slices.Sorted(maps.Keys(other)) {
		fmt.Fprintf(page, "\n### %s\n\n%s\n", p, strings.Join(other[p], "\n"))
	}
}
