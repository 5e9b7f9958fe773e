package cli

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// newPrices returns the commands that show which price a call has and why, and whether a
// price file is valid. Package internal/pricing computes the prices.
func newPrices() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "prices",
		Short: "Explains what a call costs; lists, checks, compares, updates, imports and publishes prices",
	}
	cmd.AddCommand(newPricesExplain(), newPricesList(), newPricesValidate(), newPricesDiff(), newPricesMissing(), newPricesUpdate(), newPricesPublish(), newPricesImport(), newPricesSchema())
	return cmd
}

func newPricesExplain() *cobra.Command {
	call, asJSON := pricing.Call{}, false
	cmd := &cobra.Command{
		Use:   "explain --provider openai --model gpt-4o-mini [input_text=1306 output_text=287 ...]",
		Short: "Shows which row of the price book is used and every line of the calculation",
		Long: `Shows how a call is priced: the names that were looked up and the row that was used,
each quantity with its price, and the sum.

Quantities are disjoint and given as kind=amount; seconds may have decimals.
The kinds are ` + strings.Join(usage.QuantityKindNames(), ", ") + `.
Without any, a million tokens of text in and a million out are taken.`,
	}
	book := addBook(cmd)
	flags := cmd.Flags()
	flags.StringVar(&call.Provider, "provider", "", "who bills the call, as gen_ai.provider.name spells it: openai, azure.ai.openai, aws.bedrock, ...")
	flags.StringVar(&call.Model, "model", "", "the model that answered")
	flags.StringVar(&call.RequestModel, "request-model", "", "the model that was asked for, tried after the other")
	flags.StringVar(&call.ServiceTier, "tier", "", "the service tier that served the call: batch, flex, priority")
	flags.StringVar(&call.Region, "region", "", "the provider's region")
	flags.StringVar(&call.Variant, "variant", "", "size and quality of images, such as 1024x1024/hd")
	flags.BoolVar(&asJSON, "json", false, "print a JSON object")
	at := addAt(cmd, "when the call was made, a date (UTC) or an RFC 3339 instant (default: now)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if call.Model == "" && call.RequestModel == "" {
			return errors.New("no model: set --model, and --provider")
		}
		var err error
		if call.At, err = at(); err != nil {
			return err
		}
		if call.Quantities, err = parseQuantities(args); err != nil {
			return err
		}
		b, err := pricing.Load(*book)
		if err != nil {
			return err
		}
		if asJSON {
			return printJSON(cmd.OutOrStdout(), b.Explain(&call))
		}
		explained := b.Explain(&call)
		cmd.Print(explained.String())
		if len(args) == 0 {
			cmd.PrintErrln("for a million tokens each of input and output; name other quantities as kind=amount, such as input_text=1306")
		}
		if explained.Reason == usage.ReasonUnknownModel {
			cmd.Print(nearModels(b, call.Provider, cmp.Or(call.Model, call.RequestModel)))
		}
		return nil
	}
	return cmd
}

// nearModels suggests models for a name that the book does not have.
func nearModels(b *pricing.Book, provider, model string) string {
	known := providers(b)
	if near := nearest(provider, known); len(near) > 0 && !slices.Contains(known, provider) {
		return fmt.Sprintf("the book has no provider %q%s\n", provider, didYouMean(near))
	}
	near := nearest(model, models(b, provider))
	if len(near) == 0 {
		return fmt.Sprintf("to see the models of the book: usagectl prices list --provider %s\n", cmp.Or(provider, known[0]))
	}
	return fmt.Sprintf("the book has no model %q%s\n", model, didYouMean(near))
}

func parseQuantities(args []string) (q usage.Quantities, err error) {
	if len(args) == 0 {
		q[usage.InputTextTokens], q[usage.OutputTextTokens] = 1_000_000, 1_000_000
	}
	for _, arg := range args {
		name, amount, ok := strings.Cut(arg, "=")
		if !ok {
			return q, fmt.Errorf("found %q, must be kind=amount such as input_text=1306", arg)
		}
		kind, err := usage.ParseQuantityKind(name)
		if err != nil {
			return q, fmt.Errorf("%w%s", err, didYouMean(kindsLike(name)))
		}
		if q[kind], err = usage.ParseQuantity(kind, amount); err != nil {
			return q, err
		}
	}
	return q, nil
}

// kindsLike returns the kinds of quantities that name may stand for: a kind as price files
// write it, such as input, or a misspelled one.
func kindsLike(name string) (kinds []string) {
	for _, kind := range usage.QuantityKindNames() {
		if len(name) > 2 && strings.HasPrefix(kind, name) {
			kinds = append(kinds, kind)
		}
	}
	if len(kinds) == 0 {
		return nearest(name, usage.QuantityKindNames())
	}
	return kinds[:min(len(kinds), maxNearest)]
}

func newPricesValidate() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "validate FILE...",
		Short: "Checks price files as the collector does at start, and reports suspicious entries",
		Args:  cobra.MinimumNArgs(1),
	}
	builtin := cmd.Flags().String("builtin", pricing.DefaultBuiltin, "built-in book the files are laid over")
	cmd.RunE = func(cmd *cobra.Command, files []string) error {
		b, err := pricing.Load(pricing.Config{Builtin: *builtin, Files: files})
		if err != nil {
			return err
		}
		for _, warning := range b.Warnings() {
			cmd.Println("odd:", warning)
		}
		cmd.Printf("%s valid; together with the book %s: version %s\n", plural(len(files), "file is", "files are"), *builtin, b.Version())
		return nil
	}
	return cmd
}
