package store

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// sources is the text of "all calls in these pieces", as one subquery with the
// columns asked for. Every value is a parameter; the text is made of the
// constants of this file.
type sources struct {
	viewer  Viewer
	filter  Filter
	columns []string
	args    []any
	parts   []string
	// rates convert usage_dollars, see convert.
	rates    *dayRates
	ratesSQL string
}

// newSources begins without pieces. The explicit user of the viewer's own
// usage stands in every part, beside what the role's views filter.
func newSources(v Viewer, f Filter, columns ...string) *sources {
	if v.own() {
		f.ByUser, f.User = true, v.user
	}
	return &sources{viewer: v, filter: f, columns: columns}
}

// arg adds a parameter and gives its place.
func (s *sources) arg(value any) string {
	s.args = append(s.args, value)
	return "$" + strconv.Itoa(len(s.args))
}

// convert makes usage_dollars of what is added from here on an amount in
// another currency: each row times the rate of its UTC day. The product of two
// decimals is exact, and no bucket of a level that is read is longer than a day.
func (s *sources) convert(rates *dayRates) { s.rates = rates }

// withRates joins a level with the rate of its rows' days.
func (s *sources) withRates(l level) string {
	if s.ratesSQL == "" {
		s.ratesSQL = fmt.Sprintf("unnest(%s::timestamptz[], %s::text[]::numeric[]) AS day_rate (day, rate)", s.arg(s.rates.days), s.arg(s.rates.rates))
	}
	day := l.column("at")
	if l != wholeDay && l != wholeDayUser {
		day = "date_trunc('day', " + day + ", 'UTC')"
	}
	return " JOIN " + s.ratesSQL + " ON day_rate.day = " + day
}

// add reads the pieces as part of the period with this number.
func (s *sources) add(period int, pieces []piece) {
	for _, p := range pieces {
		time := p.level.column("at")
		var b strings.Builder
		fmt.Fprintf(&b, "SELECT %d AS period", period)
		for _, c := range s.columns {
			value := p.level.column(c)
			if c == "usage_dollars" && s.rates != nil {
				value += " * day_rate.rate"
			}
			fmt.Fprintf(&b, ", %s AS %s", value, c)
		}
		from := p.level.relation(s.viewer)
		if s.rates != nil {
			from += s.withRates(p.level)
		}
		fmt.Fprintf(&b, " FROM %s WHERE %s >= %s AND %s < %s", from, time, s.arg(p.from), time, s.arg(p.to))
		s.narrow(&b, p.level)
		s.parts = append(s.parts, b.String())
	}
}

// narrow adds the conditions of the filter.
func (s *sources) narrow(b *strings.Builder, l level) {
	f := s.filter
	switch {
	case f.ByUser && f.User.IsZero() && l == rawCalls:
		b.WriteString(" AND user_id IS NULL")
	case f.ByUser:
		b.WriteString(" AND user_id = " + s.arg([16]byte(f.User)))
	}
	for _, c := range []struct {
		column string
		value  *string
	}{
		{"api_type", f.APIType}, {"provider", f.Provider}, {"model", f.Model}, {"service", f.Service}, {"environment", f.Environment},
	} {
		if c.value != nil {
			fmt.Fprintf(b, " AND %s = %s", l.column(c.column), s.arg(*c.value))
		}
	}
}

// String is the subquery, in parentheses. Without pieces it has no rows.
func (s *sources) String() string {
	if len(s.parts) == 0 {
		s.parts = []string{"SELECT 0 AS period"}
		for _, c := range s.columns {
			s.parts[0] += ", " + rawCalls.column(c) + " AS " + c
		}
		s.parts[0] += " FROM " + rawCalls.relation(s.viewer) + " WHERE false"
	}
	return "(" + strings.Join(s.parts, "\nUNION ALL ") + ") AS source"
}

// relation is the table, or for own usage the view, behind a level.
func (l level) relation(v Viewer) string {
	switch l {
	case rawCalls:
		if v.own() {
			return "public.usage_own_calls"
		}
		return "public.api_usage"
	case quarterHour:
		return "public.usage_quarter_hour"
	case quarterTotal:
		return "public.usage_quarter_total"
	case wholeDay:
		return "public.usage_day"
	case wholeDayUser:
		if v.own() {
			return "public.usage_own_day_user"
		}
		return "public.usage_day_user"
	case wholeMonthUser:
		return "public.usage_month_user"
	}
	panic("unknown level " + strconv.Itoa(int(l)))
}

// column is how a level says a column: the rollups have it under its name, the
// calls have to be asked. The expressions are those of the triggers that keep
// the rollups (migrations/0002).
func (l level) column(name string) string {
	if l != rawCalls {
		if name == "at" {
			return "bucket"
		}
		return name
	}
	switch name {
	case "at":
		return "timestamp"
	case "model":
		return "coalesce(model, '')"
	case "user_id":
		return "coalesce(user_id, '" + usage.ID{}.String() + "')"
	case "calls":
		return "1::bigint"
	case "unpriced_calls":
		return "(pricing_status = 'unpriced')::integer"
	case "estimated_calls":
		return "(pricing_status = 'estimated')::integer"
	case "tokens":
		return "coalesce(tokens_used, 0)::bigint"
	case "unpriced_tokens":
		return "CASE WHEN pricing_status = 'unpriced' THEN coalesce(tokens_used, 0) ELSE 0 END::bigint"
	case "input_tokens", "output_tokens", "cache_read_tokens", "reasoning_tokens":
		return "coalesce(" + name + ", 0)"
	case "cache_write_tokens":
		return "coalesce(cache_write_5m_tokens, 0) + coalesce(cache_write_1h_tokens, 0)"
	}
	return name
}
