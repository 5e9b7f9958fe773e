package demo

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// shownDays limits the daily trend in the terminal.
const shownDays = 21

// report asks the API as a user would and prints the answers.
func (c *collector) report(ctx context.Context, out io.Writer, now time.Time, days int) error {
	from := now.AddDate(0, 0, 1-days)
	answer, err := c.usage(ctx, from, now)
	if err != nil {
		return err
	}
	current := answer.Current
	fmt.Fprintf(out, "[4/4] the answers of the query API, %s to %s\n\n", from.Format(time.DateOnly), now.Format(time.DateOnly))
	totalCost(out, current.TotalCost, current.Calls, current.Unpriced.Calls)
	breakdown(out, "By API type", current.UsageByType, current.Unpriced.Types, nil)
	breakdown(out, "By user", current.UsageByUser, current.Unpriced.Users, answer.UserNames)

	fmt.Fprintf(out, "  By day (last %d)\n", shownDays)
	daily := current.DailyUsage
	if len(daily) > shownDays {
		daily = daily[len(daily)-shownDays:]
	}
	var top decimal.Decimal
	for _, d := range daily {
		top = decimal.Max(top, amount(d.Cost))
	}
	for _, d := range daily {
		cost, text := shown(d.Cost), bar(amount(d.Cost), top)
		if n := current.Unpriced.Days[d.Date]; n != "" && amount(d.Cost).IsZero() {
			cost, text = "–", n.String()+" unpriced"
		}
		fmt.Fprintf(out, "    %s  %10s  %s\n", d.Date, cost, text)
	}

	fmt.Fprintln(out)
	return nil
}

// totalCost prints the cost of all calls, or a dash when none has a price.
func totalCost(out io.Writer, cost, calls, unpriced json.Number) {
	switch {
	case unpriced == "" || unpriced == "0":
		fmt.Fprintf(out, "  Total cost   $%s in %s calls\n\n", cost, calls)
	case unpriced == calls:
		fmt.Fprintf(out, "  Total cost   – in %s calls, none of which has a price\n\n", calls)
	default:
		fmt.Fprintf(out, "  Total cost   $%s in %s calls; %s calls have no price and are not in it\n\n", cost, calls, unpriced)
	}
}

// suggest prints what to try while the demo runs.
func (c *collector) suggest(out io.Writer, now time.Time, days int, dsn string, ownDatabase bool) {
	from := now.AddDate(0, 0, 1-days)
	fmt.Fprintf(out, `  Look at it: http://%s/

  Try it yourself:
    curl -s 'http://%s%s'
    curl -s 'http://%s/api/admin/users'
    curl -s 'http://%s%s&userId=%s'
`, c.api, c.api, usagePath(from, now), c.api, c.api, usagePath(from, now), users[0].name)
	if ownDatabase {
		fmt.Fprintf(out, "    export DATABASE_URL='%s'\n", dsn)
	}
	fmt.Fprintf(out, `    bin/usagectl usage --start %s --user %s
    bin/usagectl forecast --scope service
    bin/usagectl advise
    bin/usagectl what-if --model gpt-4o-2024-08-06=gpt-4o-mini
    bin/usagectl prices missing
    bin/usagectl doctor --api http://%s
    make psql
`, from.Format(time.DateOnly), users[0].name, c.api)
	fmt.Fprintf(out, "  Send your own spans: OTEL_EXPORTER_OTLP_ENDPOINT=http://%s\n", c.http)
}

// breakdown prints costs by key. It says where calls have no price, because their cost is
// unknown and not 0.
func breakdown(out io.Writer, title string, costs, unpriced map[string]json.Number, names map[string]string) {
	keys := slices.SortedFunc(maps.Keys(costs), func(a, b string) int {
		return cmp.Or(amount(costs[b]).Cmp(amount(costs[a])), cmp.Compare(a, b))
	})
	var total decimal.Decimal
	for _, cost := range costs {
		total = total.Add(amount(cost))
	}
	fmt.Fprintln(out, "  "+title)
	for _, key := range keys {
		name := cmp.Or(names[key], key)
		share := "   -"
		if !total.IsZero() {
			share = fmt.Sprintf("%3s%%", amount(costs[key]).Mul(decimal.New(100, 0)).DivRound(total, 0))
		}
		cost, note := shown(costs[key]), ""
		if n := unpriced[key]; n != "" {
			note = "  and " + n.String() + " unpriced"
			if amount(costs[key]).IsZero() {
				cost, share, note = "–", "   –", "  "+n.String()+" unpriced"
			}
		}
		fmt.Fprintf(out, "    %-36s  %10s  %s%s\n", name, cost, share, note)
	}
	fmt.Fprintln(out)
}

// amount parses a cost. Text that is not a number, which would be a defect of the API,
// gives 0.
func amount(cost json.Number) decimal.Decimal {
	d, err := decimal.NewFromString(cost.String())
	if err != nil {
		return decimal.Zero
	}
	return d
}

// shown rounds for display only.
func shown(cost json.Number) string { return "$" + amount(cost).StringFixed(4) }

func bar(cost, top decimal.Decimal) string {
	const width = 40
	if top.IsZero() {
		return ""
	}
	return strings.Repeat("█", int(cost.Mul(decimal.New(width, 0)).DivRound(top, 0).IntPart()))
}
