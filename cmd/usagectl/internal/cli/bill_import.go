package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/bill/reports"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/shopspring/decimal"
	"github.com/spf13/cobra"

	"github.com/otelcol-usage/otelcol-usage/internal/bill"
	"github.com/otelcol-usage/otelcol-usage/internal/catalog"
	"github.com/otelcol-usage/otelcol-usage/internal/endpoint"
	"github.com/otelcol-usage/otelcol-usage/internal/report"
	"github.com/otelcol-usage/otelcol-usage/internal/store/upkeep"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// fromFOCUS is the value of --provider for a file that names its providers itself.
const fromFOCUS = "focus"

// billImport holds the flags of usagectl bill import.
type billImport struct {
	provider, file, account, asOf, report string
	keepEmails                            bool
	ask                                   billFetch
}

func newBillImport(db *database) *cobra.Command {
	var o billImport
	cmd := &cobra.Command{
		Use:   "import --provider openai",
		Short: "Stores a provider's cost and usage reports",
		Long: `Stores the rows of a provider's reports unchanged. Without --file it requests them
from OpenAI or Anthropic with an admin key, for the last 35 days or since --since,
page by page. It can be stopped at any time; the same command then continues.

With --file it reads pages of OpenAI's costs and usage or of Anthropic's cost and
usage reports (a JSON document, an array of pages, or one page after another), or a
CSV file in FOCUS 1.2 format, as clouds export it. The whole file is read before
anything is stored; a file with an error stores nothing.

Each UTC day of a report replaces the stored rows of the same day, report and
account, so importing twice or importing a month that the provider rewrote never
doubles anything. Calls are never changed. The database user needs the role
usage_biller and no right on the calls.`,
		Example: `  OPENAI_ADMIN_KEY=... usagectl bill import --provider openai
  usagectl bill import --provider anthropic --key-file /run/secrets/anthropic-admin --since 2026-01-01
  usagectl bill import --provider openai --file costs.json
  usagectl bill import --provider anthropic --account acme --file cost_report.jsonl
  usagectl bill import --provider focus --file export.csv`,
		Args: cobra.NoArgs,
	}
	f := cmd.Flags()
	f.StringVar(&o.provider, "provider", "", "whose form the report has: openai, anthropic or focus (required)")
	f.StringVar(&o.file, "file", "", "the report; without it the provider is asked")
	f.StringVar(&o.account, "account", "default", "a name for the organization or billing account, where there are several")
	f.StringVar(&o.asOf, "as-of", "", "when the report was made, an instant (RFC 3339); it says nothing of later calls (default: when the file was written last)")
	f.StringVar(&o.report, "report", "", "only this report; with --file which one it is, if it has no rows: costs, usage/completions, cost_report, usage_report/messages ...")
	f.BoolVar(&o.keepEmails, "keep-emails", false, "keep the e-mail addresses of developers; without it they are taken out before anything is stored")
	o.ask.add(cmd)
	for _, flag := range []string{"since", "key-file", "endpoint"} {
		cmd.MarkFlagsMutuallyExclusive("file", flag)
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := o.check(); err != nil {
			return err
		}
		if o.file == "" && o.provider != fromFOCUS {
			key, err := o.ask.key(o.provider)
			if err != nil {
				return err
			}
			return db.with(cmd, asBiller, func(ctx context.Context, pool *pgxpool.Pool) error {
				return o.fetch(ctx, cmd, pool, key)
			})
		}
		file, err := o.open()
		if err != nil {
			return err
		}
		defer file.Close() //nolint:errcheck // only read
		return db.with(cmd, asBiller, func(ctx context.Context, pool *pgxpool.Pool) error {
			return o.importFile(ctx, cmd, pool, file)
		})
	}
	return cmd
}

func (o *billImport) check() error {
	switch o.provider {
	case catalog.OpenAI, catalog.Anthropic, fromFOCUS:
	case "":
		return errors.New("--provider must be set to openai, anthropic or focus")
	default:
		return fmt.Errorf("--provider: found %q, must be openai, anthropic or focus", o.provider)
	}
	if o.account == "" || len(o.account) > usage.MaxTextBytes || usage.CleanText(o.account, usage.MaxTextBytes) != o.account {
		return fmt.Errorf("--account: must be set to a name of 1 to %d bytes", usage.MaxTextBytes)
	}
	if err := endpoint.Check(o.ask.endpoint); err != nil {
		return fmt.Errorf("--endpoint: %w", err)
	}
	return nil
}

