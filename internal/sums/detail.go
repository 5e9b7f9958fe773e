package sums

import (
	"fmt"
	"strings"
)

// UserDetail sums what a user used in a past half month, by all keys. It is not one of
// [Levels]: no writer adds to it, because a row for each user, model and service would cost
// every insert as much as all other sums by user. It is computed from the calls once
// ([usage_keep_user_detail]), by the names that the calls have. It is used only while the
// row of [HalfMonthUser] that it was computed with is unchanged: whatever changes a call of
// the user in that half month writes that row in the same transaction. What is not kept, or
// is outdated, is read from the calls.
var UserDetail = &Level{
	Name: "usage_user_detail", Since: 14, Width: HalfMonth, Keys: append([]Key{user}, allKeys...), Measures: allMeasures, OwnView: "public.usage_own_user_detail",
}

// UserQuarter sums by quarter hour what a user with very many calls used in a past half month:
// the days of their year in another time zone. It is computed from the calls once, as
// [UserDetail] is and with the same condition, which the view public.usage_user_quarter_half
// has: other half months are read from the calls.
var UserQuarter = &Level{
	Name: "usage_user_quarter", Since: 30, Width: Quarter, Keys: []Key{user}, Measures: []Measure{UnpricedCalls, Dollars}, OwnView: "public.usage_own_user_quarter",
}

// remakeUserDetail makes it again with other measures. What goes is made of the calls again.
func (l *Level) remakeUserDetail(inSlots bool) string {
	return `DROP FUNCTION public.usage_keep_user_detail(integer, integer);
DROP VIEW public.usage_own_user_detail;
DROP VIEW public.usage_user_detail;
DROP TABLE public.usage_user_detail_kept;
` + l.userDetail(inSlots) + `
GRANT SELECT ON public.usage_user_detail TO usage_reader;
GRANT SELECT ON public.usage_own_user_detail TO usage_own;
GRANT EXECUTE ON FUNCTION public.usage_keep_user_detail(integer, integer) TO usage_writer;`
}

// userDetail returns the table, the views and the function of [UserDetail].
func (l *Level) userDetail(inSlots bool) string {
	var columns strings.Builder
	for _, k := range l.Keys {
		fmt.Fprintf(&columns, "  %-18s %-11s NOT NULL,\n", k.Name, k.Type)
	}
	for _, m := range l.Measures {
		fmt.Fprintf(&columns, "  %-18s %-11s NOT NULL,\n", m.Name, m.Type())
	}
	return `CREATE TABLE ` + l.Table() + `_kept (
  -- The row of ` + HalfMonthUser.Name + ` that was there: the transaction that wrote it, and its place.
  version            xid         NOT NULL,
  place              tid         NOT NULL,
  bucket             timestamptz NOT NULL,
` + columns.String() + `  CONSTRAINT ` + l.Name + `_kept_pkey PRIMARY KEY (user_id, bucket, ` + commas(l.keyNames()[2:]) + `),
  CONSTRAINT ` + l.Name + `_kept_user_id_fkey FOREIGN KEY (user_id) REFERENCES auth.users (id) ON DELETE CASCADE
);

` + l.detailReaders("CREATE", inSlots)
}

// unchangedHalf is true of the row h of [HalfMonthUser] that k was made with.
const unchangedHalf = "h.bucket = k.bucket AND h.user_id = k.user_id AND h.xmin = k.version AND h.ctid = k.place"

// aloneInSlots is true if there is no other row of the user and half month than the one of
// that transaction and place.
func aloneInSlots(h, version, place string) string {
	return "\n      AND NOT EXISTS (SELECT FROM " + HalfMonthUser.Table() + " AS o WHERE o.bucket = " + h + ".bucket AND o.user_id = " + h + ".user_id AND (o.xmin <> " + h + "." + version + " OR o.ctid <> " + h + "." + place + "))"
}

