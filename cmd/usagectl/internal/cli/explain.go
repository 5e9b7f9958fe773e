package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
	"github.com/otelcol-usage/otelcol-usage/internal/store"
	"github.com/otelcol-usage/otelcol-usage/internal/store/upkeep"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// storedCost is the cost in the row of a call.
type storedCost struct {
	ID          string              `json:"id"`
	Time        time.Time           `json:"timestamp"`
	Provider    string              `json:"provider"`
	Model       string              `json:"model"`
	Cost        usage.Money         `json:"cost"`
	Status      usage.PricingStatus `json:"status"`
	Reason      usage.Reason        `json:"reason,omitempty"`
	Source      usage.CostSource    `json:"source,omitempty"`
	PriceID     string              `json:"price_id,omitempty"`
	Assumptions []string            `json:"assumptions"`
	Reported    *usage.Money        `json:"reported,omitempty"`
	// Payer is who pays, "" when it is not known. PayerPlan is the plan that covers the
	// call, and PayerFilled means that the payer is the plan's word and not the call's.
	Payer       usage.Payer `json:"payer,omitempty"`
	PayerPlan   string      `json:"payer_plan,omitempty"`
	PayerFilled bool        `json:"payer_filled,omitempty"`
	// Fault says why the call cannot be priced again.
	Fault string `json:"fault,omitempty"`
}

// explained is a stored call with today's price for it.
type explained struct {
	Stored storedCost `json:"stored"`
	// Today is nil for a call with unknown quantities.
	Today *pricing.Explanation `json:"today,omitempty"`
	// Router is the host's fee for choosing the model; nil if it did not choose.
	Router *pricing.Explanation `json:"router,omitempty"`
	// Assumptions lists the assumptions of today's price.
	Assumptions []string `json:"assumptions"`
	// Cost is the cost that usagectl reprice would store.
	Cost   usage.Money         `json:"cost"`
	Status usage.PricingStatus `json:"status"`
	Reason usage.Reason        `json:"reason,omitempty"`
}

// newExplain returns the command that shows how the cost of a stored call was computed.
func newExplain() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "explain ID",
		Short: "Shows line by line how the cost of a stored call was calculated",
		Long: `Shows what the row of a stored call says about its cost, and how the price book
prices the call today: the layers and names that were looked up, the row that was
used, each quantity with its price, and the defaults that were assumed because the
call does not report them. It only reads.

ID is the id of the row, the provider's response id, or <trace id>:<span id>. Use
the same book as the collector (--builtin, --update, --file, --reported-cost).`,
		Example: `  usagectl explain 2b0e8a5c-6a0b-5c1d-9f0e-3a1b2c3d4e5f
  usagectl explain chatcmpl-9aBcD`,
		Args: cobra.ExactArgs(1),
	}
	db, config, reported := addDatabase(cmd), addBook(cmd), addReported(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		pricer, err := reported()
		if err != nil {
			return err
		}
		if pricer.Book, err = pricing.Load(*config); err != nil {
			return err
		}
		return db.with(cmd, asReader, func(ctx context.Context, pool *pgxpool.Pool) error {
			call, err := upkeep.Find(ctx, pool, args[0])
			if err != nil {
				return err
			}
			e := explainStored(&pricer, call)
			if asJSON {
				return printJSON(cmd.OutOrStdout(), e)
			}
			return e.print(cmd.OutOrStdout())
		})
	}
	return cmd
}

