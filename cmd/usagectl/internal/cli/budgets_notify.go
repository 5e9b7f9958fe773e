package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/shopspring/decimal"
	"github.com/spf13/cobra"

	"github.com/otelcol-usage/otelcol-usage/internal/report"
	"github.com/otelcol-usage/otelcol-usage/internal/store/budgets"
	"github.com/otelcol-usage/otelcol-usage/internal/store/read"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
	"github.com/otelcol-usage/otelcol-usage/internal/webhook"
)

const (
	// budgetTime limits a query about budgets.
	budgetTime = time.Minute
	// budgetLateness is how long after its end a period is still watched, for calls that
	// arrive late and for what was reached between two runs.
	budgetLateness = 48 * time.Hour
)

func newBudgetsNotify(db *database) *cobra.Command {
	var urlFile string
	cmd := &cobra.Command{
		Use:   "notify [--webhook-url-file FILE]",
		Short: "Records thresholds that are reached, each once in a period, and sends them to a webhook",
		Long: `Records the thresholds that are reached, each once in a period and with what cost
most, and sends them to a webhook as JSON. Run it every few minutes. What is recorded is not
reported again, also when less is spent after a correction and more again. Several
may run at once. Without a webhook it records alone, for the alerts of Grafana.

A webhook that accepted a message just before this command was stopped gets it again, with
the same id in the document and in the header Idempotency-Key. What a webhook does not
accept is tried again by the next runs, for seven days.`,
		Example: `  usagectl budgets notify
  usagectl budgets notify --webhook-url-file /etc/otelcol-usage/webhook-url`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var hook *webhook.Hook
			if urlFile != "" {
				text, err := os.ReadFile(urlFile)
				if err != nil {
					return fmt.Errorf("--webhook-url-file: %w", err)
				}
				if hook, err = webhook.New(string(text)); err != nil {
					return fmt.Errorf("--webhook-url-file %s: %w", urlFile, err)
				}
			}
			return db.with(cmd, asBudgeter, func(ctx context.Context, pool *pgxpool.Pool) error {
				return notifyBudgets(ctx, cmd, pool, hook, time.Now())
			})
		},
	}
	cmd.Flags().StringVar(&urlFile, "webhook-url-file", "", "file that holds the address of the webhook alone, https or on this machine (default: none, record only)")
	return cmd
}

func notifyBudgets(ctx context.Context, cmd *cobra.Command, pool *pgxpool.Pool, hook *webhook.Hook, now time.Time) error {
	reached, ends, err := reachedThresholds(ctx, cmd, read.New(pool, budgetTime), now)
	if err != nil {
		return err
	}
	fresh, err := budgets.Record(ctx, pool, reached, ends, now, hook != nil)
	if err != nil {
		return err
	}
	cmd.Printf("%s reached\n", plural(fresh, "new threshold"))
	if hook == nil {
		return nil
	}
	send := func(ctx context.Context, c *budgets.Crossing) error {
		document, err := json.Marshal(c)
		if err != nil {
			return err
		}
		return hook.Send(ctx, c.ID, document)
	}
	delivered, failed, err := budgets.Deliver(ctx, pool, send, func(err error) bool { return errors.Is(err, webhook.ErrUnreachable) })
	cmd.Printf("%s delivered\n", plural(delivered, "message"))
	if err == nil && len(failed) > 0 {
		err = fmt.Errorf("%w; the next run tries again", errors.Join(failed...))
	}
	return err
}

// reachedThresholds returns what is reached and not recorded yet, in the current periods and
// in those that ended a short time ago, and when each of these periods ends.
func reachedThresholds(ctx context.Context, cmd *cobra.Command, r *read.Reader, now time.Time) (list []budgets.Crossing, ends []time.Time, err error) {
	current, err := r.Budgets(ctx, read.Administrator(), now)
	if err != nil {
		return nil, nil, err
	}
	before, err := r.PreviousBudgets(ctx, now)
	if err != nil {
		return nil, nil, err
	}
	for _, of := range [][]read.Budget{before, current} {
		for i := range of {
			b := &of[i]
			if now.Sub(b.End) > budgetLateness {
				continue
			}
			crossings, err := crossingsOf(ctx, cmd, r, b, now)
			if err != nil {
				return nil, nil, err
			}
			for range crossings {
				ends = append(ends, b.End)
			}
			list = append(list, crossings...)
		}
	}
	return list, ends, nil
}

// crossingsOf returns the thresholds of one budget that are reached and not recorded.
func crossingsOf(ctx context.Context, cmd *cobra.Command, r *read.Reader, b *read.Budget, now time.Time) (list []budgets.Crossing, err error) {
	recorded := map[int32]bool{}
	for _, t := range b.Reached {
		recorded[t.Threshold] = true
	}
	for _, percent := range b.Thresholds {
		if recorded[percent] || !b.Reaches(percent) {
			continue
		}
		zone, err := time.LoadLocation(b.TimeZone)
		if err != nil {
			return nil, fmt.Errorf("budget %q: %w", usage.CleanText(b.Name, 100), err)
		}
		list = append(list, budgets.Crossing{
			Budget: b.Name, FirstDay: b.Start.In(zone).Format(time.DateOnly), LastDay: b.End.In(zone).AddDate(0, 0, -1).Format(time.DateOnly),
			Threshold: percent, Spent: *b.Spent, Amount: b.Amount, Currency: b.Currency, Causes: []budgets.Cause{},
		})
	}
	if len(list) == 0 {
		return nil, nil
	}
	drivers, err := report.BudgetCauses(ctx, r, b, now)
	if err != nil && !read.IsTimeout(err) {
		return nil, err
	}
	if err != nil { // the threshold is the news, and its cause only a help
		cmd.PrintErrf("budget %q: what cost most takes longer than %s to read; it is reported without\n", plain(b.Name), budgetTime)
	}
	for i := range list {
		for _, d := range drivers {
			c := budgets.Cause{Dimension: d.Dimension, Key: d.Key, Name: d.Name, Dollars: d.After, Before: d.Before}
			if !b.Dollars.IsZero() {
				c.Percent = d.After.Decimal().Mul(decimal.NewFromInt(100)).Div(b.Dollars.Decimal()).Round(0).IntPart()
			}
			list[i].Causes = append(list[i].Causes, c)
		}
	}
	return list, nil
}
