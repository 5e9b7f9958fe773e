package store_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/dbmigrate"
	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
	"github.com/otelcol-usage/otelcol-usage/internal/store"
	"github.com/otelcol-usage/otelcol-usage/internal/store/upkeep"
	"github.com/otelcol-usage/otelcol-usage/internal/store/write"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// taggedCalls are calls of one day: 40 tenants, 3 teams, a tag of each call's own name.
func taggedCalls(from, to int) []usage.Record {
	list := calls(from, to)
	for i := range list {
		n := from + i
		list[i].Time = testTime.Truncate(24 * time.Hour).Add(time.Duration(n) * time.Second)
		list[i].Tags = []usage.Tag{{Key: "team", Value: fmt.Sprint("t", n%3)}, {Key: "tenant", Value: fmt.Sprint(n * 7 % 40)}}
		if n%10 == 0 && n > 0 {
			list[i].Tags = append(list[i].Tags, usage.Tag{Key: fmt.Sprint("forged-", n), Value: "x"})
		}
	}
	return list
}

// TestATagOfManyValuesLeavesTheOthersTheirSums: a tag has (other) after as many values
// as a day may have, whatever order writers come in; a team keeps its sums beside a
// tenant of many, and names without end make no rows.
func TestATagOfManyValuesLeavesTheOthersTheirSums(t *testing.T) {
	t.Parallel()
	inEveryMode(t, func(t *testing.T, db *pgtest.DB, w *write.Writer) {
		db.Exec(`UPDATE public.usage_name_limit SET names = CASE kind WHEN 'tag' THEN 5 ELSE 10 END WHERE kind IN ('tag', 'tag value')`)
		writeAll(t, w, taggedCalls(0, 1))
		var wg sync.WaitGroup
		for n, w := range []*write.Writer{w, newWriter(t, db, write.Options{}), newWriter(t, db, write.Options{})} {
			wg.Go(func() {
				r := rand.New(rand.NewPCG(uint64(n), 1))
				for _, part := range r.Perm(20) {
					if _, err := w.Write(t.Context(), taggedCalls(part*50, part*50+50)); err != nil {
						t.Errorf("write: %v", err)
					}
				}
			})
		}
		wg.Wait()
		requireProvable(t, db, "after writing")
		assert.Equal(t, noDifferences, db.Text(rollupDifferences))
		assert.Equal(t, "3|1000|11|1000", db.Text(`SELECT count(DISTINCT tag_value) FILTER (WHERE tag_name = 'team'), sum(calls) FILTER (WHERE tag_name = 'team'),
			count(DISTINCT tag_value) FILTER (WHERE tag_name = 'tenant'), sum(calls) FILTER (WHERE tag_name = 'tenant') FROM public.usage_day_tag`))
		assert.Equal(t, "5", db.Text(`SELECT count(DISTINCT tag_name) FROM public.usage_half_month_tag`))
		assert.Equal(t, "40", db.Text(`SELECT count(DISTINCT substring(tags FROM 'tenant=(.*)')) FROM public.api_usage`), "calls keep their tags")

		db.Exec(`INSERT INTO public.usage_name_limit (kind, names) VALUES ('tag:tenant', 20)`)
		later := taggedCalls(1000, 1100)
		for i := range later {
			later[i].Time = later[i].Time.AddDate(0, 0, 1)
		}
		writeAll(t, w, later[1:2])
		writeAll(t, w, later)
		requireProvable(t, db, "after a limit for one tag")
		assert.Equal(t, "21", db.Text(`SELECT count(DISTINCT tag_value) FROM public.usage_day_tag WHERE tag_name = 'tenant' AND bucket > $1`, testTime))

		// Larger counts of a call that is folded, another price, calls that go.
		more := taggedCalls(0, 100)
		for i := range more {
			more[i].Quantities[usage.OutputTextTokens] += 1000
		}
		assert.Positive(t, writeAll(t, w, more).Corrected)
		requireProvable(t, db, "after correction")
		_, err := upkeep.Reprice(t.Context(), db.Pool, upkeep.RepriceOptions{
			Filter: upkeep.RepriceFilter{From: testTime.AddDate(0, 0, -1), To: testTime.AddDate(0, 0, 1)},
			Price:  func(r *usage.Record) { r.Cost = 7 * usage.Dollar },
		})
		require.NoError(t, err)
		requireProvable(t, db, "after repricing")
		assert.Equal(t, noDifferences, db.Text(rollupDifferences))
		before := db.Text(`SELECT string_agg(t::text, ' ' ORDER BY t::text) FROM public.usage_day_tag AS t WHERE calls <> 0`)
		_, err = upkeep.Retain(t.Context(), db.Pool, upkeep.RetainOptions{Before: testTime.AddDate(0, 0, 1)})
		require.NoError(t, err)
		assert.Equal(t, before, db.Text(`SELECT string_agg(t::text, ' ' ORDER BY t::text) FROM public.usage_day_tag AS t WHERE calls <> 0`), "retention keeps the sums")
		assert.Empty(t, verify(t, db, upkeep.VerifyOptions{Repair: true}))
	})
}