func (o *billImport) open() (*os.File, error) {
	if o.file == "" {
		return nil, errors.New("--file: must be set to the file of a report")
	}
	file, err := os.Open(o.file)
	if err != nil {
		return nil, fmt.Errorf("--file: %w", err)
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it is not a regular file; a report is read twice, first to check it")
	}
	if err != nil {
		file.Close() //nolint:errcheck,gosec // only opened
		return nil, fmt.Errorf("--file: %s: %w", o.file, err)
	}
	return file, nil
}

// options returns how to read the file.
func (o *billImport) options(file *os.File) (reports.Options, error) {
	read := reports.Options{Report: bill.Report(o.report), KeepEmails: o.keepEmails}
	if o.asOf != "" {
		at, err := report.ParseBound("--as-of", o.asOf, time.UTC, true)
		read.AsOf = at
		return read, err
	}
	info, err := file.Stat()
	if err != nil {
		return read, err
	}
	read.AsOf = info.ModTime().UTC()
	return read, nil
}

// read reads the file from the start.
func (o *billImport) read(file *os.File, options reports.Options, each func(*bill.Line) error) (reports.FocusNotes, error) {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return reports.FocusNotes{}, err
	}
	if o.provider == fromFOCUS {
		return reports.ReadFOCUS(file, options, each)
	}
	page, err := reports.ReadJSON(o.provider, file, options, each)
	return reports.FocusNotes{Page: page}, err
}

func (o *billImport) importFile(ctx context.Context, cmd *cobra.Command, pool *pgxpool.Pool, file *os.File) error {
	options, err := o.options(file)
	if err != nil {
		return err
	}
	sums := map[string]decimal.Decimal{}
	notes, err := o.read(file, options, func(l *bill.Line) error {
		if l.HasCost {
			sums[l.Currency] = sums[l.Currency].Add(l.Cost)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("%s: %w; nothing was stored", o.file, err)
	}
	if len(notes.Days) == 0 {
		return fmt.Errorf("%s: it has no line of a service that hosts models%s; nothing was stored", o.file, othersText(notes.Others))
	}
	saved, err := upkeep.SaveBill(ctx, pool, upkeep.BillImport{
		Account: o.account, Days: notes.Days,
		Lines: func(each func(*bill.Line) error) error {
			_, err := o.read(file, options, each)
			return err
		},
		Progress: func(lines int64) { cmd.PrintErrf("%d rows of %d stored\n", lines, notes.Rows) },
	})
	if err != nil {
		return err
	}
	cmd.Printf("%s of %s: %s stored, %s; %s replaced\n", reportsText(notes.Days), plural(len(notes.Days), "day"), plural(saved.Lines, "row"), moneyText(sums), plural(saved.Replaced, "day"))
	if len(notes.Others) > 0 {
		cmd.Printf("left out%s\n", othersText(notes.Others))
	}
	if notes.HasMore {
		cmd.PrintErrln("the last page says that there are more pages: the days after it are missing")
	}
	return nil
}

// reportsText names the reports of an import.
func reportsText(days []bill.Covered) string {
	names := map[string]bool{}
	for _, d := range days {
		names[d.Provider+" "+string(d.Report)] = true
	}
	return strings.Join(slices.Sorted(maps.Keys(names)), ", ")
}

func moneyText(sums map[string]decimal.Decimal) string {
	if len(sums) == 0 {
		return "quantities alone"
	}
	var parts []string
	for _, currency := range slices.Sorted(maps.Keys(sums)) {
		parts = append(parts, sums[currency].String()+" "+currency)
	}
	return strings.Join(parts, " and ")
}

// othersText names the services whose lines are not about models.
func othersText(others map[string]int) string {
	if len(others) == 0 {
		return ""
	}
	names := slices.SortedFunc(maps.Keys(others), func(a, b string) int {
		if d := others[b] - others[a]; d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	var parts []string
	for _, name := range names[:min(5, len(names))] {
		parts = append(parts, fmt.Sprintf("%d of %s", others[name], plain(name)))
	}
	if len(names) > 5 {
		parts = append(parts, fmt.Sprintf("%d other services", len(names)-5))
	}
	return ": " + strings.Join(parts, ", ")
}
