package read

import (
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/otelcol-usage/otelcol-usage/internal/sums"
)

// tagKeys are the keys of a breakdown by tag.
var tagKeys = []string{"tag_name", "tag_value"}

// tagsSQL returns what all values of each tag cost, with NULL for the value, and then what the
// first ones cost. The few first of a tag are found without sorting all its values, and
// usage_add takes no memory of its own for each: together half of what ranking all takes.
const tagsSQL = `
WITH tags AS MATERIALIZED (
  SELECT period, tag_name, tag_value, %[1]s
  FROM %[2]s
  GROUP BY period, tag_name, tag_value
  HAVING public.usage_add(calls) <> 0 OR public.usage_add(usage_dollars) <> 0
), names AS MATERIALIZED (
  SELECT period, tag_name, %[3]s
  FROM tags
  GROUP BY period, tag_name
)
SELECT period, tag_name, tag_value, %[4]s
FROM (
  SELECT period, tag_name, NULL AS tag_value, %[5]s FROM names
  UNION ALL
  SELECT first.* FROM names CROSS JOIN LATERAL (
    SELECT * FROM tags WHERE tags.period = names.period AND tags.tag_name = names.tag_name
    ORDER BY usage_dollars DESC, tag_value COLLATE "C" LIMIT %[6]s::integer
  ) AS first
) AS rows
GROUP BY 1, 2, 3
ORDER BY tag_name, tag_value IS NOT NULL, sum(usage_dollars) DESC, tag_value`

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
	added, all := make([]string, len(measures)), make([]string, len(measures))
	for i, m := range measures {
		added[i], all[i] = fmt.Sprintf("public.usage_add(%[1]s) AS %[1]s", m.Name), fmt.Sprintf("sum(%[1]s) AS %[1]s", m.Name)
	}
	sql := fmt.Sprintf(tagsSQL, strings.Join(added, ", "), s, strings.Join(all, ", "), selectSums(measures), strings.Join(sums.Names(measures), ", "), s.arg(q.TopUsers))
	batch.Queue(sql, s.args...).Query(func(rows pgx.Rows) error {
		var period int
		var name string
		var value *string
		var g Group
		_, err := pgx.ForEachRow(rows, append([]any{&period, &name, &value}, g.into(measures)...), func() error {
			to := both[period]
			if value == nil {
				rest := to.Total
				if apart {
					rest = stored[period]
				}
				to.ByTag = append(to.ByTag, TagGroup{Name: name, None: Group{Counts: rest.minus(g.Counts)}, Others: Group{Counts: g.Counts}})
				return nil
			}
			tag := &to.ByTag[len(to.ByTag)-1]
			tag.Others.Counts = tag.Others.minus(g.Counts)
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
