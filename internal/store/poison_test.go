package store_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
	"github.com/otelcol-usage/otelcol-usage/internal/store"
	"github.com/otelcol-usage/otelcol-usage/internal/store/write"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// refusal is a fault that the database finds in rows of the service "poison".
type refusal struct {
	setup      string // statements that make it do so
	state      string
	constraint string
}

// A trigger of a host application can raise anything.
const refuseByTrigger = `CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
	IF NEW.service = 'poison' THEN RAISE EXCEPTION 'the value is my secret' USING ERRCODE = NEW.environment, DETAIL = 'my secret'; END IF; RETURN NEW; END $$;
	CREATE TRIGGER refuse BEFORE INSERT ON public.api_usage FOR EACH ROW EXECUTE FUNCTION public.refuse()`

// TestARefusedRowNeverTakesAGoodOneWithIt: 1 and 5 bad rows in a batch of 2,000.
func TestARefusedRowNeverTakesAGoodOneWithIt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]refusal{
		"check":         {`ALTER TABLE public.api_usage ADD CONSTRAINT no_poison CHECK (service <> 'poison')`, "23514", "no_poison"},
		"not null":      {`ALTER TABLE public.api_usage ADD COLUMN host text GENERATED ALWAYS AS (nullif(service, 'poison')) STORED NOT NULL`, "23502", ""},
		"foreign key":   {`CREATE TABLE public.service (name text PRIMARY KEY); INSERT INTO public.service VALUES ('shop'); ALTER TABLE public.api_usage ADD CONSTRAINT known_service FOREIGN KEY (service) REFERENCES public.service`, "23503", "known_service"},
		"unique":        {`CREATE UNIQUE INDEX one_poison ON public.api_usage ((1)) WHERE service = 'poison'; INSERT INTO public.api_usage (usage_dollars, api_type, service, model) VALUES (0, 'text', 'poison', '')`, "23505", "one_poison"},
		"number range":  {`ALTER TABLE public.api_usage ADD COLUMN host smallint GENERATED ALWAYS AS (CASE WHEN service = 'poison' THEN 99999 ELSE 1 END) STORED`, "22003", ""},
		"division":      {`ALTER TABLE public.api_usage ADD COLUMN host int GENERATED ALWAYS AS (1 / CASE WHEN service = 'poison' THEN 0 ELSE 1 END) STORED`, "22012", ""},
		"program limit": {`ALTER TABLE public.api_usage ADD COLUMN host text GENERATED ALWAYS AS (chr(CASE WHEN service = 'poison' THEN 0 ELSE 65 END)) STORED`, "54000", ""},
		// Faults in JSON name a line of the JSON beside that of the COPY.
		"broken json":   {`ALTER TABLE public.api_usage ADD COLUMN host jsonb GENERATED ALWAYS AS ((CASE WHEN service = 'poison' THEN '{' ELSE '1' END)::jsonb) STORED`, "22P02", ""},
		"json with NUL": {`ALTER TABLE public.api_usage ADD COLUMN host jsonb GENERATED ALWAYS AS ((CASE WHEN service = 'poison' THEN '"\u0000"' ELSE '1' END)::jsonb) STORED`, "22P05", ""},
		"deep json":     {`ALTER TABLE public.api_usage ADD COLUMN host jsonb GENERATED ALWAYS AS (repeat(CASE WHEN service = 'poison' THEN '[' ELSE '1' END, CASE WHEN service = 'poison' THEN 100000 ELSE 1 END)::jsonb) STORED`, "54001", ""},
		"json number":   {`ALTER TABLE public.api_usage ADD COLUMN host jsonb GENERATED ALWAYS AS ((CASE WHEN service = 'poison' THEN '1e200000' ELSE '1' END)::jsonb) STORED`, "22003", ""},
		"year":          {`ALTER TABLE public.api_usage ADD COLUMN host date GENERATED ALWAYS AS (make_date(CASE WHEN service = 'poison' THEN 9999999 ELSE 2026 END, 1, 1)) STORED`, "22008", ""},
		"text length":   {`ALTER TABLE public.api_usage ADD COLUMN host varchar(5) GENERATED ALWAYS AS (service) STORED`, "22001", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test := func(t *testing.T, db *pgtest.DB, w *write.Writer) {
				for _, sql := range splitStatements(c.setup) {
					db.Exec(sql)
				}
				refuse(t, db, w, c, 0, 1)
				again := refuse(t, db, w, c, 2000, 5)
				again()
			}
			inBothModesOf(t, pgtest.New, test)
			if pgtest.OnCitus() && name != "unique" && name != "foreign key" { // it has no such keys
				onCitus(t, test)
			}
			// A fault whose line is named and one whose line is not.
			if name == "check" || name == "foreign key" {
				onPartitions(t, test)
			}
		})
	}
	t.Run("by trigger", func(t *testing.T) {
		t.Parallel()
		inBothModesOf(t, pgtest.New, func(t *testing.T, db *pgtest.DB, w *write.Writer) {
			for _, sql := range splitStatements(refuseByTrigger) {
				db.Exec(sql)
			}
			from := 0
			for _, state := range []string{"P0001", "22021", "22P05", "22P02", "22P03", "22008", "54000", "54001", "23P01", "44000", "XX123"} {
				for _, bad := range []int{1, 5} {
					refuse(t, db, w, refusal{state: state}, from, bad)
					from += 2000
				}
			}
			assert.Equal(t, noDifferences, db.Text(rollupDifferences))
		})
	})
}

