-- Budgets of every scope, period and currency, with thresholds of one's choice, and what of
-- them was reached: each threshold once in a period.
--
-- What is there keeps its meaning: a budget in dollars has its amount in "dollars", as before,
-- and thresholds of 80 and 100 %. One in another currency has "amount" and "currency", and in
-- "dollars" what that was worth when it was written, for programs of 0.1.0.
--
-- Runs in milliseconds: it touches no calls and no sums.

ALTER TABLE public.usage_budgets
  ADD COLUMN value      text          NULL,
  ADD COLUMN tag        text          NULL,
  ADD COLUMN amount     numeric(24,6) NULL,
  ADD COLUMN currency   text          NULL,
  ADD COLUMN first_day  date          NULL,
  ADD COLUMN last_day   date          NULL,
  ADD COLUMN thresholds integer[]     NOT NULL DEFAULT '{80,100}',
  ADD COLUMN created_at timestamptz   NOT NULL DEFAULT now(),
  DROP CONSTRAINT usage_budgets_scope_has_its_subject,
  DROP CONSTRAINT usage_budgets_period_known,
  ADD CONSTRAINT usage_budgets_scope_has_its_subject CHECK (
    CASE scope
      WHEN 'org'     THEN num_nonnulls(team, user_id, service, value, tag) = 0
      WHEN 'team'    THEN team IS NOT NULL AND num_nonnulls(user_id, service, value, tag) = 0
      WHEN 'user'    THEN user_id IS NOT NULL AND num_nonnulls(team, service, value, tag) = 0
      WHEN 'service' THEN service IS NOT NULL AND num_nonnulls(team, user_id, value, tag) = 0
      WHEN 'tag'     THEN value IS NOT NULL AND tag IS NOT NULL AND num_nonnulls(team, user_id, service) = 0
      ELSE scope IN ('environment', 'provider', 'model', 'api_type') AND value IS NOT NULL AND num_nonnulls(team, user_id, service, tag) = 0
    END),
  ADD CONSTRAINT usage_budgets_value_length CHECK (octet_length(value) BETWEEN 1 AND 256 AND (tag IS NULL OR octet_length(tag) BETWEEN 1 AND 256)),
  ADD CONSTRAINT usage_budgets_period_known CHECK (period IN ('day', 'week', 'month', 'quarter', 'year', 'dates')),
  ADD CONSTRAINT usage_budgets_dates_complete CHECK (
    CASE period
      WHEN 'dates' THEN num_nulls(first_day, last_day) = 0 AND first_day >= '2000-01-01' AND last_day BETWEEN first_day AND first_day + 3660
      ELSE num_nonnulls(first_day, last_day) = 0
    END),
  ADD CONSTRAINT usage_budgets_amount_complete CHECK ((amount IS NULL) = (currency IS NULL)),
  ADD CONSTRAINT usage_budgets_amount_positive CHECK (amount > 0 AND amount < 'NaN'),
  ADD CONSTRAINT usage_budgets_currency_is_iso CHECK (currency ~ '^[A-Z]{3}$' AND currency <> 'USD'),
  ADD CONSTRAINT usage_budgets_thresholds_in_range CHECK (
    cardinality(thresholds) BETWEEN 1 AND 10 AND 0 < ALL (thresholds) AND 1000 >= ALL (thresholds) AND array_position(thresholds, NULL) IS NULL),
  -- Sums by tag are kept by UTC day.
  ADD CONSTRAINT usage_budgets_tag_counts_utc_days CHECK (scope <> 'tag' OR time_zone = 'UTC');
COMMENT ON TABLE public.usage_budgets IS 'What somebody means to spend; written by usagectl budgets or by SQL';
COMMENT ON COLUMN public.usage_budgets.value IS 'environment, provider, model, API type, or value of the tag, as its scope says';
COMMENT ON COLUMN public.usage_budgets.tag IS 'name of the tag, of the scope tag';
COMMENT ON COLUMN public.usage_budgets.amount IS 'for one period, in currency; NULL: dollars is the amount';
COMMENT ON COLUMN public.usage_budgets.currency IS 'of amount, ISO 4217; NULL: dollars is the amount';
COMMENT ON COLUMN public.usage_budgets.dollars IS 'for one period; where there is an amount, what that was worth when it was written';
COMMENT ON COLUMN public.usage_budgets.first_day IS 'of the period dates';
COMMENT ON COLUMN public.usage_budgets.last_day IS 'of the period dates, included';
COMMENT ON COLUMN public.usage_budgets.thresholds IS 'per cent of the amount that are reported, each once in a period';
COMMENT ON COLUMN public.usage_budgets.created_at IS 'periods that ended before are not reported';

