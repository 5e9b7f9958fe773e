package read

import (
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/otelcol-usage/otelcol-usage/internal/sums"
)

// tagKeys are the keys of a breakdown by tag.
var tagKeys = []string{"tag_name", "tag_value"}

// tagsSQL ranks the values of each tag by cost and sums all after the first ones. All values
// are sorted once, by cost: sorting those of each tag compares names first, of which there are
// few, and took twice as long.
const tagsSQL = `
WITH tags AS MATERIALIZED (
  SELECT period, tag_name, tag_value, %[1]s, row_number() OVER (ORDER BY sum(usage_dollars) DESC, tag_value COLLATE "C") AS place
  FROM %[2]s
  GROUP BY period, tag_name, tag_value
  HAVING sum(calls) <> 0 OR sum(usage_dollars) <> 0
), firsts AS (
  SELECT period, tag_name, (array_agg(place ORDER BY place))[greatest(%[3]s::integer, 1)] AS last
  FROM tags
  GROUP BY period, tag_name
)
SELECT period, tag_name, CASE WHEN %[3]s::integer > 0 AND (last IS NULL OR place <= last) THEN tag_value END, %[4]s
FROM tags JOIN firsts USING (period, tag_name)
GROUP BY 1, 2, 3
ORDER BY 2, sum(usage_dollars) DESC, 3`

// queueTags queues the query for what the values of each tag cost. The rest of all calls,
// which queueGroups reads before, has no such tag. The groups of one user may include
// calls that retention has deleted, so there the stored calls are added up. When the rest
// of the answer comes from sums that do not know tags, the calls are not read for them.
func (q *SummaryQuestion) queueTags(batch *pgx.Batch, e extent, both [2]*Summary, rates *dayRates) {
	longest, measures := sums.HalfMonth, sums.BasicMeasures()
	if rates != nil {
		longest = sums.Day
	}
	levels := q.Filter.levels(q.Viewer, tagKeys, measures, longest)
	groups := q.groupLevels(rates != nil)
	if len(levels) == 1 && !groups[0].IsCalls() && !groups[0].ByUser() {
		return
	}
	for _, s := range both {
		s.ByTag = []TagGroup{}
	}
	if !e.isTagged {
		return
	}
	apart, stored := q.partsApart(groups), [2]Counts{}
	if apart {
		s := q.tagSources(e, rates, nil, levels...)
		batch.Queue("SELECT period, "+selectSums(measures)+" FROM "+s.String()+" GROUP BY period", s.args...).Query(func(rows pgx.Rows) error {
			var period int
			var c Counts
			_, err := pgx.ForEachRow(rows, append([]any{&period}, c.into(measures)...), func() error {
				stored[period] = c
				return nil
			})
			return err
		})
	}
	s := q.tagSources(e, rates, tagKeys, levels...)
	s.flat = true
	added := make([]string, len(measures))
	for i, m := range measures {
		added[i] = fmt.Sprintf("sum(%[1]s) AS %[1]s", m.Name)
	}
	sql := fmt.Sprintf(tagsSQL, strings.Join(added, ", "), s, s.arg(q.TopUsers), selectSums(measures))
	batch.Queue(sql, s.args...).Query(func(rows pgx.Rows) error {
		var period int
		var name string
		var value *string
		var g Group
		_, err := pgx.ForEachRow(rows, append([]any{&period, &name, &value}, g.into(measures)...), func() error {
			to := both[period]
			if n := len(to.ByTag); n == 0 || to.ByTag[n-1].Name != name {
				all := to.Total
				if apart {
					all = stored[period]
				}
				to.ByTag = append(to.ByTag, TagGroup{Name: name, None: Group{Counts: all}})
			}
			tag := &to.ByTag[len(to.ByTag)-1]
			tag.None.Counts = tag.None.minus(g.Counts)
			if value == nil {
				tag.Others = g
				return nil
			}
			g.Key = *value
			tag.Values = append(tag.Values, g)
			return nil
		})
		return err
	})
}

// tagSources are the pieces of both periods.
func (q *SummaryQuestion) tagSources(e extent, rates *dayRates, keys []string, levels ...*sums.Level) *sources {
	s := newSources(q.Viewer, q.Filter)
	s.convert(rates)
	s.folded = len(levels) > 1
	s.keys, s.sums = keys, sums.Names(sums.BasicMeasures())
	if keys == nil {
		levels = []*sums.Level{sums.Single}
	}
	for i, p := range q.periods() {
		s.shares = addShares(s.shares, i, e.Cut(p[0], p[1], levels...))
	}
	return s
}

// minus subtracts the basic measures of other.
func (c Counts) minus(other Counts) Counts {
	for _, m := range sums.BasicMeasures() {
		if m.Money {
			*c.money(m.Name) = c.money(m.Name).Minus(*other.money(m.Name))
		} else {
			*c.count(m.Name) -= *other.count(m.Name)
		}
	}
	return c
}
