package cli

import (
	"errors"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/otelcol-usage/otelcol-usage/internal/report"
)

// period is a pair of flags that bounds what a command covers. Each is a day or an instant.
// As the end, a day is included and an instant excluded.
type period struct{ startFlag, endFlag, start, end string }

func addPeriod(cmd *cobra.Command, startFlag, endFlag, startDefault, endDefault string) *period {
	p := &period{startFlag: startFlag, endFlag: endFlag}
	cmd.Flags().StringVar(&p.start, startFlag, "", "first day, or an instant (RFC 3339)"+startDefault)
	cmd.Flags().StringVar(&p.end, endFlag, "", "last day, or an instant (RFC 3339), which is excluded"+endDefault)
	return p
}

// span parses both flags as the API parses startDate and endDate. The default end is the
// end of today, and the default start gives 30 days.
func (p *period) span(zone string, now time.Time) (report.Span, error) {
	span, err := report.ParseSpan(p.start, p.end, zone, now)
	return span, p.flagged(err)
}

// given is [period.span] in UTC for a command that requires both flags.
func (p *period) given(now time.Time) (from, to time.Time, err error) {
	for _, f := range [][2]string{{p.startFlag, p.start}, {p.endFlag, p.end}} {
		if f[1] == "" {
			return from, to, errors.New("--" + f[0] + " must be set to a date such as 2026-01-31")
		}
	}
	span, err := p.span("", now)
	return span.Current.From, span.Current.To, err
}

// bounds returns a zero time for a flag that is not set.
func (p *period) bounds() (from, to time.Time, err error) {
	if p.start != "" {
		from, err = report.ParseBound("startDate", p.start, time.UTC, false)
	}
	if p.end != "" && err == nil {
		to, err = report.ParseBound("endDate", p.end, time.UTC, true)
	}
	return from, to, p.flagged(err)
}

// flagged renames the parameters in an error to the names of the flags.
func (p *period) flagged(err error) error {
	return flagged(err, "startDate", "--"+p.startFlag, "endDate", "--"+p.endFlag)
}

// flagged renames the API parameters in an error to the names of flags, given in pairs. A
// parameter without a pair has a flag of the same name.
func flagged(err error, pairs ...string) error {
	var param *report.ParamError
	if !errors.As(err, &param) {
		return err
	}
	names := strings.NewReplacer(pairs...)
	renamed := *param
	if renamed.Param = names.Replace(param.Param); !strings.HasPrefix(renamed.Param, "--") {
		renamed.Param = "--" + renamed.Param
	}
	renamed.Allowed = names.Replace(param.Allowed)
	return &renamed
}

// addAt declares --at, a time. The function that it returns reads it; the default is now.
func addAt(cmd *cobra.Command, help string) func() (time.Time, error) {
	at := cmd.Flags().String("at", "", help)
	return func() (time.Time, error) {
		if *at == "" {
			return time.Now().UTC(), nil
		}
		return report.ParseBound("--at", *at, time.UTC, false)
	}
}