-- A threshold that was reached. The key makes "once": whatever is counted again later, what
-- is here stays reported. Another amount is another limit and is reported again.
CREATE TABLE public.usage_budget_crossing (
  budget       text          NOT NULL,
  first_day    date          NOT NULL,
  threshold    integer       NOT NULL,
  amount       numeric       NOT NULL,
  currency     text          NOT NULL,
  id           uuid          NOT NULL DEFAULT gen_random_uuid(),
  last_day     date          NOT NULL,
  spent        numeric       NOT NULL,
  cause        jsonb         NOT NULL,
  crossed_at   timestamptz   NOT NULL DEFAULT now(),
  delivery     text          NOT NULL,
  attempts     integer       NOT NULL DEFAULT 0,
  delivered_at timestamptz   NULL,
  problem      text          NULL,
  CONSTRAINT usage_budget_crossing_pkey PRIMARY KEY (budget, first_day, threshold, amount, currency),
  CONSTRAINT usage_budget_crossing_budget_fkey FOREIGN KEY (budget) REFERENCES public.usage_budgets (name) ON UPDATE CASCADE ON DELETE CASCADE,
  CONSTRAINT usage_budget_crossing_delivery_known CHECK (delivery IN ('none', 'waiting', 'delivered') AND (delivery = 'delivered') = (delivered_at IS NOT NULL)),
  CONSTRAINT usage_budget_crossing_problem_length CHECK (octet_length(problem) <= 1024)
);
-- Serves: what waits for the webhook.
CREATE INDEX usage_budget_crossing_waiting ON public.usage_budget_crossing (crossed_at) WHERE delivery = 'waiting';
COMMENT ON TABLE public.usage_budget_crossing IS 'Thresholds of budgets that were reached, as usagectl budgets notify saw them';
COMMENT ON COLUMN public.usage_budget_crossing.budget IS 'name of the budget';
COMMENT ON COLUMN public.usage_budget_crossing.first_day IS 'of the period';
COMMENT ON COLUMN public.usage_budget_crossing.threshold IS 'per cent of the amount';
COMMENT ON COLUMN public.usage_budget_crossing.amount IS 'of the budget at that time';
COMMENT ON COLUMN public.usage_budget_crossing.currency IS 'of amount and spent';
COMMENT ON COLUMN public.usage_budget_crossing.id IS 'the same whenever it is sent to the webhook';
COMMENT ON COLUMN public.usage_budget_crossing.last_day IS 'of the period, included';
COMMENT ON COLUMN public.usage_budget_crossing.spent IS 'of the period at that time';
COMMENT ON COLUMN public.usage_budget_crossing.cause IS 'the model, the service and the user that cost most of it';
COMMENT ON COLUMN public.usage_budget_crossing.crossed_at IS 'when it was seen';
COMMENT ON COLUMN public.usage_budget_crossing.delivery IS 'none: no webhook was given; waiting; delivered';
COMMENT ON COLUMN public.usage_budget_crossing.attempts IS 'how often it was sent to the webhook';
COMMENT ON COLUMN public.usage_budget_crossing.delivered_at IS 'when the webhook accepted it';
COMMENT ON COLUMN public.usage_budget_crossing.problem IS 'why the last attempt failed; NULL: it did not';

-- Whether somebody looks: when nobody does, alerts look themselves.
CREATE TABLE public.usage_budget_watch (
  single     boolean     NOT NULL DEFAULT true,
  watched_at timestamptz NOT NULL,
  CONSTRAINT usage_budget_watch_pkey PRIMARY KEY (single),
  CONSTRAINT usage_budget_watch_single CHECK (single)
);
COMMENT ON TABLE public.usage_budget_watch IS 'When usagectl budgets notify last looked at all budgets; one row, or none';
COMMENT ON COLUMN public.usage_budget_watch.single IS 'there is one row';
COMMENT ON COLUMN public.usage_budget_watch.watched_at IS 'when it looked';

