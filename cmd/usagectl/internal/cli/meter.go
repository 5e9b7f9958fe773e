package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"github.com/otelcol-usage/otelcol-usage/internal/metering"
	"github.com/otelcol-usage/otelcol-usage/internal/metering/engines"
	"github.com/otelcol-usage/otelcol-usage/internal/report"
	"github.com/otelcol-usage/otelcol-usage/internal/store/outbox"
)

// meterOptions are the flags that the commands of usagectl meter share.
type meterOptions struct {
	db     *database
	config string
	meter  string
}

// newMeter returns the commands that charge calls on to customers. Package
// internal/metering decides what is charged.
func newMeter() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "meter",
		Short: "Charges calls to your customers through a billing engine",
		Long: `Charges calls to your customers: it keeps an outbox of events in the database and
sends it to OpenMeter, Lago or Stripe. docs/billing.md has the steps for each.

The database user needs the role usage_meterer.`,
	}
	o := &meterOptions{db: addDatabase(cmd)}
	cmd.PersistentFlags().StringVar(&o.config, "config", "", "YAML file of engines and meters (required, but not for status)")
	cmd.AddCommand(newMeterRun(o), newMeterStatus(o), newMeterReplay(o), newMeterCheck(o))
	return cmd
}

// load reads the configuration, reduced to one meter by --meter.
func (o *meterOptions) load() (*metering.Config, error) {
	if o.config == "" {
		return nil, errors.New("--config must name a file of engines and meters; docs/billing.md has examples")
	}
	c, err := metering.Load(o.config)
	if err != nil || o.meter == "" {
		return c, err
	}
	c.Meters = slices.DeleteFunc(c.Meters, func(m *metering.Meter) bool { return m.Name != o.meter })
	if len(c.Meters) == 0 {
		return nil, fmt.Errorf("--meter: found %q, which %s does not have", o.meter, o.config)
	}
	return c, nil
}

func (o *meterOptions) addMeter(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.meter, "meter", "", "only this meter of the configuration (default: all)")
}

// metersOf returns the meters of an engine.
func metersOf(c *metering.Config, engine string) []*metering.Meter {
	return slices.DeleteFunc(slices.Clone(c.Meters), func(m *metering.Meter) bool { return m.Engine != engine })
}

func newMeterRun(o *meterOptions) *cobra.Command {
	var reread int
	var only bool
	cmd := &cobra.Command{
		Use:   "run --config metering.yaml",
		Short: "Adds new and changed calls to the outbox and sends the outbox",
		Long: `Adds new and changed calls to the outbox and sends the outbox. Run it every few
minutes; it ends when nothing is left to send. It can be stopped at any time: the
next run continues, and the engines recognise what they already have.`,
		Example: `  usagectl meter run --config metering.yaml
  usagectl meter run --config metering.yaml --collect-only   # look before anything is sent
  usagectl meter run --config metering.yaml --reread 35      # on Citus`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := o.load()
			if err != nil {
				return err
			}
			if reread < 0 || reread > 3660 {
				return fmt.Errorf("--reread: found %d, must be 0 to 3660 days", reread)
			}
			sinks := make([]metering.Sink, len(c.Engines))
			for i, e := range c.Engines {
				if only {
					continue
				}
				if sinks[i], err = engines.New(e, 0); err != nil {
					return err
				}
			}
			return o.db.with(cmd, asMeterer, func(ctx context.Context, pool *pgxpool.Pool) error {
				return runMeters(ctx, cmd, pool, c, sinks, reread)
			})
		},
	}
	cmd.Flags().IntVar(&reread, "reread", 0, "compare the calls of so many last days again, beside those that changed")
	cmd.Flags().BoolVar(&only, "collect-only", false, "fill the outbox and send nothing")
	return cmd
}

// runMeters collects, then sends to each engine; a nil sink is sent nothing. An engine that
// fails does not stop the others.
func runMeters(ctx context.Context, cmd *cobra.Command, pool *pgxpool.Pool, c *metering.Config, sinks []metering.Sink, reread int) error {
	if reread == 0 {
		if err := outbox.NeedsReread(ctx, pool); err != nil {
			return err
		}
	}
	lock, err := outbox.TakeLock(ctx, pool)
	if err != nil {
		return err
	}
	defer lock.Release(ctx)
	if reread > 0 {
		if err := outbox.Reread(ctx, pool, c.Meters, time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, 1-reread)); err != nil {
			return err
		}
	}
	collector := outbox.Collector{Pool: pool, Lock: lock, Meters: c.Meters, Progress: func(done outbox.Collected) {
		cmd.PrintErrf("%s looked at, %s made\n", plural(done.Calls, "call"), plural(done.Events, "event"))
	}}
	done, err := collector.Collect(ctx)
	if err != nil {
		return err
	}
	cmd.Printf("outbox: %s looked at, %s made\n", plural(done.Calls, "call"), plural(done.Events, "event"))
	var failed []error
	for i, e := range c.Engines {
		if sinks[i] == nil {
			continue
		}
		sender := outbox.Sender{
			Pool: pool, Lock: lock, Engine: e, Sink: sinks[i], Meters: metersOf(c, e.Name),
			Retried: func(why string, pause time.Duration) {
				cmd.PrintErrf("%s: %s; retrying in %s\n", e.Name, plain(why), pause.Round(time.Second))
			},
			Progress: func(sent outbox.Sent) { cmd.PrintErrf("%s: %s accepted\n", e.Name, plural(sent.Accepted, "event")) },
		}
		sent, err := sender.Send(ctx)
		cmd.Printf("%s: %s accepted, %d refused, %d unsure\n", e.Name, plural(sent.Accepted, "event"), sent.Refused, sent.Unsure)
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", e.Name, err))
		}
	}
	return errors.Join(failed...)
}

