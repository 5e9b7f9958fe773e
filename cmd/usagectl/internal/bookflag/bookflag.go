// Package bookflag gives every command that prices the same way to name the
// price book and a period.
//
// It owns the flags; it does not own what a book says (internal/pricing).
package bookflag

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
)

// Add declares --builtin and --file, which mean what the keys under
// genai_usage::prices mean.
func Add(cmd *cobra.Command) *pricing.Config {
	c := &pricing.Config{}
	cmd.Flags().StringVar(&c.Builtin, "builtin", pricing.DefaultBuiltin, "built-in book to begin with: "+strings.Join(pricing.BuiltinNames(), ", ")+" or "+pricing.NoBuiltin)
	cmd.Flags().StringArrayVar(&c.Files, "file", nil, "price file laid over it; give it again for more, later ones win")
	return c
}

// Name is how people call a book: "current + ours.yaml".
func Name(c pricing.Config) string {
	names := []string{c.Builtin}
	for _, f := range c.Files {
		names = append(names, filepath.Base(f))
	}
	return strings.Join(names, " + ")
}

// AddReported declares --reported-cost.
func AddReported(cmd *cobra.Command) *string {
	return cmd.Flags().String("reported-cost", string(pricing.PreferComputed), "what a cost that the span reported is worth: "+policies()+"; as the key of genai_usage")
}

func policies() string {
	names := make([]string, len(pricing.ReportedCostPolicies))
	for i, p := range pricing.ReportedCostPolicies {
		names[i] = string(p)
	}
	return strings.Join(names, ", ")
}

// ParseReported checks --reported-cost.
func ParseReported(text string) (pricing.ReportedCostPolicy, error) {
	for _, p := range pricing.ReportedCostPolicies {
		if string(p) == text {
			return p, nil
		}
	}
	return "", fmt.Errorf("--reported-cost: found %q, allowed is %s", text, policies())
}

// Period is the flags --from and --to.
type Period struct{ from, to string }

// AddPeriod declares them.
func AddPeriod(cmd *cobra.Command) *Period {
	p := &Period{}
	cmd.Flags().StringVar(&p.from, "from", "", "first day (UTC), or an instant (RFC 3339)")
	cmd.Flags().StringVar(&p.to, "to", "", "last day (UTC), or an instant (RFC 3339), which is excluded")
	return p
}

// Parse reads both. Without defaultDays they must be given; with it the period
// ends tomorrow and has that many days.
func (p *Period) Parse(now time.Time, defaultDays int) (from, to time.Time, err error) {
	from, to = p.defaults(now, defaultDays)
	if from, err = parse("--from", p.from, from, 0); err != nil {
		return from, to, err
	}
	if to, err = parse("--to", p.to, to, 1); err != nil {
		return from, to, err
	}
	if !from.Before(to) {
		return from, to, fmt.Errorf("--from: found %s, allowed is a time before the end, %s", from.Format(time.RFC3339), to.Format(time.RFC3339))
	}
	return from, to, nil
}

func (p *Period) defaults(now time.Time, days int) (from, to time.Time) {
	if days == 0 {
		return from, to
	}
	to = now.UTC().Truncate(24*time.Hour).AddDate(0, 0, 1)
	return to.AddDate(0, 0, -days), to
}

// parse reads a bound; a plain date as end includes that day.
func parse(flag, text string, missing time.Time, dayEnd int) (time.Time, error) {
	if text == "" && !missing.IsZero() {
		return missing, nil
	}
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		return t.AddDate(0, 0, dayEnd), nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t.UTC(), nil
	}
	return time.Time{}, fmt.Errorf("%s: found %q, needed is a date such as 2026-01-31 or an instant such as 2026-01-31T12:00:00Z", flag, text)
}
