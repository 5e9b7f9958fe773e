-- Who pays for calls that do not tell: dated plans (a subscription, prepaid credit, one's
-- own hardware), the seats of a subscription, and what each covers. `usagectl plans`
-- fills them and writes the payer into the calls.
--
-- The two columns take milliseconds; the index, which is empty, reads the table once: about
-- a minute for 100 million calls.

CREATE TABLE public.usage_plans (
  name        text    NOT NULL,
  since       date    NOT NULL,
  until       date    NULL,
  payer       text    NOT NULL DEFAULT 'plan',
  everyone    boolean NOT NULL DEFAULT false,
  price       numeric(20,6) NULL,
  currency    text    NULL,
  period      text    NULL,
  seats       integer NULL,
  provider    text    NULL,
  service     text    NULL,
  environment text    NULL,
  model       text    NULL,
  api_types   text[]  NULL,
  time_zone   text    NOT NULL DEFAULT 'UTC',
  CONSTRAINT usage_plans_pkey PRIMARY KEY (name, since),
  CONSTRAINT usage_plans_days CHECK (until > since AND since >= '2020-01-01' AND since < '2100-01-01'),
  CONSTRAINT usage_plans_payer_known CHECK (payer IN ('api', 'plan', 'credit', 'own')),
  CONSTRAINT usage_plans_price CHECK (num_nonnulls(price, currency, period) IN (0, 3)),
  CONSTRAINT usage_plans_price_in_range CHECK (price >= 0 AND price < 1000000000 AND seats BETWEEN 0 AND 1000000),
  CONSTRAINT usage_plans_currency_is_iso CHECK (currency ~ '^[A-Z]{3}$'),
  CONSTRAINT usage_plans_period_known CHECK (period IN ('day', 'week', 'month', 'quarter', 'year')),
  CONSTRAINT usage_plans_text_length CHECK (
    octet_length(name) BETWEEN 1 AND 64 AND octet_length(provider) BETWEEN 1 AND 256 AND octet_length(service) BETWEEN 1 AND 256
    AND octet_length(environment) BETWEEN 1 AND 256 AND octet_length(model) BETWEEN 1 AND 256 AND cardinality(api_types) > 0),
  CONSTRAINT usage_plans_time_zone_known CHECK (timestamptz '2000-01-01 00:00:00Z' AT TIME ZONE time_zone IS NOT NULL)
);
COMMENT ON TABLE public.usage_plans IS 'Plans that pay for calls, each with its terms from a day on until the next ones';
COMMENT ON COLUMN public.usage_plans.name IS 'as reports show it';
COMMENT ON COLUMN public.usage_plans.since IS 'first day of these terms';
COMMENT ON COLUMN public.usage_plans.until IS 'day after their last; NULL: until the next terms, if there are any';
COMMENT ON COLUMN public.usage_plans.payer IS 'payer of the calls it covers that do not tell: api, plan, credit or own';
COMMENT ON COLUMN public.usage_plans.everyone IS 'covers the calls of everybody, also those without a user, and not only those of its seats';
COMMENT ON COLUMN public.usage_plans.price IS 'of a seat and a period, of everything where everyone is true; NULL: not known';
COMMENT ON COLUMN public.usage_plans.currency IS 'of the price, ISO 4217';
COMMENT ON COLUMN public.usage_plans.period IS 'day, week, month, quarter or year of the calendar';
COMMENT ON COLUMN public.usage_plans.seats IS 'how many seats are paid at least, whoever has them; NULL: as many as are assigned';
COMMENT ON COLUMN public.usage_plans.provider IS 'covers calls to it; * stands for any text, NULL for all';
COMMENT ON COLUMN public.usage_plans.service IS 'covers calls of it; * stands for any text, NULL for all';
COMMENT ON COLUMN public.usage_plans.environment IS 'covers calls in it; * stands for any text, NULL for all';
COMMENT ON COLUMN public.usage_plans.model IS 'covers calls of it; * stands for any text, NULL for all';
COMMENT ON COLUMN public.usage_plans.api_types IS 'covers calls of these types; NULL: of all';
COMMENT ON COLUMN public.usage_plans.time_zone IS 'IANA name; where the days begin';