// detailReaders returns the views and the function of [UserDetail]. In slots, a user and half
// month may have several rows; then nothing of it is kept, nor shown.
func (l *Level) detailReaders(create string, inSlots bool) string {
	var made []string
	for _, k := range l.Keys[1:] {
		made = append(made, as(Single.Column(k.Name), k.Name))
	}
	for _, m := range l.Measures {
		made = append(made, as(m.sum(false), m.Name))
	}
	list := commas(append(l.keyNames(), l.measureNames()...))
	rest := commas(append(l.keyNames()[2:], l.measureNames()...))
	h := HalfMonthUser.Table()
	const unchanged = unchangedHalf
	alone := aloneInSlots
	if !inSlots {
		alone = func(string, string, string) string { return "" }
	}
	return `-- What is as it was when it was made.
` + create + ` VIEW ` + l.Table() + ` AS
  SELECT ` + list + `
  FROM ` + l.Table() + `_kept AS k
  WHERE EXISTS (SELECT FROM ` + h + ` AS h WHERE ` + unchanged + `)` + alone("k", "version", "place") + `;

` + create + ` VIEW ` + l.OwnView + ` WITH (security_barrier) AS
  SELECT ` + list + `
  FROM ` + l.Table() + `
  WHERE user_id = nullif(current_setting('usage.user_id', true), '')::uuid;

-- Keeps at most so many half months of users that are over, have at least so many calls
-- and are not kept yet, or have changed since. It says how many it kept: 0 when it is
-- done, and when somebody else is at it. When it is done it forgets what else changed.
` + create + ` FUNCTION public.usage_keep_user_detail(most integer, fewest_calls integer) RETURNS integer
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $keep$
DECLARE
  half record;
  keys integer;
  kept integer := 0;
BEGIN
  -- On Citus each of these would ask every shard.
  IF to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL OR NOT pg_try_advisory_xact_lock('public.usage_user_detail_kept'::regclass::bigint) THEN
    RETURN 0;
  END IF;
  FOR half IN
    SELECT h.bucket, h.user_id, ` + HalfMonth.of("(h.bucket + interval '20 days')") + ` AS until
    FROM ` + h + ` AS h
    WHERE h.calls >= fewest_calls AND h.bucket < ` + HalfMonth.of("(now() - interval '1 day')") + `
      AND h.bucket >= coalesce((SELECT value::timestamptz FROM public.usage_setting WHERE name = 'retained_from'), '-infinity')
      AND h.user_id <> '00000000-0000-0000-0000-000000000000'
      AND NOT EXISTS (SELECT FROM ` + l.Table() + `_kept AS k WHERE ` + unchanged + `)` + alone("h", "xmin", "ctid") + `
    ORDER BY h.calls DESC, h.bucket, h.user_id
    LIMIT most
  LOOP
    DELETE FROM ` + l.Table() + `_kept AS k WHERE k.user_id = half.user_id AND k.bucket = half.bucket;
    -- One statement, which sees one moment. Parts that are not the whole are not kept.
    WITH made AS MATERIALIZED (
` + indent("SELECT "+strings.Join(made, ",\n  ")+"\nFROM "+Single.Table()+"\nWHERE user_id = half.user_id AND timestamp >= half.bucket AND timestamp < half.until\nGROUP BY "+numbered(len(l.Keys)-1), "      ") + `
    )
    INSERT INTO ` + l.Table() + `_kept (version, place, ` + list + `)
    SELECT h.xmin, h.ctid, h.bucket, h.user_id, ` + rest + `
    FROM (SELECT xmin, ctid, bucket, user_id, calls AS all_calls, usage_dollars AS all_dollars FROM ` + h + ` WHERE bucket = half.bucket AND user_id = half.user_id) AS h, made
    WHERE (all_calls, all_dollars) = (SELECT sum(calls), sum(usage_dollars) FROM made)` + alone("h", "xmin", "ctid") + `;
    GET DIAGNOSTICS keys = ROW_COUNT;
    kept := kept + least(keys, 1);
  END LOOP;
  IF kept = 0 THEN
    DELETE FROM ` + l.Table() + `_kept AS k WHERE NOT EXISTS (SELECT FROM ` + h + ` AS h WHERE ` + unchanged + `);
  END IF;
  RETURN kept;
END $keep$;
REVOKE ALL ON FUNCTION public.usage_keep_user_detail(integer, integer) FROM PUBLIC;`
}

