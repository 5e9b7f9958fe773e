package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing/book"
	"github.com/otelcol-usage/otelcol-usage/internal/store/upkeep"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// missingPrice is a line of `usagectl prices missing`.
type missingPrice struct {
	Provider     string       `json:"provider"`
	Model        string       `json:"model"`
	RequestModel string       `json:"requestModel,omitempty"`
	Reason       usage.Reason `json:"reason"`
	Calls        int64        `json:"calls"`
	Reported     int64        `json:"reportedCalls"`
	Tokens       int64        `json:"tokens"`
	// Quantities are sums by kind; seconds are decimal numbers.
	Quantities map[string]json.Number `json:"quantities"`
	// Missing lists the kinds that today's book has no price for.
	Missing []string  `json:"missingUnits"`
	First   time.Time `json:"firstSeen"`
	Last    time.Time `json:"lastSeen"`
	// PricedNow reports whether the book given to the command has all prices.
	PricedNow bool `json:"pricedNow"`
}

// newPricesMissing returns the command that lists the called models without a price.
func newPricesMissing() *cobra.Command {
	var asJSON, asDraft bool
	cmd := &cobra.Command{
		Use:   "missing [--from 2026-01-01 --to 2026-01-31]",
		Short: "Lists the called models without a price, or drafts a price file for them",
		Long: `Lists the models that were called in a period (default: the last 30 days) and for
which no price was found: why, how many calls, what they consumed, when they were
seen, and which units have no price in the book.

--draft prints a draft of a price file instead, with FILL_IN in place of each price.
Such a file is refused until all prices are filled in. Then run usagectl reprice
--only-unpriced.`,
		Example: `  usagectl prices missing
  usagectl prices missing --draft > ours.yaml`,
		Args: cobra.NoArgs,
	}
	db, config := addDatabase(cmd), addBook(cmd)
	period := addPeriod(cmd, "from", "to", " (default: 30 days before the end)", " (default: today)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	cmd.Flags().BoolVar(&asDraft, "draft", false, "print a draft of a price file and nothing else")
	cmd.MarkFlagsMutuallyExclusive("json", "draft")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		span, err := period.span("", time.Now())
		if err != nil {
			return err
		}
		prices, err := pricing.Load(*config)
		if err != nil {
			return err
		}
		return db.with(cmd, asReader, func(ctx context.Context, pool *pgxpool.Pool) error {
			from, to := span.Current.From, span.Current.To
			found, others, err := upkeep.MissingPrices(ctx, pool, from, to)
			if err != nil {
				return err
			}
			list := make([]missingPrice, 0, len(found))
			for i := range found {
				list = append(list, lookAgain(prices, &found[i]))
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), map[string]any{"from": from, "to": to, "missing": list, "otherUnpricedCalls": others, "draft": draft(list)})
			}
			if asDraft {
				return printDraft(cmd, list)
			}
			return printMissing(cmd.OutOrStdout(), list, others)
		})
	}
	return cmd
}

// lookAgain finds the units that have no price in today's book.
func lookAgain(prices *pricing.Book, m *upkeep.MissingPrice) missingPrice {
	out := missingPrice{
		Provider: m.Provider, Model: m.Model, RequestModel: m.RequestModel, Reason: m.Reason, Calls: m.Calls, Reported: m.ReportedCalls,
		Tokens: m.Tokens, Quantities: map[string]json.Number{}, Missing: []string{}, First: m.First, Last: m.Last,
	}
	for k, n := range m.Quantities {
		if n > 0 {
			kind := usage.QuantityKind(k)
			out.Quantities[kind.String()] = json.Number(usage.AppendQuantity(nil, kind, n))
		}
	}
	e := prices.Explain(&pricing.Call{Provider: m.Provider, Model: m.Model, RequestModel: m.RequestModel, At: m.First, Quantities: m.Quantities})
	if out.PricedNow = e.Status != usage.StatusUnpriced; out.PricedNow {
		return out
	}
	priced := map[string]bool{}
	for _, line := range e.Lines {
		priced[line.Item] = line.Price != ""
	}
	for k, n := range m.Quantities {
		if name := usage.QuantityKind(k).String(); n > 0 && !priced[name] {
			out.Missing = append(out.Missing, name)
		}
	}
	return out
}