// refuse writes a batch with bad rows in it and returns a function that writes
// the same batch again, which must change nothing.
func refuse(t *testing.T, db *pgtest.DB, w *write.Writer, c refusal, from, bad int) (again func()) {
	t.Helper()
	before := db.Text(`SELECT count(*) FROM public.api_usage`)
	records := calls(from, from+2000)
	for _, i := range rand.New(rand.NewPCG(uint64(bad), 1)).Perm(2000)[:bad] {
		records[i].Service, records[i].Environment = "poison", c.state
	}
	parkedBefore := db.Text(`SELECT count(*) FROM public.usage_dead_letter`)
	result := writeAll(t, w, records)
	assert.Equal(t, 2000-bad, result.Inserted, c.state)
	require.Len(t, result.Parked, bad, c.state)
	for _, p := range result.Parked {
		assert.Equal(t, c.state, p.SQLState)
		assert.Equal(t, c.constraint, p.Constraint)
		assert.NotContains(t, p.Reason, "secret")
	}
	assert.Equal(t, fmt.Sprint(bad), db.Text(`SELECT count(*) - $1::text::int FROM public.usage_dead_letter WHERE sqlstate <> '' AND record LIKE '%poison%'`, parkedBefore))
	return func() {
		t.Helper()
		assert.Zero(t, writeAll(t, w, records).Inserted)
		assert.Equal(t, fmt.Sprint(2000-bad), db.Text(`SELECT count(*) - $1::text::int FROM public.api_usage`, before))
		assert.Equal(t, fmt.Sprint(bad), db.Text(`SELECT count(*) - $1::text::int FROM public.usage_dead_letter`, parkedBefore))
	}
}

// splitStatements: the extended protocol takes one statement at a time.
func splitStatements(sql string) []string {
	var list []string
	inBody := false
	start := 0
	for i := 0; i < len(sql); i++ {
		switch {
		case strings.HasPrefix(sql[i:], "$$"):
			inBody = !inBody
			i++
		case sql[i] == ';' && !inBody:
			list = append(list, sql[start:i])
			start = i + 1
		}
	}
	return append(list, sql[start:])
}