DO $$
BEGIN
  IF to_regrole('usage_budgeter') IS NULL THEN
    BEGIN
      CREATE ROLE usage_budgeter NOLOGIN;
    EXCEPTION
      WHEN duplicate_object OR unique_violation THEN NULL;  -- another database of the cluster was faster
      WHEN insufficient_privilege THEN
        RAISE EXCEPTION 'role usage_budgeter is missing and % may not create roles', current_user
          USING ERRCODE = 'insufficient_privilege',
                HINT = 'As an administrator: CREATE ROLE usage_budgeter NOLOGIN;';
    END;
  END IF;
  BEGIN
    GRANT USAGE ON SCHEMA public TO usage_budgeter;
  EXCEPTION WHEN insufficient_privilege THEN
    RAISE WARNING '% may not grant USAGE on the schema public; the role usage_budgeter needs it there', current_user;
  END;
END $$;
GRANT SELECT ON public.usage_budgets, public.usage_exchange_rates, public.usage_budget_crossing, public.usage_budget_watch TO usage_budgeter;
GRANT INSERT, UPDATE, DELETE ON public.usage_budgets TO usage_budgeter;
GRANT INSERT, UPDATE (delivery, attempts, delivered_at, problem) ON public.usage_budget_crossing TO usage_budgeter;
GRANT INSERT, UPDATE (watched_at) ON public.usage_budget_watch TO usage_budgeter;
GRANT SELECT ON public.usage_budget_crossing, public.usage_budget_watch TO usage_reader;

CREATE OR REPLACE VIEW usage_report.budget AS
  SELECT name, scope, team, user_id, service, period, dollars, time_zone,
         value, tag, coalesce(amount, dollars) AS amount, coalesce(currency, 'USD') AS currency, first_day, last_day, thresholds
  FROM public.usage_budgets;
COMMENT ON COLUMN usage_report.budget.scope IS 'org, team, user, service, environment, provider, model, api_type or tag';
COMMENT ON COLUMN usage_report.budget.period IS 'day, week (from Monday), month, quarter, year or dates';
COMMENT ON COLUMN usage_report.budget.dollars IS 'for one period; of a budget in another currency what its amount was worth when it was written';
COMMENT ON COLUMN usage_report.budget.value IS 'environment, provider, model, API type, or value of the tag, as its scope says';
COMMENT ON COLUMN usage_report.budget.tag IS 'name of the tag, of the scope tag';
COMMENT ON COLUMN usage_report.budget.amount IS 'for one period, in currency';
COMMENT ON COLUMN usage_report.budget.currency IS 'of amount, ISO 4217';
COMMENT ON COLUMN usage_report.budget.first_day IS 'of the period dates';
COMMENT ON COLUMN usage_report.budget.last_day IS 'of the period dates, included';
COMMENT ON COLUMN usage_report.budget.thresholds IS 'per cent of the amount that are reported, each once in a period';

CREATE VIEW usage_report.budget_crossing AS
  SELECT budget, first_day, last_day, threshold, amount, currency, spent, cause, crossed_at, delivery, delivered_at
  FROM public.usage_budget_crossing;
COMMENT ON VIEW usage_report.budget_crossing IS 'Thresholds of budgets that were reached, each once in a period, as usagectl budgets notify saw them';
COMMENT ON COLUMN usage_report.budget_crossing.budget IS 'name of the budget';
COMMENT ON COLUMN usage_report.budget_crossing.first_day IS 'of the period';
COMMENT ON COLUMN usage_report.budget_crossing.last_day IS 'of the period, included';
COMMENT ON COLUMN usage_report.budget_crossing.threshold IS 'per cent of the amount';
COMMENT ON COLUMN usage_report.budget_crossing.amount IS 'of the budget at that time';
COMMENT ON COLUMN usage_report.budget_crossing.currency IS 'of amount and spent';
COMMENT ON COLUMN usage_report.budget_crossing.spent IS 'of the period at that time';
COMMENT ON COLUMN usage_report.budget_crossing.cause IS 'the model, the service and the user that cost most of it';
COMMENT ON COLUMN usage_report.budget_crossing.crossed_at IS 'when it was seen';
COMMENT ON COLUMN usage_report.budget_crossing.delivery IS 'to the webhook. none: none was given; waiting; delivered';
COMMENT ON COLUMN usage_report.budget_crossing.delivered_at IS 'when the webhook accepted it';

CREATE VIEW usage_report.budget_watch AS
  SELECT watched_at
  FROM public.usage_budget_watch;