func newMeterStatus(o *meterOptions) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Shows the progress of each meter, what was refused and who is not charged",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.db.with(cmd, asMeterer, func(ctx context.Context, pool *pgxpool.Pool) error {
				list, err := outbox.ReadStatus(ctx, pool)
				switch {
				case err != nil:
					return err
				case asJSON:
					return printJSON(cmd.OutOrStdout(), list)
				}
				return printMeterStatus(cmd.OutOrStdout(), list)
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON; quantities are text, which keeps their digits")
	return cmd
}

func printMeterStatus(w io.Writer, list []*outbox.Status) error {
	if len(list) == 0 {
		_, err := fmt.Fprintln(w, "no meter has run yet: usagectl meter run --config metering.yaml")
		return err
	}
	for _, s := range list {
		if _, err := fmt.Fprintf(w, "%s (%s), calls since %s\n", s.Meter, s.Engine, s.Since.UTC().Format(time.RFC3339)); err != nil {
			return err
		}
		t := table{indent: "  ", widest: 100}
		t.row("complete until", moment(s.CollectedAt, "not known yet"))
		t.row("all sent", moment(s.SentAt, "never"))
		if s.ReplayFrom != nil {
			t.row("to compare again", "calls since "+s.ReplayFrom.UTC().Format(time.RFC3339))
		}
		if s.WaitingSince != nil {
			t.row("oldest waiting", moment(s.WaitingSince, ""))
		}
		if s.Problem != "" {
			t.row("problem", s.Problem)
		}
		if err := t.print(w); err != nil {
			return err
		}
		t = table{indent: "  ", widest: 100}
		t.row("STATE", number("COUNT"), number("QUANTITY"), "REASON")
		for _, e := range s.States {
			t.row(e.State, count(e.Events), number(e.Quantity.String()), e.Reason)
		}
		for _, h := range s.Held {
			quantity := h.Quantity.String()
			if h.Unknown == h.Calls {
				quantity = "unknown"
			}
			t.row("not charged", count(h.Calls), number(quantity), h.Reason)
		}
		if len(t.rows) > 1 {
			if err := t.print(w); err != nil {
				return err
			}
		}
	}
	return nil
}

func moment(at *time.Time, none string) string {
	if at == nil {
		return none
	}
	return at.UTC().Format(time.RFC3339)
}

func newMeterReplay(o *meterOptions) *cobra.Command {
	var from, reason string
	var refused, unsure, accepted bool
	cmd := &cobra.Command{
		Use:   "replay --config metering.yaml (--from 2026-01-01 | --refused | --unsure)",
		Short: "Compares past calls again, or sends again what was refused",
		Long: `--from makes the next run compare all calls since a day with the outbox, and charge
or refund the difference. Use it after a change of the configuration, of the
customer file or of teams, or after a database was restored. What is already charged
is not charged twice.

--refused queues events that an engine refused again, with the same ids: for example
after the customer was created there. --unsure does so for events that the engine may
have. Check first with usagectl meter check; if it has them, --unsure --accepted
records that.`,
		Example: `  usagectl meter replay --config metering.yaml --from 2026-01-01
  usagectl meter replay --config metering.yaml --meter ai_cost --refused --reason meter_event_customer_not_found`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := o.load()
			if err != nil {
				return err
			}
			var at time.Time
			switch {
			case from != "":
				if at, err = report.ParseBound("--from", from, time.UTC, false); err != nil {
					return err
				}
			case !refused && !unsure:
				return errors.New("nothing to do: give --from, --refused or --unsure")
			case accepted && !unsure:
				return errors.New("--accepted is for --unsure: an engine that refused an event does not have it")
			}
			return o.db.with(cmd, asMeterer, func(ctx context.Context, pool *pgxpool.Pool) error {
				return replayMeters(ctx, cmd, pool, c, at, map[string]bool{"refused": refused, "unsure": unsure}, reason, accepted)
			})
		},
	}
	o.addMeter(cmd)
	f := cmd.Flags()
	f.StringVar(&from, "from", "", "first day, or an instant (RFC 3339), of the calls that are compared again")
	f.BoolVar(&refused, "refused", false, "send again what was refused")
	f.BoolVar(&unsure, "unsure", false, "send again what the engine may have")
	f.StringVar(&reason, "reason", "", "only events whose reason begins with this")
	f.BoolVar(&accepted, "accepted", false, "with --unsure: the engine has them, do not send them again")
	return cmd
}

func replayMeters(ctx context.Context, cmd *cobra.Command, pool *pgxpool.Pool, c *metering.Config, at time.Time, states map[string]bool, reason string, accepted bool) error {
	lock, err := outbox.TakeLock(ctx, pool)
	if err != nil {
		return err
	}
	defer lock.Release(ctx)
	if !at.IsZero() {
		if err := outbox.Reread(ctx, pool, c.Meters, at); err != nil {
			return err
		}
		cmd.Printf("the next run compares the calls since %s\n", at.Format(time.RFC3339))
	}
	for _, m := range c.Meters {
		for _, state := range []string{"refused", "unsure"} {
			if !states[state] {
				continue
			}
			does, again := "wait again", func() (int64, error) { return outbox.Requeue(ctx, pool, m.Name, state, reason) }
			if accepted && state == "unsure" {
				does, again = "are accepted", func() (int64, error) { return outbox.AcceptUnsure(ctx, pool, m.Name) }
			}
			n, err := again()
			if err != nil {
				return fmt.Errorf("meter %s: %w", m.Name, err)
			}
			cmd.Printf("%s: %s that were %s %s\n", m.Name, plural(n, "event"), state, does)
		}
	}
	return nil
}
