package store

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// sources is the text of "the sums of all calls in these pieces", as one
// subquery with the keys and sums asked for. Every value is a parameter; the
// text is made of the constants of this file.
type sources struct {
	viewer     Viewer
	filter     Filter
	keys, sums []string
	args       []any
	shares     []share
	// rates convert usage_dollars, see convert.
	rates    *dayRates
	ratesSQL string
}

// share is a piece, and the periods that it is part of: the end of one may be
// the beginning of the other.
type share struct {
	piece
	parts []sharePart
}

type sharePart struct {
	period int
	sign   int64
}

// newSources begins without pieces. The explicit user of the viewer's own
// usage stands in every part, beside what the role's views filter.
func newSources(v Viewer, f Filter) *sources {
	if v.own() {
		f.ByUser, f.User = true, v.user
	}
	return &sources{viewer: v, filter: f}
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

// value is the expression of a sum.
func (s *sources) value(l level, column string) string {
	if column == "usage_dollars" && s.rates != nil {
		return l.column(column) + " * day_rate.rate"
	}
	return l.column(column)
}

// from is the relation of a level, with the rates where they are needed.
func (s *sources) from(l level) string {
	if s.rates != nil {
		return l.relation(s.viewer) + s.withRates(l)
	}
	return l.relation(s.viewer)
}

// withRates joins a level with the rate of its rows' days.
func (s *sources) withRates(l level) string {
	if s.ratesSQL == "" {
		s.ratesSQL = fmt.Sprintf("(SELECT unnest(%s::timestamptz[]) AS day, unnest(%s::text[])::numeric AS rate) AS day_rate", s.arg(s.rates.days), s.arg(s.rates.rates))
	}
	day := l.column("at")
	if l != wholeDay && l != wholeDayType && l != wholeDayUser {
		day = "date_trunc('day', " + day + ", 'UTC')"
	}
	return " JOIN " + s.ratesSQL + " ON day_rate.day = " + day
}

// sharedWithin is how far back a piece is looked for. Only neighbours share
// pieces: two periods have less than twenty between them, two days three. One
// that is not found is read twice, which makes no sum wrong.
const sharedWithin = 32

// addShares adds the pieces of the period with this number, each piece once.
func addShares(shares []share, period int, pieces []piece) []share {
	for _, p := range pieces {
		part := sharePart{period, 1}
		if p.minus {
			part.sign, p.minus = -1, false
		}
		start := max(0, len(shares)-sharedWithin)
		n := start + slices.IndexFunc(shares[start:], func(s share) bool {
			return s.level == p.level && s.from.Equal(p.from) && s.to.Equal(p.to)
		})
		if n < start {
			n, shares = len(shares), append(shares, share{piece: p})
		}
		shares[n].parts = append(shares[n].parts, part)
	}
	return shares
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

// String is the subquery, in parentheses. Without pieces it has no rows. Each
// piece is added up by itself, so that what follows has few rows.
func (s *sources) String() string {
	shares := s.shares
	if len(shares) == 0 {
		shares = []share{{piece: piece{level: rawCalls}, parts: []sharePart{{0, 1}}}}
	}
	parts := make([]string, len(shares))
	for i, p := range shares {
		var b strings.Builder
		b.WriteString("SELECT part.period")
		for _, c := range s.keys {
			b.WriteString(", sums." + c)
		}
		for _, c := range s.sums {
			fmt.Fprintf(&b, ", part.sign * sums.%[1]s AS %[1]s", c)
		}
		b.WriteString(" FROM (SELECT ")
		for _, c := range s.keys {
			fmt.Fprintf(&b, "%s AS %s, ", p.level.column(c), c)
		}
		for j, c := range s.sums {
			if j > 0 {
				b.WriteString(", ")
			}
			fmt.Fprintf(&b, "sum(%s) AS %s", s.value(p.level, c), c)
		}
		at := p.level.column("at")
		fmt.Fprintf(&b, " FROM %s WHERE %s >= %s AND %s < %s", s.from(p.level), at, s.arg(p.from), at, s.arg(p.to))
		s.narrow(&b, p.level)
		b.WriteString(" GROUP BY ")
		for j := range s.keys {
			if j > 0 {
				b.WriteString(", ")
			}
			b.WriteString(strconv.Itoa(j + 1))
		}
		b.WriteString(") AS sums, (VALUES ")
		for j, part := range p.parts {
			if j > 0 {
				b.WriteString(", ")
			}
			fmt.Fprintf(&b, "(%d, %d)", part.period, part.sign)
		}
		b.WriteString(") AS part (period, sign)")
		parts[i] = b.String()
	}
	return "(" + strings.Join(parts, "\nUNION ALL ") + ") AS source"
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
	case quarterType:
		return "public.usage_quarter_type"
	case wholeDay:
		return "public.usage_day"
	case wholeDayType:
		return "public.usage_day_type"
	case halfMonth:
		return "public.usage_half_month"
	case wholeDayUser:
		if v.own() {
			return "public.usage_own_day_user"
		}
		return "public.usage_day_user"
	case halfMonthUser:
		return "public.usage_half_month_user"
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