COMMENT ON VIEW usage_report.budget_watch IS 'When usagectl budgets notify last looked at all budgets; no row: never';
COMMENT ON COLUMN usage_report.budget_watch.watched_at IS 'when it looked';

-- The period of a budget that contains a moment.
CREATE FUNCTION usage_report.budget_period(period text, first_day date, last_day date, zone text, at timestamptz)
  RETURNS TABLE (period_start timestamptz, period_end timestamptz)
  LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT CASE period WHEN 'dates' THEN first_day::timestamp AT TIME ZONE zone ELSE date_trunc(period, at, zone) END,
         CASE period
           WHEN 'dates' THEN (last_day + 1)::timestamp AT TIME ZONE zone
           ELSE (date_trunc(period, at AT TIME ZONE zone)
                 + CASE period WHEN 'day' THEN interval '1 day' WHEN 'week' THEN interval '7 days' WHEN 'month' THEN interval '1 month' WHEN 'quarter' THEN interval '3 months' ELSE interval '1 year' END)
                AT TIME ZONE zone
         END;
END;

-- The functions that follow are PL/pgSQL, because Citus plans no SQL function that reads calls.

-- What budgets spent on each UTC day of a span: name, since and until of the same place belong
-- together. Budgets of names that share a span share one reading of it, however many they are.
CREATE FUNCTION usage_report.budget_days(budgets text[], sinces timestamptz[], untils timestamptz[])
  RETURNS TABLE (place bigint, day date, calls numeric, unpriced_calls numeric, dollars numeric)
  LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH spans AS MATERIALIZED (
    SELECT n.place, b.scope, b.team, b.user_id, b.tag, coalesce(b.value, b.service) AS value, n.since, n.until
    FROM unnest(budgets, sinces, untils) WITH ORDINALITY AS n (budget, since, until, place)
    JOIN usage_report.budget AS b ON b.name = n.budget
    WHERE n.since < n.until
  ), named AS MATERIALIZED (
    SELECT * FROM spans WHERE scope IN ('service', 'environment', 'provider', 'model', 'api_type')
  ), parts AS (
    SELECT s.place, r.day AS at, r.calls, r.unpriced_calls, r.usage_dollars
    FROM spans AS s
    CROSS JOIN LATERAL usage_report.spend(s.since, s.until, 'UTC', '{__all}', false) AS r
    WHERE s.scope = 'org'
    UNION ALL
    SELECT s.place, r.day, r.calls, r.unpriced_calls, r.usage_dollars
    FROM (
      SELECT w.since, w.until, d.day, k.scope, k.value, sum(d.calls) AS calls, sum(d.unpriced_calls) AS unpriced_calls, sum(d.usage_dollars) AS usage_dollars
      FROM (SELECT DISTINCT n.since, n.until FROM named AS n) AS w
      CROSS JOIN LATERAL usage_report.spend(w.since, w.until, 'UTC', '{__all}', true) AS d
      CROSS JOIN LATERAL (VALUES ('service', d.service), ('environment', d.environment), ('provider', d.provider), ('model', d.model), ('api_type', d.api_type)) AS k (scope, value)
      WHERE (k.scope, k.value) IN (SELECT n.scope, n.value FROM named AS n)
      GROUP BY 1, 2, 3, 4, 5
    ) AS r
    JOIN named AS s ON s.scope = r.scope AND s.value = r.value AND s.since = r.since AND s.until = r.until
    UNION ALL
    -- Whole days: sums by tag are kept by UTC day.
    SELECT s.place, t.bucket, t.calls, t.unpriced_calls, t.usage_dollars
    FROM spans AS s
    CROSS JOIN LATERAL generate_series(date_trunc('day', s.since, 'UTC'), s.until - interval '1 microsecond', interval '24 hours') AS d (bucket)
    JOIN usage_report.day_tag AS t ON t.bucket = d.bucket AND t.tag_name = s.tag AND t.tag_value = s.value
    WHERE s.scope = 'tag'
    UNION ALL
    SELECT s.place, r.day, r.calls, r.unpriced_calls, r.usage_dollars
    FROM spans AS s
    CROSS JOIN LATERAL usage_report.spend(s.since, s.until, 'UTC', ARRAY[s.user_id::text], false) AS r
    WHERE s.scope = 'user'
    UNION ALL
    SELECT s.place, r.day, r.calls, r.unpriced_calls, r.usage_dollars
    FROM spans AS s
    CROSS JOIN LATERAL usage_report.team_users(s.team, s.since, s.until) AS u
    CROSS JOIN LATERAL usage_report.spend(u.since, u.until, 'UTC', u.users, false) AS r
    WHERE s.scope = 'team'
  )
  SELECT p.place, (p.at AT TIME ZONE 'UTC')::date, sum(p.calls), sum(p.unpriced_calls), sum(p.usage_dollars)
  FROM parts AS p
  GROUP BY 1, 2;
