package read

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/otelcol-usage/otelcol-usage/internal/sums"
)

// sources builds a subquery that sums all calls of given pieces, with the requested keys
// and sums. Every value is a parameter; the SQL text consists of constants of this file.
type sources struct {
	viewer     Viewer
	filter     Filter
	keys, sums []string
	args       []any
	shares     []share
	// folded means that calls count under the names that their sums have.
	folded bool
	// flat leaves the rows of levels as they are, where the outer query groups by the keys
	// anyway and adding up twice would save nothing.
	flat bool
	// rates converts usage_dollars; see convert.
	rates    *dayRates
	ratesSQL string
}

// share is a piece and the periods that contain it. One piece can be at the end of one
// period and at the beginning of the next.
type share struct {
	sums.Piece
	parts []sharePart
}

type sharePart struct {
	period int
	sign   int64
}

// newSources returns sources without pieces. For a viewer who sees only their own usage,
// every part also names the user, in addition to the filter of the role's views.
func newSources(v Viewer, f Filter) *sources {
	if v.own() {
		f.ByUser, f.User = true, v.user
	}
	return &sources{viewer: v, filter: f}
}

// arg adds a parameter and returns its placeholder.
func (s *sources) arg(value any) string {
	s.args = append(s.args, value)
	return "$" + strconv.Itoa(len(s.args))
}

// convert makes all sums that are added from here on amounts in another currency: the
// dollars of each row times the rate of its UTC day. The product of two decimals is exact.
// No bucket of a level that is read is longer than a day.
func (s *sources) convert(rates *dayRates) { s.rates = rates }

// column returns the expression of a key at a level.
func (s *sources) column(l *sums.Level, key string) string {
	if s.folded {
		return l.FoldedColumn(key)
	}
	return l.Column(key)
}

// value returns the expression of a measure at a level.
func (s *sources) value(l *sums.Level, column string) string {
	if s.rates != nil && sums.IsMoney(column) {
		return l.Column(column) + " * day_rate.rate"
	}
	return l.Column(column)
}

// sum returns the SQL sum of a measure, never NULL.
func (s *sources) sum(l *sums.Level, column string) string {
	amount, when := l.Conditional(column)
	if when == "" {
		return "sum(" + s.value(l, column) + ")"
	}
	if s.rates != nil && sums.IsMoney(column) {
		amount += " * day_rate.rate"
	}
	return "coalesce(sum(" + amount + ") FILTER (WHERE " + when + "), 0)"
}

// from returns the relation of a level, joined with the rates where they are needed.
func (s *sources) from(l *sums.Level) string {
	from := relation(l, s.viewer)
	if l.IsCalls() && l.Unnest != nil {
		from += " " + l.Unnest.FromCalls(s.folded)
	}
	if s.rates != nil {
		from += s.withRates(l)
	}
	return from
}

// withRates joins the rows of a level with the rate of their day.
func (s *sources) withRates(l *sums.Level) string {
	if s.ratesSQL == "" {
		s.ratesSQL = fmt.Sprintf("(SELECT unnest(%s::timestamptz[]) AS day, unnest(%s::text[])::numeric AS rate) AS day_rate", s.arg(s.rates.days), s.arg(s.rates.rates))
	}
	day := l.Column("at")
	if l.Width != sums.Day {
		day = "date_trunc('day', " + day + ", 'UTC')"
	}
	return " JOIN " + s.ratesSQL + " ON day_rate.day = " + day
}

// sharedWithin is how many of the last pieces are searched for an equal one. Only
// neighbours share pieces: two periods have fewer than twenty between them, two days three.
// A piece that is not found is read twice, which is correct but slower.
const sharedWithin = 32

// addShares adds the pieces of the numbered period. A piece that is there already gets
// another part.
func addShares(shares []share, period int, pieces []sums.Piece) []share {
	for _, p := range pieces {
		part := sharePart{period, 1}
		if p.Minus {
			part.sign, p.Minus = -1, false
		}
		start := max(0, len(shares)-sharedWithin)
		n := start + slices.IndexFunc(shares[start:], func(s share) bool {
			return s.Level == p.Level && s.From.Equal(p.From) && s.To.Equal(p.To)
		})
		if n < start {
			n, shares = len(shares), append(shares, share{Piece: p})
		}
		shares[n].parts = append(shares[n].parts, part)
	}
	return shares
}

