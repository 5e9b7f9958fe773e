package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/shopspring/decimal"
	"github.com/spf13/cobra"

	"github.com/otelcol-usage/otelcol-usage/internal/metering"
	"github.com/otelcol-usage/otelcol-usage/internal/metering/engines"
	"github.com/otelcol-usage/otelcol-usage/internal/store/outbox"
)

// meterCheck is a customer's sums of a meter, ours and the engine's.
type meterCheck struct {
	Meter    string          `json:"meter"`
	Customer string          `json:"customer"`
	From     time.Time       `json:"from"`
	To       time.Time       `json:"to"`
	Accepted decimal.Decimal `json:"accepted"`
	Engine   decimal.Decimal `json:"engine"`
	// Not at the engine, by the outbox.
	Waiting decimal.Decimal `json:"waiting"`
	Refused decimal.Decimal `json:"refused"`
	Unsure  decimal.Decimal `json:"unsure"`
	Equal   bool            `json:"equal"`
}

// errMeterDiffers ends a check that found differences.
var errMeterDiffers = errors.New("an engine's sum is not the sum of what it accepted")

func newMeterCheck(o *meterOptions) *cobra.Command {
	var customer string
	var asJSON bool
	var period *period
	cmd := &cobra.Command{
		Use:   "check --config metering.yaml",
		Short: "Compares the engines' sums with the outbox",
		Long: `Queries each customer's sum from the engines and compares it with the events they
accepted, to the last digit of their answer: 15 digits for OpenMeter and Stripe, all
of them for Lago. The period is the current month in UTC; Lago only knows the current
period of the subscription, which is compared instead. Engines aggregate with a delay:
repeat a check that finds a difference after a few minutes. The exit status is 1 when
a sum differs.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := o.load()
			if err != nil {
				return err
			}
			from, to, err := period.bounds()
			if err != nil {
				return err
			}
			now := time.Now().UTC()
			if from.IsZero() {
				from = time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
			}
			if to.IsZero() {
				to = now.Truncate(time.Minute).Add(time.Minute)
			}
			if !from.Equal(from.Truncate(time.Minute)) || !to.Equal(to.Truncate(time.Minute)) || !from.Before(to) {
				return errors.New("--from and --to must be whole minutes, --from before --to")
			}
			return o.db.with(cmd, asMeterer, func(ctx context.Context, pool *pgxpool.Pool) error {
				list, err := checkMeters(ctx, pool, c, customer, from, to)
				if err != nil {
					return err
				}
				if asJSON {
					err = printJSON(cmd.OutOrStdout(), list)
				} else {
					err = printMeterCheck(cmd, list)
				}
				for _, one := range list {
					if err == nil && !one.Equal {
						err = errMeterDiffers
					}
				}
				return err
			})
		},
	}
	o.addMeter(cmd)
	period = addPeriod(cmd, "from", "to", " (default: the 1st of this month)", " (default: now)")
	cmd.Flags().StringVar(&customer, "customer", "", "only this customer, as the engine knows them (default: all with events)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON; quantities are text, which keeps their digits")
	return cmd
}

func checkMeters(ctx context.Context, pool *pgxpool.Pool, c *metering.Config, customer string, from, to time.Time) ([]meterCheck, error) {
	list := []meterCheck{}
	for _, e := range c.Engines {
		meters := metersOf(c, e.Name)
		if len(meters) == 0 {
			continue
		}
		sink, err := engines.New(e, 0)
		if err != nil {
			return nil, err
		}
		for _, m := range meters {
			if err := sink.Ready(ctx, m); err != nil {
				return nil, fmt.Errorf("meter %s: %w", m.Name, err)
			}
			sums, err := outbox.Sums(ctx, pool, m.Name, customer, from, to)
			if err != nil {
				return nil, err
			}
			for _, ours := range sums {
				one, err := checkCustomer(ctx, pool, sink, m, ours, from, to)
				if err != nil {
					return nil, fmt.Errorf("meter %s: %w", m.Name, err)
				}
				list = append(list, one)
			}
		}
	}
	return list, nil
}

func checkCustomer(ctx context.Context, pool *pgxpool.Pool, sink metering.Sink, m *metering.Meter, ours outbox.Sum, from, to time.Time) (c meterCheck, err error) {
	total, err := sink.Total(ctx, m, ours.Customer, from, to)
	if err != nil {
		return c, err
	}
	if !total.From.Equal(from) || !total.To.Equal(to) {
		// The engine knows no other period than its own.
		sums, err := outbox.Sums(ctx, pool, m.Name, ours.Customer, total.From, total.To)
		if err != nil {
			return c, err
		}
		ours = outbox.Sum{Customer: ours.Customer}
		if len(sums) > 0 {
			ours = sums[0]
		}
	}
	return meterCheck{
		Meter: m.Name, Customer: ours.Customer, From: total.From, To: total.To, Accepted: ours.Accepted, Engine: total.Quantity,
		Waiting: ours.Waiting, Refused: ours.Refused, Unsure: ours.Unsure, Equal: total.Equals(ours.Accepted),
	}, nil
}

func printMeterCheck(cmd *cobra.Command, list []meterCheck) error {
	t := table{widest: 60}
	t.row("METER", "CUSTOMER", number("ACCEPTED"), number("ENGINE"), "", number("WAITING"), number("REFUSED"), number("UNSURE"), "SINCE", "UNTIL")
	for _, c := range list {
		verdict := "equal"
		if !c.Equal {
			verdict = "differs by " + c.Engine.Sub(c.Accepted).String()
		}
		t.row(c.Meter, c.Customer, number(c.Accepted.String()), number(c.Engine.String()), verdict,
			number(c.Waiting.String()), number(c.Refused.String()), number(c.Unsure.String()), c.From.Format(time.RFC3339), c.To.Format(time.RFC3339))
	}
	return t.print(cmd.OutOrStdout())
}
