package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"github.com/otelcol-usage/otelcol-usage/internal/outlook"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
	"github.com/otelcol-usage/otelcol-usage/internal/store/upkeep"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// whatIfOptions are the flags of usagectl what-if.
type whatIfOptions struct {
	period            *period
	models            []string
	toProvider, tier  string
	cached, discount  string
	provider, service string
	json              bool
	book              *pricing.Config
	runs              runsOptions
}

func newWhatIf() *cobra.Command {
	var o whatIfOptions
	cmd := &cobra.Command{
		Use:   "what-if",
		Short: "Shows what stored calls would have cost with another model, tier, cache or discount",
		Long: `Prices stored calls one by one and exactly with something changed, and shows the
difference by model. Nothing is stored. Calls that the change does not affect keep
their cost, so the sum covers all calls of the period.

The same tokens are priced. Another model gives answers of another length, and counts
the same text as another number of tokens, so take the difference as a first
estimate. It says nothing about the quality of the answers.

With --traces and --base it shows what a change of the code costs: it prices two
recorded runs of the same test or evaluation, shows what caused the difference (calls,
prompts, cache, answers, models) and, with a database, what that means per month at
today's traffic.`,
		Example: `  usagectl what-if --model gpt-4o=gpt-4o-mini
  usagectl what-if --model claude-sonnet-4-5=gpt-5-mini --to-provider openai
  usagectl what-if --tier batch --service nightly-report --from 2026-01-01 --to 2026-01-31
  usagectl what-if --cache 80% --json
  usagectl what-if --discount 12.5%
  usagectl what-if --traces head.jsonl --base main.jsonl --fail-above 10% --markdown`,
		Args: cobra.NoArgs,
	}
	db := addDatabase(cmd)
	o.book = addBook(cmd)
	o.period = addPeriod(cmd, "from", "to", " (default: 30 days before the end)", " (default: today)")
	f := cmd.Flags()
	f.StringArrayVar(&o.models, "model", nil, "another model instead of one, as A=B by the names in the column model; give it again for more. Only calls of these models change")
	f.StringVar(&o.toProvider, "to-provider", "", "where the other models are called (default: where the calls were made)")
	f.StringVar(&o.tier, "tier", "", "the service tier to ask for: batch, flex, priority")
	f.StringVar(&o.cached, "cache", "", "share of the text input that is read from the provider's cache, such as 80%; calls that cached more keep it. Writes to the cache are not added")
	f.StringVar(&o.discount, "discount", "", "off the cost of each call, such as 10%")
	f.StringVar(&o.provider, "provider", "", "only calls of this provider, as the column provider spells it")
	f.StringVar(&o.service, "service", "", "only calls of this service")
	f.BoolVar(&o.json, "json", false, "print a JSON object")
	o.runs.addFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if o.runs.head != "" {
			return o.runs.run(cmd, db, o.book, o.json)
		}
		change, err := o.change()
		if err != nil {
			return err
		}
		span, err := o.period.span("", time.Now())
		if err != nil {
			return err
		}
		pricer := pricing.Pricer{}
		if pricer.Book, err = pricing.Load(*o.book); err != nil {
			return err
		}
		if err := o.checkModels(pricer.Book, change, span.Current.To); err != nil {
			return err
		}
		filter := upkeep.RepriceFilter{From: span.Current.From, To: span.Current.To}
		if f.Changed("provider") {
			filter.Provider = &o.provider
		}
		return db.with(cmd, asReader, func(ctx context.Context, pool *pgxpool.Pool) error {
			w, err := o.ask(ctx, pool, filter, change, pricer.Price, f.Changed("service"))
			if err != nil {
				return err
			}
			if o.json {
				return printJSON(cmd.OutOrStdout(), w)
			}
			return printWhatIf(cmd.OutOrStdout(), w, span.Current.From, span.Current.To)
		})
	}
	return cmd
}