CREATE TABLE public.usage_plan_seats (
  plan      text NOT NULL,
  user_id   uuid NOT NULL,
  user_name text NULL,
  since     date NOT NULL,
  until     date NULL,
  -- No reference to a user: a seat that nobody uses has none.
  CONSTRAINT usage_plan_seats_pkey PRIMARY KEY (plan, user_id, since),
  CONSTRAINT usage_plan_seats_days CHECK (until > since AND since >= '2020-01-01' AND since < '2100-01-01'),
  CONSTRAINT usage_plan_seats_text_length CHECK (octet_length(plan) BETWEEN 1 AND 64 AND octet_length(user_name) BETWEEN 1 AND 256)
);
-- Serves: one user's seats.
CREATE INDEX usage_plan_seats_by_user ON public.usage_plan_seats (user_id);
COMMENT ON TABLE public.usage_plan_seats IS 'Who has a seat of a plan, since when and until when';
COMMENT ON COLUMN public.usage_plan_seats.plan IS 'usage_plans.name';
COMMENT ON COLUMN public.usage_plan_seats.user_id IS 'as api_usage.user_id; there may be no call of them yet';
COMMENT ON COLUMN public.usage_plan_seats.user_name IS 'the text that user_id is made of; NULL: it is a UUID itself';
COMMENT ON COLUMN public.usage_plan_seats.since IS 'first day';
COMMENT ON COLUMN public.usage_plan_seats.until IS 'day after the last; NULL: open';

-- Who changed a plan or a seat.
CREATE TABLE public.usage_plan_change (
  id         bigint      GENERATED ALWAYS AS IDENTITY,
  changed_at timestamptz NOT NULL DEFAULT now(),
  changed_by text        NOT NULL DEFAULT session_user,
  role       text        NULL,
  plan       text        NOT NULL,
  old        jsonb       NULL,
  new        jsonb       NULL,
  CONSTRAINT usage_plan_change_pkey PRIMARY KEY (id)
);
COMMENT ON TABLE public.usage_plan_change IS 'Who changed plans and seats; no role may write here';
COMMENT ON COLUMN public.usage_plan_change.changed_at IS 'when';
COMMENT ON COLUMN public.usage_plan_change.changed_by IS 'the database user';
COMMENT ON COLUMN public.usage_plan_change.role IS 'after SET ROLE; NULL: none';
COMMENT ON COLUMN public.usage_plan_change.plan IS 'name of the plan';
COMMENT ON COLUMN public.usage_plan_change.old IS 'row of usage_plans or usage_plan_seats before; NULL: there was none';
COMMENT ON COLUMN public.usage_plan_change.new IS 'row after; NULL: there is none any more';

CREATE FUNCTION public.usage_audit_plan() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  before jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END;
  after  jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END;
BEGIN
  INSERT INTO public.usage_plan_change (role, plan, old, new)
  VALUES (nullif(current_setting('role'), 'none'), coalesce(after ->> 'plan', after ->> 'name', before ->> 'plan', before ->> 'name'), before, after);
  RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION public.usage_audit_plan() FROM PUBLIC;
CREATE TRIGGER usage_plans_audit AFTER INSERT OR UPDATE OR DELETE ON public.usage_plans
  FOR EACH ROW EXECUTE FUNCTION public.usage_audit_plan();
CREATE TRIGGER usage_plan_seats_audit AFTER INSERT OR UPDATE OR DELETE ON public.usage_plan_seats
  FOR EACH ROW EXECUTE FUNCTION public.usage_audit_plan();

