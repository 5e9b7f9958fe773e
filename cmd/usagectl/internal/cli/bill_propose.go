package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/bill/explain"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/shopspring/decimal"
	"github.com/spf13/cobra"

	"github.com/otelcol-usage/otelcol-usage/internal/pricing/book"
	"github.com/otelcol-usage/otelcol-usage/internal/store/read"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

func newBillPropose(db *database) *cobra.Command {
	var o billOptions
	cmd := &cobra.Command{
		Use:   "propose --from 2026-01-01 --to 2026-01-31 > ours.yaml",
		Short: "Drafts the changes that would close the gap to the bill",
		Long: `Prints a price file with the rates that the bill implies, for models whose price the
bill contradicts and for models without a price. Comments give the evidence for each
row, the services to instrument, and the reasons that a setting would remove.
Nothing is changed. Review it, then run

  usagectl prices validate ours.yaml
  usagectl reprice --from ... --to ... --file ours.yaml --dry-run`,
		Args: cobra.NoArgs,
	}
	o.addQuestion(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		question, err := o.question(time.Now())
		if err != nil {
			return err
		}
		return db.with(cmd, asReader, func(ctx context.Context, pool *pgxpool.Pool) error {
			a, err := o.answer(ctx, pool, question)
			if err != nil {
				return err
			}
			senders, err := read.New(pool, o.timeout).BillSenders(ctx, question)
			if err != nil {
				return err
			}
			text, rows := proposal(a, senders)
			cmd.Print(text)
			if rows == 0 {
				return errors.New("no price differs from the bill, and no priced model is missing: there are no rows to propose")
			}
			return nil
		})
	}
	return cmd
}

// proposal returns a price file with a document per provider, and the number of its rows.
// Comments contain what a price cannot correct.
func proposal(a explain.Answer, senders []read.BillSender) (text string, rows int) {
	var b strings.Builder
	for i := range a.Providers {
		p := &a.Providers[i]
		var file, notes strings.Builder
		n, words := 0, map[string]bool{}
		seen := map[string]bool{}
		for _, c := range p.Causes {
			switch c.Cause {
			case explain.Price, explain.Unpriced:
				words[c.Details.Reason] = true
				if p.Currency == read.Dollar && len(c.Details.Rates) > 0 && !seen[c.Details.Model] {
					if row := proposedRow(a, p, c); row != "" {
						seen[c.Details.Model] = true
						file.WriteString(row)
						n++
						continue
					}
				}
				note(&notes, c, "docs/troubleshooting.md says what ends the reason")
			case explain.NotSeen:
				note(&notes, c, "instrument what uses it, docs/instrumenting.md")
			case explain.Estimated, explain.Assumption:
				note(&notes, c, "docs/instrumenting.md says which setting has the library report it")
				words[c.Details.Reason] = true
				for word := range strings.SplitSeq(c.Details.Assumption, "+") {
					words[word] = true
				}
			}
		}
		notes.WriteString(sendersOf(p.Provider, words, senders))
		if n == 0 && notes.Len() == 0 {
			continue
		}
		if n > 0 {
			if rows > 0 {
				b.WriteString("---\n")
			}
			fmt.Fprintf(&b, "provider: %s\nrows:\n%s", strconv.Quote(p.Provider), file.String())
			rows += n
		} else if notes.Len() > 0 {
			fmt.Fprintf(&b, "# %s\n", plain(p.Provider))
		}
		b.WriteString(notes.String())
	}
	return b.String(), rows
}

// maxSenders is how many services are named for a reason.
const maxSenders = 5

// sendersOf returns comments that name the services and libraries behind reasons and
// assumptions.
func sendersOf(provider string, words map[string]bool, senders []read.BillSender) string {
	var b strings.Builder
	for i := 0; i < len(senders); {
		first, n := senders[i], 0
		var names []string
		for ; i < len(senders) && senders[i].Provider == first.Provider && senders[i].Word == first.Word; i++ {
			s := senders[i]
			if n++; n <= maxSenders {
				names = append(names, fmt.Sprintf("%s reported by %s (%s)", cmp.Or(plain(s.Service), "a service without a name"), cmp.Or(plain(s.Dialect), "an unknown library"), plural(s.Calls, "call")))
			}
		}
		if first.Provider != provider || !words[first.Word] {
			continue
		}
		if n > maxSenders {
			names = append(names, plural(n-maxSenders, "other"))
		}
		fmt.Fprintf(&b, "# %s is of %s\n", first.Word, strings.Join(names, ", "))
	}
	return b.String()
}

// note adds a comment about something that no price corrects.
func note(b *strings.Builder, c explain.Cause, advice string) {
	fmt.Fprintf(b, "# %s %s", c.Cause, c.Cost)
	if c.Quantity != nil {
		fmt.Fprintf(b, ", %s %ss", c.Quantity, c.Unit)
	}
	for _, text := range []string{c.Details.Model, c.Details.What(), c.Details.Whose()} {
		if text != "" {
			b.WriteString(", " + plain(text))
		}
	}
	b.WriteString(": " + advice + "\n")
}

// proposedRow returns a row with the bill's rates, or "" when a price file cannot express
// any of them.
func proposedRow(a explain.Answer, p *explain.Provider, c explain.Cause) string {
	var prices []string
	for _, r := range c.Details.Rates {
		kind, err := usage.ParseQuantityKind(r.Kind)
		if err != nil || kind.Unit() != usage.UnitToken || !r.PerMillion.IsPositive() {
			continue
		}
		prices = append(prices, book.Item(kind).String()+": "+cleanRate(r).String())
	}
	model := c.Details.Model
	if len(prices) == 0 || model == "" || plain(model) != model {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "  - model: %s", strconv.Quote(model))
	if c.Details.Factor != nil {
		fmt.Fprintf(&b, "  # the bill is %s times what the calls cost, %s %s", c.Details.Factor, c.Cost, p.Currency)
	} else {
		fmt.Fprintf(&b, "  # %s without a cost (%s), %s %s on the bill", plural(c.Quantity.IntPart(), "call"), plain(c.Details.Reason), c.Cost, p.Currency)
	}
	if tier := c.Details.Tier; tier != "" && tier != "standard" {
		fmt.Fprintf(&b, "; of the tier %s: move the prices there", plain(tier))
	}
	fmt.Fprintf(&b, "\n    from: %s\n    per_1m_tokens: {%s}\n", a.From, strings.Join(prices, ", "))
	for _, r := range c.Details.Rates {
		fmt.Fprintf(&b, "    # %s %s for %s\n", r.Cost, p.Currency, plain(r.Quantity.String()+" "+r.Kind))
	}
	b.WriteString("    # It replaces a row of the book: a kind that this bill does not have needs its price here too.\n")
	fmt.Fprintf(&b, "    source: %s\n", strconv.Quote("bill of "+p.Account+", "+a.From+" until "+a.To))
	return b.String()
}

// cleanRate returns the shortest rate per million that is consistent with the bill's
// dollars. A bill rounds its dollars, so dividing them would give 1.499999 where the price
// list says 1.5.
func cleanRate(r explain.Rate) decimal.Decimal {
	for places := int32(2); places < 6; places++ {
		short := r.PerMillion.Round(places)
		if off := short.Sub(r.PerMillion.Decimal).Abs(); short.IsPositive() && off.Mul(decimal.New(10_000, 0)).Cmp(r.PerMillion.Decimal) <= 0 {
			return short
		}
	}
	return r.PerMillion.Round(6)
}