END $$;

-- The budgets at a moment, in their current periods or in those before. spent is NULL, with the
-- problem, where no rate of the currency is known or no call has a cost; projected is what will
-- have been spent at the end if the rest goes on like the last seven days (or the time since the
-- first call, where that is shorter, at least one hour). The cost of a UTC day counts at the
-- rate of that day. reached lists the thresholds that were recorded. of_user reads that user's alone.
CREATE FUNCTION usage_report.budget_state(at timestamptz, previous boolean DEFAULT false, of_user uuid DEFAULT NULL)
  RETURNS TABLE (budget text, scope text, tag text, key text, subject text, period text, period_start timestamptz, period_end timestamptz, time_zone text,
    amount numeric, currency text, thresholds integer[], calls bigint, unpriced_calls bigint, full_days bigint,
    dollars numeric, spent numeric, projected numeric, problem text, reached jsonb)
  LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  span CONSTANT interval := least(interval '7 days', greatest(interval '1 hour', at - (SELECT min(t.bucket) FROM usage_report.quarter_type AS t)));
BEGIN
  RETURN QUERY
  WITH b AS MATERIALIZED (
    SELECT b.*, p.period_start, p.period_end, least(at, p.period_end) AS until, row_number() OVER (ORDER BY b.name) AS place, count(*) OVER () AS budgets
    FROM usage_report.budget AS b
    CROSS JOIN LATERAL usage_report.budget_period(b.period, b.first_day, b.last_day, b.time_zone, at) AS c
    CROSS JOIN LATERAL usage_report.budget_period(b.period, b.first_day, b.last_day, b.time_zone, CASE WHEN previous THEN c.period_start - interval '1 microsecond' ELSE at END) AS p
    WHERE (of_user IS NULL OR b.user_id = of_user) AND NOT (previous AND b.period = 'dates')
  ), asked AS (
    SELECT b.name, b.period_start AS since, b.until, b.place FROM b
    UNION ALL
    SELECT b.name, at - span, at, b.place + b.budgets FROM b WHERE NOT previous
  ), days AS (
    SELECT d.*, (d.place - 1) % b.budgets + 1 AS of_budget, CASE b.currency WHEN 'USD' THEN 1 ELSE r.rate END AS rate
    FROM (SELECT array_agg(name ORDER BY place) AS names, array_agg(since ORDER BY place) AS sinces, array_agg(until ORDER BY place) AS untils FROM asked) AS a
    CROSS JOIN LATERAL usage_report.budget_days(a.names, a.sinces, a.untils) AS d
    JOIN b ON b.place = (d.place - 1) % b.budgets + 1
    LEFT JOIN usage_report.exchange_rate AS r ON r.currency = b.currency AND r.valid_from <= d.day AND (r.valid_until IS NULL OR d.day < r.valid_until)
  ), sums AS (
    SELECT place, sum(calls)::bigint AS calls, sum(unpriced_calls)::bigint AS unpriced_calls, sum(dollars) AS dollars, coalesce(sum(dollars * rate), 0) AS spent,
           min(day) FILTER (WHERE dollars <> 0 AND rate IS NULL) AS without_rate
    FROM days
    GROUP BY place
  ), known AS (
    SELECT place, calls, unpriced_calls, dollars, without_rate,
           CASE WHEN without_rate IS NULL AND (calls = 0 OR calls <> unpriced_calls) THEN spent END AS spent
    FROM sums
  )
  SELECT b.name, b.scope, b.tag, coalesce(b.team, b.user_id::text, b.service, b.value, ''), coalesce(b.team, b.service, b.tag || ': ' || b.value, b.value, a.name, b.user_id::text, 'everyone'),
         b.period, b.period_start, b.period_end, b.time_zone, b.amount, b.currency, b.thresholds,
         coalesce(k.calls, 0), coalesce(k.unpriced_calls, 0),
         (SELECT count(DISTINCT f.day) FROM usage_report.full_day AS f
          WHERE f.day >= date_trunc('day', b.period_start, 'UTC') AND f.day < b.until
            AND f.kind = ANY (CASE WHEN b.scope = 'tag' THEN ARRAY['tag', 'tag:' || b.tag] WHEN b.scope = 'provider' THEN ARRAY['provider']
                                   WHEN b.scope IN ('service', 'environment', 'model') THEN ARRAY[b.scope, 'combination'] END)),
         coalesce(k.dollars, 0), CASE WHEN k.place IS NULL THEN 0 ELSE k.spent END,
         CASE WHEN previous OR b.period_end <= at OR b.period_start > at THEN CASE WHEN k.place IS NULL THEN 0 ELSE k.spent END
              ELSE CASE WHEN k.place IS NULL THEN 0 ELSE k.spent END + CASE WHEN w.place IS NULL THEN 0 ELSE w.spent END
                   * extract(epoch FROM b.period_end - at) / extract(epoch FROM span) END,
         CASE WHEN k.without_rate IS NOT NULL THEN format('no exchange rate for %s on %s', b.currency, k.without_rate)
              WHEN k.calls > 0 AND k.calls = k.unpriced_calls THEN 'no call has a known cost' END,
         coalesce((SELECT jsonb_agg(jsonb_build_object('threshold', c.threshold, 'at', c.crossed_at) ORDER BY c.threshold)
                   FROM usage_report.budget_crossing AS c
                   WHERE c.budget = b.name AND c.first_day = (b.period_start AT TIME ZONE b.time_zone)::date AND c.amount = b.amount AND c.currency = b.currency), '[]')
  FROM b
  LEFT JOIN usage_report.account AS a ON a.user_id = b.user_id
  LEFT JOIN known AS k ON k.place = b.place
  LEFT JOIN known AS w ON w.place = b.place + b.budgets
  ORDER BY b.place;
