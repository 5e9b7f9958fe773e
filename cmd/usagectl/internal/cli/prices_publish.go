package cli

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
	"github.com/otelcol-usage/otelcol-usage/internal/store/upkeep"
)

// newPricesPublish returns the command that writes list prices for dashboards.
func newPricesPublish() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "publish",
		Short: "Writes the list prices of the models that were called, for dashboards",
		Long: `Writes the list prices of every called model, and when they changed, to
public.usage_list_prices. Dashboards use it to show what caching saved and where a
price changed. It does not affect any cost.

Run it after a change of the book, and once a day for new models. It only changes
rows that differ. A model with a row written by hand keeps its rows. The database
user needs the role usage_pricer.`,
		Args: cobra.NoArgs,
	}
	db, config := addDatabase(cmd), addBook(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		b, err := pricing.Load(*config)
		if err != nil {
			return err
		}
		return db.with(cmd, asPricer, func(ctx context.Context, pool *pgxpool.Pool) error {
			summary, unknown, err := publishPrices(ctx, pool, b)
			if err != nil {
				return err
			}
			cmd.Println(summary)
			for _, m := range unknown {
				cmd.Println("not in the book:", plain(m.Provider), plain(m.Model))
			}
			return nil
		})
	}
	return cmd
}

// publishPrices writes the book's list prices of the models that were called. It returns a
// one-line summary, and the models for which the book has no list price.
func publishPrices(ctx context.Context, pool *pgxpool.Pool, b *pricing.Book) (summary string, unknown []upkeep.CalledModel, err error) {
	models, err := upkeep.CalledModels(ctx, pool)
	if err != nil {
		return "", nil, err
	}
	var prices []upkeep.ListPrice
	for _, m := range models {
		list := b.ListPrices(m.Provider, m.Model)
		if len(list) == 0 {
			unknown = append(unknown, m)
		}
		for _, l := range list {
			prices = append(prices, upkeep.ListPrice{CalledModel: m, Kind: l.Kind.String(), From: l.From, DollarsPerMillion: l.DollarsPerMillion})
		}
	}
	done, err := upkeep.PublishListPrices(ctx, pool, b.Version(), prices)
	summary = fmt.Sprintf("%d list prices of %s; %d written, %d removed", len(prices), plural(len(models)-len(unknown), "model"), done.Written, done.Removed)
	if done.ByHand > 0 {
		summary += fmt.Sprintf(", %s written by hand left alone", plural(done.ByHand, "model"))
	}
	return summary, unknown, err
}