-- When plans were written into the calls, by whom, and how many calls that changed.
CREATE TABLE public.usage_plan_run (
  id            bigint      GENERATED ALWAYS AS IDENTITY,
  requested_by  text        NOT NULL DEFAULT session_user,
  started_at    timestamptz NOT NULL DEFAULT now(),
  finished_at   timestamptz NULL,
  from_time     timestamptz NULL,
  to_time       timestamptz NULL,
  changed_calls bigint      NOT NULL DEFAULT 0,
  CONSTRAINT usage_plan_run_pkey PRIMARY KEY (id)
);
COMMENT ON TABLE public.usage_plan_run IS 'Runs of usagectl plans apply';
COMMENT ON COLUMN public.usage_plan_run.requested_by IS 'the database user';
COMMENT ON COLUMN public.usage_plan_run.started_at IS 'plans are applied as they were then';
COMMENT ON COLUMN public.usage_plan_run.finished_at IS 'NULL: it runs, or was stopped';
COMMENT ON COLUMN public.usage_plan_run.from_time IS 'calls before were left as they are; NULL: all were compared';
COMMENT ON COLUMN public.usage_plan_run.to_time IS 'calls from then on were left as they are; NULL: all were compared';
COMMENT ON COLUMN public.usage_plan_run.changed_calls IS 'how many calls got another payer or plan';

ALTER TABLE public.api_usage ADD COLUMN payer_plan text NULL, ADD COLUMN payer_filled boolean NULL;
COMMENT ON COLUMN public.api_usage.payer_plan IS 'plan that covers the call (usagectl plans); NULL: none, or not applied yet';
COMMENT ON COLUMN public.api_usage.payer_filled IS 'true: the payer is that of the plan; NULL: the call itself tells it, or it is not known';
-- Serves: what a plan covers in a period.
CREATE INDEX api_usage_by_plan ON public.api_usage (payer_plan, timestamp) WHERE payer_plan IS NOT NULL;

-- Terms with their real end.
CREATE VIEW usage_report.plan AS
  SELECT name, since, least(until, lead(since) OVER (PARTITION BY name ORDER BY since)) AS until,
         payer, everyone, price, currency, period, seats, provider, service, environment, model, api_types, time_zone
  FROM public.usage_plans;
COMMENT ON VIEW usage_report.plan IS 'Plans that pay for calls, with their terms';
COMMENT ON COLUMN usage_report.plan.name IS 'of the plan';
COMMENT ON COLUMN usage_report.plan.since IS 'first day of these terms';
COMMENT ON COLUMN usage_report.plan.until IS 'day after their last; NULL: open';
COMMENT ON COLUMN usage_report.plan.payer IS 'payer of the calls it covers that do not tell: api, plan, credit or own';
COMMENT ON COLUMN usage_report.plan.everyone IS 'covers the calls of everybody, and not only those of its seats';
COMMENT ON COLUMN usage_report.plan.price IS 'of a seat and a period, of everything where everyone is true; NULL: not known';
COMMENT ON COLUMN usage_report.plan.currency IS 'of the price, ISO 4217';
COMMENT ON COLUMN usage_report.plan.period IS 'day, week, month, quarter or year of the calendar';
COMMENT ON COLUMN usage_report.plan.seats IS 'how many seats are paid at least; NULL: as many as are assigned';
COMMENT ON COLUMN usage_report.plan.provider IS 'covers calls to it; NULL: to all';
COMMENT ON COLUMN usage_report.plan.service IS 'covers calls of it; NULL: of all';
COMMENT ON COLUMN usage_report.plan.environment IS 'covers calls in it; NULL: in all';
COMMENT ON COLUMN usage_report.plan.model IS 'covers calls of it; NULL: of all';
COMMENT ON COLUMN usage_report.plan.api_types IS 'covers calls of these types; NULL: of all';
COMMENT ON COLUMN usage_report.plan.time_zone IS 'where the days begin';

CREATE VIEW usage_report.plan_seat AS
  SELECT plan, user_id, user_name, since, until FROM public.usage_plan_seats;
COMMENT ON VIEW usage_report.plan_seat IS 'Who has a seat of a plan';
COMMENT ON COLUMN usage_report.plan_seat.plan IS 'name of the plan';
COMMENT ON COLUMN usage_report.plan_seat.user_id IS 'the user';
COMMENT ON COLUMN usage_report.plan_seat.user_name IS 'the text that user_id is made of; NULL: it is a UUID itself';
COMMENT ON COLUMN usage_report.plan_seat.since IS 'first day';
COMMENT ON COLUMN usage_report.plan_seat.until IS 'day after the last; NULL: open';