func TestFaultsThatAreKnownBeforehandAreParkedWithoutAsking(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, db *pgtest.DB, w *write.Writer) {
		for column, spoil := range map[string]func(*usage.Record){
			"id":               func(r *usage.Record) { r.ID = usage.ID{} },
			"timestamp":        func(r *usage.Record) { r.Time = r.Time.AddDate(-2000, 0, 0) },
			"api_type":         func(r *usage.Record) { r.APIType = "Text!" },
			"usage_dollars":    func(r *usage.Record) { r.Cost = usage.MaxCallCost + 1 },
			"reported_dollars": func(r *usage.Record) { r.HasReportedCost, r.ReportedCost = true, -1 },
			"pricing_status":   func(r *usage.Record) { r.Status = "free" },
			"pricing_reason":   func(r *usage.Record) { r.Status, r.Reason = usage.StatusEstimated, "" },
			"tokens_used":      func(r *usage.Record) { r.Quantities[usage.CacheReadTokens] = 1 << 40 },
			"audio_seconds":    func(r *usage.Record) { r.Quantities[usage.AudioSeconds] = 1 << 62 },
			"images":           func(r *usage.Record) { r.Quantities[usage.Images] = -3 },
		} {
			records := calls(0, 3)
			spoil(&records[1])
			result := writeAll(t, w, records)
			require.Len(t, result.Parked, 1, column)
			assert.Equal(t, column, result.Parked[0].Column)
			assert.Empty(t, result.Parked[0].SQLState)
			assert.True(t, strings.HasPrefix(result.Parked[0].Reason, column+": "), result.Parked[0].Reason)
		}
		assert.Equal(t, "2", db.Text(`SELECT count(*) FROM public.api_usage`))
		assert.Equal(t, "10", db.Text(`SELECT count(*) FROM public.usage_dead_letter`))
	})
}

// TestEveryRuleOfTheTableIsKnownBeforehand: each constraint of the table has
// records here that break it, and none of them is sent. A new constraint fails
// this test until the writer knows it.
func TestEveryRuleOfTheTableIsKnownBeforehand(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 9999)
	// A text that is too long is cut, and the record stored.
	cut := func(spoil func(r *usage.Record, text string)) []func(*usage.Record) {
		return []func(*usage.Record){func(r *usage.Record) { spoil(r, long) }}
	}
	parked := map[string][]func(*usage.Record){
		"api_usage_words": {
			func(r *usage.Record) { r.APIType = "" }, func(r *usage.Record) { r.APIType = usage.APIType(long) },
			func(r *usage.Record) { r.Outcome = usage.Outcome(long) }, func(r *usage.Record) { r.Payer = "NO WORD" },
		},
		"api_usage_cost_in_range": {func(r *usage.Record) { r.Cost = -1 }, func(r *usage.Record) { r.Cost = usage.MaxCallCost + 1 }},
		"api_usage_reported_in_range": {
			func(r *usage.Record) { r.HasReportedCost, r.ReportedCost = true, -1 },
			func(r *usage.Record) { r.HasReportedCost, r.ReportedCost = true, usage.MaxCallCost+1 },
		},
		"api_usage_tokens_not_negative": {func(r *usage.Record) { r.Quantities[usage.InputTextTokens] = -9999 }},
		"api_usage_time_plausible": {
			func(r *usage.Record) { r.Time = usage.MinTime.Add(-1) }, func(r *usage.Record) { r.Time = usage.MaxTime }, func(r *usage.Record) { r.Time = time.Time{} },
		},
		"api_usage_pricing_known": {
			func(r *usage.Record) { r.Status = "free" }, func(r *usage.Record) { r.Status, r.Reason = usage.StatusUnpriced, usage.ReasonNoModel },
		},
		"api_usage_cost_source_known": {func(r *usage.Record) { r.CostSource = "evil" }},
		"api_usage_quantities_in_range": {
			func(r *usage.Record) { r.Quantities[usage.OutputReasoningTokens] = -1 }, func(r *usage.Record) { r.Quantities[usage.CacheWrite1hTokens] = 1 << 31 },
			func(r *usage.Record) { r.Quantities[usage.AudioSeconds] = -1 }, func(r *usage.Record) { r.Quantities[usage.Images] = -1 },
			func(r *usage.Record) { r.Quantities[usage.Characters] = -1 },
		},
		"api_usage_pkey": {func(r *usage.Record) { r.ID = usage.ID{} }},
	}
	stored := map[string][]func(*usage.Record){
		"api_usage_text_length": slices.Concat(
			cut(func(r *usage.Record, text string) { r.Model = text }), cut(func(r *usage.Record, text string) { r.Provider = text }),
			cut(func(r *usage.Record, text string) { r.Service = text }), cut(func(r *usage.Record, text string) { r.Environment = text }),
			cut(func(r *usage.Record, text string) { r.PriceID = text }), cut(func(r *usage.Record, text string) { r.RequestID = text }),
			cut(func(r *usage.Record, text string) { r.SessionID = text })),
		"api_usage_user_id_fkey": {func(r *usage.Record) { r.UserID = usage.UserID("nobody has this one yet") }},
	}
	db := pgtest.New(t)
	w := newWriter(t, db, write.Options{})
	n := 0
	for what, cases := range map[string]map[string][]func(*usage.Record){"parked": parked, "stored": stored} {
		for constraint, list := range cases {
			assert.Equal(t, "1", db.Text(`SELECT count(*) FROM pg_constraint WHERE conrelid = 'public.api_usage'::regclass AND conname = $1`, constraint), constraint)
			for i, spoil := range list {
				r := call(n)
				n++
				spoil(&r)
				result := writeAll(t, w, []usage.Record{r})
				if what == "stored" {
					assert.Equal(t, 1, result.Inserted, "%s, case %d", constraint, i)
					continue
				}
				if assert.Len(t, result.Parked, 1, "%s, case %d", constraint, i) {
					assert.Empty(t, result.Parked[0].SQLState, "%s, case %d was sent", constraint, i)
				}
			}
		}
	}
	known := slices.Sorted(maps.Keys(parked))
	known = append(known, slices.Sorted(maps.Keys(stored))...)
	slices.Sort(known)
	assert.Equal(t, strings.Join(known, " "), db.Text(`SELECT string_agg(conname, ' ' ORDER BY conname) FROM pg_constraint WHERE conrelid = 'public.api_usage'::regclass AND contype <> 'n'`))
}