// userQuarters returns the tables, the views and the function of [UserQuarter].
func userQuarters() string {
	return `-- Of which half months and users the quarter hours are kept.
CREATE TABLE public.usage_user_quarter_kept (
  user_id uuid        NOT NULL REFERENCES auth.users (id) ON DELETE CASCADE,
  bucket  timestamptz NOT NULL, -- the half month
  -- The row of usage_half_month_user that was there: the transaction that wrote it, and its place.
  version xid         NOT NULL,
  place   tid         NOT NULL,
  PRIMARY KEY (user_id, bucket)
);

-- They count only while the half month is in the view below.
CREATE TABLE public.usage_user_quarter (
  user_id        uuid        NOT NULL REFERENCES auth.users (id) ON DELETE CASCADE,
  bucket         timestamptz NOT NULL,
  unpriced_calls bigint      NOT NULL,
  usage_dollars  numeric     NOT NULL,
  PRIMARY KEY (user_id, bucket)
);

-- What is as it was when it was made.
CREATE VIEW public.usage_user_quarter_half AS
  SELECT user_id, bucket
  FROM public.usage_user_quarter_kept AS k
  WHERE EXISTS (SELECT FROM ` + HalfMonthUser.Table() + ` AS h WHERE ` + unchangedHalf + `)` + aloneInSlots("k", "version", "place") + `;

CREATE VIEW public.usage_own_user_quarter_half WITH (security_barrier) AS
  SELECT user_id, bucket FROM public.usage_user_quarter_half
  WHERE user_id = nullif(current_setting('usage.user_id', true), '')::uuid;
CREATE VIEW public.usage_own_user_quarter WITH (security_barrier) AS
  SELECT user_id, bucket, unpriced_calls, usage_dollars FROM public.usage_user_quarter
  WHERE user_id = nullif(current_setting('usage.user_id', true), '')::uuid;

-- Keeps at most so many half months of users that are over, have at least so many calls
-- and are not kept yet, or have changed since. It says how many it kept: 0 when it is
-- done, and when somebody else is at it. When it is done it forgets what else changed.
CREATE FUNCTION public.usage_keep_user_quarters(most integer, fewest_calls integer) RETURNS integer
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $keep$
DECLARE
  half record;
  kept integer := 0;
BEGIN
  -- On Citus each of these would ask every shard.
  IF to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL OR NOT pg_try_advisory_xact_lock('public.usage_user_quarter_kept'::regclass::bigint) THEN
    RETURN 0;
  END IF;
  FOR half IN
    SELECT h.bucket, h.user_id, ` + HalfMonth.of("(h.bucket + interval '20 days')") + ` AS until
    FROM ` + HalfMonthUser.Table() + ` AS h
    WHERE h.calls >= fewest_calls AND h.bucket < ` + HalfMonth.of("(now() - interval '1 day')") + `
      AND h.bucket >= coalesce((SELECT value::timestamptz FROM public.usage_setting WHERE name = 'retained_from'), '-infinity')
      AND h.user_id <> '00000000-0000-0000-0000-000000000000'
      AND NOT EXISTS (SELECT FROM public.usage_user_quarter_kept AS k WHERE ` + unchangedHalf + `)` + aloneInSlots("h", "xmin", "ctid") + `
    ORDER BY h.calls DESC, h.bucket, h.user_id
    LIMIT most
  LOOP
    DELETE FROM public.usage_user_quarter_kept AS k WHERE k.user_id = half.user_id AND k.bucket = half.bucket;
    DELETE FROM public.usage_user_quarter AS k WHERE k.user_id = half.user_id AND k.bucket >= half.bucket AND k.bucket < half.until;
    -- One statement, which sees one moment. Parts that are not the whole are not kept.
    WITH made AS MATERIALIZED (
      SELECT ` + as(Quarter.of("timestamp"), "bucket") + `, count(*) AS calls,
             ` + as(UnpricedCalls.sum(false), "unpriced_calls") + `, ` + as(Dollars.sum(false), "usage_dollars") + `
      FROM public.api_usage
      WHERE user_id = half.user_id AND timestamp >= half.bucket AND timestamp < half.until
      GROUP BY 1
    ), whole AS (
      INSERT INTO public.usage_user_quarter_kept (user_id, bucket, version, place)
      SELECT h.user_id, h.bucket, h.xmin, h.ctid
      FROM ` + HalfMonthUser.Table() + ` AS h
      WHERE h.bucket = half.bucket AND h.user_id = half.user_id
        AND (h.calls, h.unpriced_calls, h.usage_dollars) = (SELECT sum(calls), sum(unpriced_calls), sum(usage_dollars) FROM made)` + aloneInSlots("h", "xmin", "ctid") + `
      RETURNING user_id
    )
    INSERT INTO public.usage_user_quarter (user_id, bucket, unpriced_calls, usage_dollars)
    SELECT whole.user_id, made.bucket, made.unpriced_calls, made.usage_dollars FROM whole, made;
    kept := kept + FOUND::integer;
  END LOOP;
  IF kept = 0 THEN
    WITH gone AS (
      DELETE FROM public.usage_user_quarter_kept AS k
      WHERE NOT EXISTS (SELECT FROM ` + HalfMonthUser.Table() + ` AS h WHERE ` + unchangedHalf + `)
      RETURNING user_id, bucket, ` + HalfMonth.of("(bucket + interval '20 days')") + ` AS until
    )
    DELETE FROM public.usage_user_quarter AS k USING gone WHERE k.user_id = gone.user_id AND k.bucket >= gone.bucket AND k.bucket < gone.until;
  END IF;
  RETURN kept;
END $keep$;
REVOKE ALL ON FUNCTION public.usage_keep_user_quarters(integer, integer) FROM PUBLIC;`
}