func printMissing(w io.Writer, list []missingPrice, others map[usage.Reason]int64) error {
	if len(list) == 0 {
		_, _ = fmt.Fprintln(w, "no call lacks a price")
	} else {
		var t table
		t.row("PROVIDER", "MODEL", "REASON", "CALLS", number("TOKENS"), "FIRST SEEN", "LAST SEEN", "NO PRICE FOR")
		for _, m := range list {
			units := strings.Join(m.Missing, ", ")
			if m.PricedNow {
				units = "nothing any more: run usagectl reprice"
			}
			calls := strconv.FormatInt(m.Calls, 10)
			if m.Reported > 0 {
				calls += fmt.Sprintf(" (%d with a reported cost)", m.Reported)
			}
			t.row(m.Provider, m.Model, m.Reason, calls, count(m.Tokens), m.First.Format(time.DateOnly), m.Last.Format(time.DateOnly), units)
		}
		if err := t.print(w); err != nil {
			return err
		}
		for _, m := range list {
			var parts []string
			for _, name := range slices.Sorted(maps.Keys(m.Quantities)) {
				parts = append(parts, name+" "+m.Quantities[name].String())
			}
			_, _ = fmt.Fprintf(w, "\n%s %s: %s\n", plain(m.Provider), plain(m.Model), strings.Join(parts, ", "))
		}
		if draft(list) != "" {
			_, _ = fmt.Fprintln(w, "\na draft of their price file: usagectl prices missing --draft > ours.yaml")
		}
	}
	for _, reason := range slices.Sorted(maps.Keys(others)) {
		_, _ = fmt.Fprintf(w, "\n%d more calls are unpriced, and no price can fix that: %s", others[reason], reason)
	}
	_, err := fmt.Fprintln(w)
	return err
}

func printDraft(cmd *cobra.Command, list []missingPrice) error {
	text := draft(list)
	if text == "" {
		cmd.PrintErrln("no call lacks a price that a price file could give")
		return nil
	}
	_, err := io.WriteString(cmd.OutOrStdout(), text)
	return err
}

// headings are the section names in a price file of units other than tokens. A unit with a
// single item needs no name below it.
var headings = map[usage.Unit]string{
	usage.UnitToken: "per_1m_tokens", usage.UnitSecond: "per_minute", usage.UnitCharacter: "per_1k_characters", usage.UnitImage: "per_image",
	usage.UnitCall: "per_1k_calls", usage.UnitPage: "per_1k_pages", usage.UnitPixel: "per_megapixel", usage.UnitMBDay: "per_gb_day",
}

// draft returns a price file with a document per provider.
func draft(list []missingPrice) string {
	var b strings.Builder
	for _, provider := range providersOf(list) {
		if b.Len() > 0 {
			b.WriteString("---\n")
		}
		fmt.Fprintf(&b, "provider: %s\nrows:\n", strconv.Quote(provider))
		seen := map[string]bool{}
		for _, m := range list {
			if m.Provider != provider || m.PricedNow || seen[m.Model] {
				continue
			}
			seen[m.Model] = true
			if m.Model == "" || plain(m.Model) != m.Model {
				fmt.Fprintf(&b, "  # %s cannot stand in a price file\n", strconv.Quote(m.Model))
				continue
			}
			fmt.Fprintf(&b, "  - model: %s  # %d calls, first on %s\n", strconv.Quote(m.Model), m.Calls, m.First.Format(time.DateOnly))
			if m.Reason == usage.ReasonNoPriceForUnit {
				fmt.Fprintf(&b, "    # It replaces a row of the book: repeat its prices, see usagectl prices list --model %s\n", strconv.Quote(m.Model))
			}
			writeUnits(&b, m)
			b.WriteString("    source: FILL_IN\n")
		}
	}
	return b.String()
}

func providersOf(list []missingPrice) (names []string) {
	for _, m := range list {
		nameless := m.Provider == "" || plain(m.Provider) != m.Provider // a price file cannot name it
		if !m.PricedNow && !nameless && !slices.Contains(names, m.Provider) {
			names = append(names, m.Provider)
		}
	}
	return names
}

// writeUnits lists everything that the model consumed, because a row replaces all that the
// book has for the model.
func writeUnits(b *strings.Builder, m missingPrice) {
	items := map[string][]string{}
	for k := range usage.QuantityKindCount {
		if _, used := m.Quantities[k.String()]; used {
			heading := headings[k.Unit()]
			items[heading] = append(items[heading], book.Item(k).String()+": FILL_IN")
		}
	}
	for _, heading := range slices.Sorted(maps.Keys(items)) {
		fmt.Fprintf(b, "    %s: {%s}\n", heading, strings.Join(items[heading], ", "))
	}
}