// change parses the flags.
func (o *whatIfOptions) change() (c outlook.Change, err error) {
	c.Models, c.Provider, c.Tier = map[string]string{}, o.toProvider, o.tier
	for _, text := range o.models {
		from, to, ok := strings.Cut(text, "=")
		if !ok || from == "" || to == "" || from == to {
			return c, fmt.Errorf("--model: found %q, must be one model and another, such as gpt-4o=gpt-4o-mini", text)
		}
		if other, twice := c.Models[from]; twice && other != to {
			return c, fmt.Errorf("--model: %s is to be both %s and %s", from, other, to)
		}
		c.Models[from] = to
	}
	if o.toProvider != "" && len(c.Models) == 0 {
		return c, errors.New("--to-provider: names where other models are called; set --model too")
	}
	if o.cached != "" {
		share, err := outlook.ParsePercent(o.cached)
		if err != nil {
			return c, fmt.Errorf("--cache: %w", err)
		}
		c.Cached = &share
	}
	if o.discount != "" {
		if c.Discount, err = outlook.ParsePercent(o.discount); err != nil {
			return c, fmt.Errorf("--discount: %w", err)
		}
	}
	if c.IsZero() {
		return c, errors.New("nothing is changed: set --model, --tier, --cache or --discount")
	}
	return c, nil
}

// checkModels returns an error for a model that the book does not have at its provider.
func (o *whatIfOptions) checkModels(b *pricing.Book, c outlook.Change, end time.Time) error {
	if c.Provider == "" {
		return nil
	}
	for _, model := range c.Models {
		call := pricing.Call{Provider: c.Provider, Model: model, At: end.Add(-1)}
		call.Quantities[usage.InputTextTokens] = 1
		if b.Price(&call).Reason == usage.ReasonUnknownModel {
			return fmt.Errorf("--model: %s", strings.TrimSpace(nearModels(b, c.Provider, model)))
		}
	}
	return nil
}

// ask reads the calls and prices them with the change.
func (o *whatIfOptions) ask(ctx context.Context, pool *pgxpool.Pool, filter upkeep.RepriceFilter, c outlook.Change, price func(*usage.Record), byService bool) (*outlook.WhatIf, error) {
	w, changed := &outlook.WhatIf{}, false
	options := upkeep.RepriceOptions{Filter: filter, Price: func(r *usage.Record) { changed = c.Price(r, price) }}
	err := upkeep.Compare(ctx, pool, options, func(call upkeep.Compared) {
		if byService && call.Before.Service != o.service {
			return
		}
		if call.Fault != nil {
			w.AddUnread(call.Before)
			return
		}
		w.Add(call.Before, call.After, changed)
	})
	w.Finish()
	return w, err
}

// printWhatIf prints the answer for a terminal, with all digits.
func printWhatIf(w io.Writer, answer *outlook.WhatIf, from, to time.Time) error {
	p := &printer{out: w}
	p.line("Calls from %s until before %s (UTC), in USD at API prices\n", from.Format(time.DateOnly), to.Format(time.DateOnly))
	var t table
	line := func(provider, model string, s outlook.WhatIfSums) {
		t.row(provider, model, count(s.Calls), count(s.Changed), number(s.Cost.String()), number(s.WhatIf.String()), number(signed(s.Difference)))
	}
	t.row("PROVIDER", "MODEL", number("CALLS"), number("CHANGED"), number("COST"), number("WHAT IF"), number("DIFFERENCE"))
	for _, m := range answer.ByModel {
		line(m.Provider, m.Model, m.WhatIfSums)
	}
	line("total", "", answer.WhatIfSums)
	p.table(&t)
	for _, note := range []struct {
		calls int64
		text  string
	}{
		{answer.Unpriced, "without a known cost today, in no sum"},
		{answer.Unknown, fmt.Sprintf("that cost %s without a price after the change, in no sum; usagectl prices list says what the book has, --to-provider where another model is called", answer.UnknownCost)},
		{answer.Doubtful, "whose changed cost is an estimate, because the book has no such tier or kind"},
		{answer.Unread, "that cannot be priced again and keep their cost"},
	} {
		if note.calls > 0 {
			p.line("%s %s", plural(note.calls, "call"), note.text)
		}
	}
	return p.err
}