func TestTextsThatNoColumnTakesAreCleaned(t *testing.T) {
	t.Parallel()
	inEveryMode(t, func(t *testing.T, db *pgtest.DB, w *write.Writer) {
		r := call(1)
		r.Model, r.SessionID, r.RequestID = "gpt\x004", "\xff\xfe\x00", strings.Repeat("x", 9999)
		r.Tags = []usage.Tag{{Key: "\x00", Value: "\xed\xa0\x80\x01"}}
		assert.Equal(t, 1, writeAll(t, w, []usage.Record{r}).Inserted)
		assert.Equal(t, "gpt\uFFFD4|512|\uFFFD=\uFFFD\x01|\uFFFD\uFFFD",
			db.Text(`SELECT model, length(request_id), tags, session_id FROM public.api_usage`))
	})
}

func TestADatabaseThatTakesNothingParksNothing(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = 'XX000'; END $$`)
	db.Exec(`CREATE TRIGGER refuse BEFORE INSERT ON public.api_usage FOR EACH ROW EXECUTE FUNCTION public.refuse()`)
	w := newWriter(t, db, write.Options{})
	_, err := w.Write(t.Context(), calls(0, 500))
	var fault *write.Error
	require.ErrorAs(t, err, &fault)
	assert.Equal(t, store.ClassUnknown, fault.Class)
	assert.Equal(t, "0", db.Text(`SELECT count(*) FROM public.usage_dead_letter`))
	db.Exec(`DROP TRIGGER refuse ON public.api_usage`)
	assert.Equal(t, 500, writeAll(t, w, calls(0, 500)).Inserted)
}

// failNodes makes the next statements on the table fail as if a node of a
// distributed database were away. It says how many failed since.
func failNodes(db *pgtest.DB, state string, faults int) (failed func() string) {
	db.Exec(`DROP SEQUENCE IF EXISTS public.node_fault`)
	db.Exec(`CREATE SEQUENCE public.node_fault`)
	db.Exec(fmt.Sprintf(`CREATE OR REPLACE FUNCTION public.fail_node() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		IF nextval('public.node_fault') <= %d THEN RAISE EXCEPTION 'failure on connection marked as essential' USING ERRCODE = '%s'; END IF; RETURN NULL; END $$`, faults, state))
	db.Exec(`CREATE OR REPLACE TRIGGER fail_node BEFORE INSERT ON public.api_usage FOR EACH STATEMENT EXECUTE FUNCTION public.fail_node()`)
	return func() string { return db.Text(`SELECT last_value FROM public.node_fault`) }
}

// pretendCitus makes a database look like one with the extension.
func pretendCitus(t *testing.T, db *pgtest.DB) {
	t.Helper()
	_, err := db.Pool.Exec(t.Context(), `SET LOCAL allow_system_table_mods = on; CREATE TABLE pg_catalog.pg_dist_partition (logicalrelid regclass)`, pgx.QueryExecModeSimpleProtocol)
	require.NoError(t, err)
}

func TestALostNodeIsWaitedForAndNoRowIsParkedForIt(t *testing.T) {
	t.Parallel()
	for engine, prepare := range map[string]func(*testing.T, *pgtest.DB){
		"without triggers":    func(t *testing.T, db *pgtest.DB) { keepRollupsBy(t, db, store.RollupStatement) },
		"Citus with triggers": pretendCitus,
	} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			db := pgtest.New(t)
			prepare(t, db)
			w := newWriter(t, db, write.Options{})
			from := 0
			for _, state := range []string{"XX000", "58030"} {
				failed := failNodes(db, state, 2)
				result := writeAll(t, w, calls(from, from+2))
				assert.Equal(t, 2, result.Inserted, "two faults are waited for")
				assert.False(t, result.Copied, "a COPY of a call that is there would fail with XX000 too")
				assert.Equal(t, "3", failed())

				// The node is back when the batch is tried for the fifth time.
				failed = failNodes(db, state, 4)
				_, err := w.Write(t.Context(), calls(from, from+4))
				var fault *write.Error
				require.ErrorAs(t, err, &fault)
				assert.Equal(t, store.ClassServer, fault.Class)
				assert.ErrorContains(t, err, "a node of the database failed")
				assert.Equal(t, "3", failed(), "three tries, then whoever called decides")
				assert.Equal(t, 2, writeAll(t, w, calls(from, from+4)).Inserted)
				from += 4
			}
			assert.Equal(t, "8|0", db.Text(`SELECT (SELECT count(*) FROM public.api_usage), (SELECT count(*) FROM public.usage_dead_letter)`))
			assert.Equal(t, noDifferences, db.Text(rollupDifferences))
		})
	}
}

func TestAnInternalErrorOfPlainPostgreSQLIsTheRowsWhereItsNeighboursGoIn(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	for _, sql := range splitStatements(refuseByTrigger) {
		db.Exec(sql)
	}
	refuse(t, db, newWriter(t, db, write.Options{}), refusal{state: "XX000"}, 0, 1)
}

func TestRowLevelSecurityMakesTheWriterInsert(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(`CREATE FUNCTION public.refuse_copy() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		IF current_query() LIKE 'COPY%' THEN RAISE EXCEPTION 'COPY FROM not supported with row-level security' USING ERRCODE = '0A000'; END IF; RETURN NULL; END $$`)
	db.Exec(`CREATE TRIGGER refuse_copy BEFORE INSERT ON public.api_usage FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_copy()`)
	w := newWriter(t, db, write.Options{})
	result := writeAll(t, w, calls(0, 10))
	assert.False(t, result.Copied)
	assert.Equal(t, 10, result.Inserted)
	assert.Equal(t, noDifferences, db.Text(rollupDifferences))
}