// narrow appends the conditions of the filter.
func (s *sources) narrow(b *strings.Builder, l *sums.Level) {
	f := s.filter
	switch {
	case f.ByUser && f.User.IsZero() && l.IsCalls():
		b.WriteString(" AND user_id IS NULL")
	case f.ByUser:
		b.WriteString(" AND user_id = " + s.arg([16]byte(f.User)))
	}
	for _, c := range f.values() {
		fmt.Fprintf(b, " AND %s = %s", s.column(l, c.key), s.arg(*c.value))
	}
	if l.IsCalls() && l.Unnest != nil {
		b.WriteString(" AND " + l.Unnest.When + " AND " + l.Unnest.Keep)
	}
	switch t := f.Tag; {
	case t == nil:
	case l.Has("tag_name") && !slices.Contains(s.keys, "tag_name"):
		fmt.Fprintf(b, " AND %s = %s AND %s = %s", s.column(l, "tag_name"), s.arg(t.Name), s.column(l, "tag_value"), s.arg(t.Value))
	case strings.ContainsAny(t.Name, "=\n") || strings.Contains(t.Value, "\n"):
		b.WriteString(" AND false") // no tag is so
	case t.Value == "":
		fmt.Fprintf(b, ` AND (tags IS NULL OR strpos(E'\n' || tags, %s) = 0 OR strpos(E'\n' || tags || E'\n', %s) > 0)`,
			s.arg("\n"+t.Name+"="), s.arg("\n"+t.Name+"=\n"))
	default:
		fmt.Fprintf(b, ` AND strpos(E'\n' || tags || E'\n', %s) > 0`, s.arg("\n"+t.Name+"="+t.Value+"\n"))
	}
}

// String returns the subquery in parentheses. Without pieces it returns no rows. Each piece
// is summed on its own, so that few rows remain for the outer query.
func (s *sources) String() string {
	shares := s.shares
	if len(shares) == 0 {
		shares = []share{{Piece: sums.Piece{Level: sums.Single}, parts: []sharePart{{0, 1}}}}
	}
	parts := make([]string, len(shares))
	for i, p := range shares {
		parts[i] = s.part(p)
	}
	return "(" + strings.Join(parts, "\nUNION ALL ") + ") AS source"
}

// relation returns the table of a level or, for own usage, its view. Where there is no such
// view, the role of own usage has no right on the table either.
func relation(l *sums.Level, v Viewer) string {
	if v.own() && l.OwnView != "" {
		return l.OwnView
	}
	return l.Table()
}

// part selects what one piece adds to its periods. Reading it for one period needs no
// subquery and no factor, which would take the planner and the server longer.
func (s *sources) part(p share) string {
	if len(p.parts) == 1 {
		return s.read(p, strconv.Itoa(p.parts[0].period)+" AS period, ", p.parts[0].sign)
	}
	var b strings.Builder
	b.WriteString("SELECT part.period")
	for _, c := range s.keys {
		b.WriteString(", sums." + c)
	}
	for _, c := range s.sums {
		fmt.Fprintf(&b, ", part.sign * sums.%[1]s AS %[1]s", c)
	}
	b.WriteString(" FROM (" + s.read(p, "", 1) + ") AS sums, (VALUES ")
	for j, part := range p.parts {
		if j > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "(%d, %d)", part.period, part.sign)
	}
	b.WriteString(") AS part (period, sign)")
	return b.String()
}

// read selects the sums of one piece, with a sign, after the columns of first.
func (s *sources) read(p share, first string, sign int64) string {
	var b strings.Builder
	b.WriteString("SELECT " + first)
	for _, c := range s.keys {
		fmt.Fprintf(&b, "%s AS %s, ", s.column(p.Level, c), c)
	}
	flat := s.flat && !p.Level.IsCalls()
	for j, c := range s.sums {
		if j > 0 {
			b.WriteString(", ")
		}
		value := s.sum(p.Level, c)
		switch {
		case flat:
			value = s.value(p.Level, c)
		case !sums.IsMoney(c):
			// As an integer again: numbers of any length take three times as long to add.
			value = "(" + value + ")::bigint"
		}
		if sign < 0 {
			value = "-(" + value + ")"
		}
		fmt.Fprintf(&b, "%s AS %s", value, c)
	}
	at := p.Level.Column("at")
	fmt.Fprintf(&b, " FROM %s WHERE %s >= %s AND %s < %s", s.from(p.Level), at, s.arg(p.From), at, s.arg(p.To))
	s.narrow(&b, p.Level)
	switch {
	case flat:
	case len(s.keys) == 0:
		b.WriteString(" HAVING count(*) > 0")
	default:
		b.WriteString(" GROUP BY ")
		for j, key := range s.keys {
			if j > 0 {
				b.WriteString(", ")
			}
			b.WriteString(s.column(p.Level, key))
		}
	}
	return b.String()
}