END $$;

-- The same in dollars, with the columns of 0.1.0.
CREATE OR REPLACE FUNCTION usage_report.budget_status(at timestamptz)
  RETURNS TABLE (budget text, scope text, subject text, period text, period_start timestamptz, period_end timestamptz,
    dollars numeric, spent numeric, projected numeric)
  LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT s.budget, s.scope, s.subject, s.period, s.period_start, s.period_end, b.dollars, s.dollars,
         CASE WHEN s.spent <> 0 THEN s.dollars * s.projected / s.spent ELSE coalesce(s.projected, s.dollars) END
  FROM usage_report.budget_state(at) AS s
  JOIN usage_report.budget AS b ON b.name = s.budget;
END $$;

-- A user's own budgets, for the role that sees one user alone.
CREATE FUNCTION public.usage_own_budgets(at timestamptz)
  RETURNS TABLE (budget text, scope text, tag text, key text, subject text, period text, period_start timestamptz, period_end timestamptz, time_zone text,
    amount numeric, currency text, thresholds integer[], calls bigint, unpriced_calls bigint, full_days bigint,
    dollars numeric, spent numeric, projected numeric, problem text, reached jsonb)
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  own CONSTANT uuid := nullif(nullif(current_setting('usage.user_id', true), ''), '00000000-0000-0000-0000-000000000000')::uuid;
BEGIN
  IF own IS NOT NULL THEN
    RETURN QUERY SELECT s.* FROM usage_report.budget_state(at, false, own) AS s;
  END IF;
END $$;

REVOKE ALL ON FUNCTION usage_report.budget_period(text, date, date, text, timestamptz),
  usage_report.budget_days(text[], timestamptz[], timestamptz[]), usage_report.budget_state(timestamptz, boolean, uuid), public.usage_own_budgets(timestamptz) FROM PUBLIC;
GRANT SELECT ON usage_report.budget_crossing, usage_report.budget_watch TO usage_grafana, usage_reader;
GRANT EXECUTE ON FUNCTION usage_report.budget_period(text, date, date, text, timestamptz),
  usage_report.budget_days(text[], timestamptz[], timestamptz[]), usage_report.budget_state(timestamptz, boolean, uuid) TO usage_grafana, usage_reader;
GRANT EXECUTE ON FUNCTION public.usage_own_budgets(timestamptz) TO usage_own;