// TestTagsOfOthersMakeNoErrorAndNoSumWithoutNameOrValue: any text may be in the column.
func TestTagsOfOthersMakeNoErrorAndNoSumWithoutNameOrValue(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	for _, tags := range []string{"", "=", "a", "a=", "=b", "\n\n", `{"a": "b"}`} {
		db.Exec(`INSERT INTO public.api_usage (usage_dollars, api_type, tags) VALUES (1, 'text', $1)`, tags)
		assert.Equal(t, "0", db.Text(`SELECT count(*) FROM public.usage_day_tag`), "%q", tags)
	}
	db.Exec(`INSERT INTO public.api_usage (usage_dollars, api_type, tags) VALUES (1, 'text', E'a=1\n\nb=x=\nc\nd=')`)
	assert.Equal(t, "a: 1, b: x=", db.Text(`SELECT string_agg(tag_name || ': ' || tag_value, ', ' ORDER BY 1) FROM public.usage_day_tag`))
}

// TestATagIsOneLine: what would make a line of its own, or another name, is another text.
func TestATagIsOneLine(t *testing.T) {
	t.Parallel()
	inEveryMode(t, func(t *testing.T, db *pgtest.DB, w *write.Writer) {
		c := call(1)
		c.Tags = []usage.Tag{{Key: "z", Value: "1"}, {Key: "b", Value: "x\ny=2"}, {Key: "a=c", Value: "=ä"}, {Key: "z", Value: "last"}, {Key: "", Value: "3"}}
		writeAll(t, w, []usage.Record{c})
		assert.Equal(t, "a_c==ä\nb=x y=2\nz=last", db.Text(`SELECT tags FROM public.api_usage`))
		assert.Equal(t, "a_c: =ä, b: x y=2, z: last", db.Text(`SELECT string_agg(tag_name || ': ' || tag_value, ', ' ORDER BY tag_name) FROM public.usage_day_tag`))
	})
}

// TestAnUpgradeMakesTheSumsOfTagsThatAreThere takes a database of before sums by tag,
// of each keeper of sums, forwards and back.
func TestAnUpgradeMakesTheSumsOfTagsThatAreThere(t *testing.T) {
	t.Parallel()
	for _, mode := range []store.RollupMode{store.RollupTrigger, store.RollupStatement} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			db := pgtest.New(t)
			m := dbmigrate.New()
			down := func() {
				for db.Text(`SELECT max(version) FROM public.usage_migration`) != "15" {
					_, err := m.Down(t.Context(), db.Pool)
					require.NoError(t, err)
				}
			}
			keepRollupsBy(t, db, mode)
			writeAll(t, newWriter(t, db, write.Options{}), taggedCalls(0, 200))
			want := db.Text(`SELECT string_agg(t::text, ' ' ORDER BY t::text) FROM public.usage_day_tag AS t`)
			down()
			_, err := m.Up(t.Context(), db.Pool)
			require.NoError(t, err)
			_, err = upkeep.FillSums(t.Context(), db.Pool, nil)
			require.NoError(t, err)
			assert.Equal(t, want, db.Text(`SELECT string_agg(t::text, ' ' ORDER BY t::text) FROM public.usage_day_tag AS t`))
			assert.Equal(t, noDifferences, db.Text(rollupDifferences))
			writeAll(t, newWriter(t, db, write.Options{}), taggedCalls(200, 300))
			assert.Equal(t, noDifferences, db.Text(rollupDifferences), "and they are kept from then on")
			if mode == store.RollupTrigger {
				_, err = upkeep.Retain(t.Context(), db.Pool, upkeep.RetainOptions{Before: testTime.AddDate(0, 0, 1)})
				require.NoError(t, err)
				for db.Text(`SELECT max(version) FROM public.usage_migration`) != "16" {
					_, err := m.Down(t.Context(), db.Pool)
					require.NoError(t, err)
				}
				_, err = m.Down(t.Context(), db.Pool)
				require.ErrorContains(t, err, "would lose what each tag cost then")
			}
		})
	}
}