-- What seats cost on the days of [from_day, to_day): the price of a calendar period is
-- divided by its days. Each day ends where the price so far is rounded to twelve digits,
-- so that the days of a period add up to its price. A seat that nobody has, and a plan
-- that covers everybody, has no user. For one user with only_user.
CREATE FUNCTION usage_report.plan_cost(from_day date, to_day date, only_user uuid)
  RETURNS TABLE (plan text, user_id uuid, seat_days bigint, costs jsonb, dollars numeric, no_price boolean, no_rate_for text, no_rate_on date)
  LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  WITH day AS MATERIALIZED (
    SELECT t.name, t.everyone, t.seats, t.currency, d.day,
           round(t.price * (d.day - p.first + 1) / (p.after - p.first), 12) - round(t.price * (d.day - p.first) / (p.after - p.first), 12) AS cost,
           CASE WHEN t.currency = 'USD' THEN 1 ELSE r.rate END AS rate
    FROM usage_report.plan AS t
    CROSS JOIN LATERAL (SELECT g::date AS day FROM generate_series(greatest(plan_cost.from_day, t.since)::timestamp, least(plan_cost.to_day, t.until)::timestamp - interval '1 day', interval '1 day') AS g) AS d
    CROSS JOIN LATERAL (
      SELECT date_trunc(coalesce(t.period, 'month'), d.day::timestamp)::date AS first,
             (date_trunc(coalesce(t.period, 'month'), d.day::timestamp) + CASE t.period WHEN 'quarter' THEN interval '3 months' ELSE ('1 ' || coalesce(t.period, 'month'))::interval END)::date AS after
    ) AS p
    LEFT JOIN LATERAL (
      SELECT e.rate FROM usage_report.exchange_rate AS e WHERE e.currency = t.currency AND e.valid_from <= d.day ORDER BY e.valid_from DESC LIMIT 1
    ) AS r ON true
  ), taken AS (
    SELECT d.name, d.day, s.user_id
    FROM day AS d JOIN usage_report.plan_seat AS s ON s.plan = d.name AND s.since <= d.day AND (s.until IS NULL OR d.day < s.until)
    WHERE NOT d.everyone
  ), kept AS (
    SELECT t.name, t.day, t.user_id, 1::bigint AS seats FROM taken AS t WHERE plan_cost.only_user IS NULL OR t.user_id = plan_cost.only_user
    UNION ALL
    SELECT d.name, d.day, NULL, greatest(coalesce(d.seats, CASE WHEN d.everyone THEN 1 ELSE 0 END) - coalesce(n.seats, 0), 0)
    FROM day AS d
    LEFT JOIN (SELECT t.name, t.day, count(*) AS seats FROM taken AS t GROUP BY 1, 2) AS n ON n.name = d.name AND n.day = d.day
    WHERE plan_cost.only_user IS NULL
  ), per_currency AS (
    SELECT k.name, k.user_id, d.currency, sum(k.seats)::bigint AS seat_days, sum(k.seats * d.cost) AS cost, sum(k.seats * round(d.cost / d.rate, 12)) AS dollars,
           bool_or(d.cost IS NULL) AS no_price, min(d.day) FILTER (WHERE d.cost IS NOT NULL AND d.rate IS NULL) AS no_rate_on
    FROM kept AS k JOIN day AS d ON d.name = k.name AND d.day = k.day
    WHERE k.seats > 0
    GROUP BY 1, 2, 3
  )
  SELECT c.name, c.user_id, sum(c.seat_days)::bigint, coalesce(jsonb_object_agg(c.currency, c.cost) FILTER (WHERE c.currency IS NOT NULL), '{}'),
         CASE WHEN NOT bool_or(c.no_price) AND min(c.no_rate_on) IS NULL THEN sum(c.dollars) END,
         bool_or(c.no_price), min(c.currency) FILTER (WHERE c.no_rate_on IS NOT NULL), min(c.no_rate_on)
  FROM per_currency AS c
  GROUP BY 1, 2;
