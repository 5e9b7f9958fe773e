package pricescmd

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"github.com/otelcol-usage/otelcol-usage/cmd/usagectl/internal/bookflag"
	"github.com/otelcol-usage/otelcol-usage/cmd/usagectl/internal/costdiff"
	"github.com/otelcol-usage/otelcol-usage/cmd/usagectl/internal/dbflag"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
	"github.com/otelcol-usage/otelcol-usage/internal/store"
)

// publish is `usagectl prices publish`.
func publish() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "publish",
		Short: "Writes the list prices of the models that were called, for dashboards",
		Long: `Writes the list prices of every model that was called, and when they changed, to
public.usage_list_prices. Dashboards take from it what caching saved and where a
price changed. No cost comes from it or changes by it.

Run it after a change of the book and once a day, for models that are new. It
changes only what differs. A model with a row that was written by hand keeps its
rows. The database user needs the role usage_pricer.`,
		Args: cobra.NoArgs,
	}
	db, config := dbflag.Add(cmd), bookflag.Add(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		b, err := pricing.Load(*config)
		if err != nil {
			return err
		}
		pool, err := db.Connect(cmd.Context())
		if err != nil {
			return err
		}
		defer pool.Close()
		done, err := Publish(cmd.Context(), pool, b)
		if err != nil {
			return dbflag.Advise(err, "usage_pricer")
		}
		cmd.Println(done)
		for _, m := range done.Unknown {
			cmd.Println("not in the book:", costdiff.Plain(m.Provider), costdiff.Plain(m.Model))
		}
		return nil
	}
	return cmd
}

// Published is what [Publish] did.
type Published struct {
	store.Published
	Models, Prices int
	// Unknown are the models that the book has no list price for.
	Unknown []store.CalledModel
}

// String says it in one line.
func (p Published) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d list prices of %d models; %d written, %d removed", p.Prices, p.Models, p.Written, p.Removed)
	if p.ByHand > 0 {
		fmt.Fprintf(&b, ", %d models written by hand left alone", p.ByHand)
	}
	return b.String()
}

// Publish writes the list prices of a book for the models that were called.
func Publish(ctx context.Context, pool *pgxpool.Pool, b *pricing.Book) (p Published, err error) {
	models, err := store.CalledModels(ctx, pool)
	if err != nil {
		return p, err
	}
	var prices []store.ListPrice
	for _, m := range models {
		list := b.ListPrices(m.Provider, m.Model)
		if len(list) == 0 {
			p.Unknown = append(p.Unknown, m)
		}
		for _, l := range list {
			prices = append(prices, store.ListPrice{CalledModel: m, Kind: l.Kind.String(), From: l.From, DollarsPerMillion: l.DollarsPerMillion})
		}
	}
	p.Models, p.Prices = len(models)-len(p.Unknown), len(prices)
	p.Published, err = store.PublishListPrices(ctx, pool, b.Version(), prices)
	return p, err
}
