package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing/update"
	"github.com/otelcol-usage/otelcol-usage/internal/store/upkeep"
)

// updateOptions are the flags of usagectl prices update.
type updateOptions struct {
	book                        *pricing.Config
	db                          *database
	reported                    func() (pricing.Pricer, error)
	period                      *period
	from                        []string
	rollback, dryRun, yes, json bool
}

// defaultUpdate is the default file of the update layer.
const defaultUpdate = "prices.update.yaml"

// newPricesUpdate returns the command that updates the update layer of the price book.
// Package internal/pricing/update decides what is adopted.
func newPricesUpdate() *cobra.Command {
	var o updateOptions
	cmd := &cobra.Command{
		Use:   "update --from PATH|URL [--from PATH|URL]...",
		Short: "Writes newer public prices to a file that the collector reloads",
		Long: `Reads the public price data of LiteLLM, genai-prices, models.dev, Portkey or pi-ai
and writes what is newer than the book to the file --update, which is the key
prices::update of genai_usage: it takes precedence over the built-in book, and files
of your own take precedence over it. The collector reloads it when it changes.

A price is taken when two independent sources agree. A price from a single source is
taken with low confidence if the book does not know the model or is not sure itself;
otherwise it is held back. pi-ai is made from models.dev, so the two count as one
source. The command first shows what would change and, with a database (DATABASE_URL
or --dsn), what that means in dollars for the stored calls (default: the last 30 days).

A price that more than doubles or halves, and a source that looks outdated or
truncated, need --yes. The file is always complete. --rollback restores the previous
version, and a second --rollback undoes that. Afterwards run usagectl reprice
--changed.`,
		Example: `  usagectl prices update --update /etc/otelcol-usage/prices.update.yaml \
    --from https://raw.githubusercontent.com/BerriAI/litellm/main/model_prices_and_context_window.json \
    --from https://models.dev/api.json`,
		Args: cobra.NoArgs,
	}
	o.db, o.reported = addDatabase(cmd), addReported(cmd)
	o.book = addBook(cmd)
	o.period = addPeriod(cmd, "since", "until", " of the stored calls that are looked at (default: 30 days before the end)", " of them (default: today)")
	f := cmd.Flags()
	f.StringArrayVar(&o.from, "from", nil, "a file, a folder of .json files or an https URL; give it again for each source")
	f.BoolVar(&o.rollback, "rollback", false, "go back to the version before the last update")
	f.BoolVar(&o.dryRun, "dry-run", false, "show what would change and write nothing")
	f.BoolVar(&o.yes, "yes", false, "take over what looks unusual as well")
	f.BoolVar(&o.json, "json", false, "print a JSON object")
	f.Lookup("update").DefValue = defaultUpdate
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if o.book.Update == "" {
			o.book.Update = defaultUpdate
		}
		if o.rollback {
			return o.goBack(cmd)
		}
		return o.run(cmd)
	}
	return cmd
}

func (o *updateOptions) goBack(cmd *cobra.Command) error {
	if len(o.from) > 0 {
		return errors.New("--rollback takes nothing over: leave --from out")
	}
	s := update.Store{Path: o.book.Update}
	unlock, err := s.Lock()
	if err != nil {
		return err
	}
	defer unlock()
	if err := s.Rollback(); err != nil {
		return err
	}
	b, err := pricing.Load(*o.book)
	if err != nil {
		return err
	}
	cmd.Printf("%s holds the earlier version again; the book is version %s\n", o.book.Update, b.Version())
	return nil
}

// updateAnswer is the JSON output.
type updateAnswer struct {
	File    string `json:"file"`
	Written bool   `json:"written"`
	*update.Proposal
	// Stored is what changes for the stored calls; nil without a database.
	Stored *costDifference `json:"stored,omitempty"`
}