END;

-- What calls that a plan covers would cost at API prices: those it pays for, and those
-- that tell another payer. In PL/pgSQL, because partitioning and Citus make the table again.
CREATE FUNCTION usage_report.plan_use(from_time timestamptz, to_time timestamptz, only_user uuid)
  RETURNS TABLE (plan text, user_id uuid, calls bigint, unpriced_calls bigint, dollars numeric, beside_calls bigint, beside_unpriced bigint, beside_dollars numeric)
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RETURN QUERY
  SELECT u.payer_plan, u.user_id,
         coalesce(sum(u.calls) FILTER (WHERE u.paid), 0)::bigint, coalesce(sum(u.unpriced) FILTER (WHERE u.paid), 0)::bigint, coalesce(sum(u.dollars) FILTER (WHERE u.paid), 0),
         coalesce(sum(u.calls) FILTER (WHERE NOT u.paid), 0)::bigint, coalesce(sum(u.unpriced) FILTER (WHERE NOT u.paid), 0)::bigint, coalesce(sum(u.dollars) FILTER (WHERE NOT u.paid), 0)
  FROM (
    SELECT c.payer_plan, c.user_id, count(*) AS calls, count(*) FILTER (WHERE c.pricing_status = 'unpriced') AS unpriced, sum(c.usage_dollars) AS dollars,
           c.payer_filled IS TRUE OR EXISTS (SELECT FROM public.usage_plans AS t WHERE t.name = c.payer_plan AND t.payer = c.payer) AS paid
    FROM public.api_usage AS c
    WHERE c.payer_plan IS NOT NULL AND c.timestamp >= plan_use.from_time AND c.timestamp < plan_use.to_time
      AND (plan_use.only_user IS NULL OR c.user_id = plan_use.only_user)
    GROUP BY c.payer_plan, c.user_id, c.payer_filled, c.payer
  ) AS u
  GROUP BY 1, 2;
END $$;

-- Cash beside API-equivalent for each plan and user. The two are never added.
CREATE FUNCTION usage_report.plan_user(from_day date, to_day date, time_zone text, only_user uuid DEFAULT NULL)
  RETURNS TABLE (plan text, user_id uuid, seat_days bigint, costs jsonb, dollars numeric, no_price boolean, no_rate_for text, no_rate_on date,
    calls bigint, unpriced_calls bigint, api_dollars numeric, beside_calls bigint, beside_unpriced bigint, beside_dollars numeric)
  LANGUAGE sql STABLE
BEGIN ATOMIC
  -- A plan for everybody has its price without a user, and calls of many.
  WITH used AS (
    SELECT u.plan, CASE WHEN NOT EXISTS (SELECT FROM usage_report.plan AS t WHERE t.name = u.plan AND t.everyone) THEN u.user_id END AS user_id,
           sum(u.calls)::bigint AS calls, sum(u.unpriced_calls)::bigint AS unpriced_calls, sum(u.dollars) AS dollars,
           sum(u.beside_calls)::bigint AS beside_calls, sum(u.beside_unpriced)::bigint AS beside_unpriced, sum(u.beside_dollars) AS beside_dollars
    FROM usage_report.plan_use(plan_user.from_day::timestamp AT TIME ZONE plan_user.time_zone, plan_user.to_day::timestamp AT TIME ZONE plan_user.time_zone, plan_user.only_user) AS u
    GROUP BY 1, 2
  )
  SELECT coalesce(c.plan, u.plan), coalesce(c.user_id, u.user_id), coalesce(c.seat_days, 0), coalesce(c.costs, '{}'), CASE WHEN c.plan IS NULL THEN 0 ELSE c.dollars END,
         coalesce(c.no_price, false), c.no_rate_for, c.no_rate_on,
         coalesce(u.calls, 0), coalesce(u.unpriced_calls, 0), coalesce(u.dollars, 0), coalesce(u.beside_calls, 0), coalesce(u.beside_unpriced, 0), coalesce(u.beside_dollars, 0)
  FROM usage_report.plan_cost(plan_user.from_day, plan_user.to_day, plan_user.only_user) AS c
  FULL JOIN used AS u ON u.plan = c.plan AND coalesce(u.user_id, '00000000-0000-0000-0000-000000000000') = coalesce(c.user_id, '00000000-0000-0000-0000-000000000000');