func explainStored(pricer *pricing.Pricer, call *store.Stored) explained {
	before := &call.Record
	e := explained{Stored: storedCost{
		ID: before.ID.String(), Time: before.Time, Provider: before.Provider, Model: before.Model, Cost: before.Cost, Status: before.Status,
		Reason: before.Reason, Source: before.CostSource, PriceID: before.PriceID, Assumptions: []string{},
		Payer: before.Payer, PayerPlan: call.PayerPlan, PayerFilled: call.PayerFilled,
	}, Assumptions: []string{}}
	if before.HasAssumptions {
		e.Stored.Assumptions = append(e.Stored.Assumptions, before.Assumptions.Names()...)
	}
	if before.HasReportedCost {
		e.Stored.Reported = &before.ReportedCost
	}
	e.Cost, e.Status, e.Reason = before.Cost, before.Status, before.Reason
	if call.Fault != nil {
		e.Stored.Fault = call.Fault.Error()
		return e
	}
	after := *before
	pricer.Price(&after)
	e.Cost, e.Status, e.Reason = after.Cost, after.Status, after.Reason
	if after.HasAssumptions {
		e.Assumptions = append(e.Assumptions, after.Assumptions.Names()...)
	}
	today := pricer.Book.Explain(&pricing.Call{
		Provider: before.Provider, Model: before.Model, RequestModel: before.RequestModel, At: before.Time,
		ServiceTier: before.ServiceTier, Region: before.Region, Variant: before.Variant, Quantities: before.Quantities,
	})
	e.Today = &today
	if router := pricing.RouterCall(before); router != nil {
		fee := pricer.Book.Explain(router)
		e.Router = &fee
	}
	return e
}

func (e *explained) print(w io.Writer) error {
	s := &e.Stored
	_, _ = fmt.Fprintf(w, "stored call %s\n  %s, %s at %s\n  %s\n", s.ID, s.Time.Format(time.RFC3339Nano), plain(s.Model), plain(s.Provider), costText(s.Cost, s.Status, s.Reason))
	for _, line := range [][2]string{{"cost source", string(s.Source)}, {"price row", plain(s.PriceID)}} {
		if line[1] != "" {
			_, _ = fmt.Fprintf(w, "  %s: %s\n", line[0], line[1])
		}
	}
	if s.Reported != nil {
		_, _ = fmt.Fprintf(w, "  reported cost: %s USD\n", s.Reported)
	}
	_, _ = fmt.Fprintf(w, "  payer: %s\n", s.payerText())
	printAssumptions(w, s.Assumptions)
	if s.Fault != "" {
		_, err := fmt.Fprintf(w, "it cannot be priced again: %s\n", s.Fault)
		return err
	}
	_, _ = fmt.Fprintf(w, "\nby today's book\n%s", e.Today.String())
	if e.Router != nil {
		_, _ = fmt.Fprintf(w, "and for choosing the model\n%s", e.Router.String())
	}
	printAssumptions(w, e.Assumptions)
	if e.Cost != s.Cost || e.Status != s.Status || e.Reason != s.Reason {
		_, err := fmt.Fprintf(w, "\nusagectl reprice would make it %s\n", costText(e.Cost, e.Status, e.Reason))
		return err
	}
	_, err := fmt.Fprintln(w, "\nusagectl reprice would leave it as it is")
	return err
}

// payerText says who pays, and who says so.
func (s *storedCost) payerText() string {
	switch {
	case s.PayerFilled:
		return fmt.Sprintf("%s, by plan %s, because the call does not tell", s.Payer, plain(s.PayerPlan))
	case s.Payer != "" && s.PayerPlan != "":
		return fmt.Sprintf("%s, as the call tells; plan %s covers it", plain(string(s.Payer)), plain(s.PayerPlan))
	case s.Payer != "":
		return plain(string(s.Payer)) + ", as the call tells"
	}
	return "not known: the call does not tell, and no plan covers it (usagectl plans)"
}

func printAssumptions(w io.Writer, names []string) {
	for _, name := range names {
		_, _ = fmt.Fprintf(w, "  assumed: %s\n", name)
	}
}

func costText(cost usage.Money, status usage.PricingStatus, reason usage.Reason) string {
	text := fmt.Sprintf("cost %s USD, %s", cost, status)
	if status == usage.StatusUnpriced {
		text = "no cost, unpriced"
	}
	if reason != "" {
		text += fmt.Sprintf(" (%s)", reason)
	}
	return text
}
