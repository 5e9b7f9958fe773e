package cli

import (
	"errors"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/otelcol-usage/otelcol-usage/internal/report"
)

// period is two flags that bound what a command works on. Each is a day, the last
// one included, or an instant, which is excluded as an end.
type period struct{ startFlag, endFlag, start, end string }

func addPeriod(cmd *cobra.Command, startFlag, endFlag, startDefault, endDefault string) *period {
	p := &period{startFlag: startFlag, endFlag: endFlag}
	cmd.Flags().StringVar(&p.start, startFlag, "", "first day, or an instant (RFC 3339)"+startDefault)
	cmd.Flags().StringVar(&p.end, endFlag, "", "last day, or an instant (RFC 3339), which is excluded"+endDefault)
	return p
}

// span reads both flags as the API reads startDate and endDate: without a start
// it is [report.DefaultDays] days, without an end they end with today.
func (p *period) span(zone string, now time.Time) (report.Span, error) {
	span, err := report.ParseSpan(p.start, p.end, zone, now)
	return span, p.flagged(err)
}

// given is [period.span] in UTC for a command that needs both flags.
func (p *period) given(now time.Time) (from, to time.Time, err error) {
	for _, f := range [][2]string{{p.startFlag, p.start}, {p.endFlag, p.end}} {
		if f[1] == "" {
			return from, to, errors.New("--" + f[0] + " must be set to a date such as 2026-01-31")
		}
	}
	span, err := p.span("", now)
	return span.Current.From, span.Current.To, err
}

// bounds is zero for a flag that is not set.
func (p *period) bounds() (from, to time.Time, err error) {
	if p.start != "" {
		from, err = report.ParseBound("startDate", p.start, time.UTC, false)
	}
	if p.end != "" && err == nil {
		to, err = report.ParseBound("endDate", p.end, time.UTC, true)
	}
	return from, to, p.flagged(err)
}

// flagged calls what is wrong by the names of the flags.
func (p *period) flagged(err error) error {
	return flagged(err, "startDate", "--"+p.startFlag, "endDate", "--"+p.endFlag)
}

// flagged calls the parameters of the API that an error names by the names of
// flags, which are given in pairs. A parameter that is not among them is the flag
// of the same name.
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

// addAt declares --at, a moment; the function reads it, now when it is not set.
func addAt(cmd *cobra.Command, help string) func() (time.Time, error) {
	at := cmd.Flags().String("at", "", help)
	return func() (time.Time, error) {
		if *at == "" {
			return time.Now().UTC(), nil
		}
		return report.ParseBound("--at", *at, time.UTC, false)
	}
}