END;

-- One's own seats and nobody else's: without the setting, none.
CREATE FUNCTION public.usage_own_plan_user(from_day date, to_day date, time_zone text)
  RETURNS TABLE (plan text, user_id uuid, seat_days bigint, costs jsonb, dollars numeric, no_price boolean, no_rate_for text, no_rate_on date,
    calls bigint, unpriced_calls bigint, api_dollars numeric, beside_calls bigint, beside_unpriced bigint, beside_dollars numeric)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT u.*
  FROM usage_report.plan_user(usage_own_plan_user.from_day, usage_own_plan_user.to_day, usage_own_plan_user.time_zone,
    coalesce(nullif(current_setting('usage.user_id', true), '')::uuid, '00000000-0000-0000-0000-000000000000')) AS u
  WHERE u.user_id = nullif(nullif(current_setting('usage.user_id', true), ''), '00000000-0000-0000-0000-000000000000')::uuid;
END;

-- The terms of the plans in which one has a seat, without how many others have.
CREATE VIEW public.usage_own_plan WITH (security_barrier) AS
  SELECT name, since, until, payer, everyone, price, currency, period, NULL::integer AS seats, provider, service, environment, model, api_types, time_zone
  FROM usage_report.plan AS p
  WHERE NOT p.everyone AND EXISTS (
    SELECT FROM public.usage_plan_seats AS s
    WHERE s.plan = p.name AND s.user_id = nullif(nullif(current_setting('usage.user_id', true), ''), '00000000-0000-0000-0000-000000000000')::uuid);

CREATE OR REPLACE VIEW public.usage_own_calls WITH (security_barrier) AS
  SELECT id, user_id, timestamp, usage_dollars, api_type, model, tokens_used, request_id, metadata, created_at,
         provider, service, environment, pricing_status, pricing_reason, price_id, cost_source, reported_dollars,
         input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens,
         audio_seconds, characters, images, other_quantities, pricing_assumptions, trace_id, session_id, outcome, payer,
         payer_plan, payer_filled
  FROM public.api_usage
  WHERE user_id = nullif(current_setting('usage.user_id', true), '')::uuid;

REVOKE ALL ON FUNCTION usage_report.plan_cost(date, date, uuid), usage_report.plan_use(timestamptz, timestamptz, uuid), usage_report.plan_user(date, date, text, uuid),
  public.usage_own_plan_user(date, date, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION usage_report.plan_cost(date, date, uuid), usage_report.plan_use(timestamptz, timestamptz, uuid), usage_report.plan_user(date, date, text, uuid)
  TO usage_grafana, usage_reader;
GRANT EXECUTE ON FUNCTION public.usage_own_plan_user(date, date, text) TO usage_own;
GRANT SELECT ON usage_report.plan, usage_report.plan_seat TO usage_grafana, usage_reader;
GRANT SELECT ON public.usage_own_plan TO usage_own;

-- Who prices calls may say who pays for them, and leaves a line for each call in the audit.
GRANT SELECT ON public.usage_plans, public.usage_plan_seats, public.usage_plan_run, public.usage_plan_change TO usage_reader, usage_pricer;
GRANT INSERT, UPDATE, DELETE ON public.usage_plans, public.usage_plan_seats TO usage_pricer;
GRANT INSERT (from_time, to_time), UPDATE (finished_at, changed_calls) ON public.usage_plan_run TO usage_pricer;
GRANT UPDATE (payer, payer_plan, payer_filled) ON public.api_usage TO usage_pricer;
GRANT INSERT (call_id, kind, old, new) ON public.usage_correction TO usage_pricer;
-- A later report of a call may tell the payer that a plan had filled in.
GRANT UPDATE (payer_filled) ON public.api_usage TO usage_writer;