func (o *updateOptions) run(cmd *cobra.Command) error {
	s := update.Store{Path: o.book.Update}
	unlock, err := s.Lock()
	if err != nil {
		return err
	}
	defer unlock()
	// Compare the update with public prices only, not with the user's price files.
	public := pricing.Config{Builtin: o.book.Builtin, Update: o.book.Update}
	current, err := pricing.Load(public)
	if err != nil {
		return err
	}
	held, err := s.Load()
	if err != nil {
		return err
	}
	var fetcher update.Fetcher
	sources, err := fetcher.Fetch(cmd.Context(), o.from, s.Sources())
	if err != nil {
		return fmt.Errorf("%w; %s stays as it is", err, s.Path)
	}
	if sources == nil {
		cmd.Println("no source has a newer version than the last update took over")
		return nil
	}
	for _, source := range sources {
		cmd.PrintErrf("read %s: %s, %d bytes, sha256 %s, %d models, %d entries not taken over\n",
			plain(source.From), source.Format, source.Bytes, source.SHA256, source.Models, len(source.Issues()))
	}
	p, err := update.Propose(current, held, sources, update.Options{At: time.Now(), Known: s.Sources()})
	if err != nil {
		return err
	}
	a := updateAnswer{File: s.Path, Proposal: p}
	if len(p.Changes) > 0 {
		if a.Stored, err = o.onStored(cmd, p); err != nil {
			return err
		}
	}
	if !o.json {
		if err := a.print(cmd.OutOrStdout()); err != nil {
			return err
		}
	}
	return o.finish(cmd, s, &a)
}

// finish writes the update unless it needs a review first.
func (o *updateOptions) finish(cmd *cobra.Command, s update.Store, a *updateAnswer) error {
	var refused error
	switch {
	case len(a.Suspect) > 0 && !o.yes && !o.dryRun:
		refused = fmt.Errorf("nothing is written: %s; check the list above, then add --yes", strings.Join(a.Suspect, "; "))
	case !o.dryRun && len(a.Changes) > 0:
		if err := s.Save(a.Proposal); err != nil {
			return err
		}
		a.Written = true
	case !o.dryRun && len(a.Suspect) == 0:
		if err := s.Checked(a.Proposal); err != nil {
			return err
		}
	}
	if o.json {
		return errors.Join(printJSON(cmd.OutOrStdout(), a), refused)
	}
	switch {
	case refused != nil:
		return refused
	case o.dryRun:
		cmd.Println("\ndry run: nothing was written")
	case !a.Written:
		cmd.Println("\nnothing to change")
	default:
		cmd.Printf("\nwrote %s; collectors that name it under prices::update read it by themselves.\nCalls that are stored keep their cost until: usagectl reprice --changed --update %s\n", a.File, a.File)
	}
	return nil
}

// onStored prices the stored calls with the update; it returns nil without a database.
func (o *updateOptions) onStored(cmd *cobra.Command, p *update.Proposal) (*costDifference, error) {
	if o.db.dsn == "" && os.Getenv("DATABASE_URL") == "" {
		return nil, nil
	}
	folder, err := os.MkdirTemp("", "usagectl-prices-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	next := *o.book
	next.Update = filepath.Join(folder, filepath.Base(o.book.Update))
	if err := os.WriteFile(next.Update, p.Content(), 0o600); err != nil {
		return nil, err
	}
	span, err := o.period.span("", time.Now())
	if err != nil {
		return nil, err
	}
	pricer, err := o.reported()
	if err != nil {
		return nil, err
	}
	if pricer.Book, err = pricing.Load(next); err != nil {
		return nil, err
	}
	r := upkeep.RepriceOptions{Filter: upkeep.RepriceFilter{From: span.Current.From, To: span.Current.To}, Price: pricer.Price}
	var d *costDifference
	err = o.db.with(cmd, asReader, func(ctx context.Context, pool *pgxpool.Pool) (err error) {
		d, err = compareCosts(ctx, pool, r)
		return err
	})
	return d, err
}

// mostHeld is how many of the changes held back are printed.
const mostHeld = 20

func (a *updateAnswer) print(w io.Writer) error {
	var t table
	if len(a.Changes) > 0 {
		t.row("PROVIDER", "MODEL", "PRICE OF", number("OLD"), number("NEW"), "CONFIDENCE", "")
	}
	for _, c := range a.Changes {
		mark := ""
		if c.Jump {
			mark = "more than a factor of two"
		}
		t.row(c.Provider, c.Model, c.Item, number(orNone(c.Old)), number(c.New), c.Confidence, mark)
	}
	if err := t.print(w); err != nil {
		return err
	}
	for i, h := range a.Held {
		if i == mostHeld {
			_, _ = fmt.Fprintf(w, "held back: %d more, see --json\n", len(a.Held)-mostHeld)
			break
		}
		_, _ = fmt.Fprintf(w, "held back: %s %s: %s\n", plain(h.Provider), plain(h.Model), plain(h.Why))
	}
	switch {
	case a.Stored != nil:
		_, _ = fmt.Fprintln(w, "\non the stored calls:")
		return a.Stored.print(w)
	case len(a.Changes) > 0:
		_, _ = fmt.Fprintln(w, "no database is given (DATABASE_URL or --dsn): what this is in dollars on the stored calls is not shown")
	}
	return nil
}
