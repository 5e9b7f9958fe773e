-- The provider's bill, beside the calls and never mixed into them: what its
-- reports say, row by row as they came, and why their sum is not that of the
-- calls. `usagectl bill` writes all of it.
--
-- Runs in milliseconds: it touches no existing data.

-- A day of one report of one account. What is imported again replaces it with all
-- its rows, in one transaction.
CREATE TABLE public.usage_bill_day (
  id            bigint      GENERATED ALWAYS AS IDENTITY,
  provider      text        NOT NULL,
  account       text        NOT NULL,
  report        text        NOT NULL,
  day           date        NOT NULL,
  covered_until timestamptz NOT NULL,
  incomplete    boolean     NOT NULL,
  imported_at   timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT usage_bill_day_pkey PRIMARY KEY (id),
  CONSTRAINT usage_bill_day_key UNIQUE (provider, day, account, report),
  CONSTRAINT usage_bill_day_text_length CHECK (
    octet_length(provider) BETWEEN 1 AND 256 AND octet_length(account) BETWEEN 1 AND 256 AND octet_length(report) BETWEEN 1 AND 64)
);
COMMENT ON TABLE public.usage_bill_day IS 'Days of providers'' reports that were imported; a day without rows was charged nothing';
COMMENT ON COLUMN public.usage_bill_day.id IS 'key of the rows in usage_bill_row';
COMMENT ON COLUMN public.usage_bill_day.provider IS 'who bills, as the column provider of api_usage';
COMMENT ON COLUMN public.usage_bill_day.account IS 'organization or billing account, as who imported it names it';
COMMENT ON COLUMN public.usage_bill_day.report IS 'which report: costs, usage/completions, cost_report, usage_report/messages, focus ...';
COMMENT ON COLUMN public.usage_bill_day.day IS 'UTC day';
COMMENT ON COLUMN public.usage_bill_day.covered_until IS 'the report says nothing of later calls; the end of the day when it is final';
COMMENT ON COLUMN public.usage_bill_day.incomplete IS 'the report lists no more groups than its limit, without the rest';
COMMENT ON COLUMN public.usage_bill_day.imported_at IS 'when it was imported last';

CREATE TABLE public.usage_bill_row (
  day_id     bigint    NOT NULL,
  digest     uuid      NOT NULL,
  cost       numeric   NULL,
  slack      numeric   NULL,
  currency   text      NULL,
  category   text      NOT NULL,
  cost_kind  text      NULL,
  model      text      NOT NULL,
  tier       text      NOT NULL,
  project    text      NOT NULL,
  api_key    text      NOT NULL,
  user_name  text      NOT NULL,
  item       text      NOT NULL,
  payer      text      NULL,
  requests   bigint    NULL,
  kinds      text[]    NOT NULL,
  quantities numeric[] NOT NULL,
  raw        json      NOT NULL,
  CONSTRAINT usage_bill_row_pkey PRIMARY KEY (day_id, digest),
  CONSTRAINT usage_bill_row_day_id_fkey FOREIGN KEY (day_id) REFERENCES public.usage_bill_day (id) ON DELETE CASCADE,
  CONSTRAINT usage_bill_row_money CHECK ((cost IS NULL) = (currency IS NULL) AND (cost IS NULL) = (slack IS NULL) AND currency ~ '^[A-Z]{3}$'),
  -- NaN and infinity sort above every number.
  CONSTRAINT usage_bill_row_range CHECK (cost > -1e24 AND cost < 1e24 AND slack >= 0 AND slack < 1e24 AND requests >= 0),
  CONSTRAINT usage_bill_row_quantities CHECK (cardinality(kinds) = cardinality(quantities)),
  CONSTRAINT usage_bill_row_text_length CHECK (
    octet_length(category) <= 32 AND octet_length(cost_kind) <= 32 AND octet_length(model) <= 256 AND octet_length(tier) <= 256
    AND octet_length(project) <= 256 AND octet_length(api_key) <= 256 AND octet_length(user_name) <= 256 AND octet_length(item) <= 256
    AND octet_length(payer) <= 32)
);
COMMENT ON TABLE public.usage_bill_row IS 'Rows of providers'' reports as they came, with what was read of them';
COMMENT ON COLUMN public.usage_bill_row.day_id IS 'usage_bill_day.id';
COMMENT ON COLUMN public.usage_bill_row.digest IS 'of the row and of how many equal ones came before it: no row is stored twice';
COMMENT ON COLUMN public.usage_bill_row.cost IS 'what is charged, in whole units of the currency (dollars, not cents); NULL: a row of quantities alone';
COMMENT ON COLUMN public.usage_bill_row.slack IS 'how far the cost may be off by the digits that the report writes';
COMMENT ON COLUMN public.usage_bill_row.currency IS 'ISO 4217';
COMMENT ON COLUMN public.usage_bill_row.category IS 'what no call is charged by: session_runtime, code_execution, storage, fine_tuning, seats, other; empty for calls';
COMMENT ON COLUMN public.usage_bill_row.cost_kind IS 'kind of quantity that the cost is for, such as input_text; NULL: not told';
COMMENT ON COLUMN public.usage_bill_row.model IS 'as the report writes it; empty: not told';
COMMENT ON COLUMN public.usage_bill_row.tier IS 'service tier; empty: not told';
COMMENT ON COLUMN public.usage_bill_row.project IS 'project, workspace or sub-account; empty: not told or the default one';
COMMENT ON COLUMN public.usage_bill_row.api_key IS 'id or name of the API key, never the key; empty: not told';
COMMENT ON COLUMN public.usage_bill_row.user_name IS 'the provider''s id of the user, or their e-mail address where it was asked to be kept; empty: not told';
COMMENT ON COLUMN public.usage_bill_row.item IS 'the words of the report for it';
COMMENT ON COLUMN public.usage_bill_row.payer IS 'api or plan, where the report says who pays';
COMMENT ON COLUMN public.usage_bill_row.requests IS 'how many requests were made; NULL: not told';
COMMENT ON COLUMN public.usage_bill_row.kinds IS 'kinds of what was consumed, beside their quantities';
COMMENT ON COLUMN public.usage_bill_row.quantities IS 'how much of each kind: tokens, images, seconds, calls';
COMMENT ON COLUMN public.usage_bill_row.raw IS 'the row as it came';

-- How far a run that asks a provider has come, so that one that was stopped goes on
-- from there.
CREATE TABLE public.usage_bill_fetch (
  provider   text        NOT NULL,
  account    text        NOT NULL,
  report     text        NOT NULL,
  from_day   date        NOT NULL,
  to_day     date        NOT NULL,
  done_until date        NOT NULL,
  started_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT usage_bill_fetch_pkey PRIMARY KEY (provider, account, report),
  CONSTRAINT usage_bill_fetch_order CHECK (from_day <= done_until AND done_until <= to_day)
);
COMMENT ON TABLE public.usage_bill_fetch IS 'Runs that ask a provider and have not come to their end';
COMMENT ON COLUMN public.usage_bill_fetch.provider IS 'as in usage_bill_day';
COMMENT ON COLUMN public.usage_bill_fetch.account IS 'as in usage_bill_day';
COMMENT ON COLUMN public.usage_bill_fetch.report IS 'as in usage_bill_day';
COMMENT ON COLUMN public.usage_bill_fetch.from_day IS 'first UTC day that was asked for';
COMMENT ON COLUMN public.usage_bill_fetch.to_day IS 'end, excluded';
COMMENT ON COLUMN public.usage_bill_fetch.done_until IS 'the days before it are stored';
COMMENT ON COLUMN public.usage_bill_fetch.started_at IS 'when the run began';

-- What explained the difference of each day when it was explained last: for
-- dashboards, which cannot compute it.
CREATE TABLE public.usage_bill_explained_day (
  provider     text        NOT NULL,
  day          date        NOT NULL,
  account      text        NOT NULL,
  currency     text        NOT NULL,
  bill_cost    numeric     NOT NULL,
  row_cost     numeric     NOT NULL,
  unexplained  numeric     NOT NULL,
  explained_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT usage_bill_explained_day_pkey PRIMARY KEY (provider, day)
);
COMMENT ON TABLE public.usage_bill_explained_day IS 'Bill and rows of each UTC day, as they were explained last';
COMMENT ON COLUMN public.usage_bill_explained_day.provider IS 'as in usage_bill_day';
COMMENT ON COLUMN public.usage_bill_explained_day.day IS 'UTC day';
COMMENT ON COLUMN public.usage_bill_explained_day.account IS 'all accounts of the provider that were imported';
COMMENT ON COLUMN public.usage_bill_explained_day.currency IS 'of all amounts, ISO 4217';
COMMENT ON COLUMN public.usage_bill_explained_day.bill_cost IS 'what the provider charges';
COMMENT ON COLUMN public.usage_bill_explained_day.row_cost IS 'what the calls cost';
COMMENT ON COLUMN public.usage_bill_explained_day.unexplained IS 'what is unknown, or not seen without project, key and user';
COMMENT ON COLUMN public.usage_bill_explained_day.explained_at IS 'when it was explained';

CREATE TABLE public.usage_bill_cause (
  provider   text    NOT NULL,
  day        date    NOT NULL,
  number     integer NOT NULL,
  cause      text    NOT NULL,
  cost       numeric NOT NULL,
  quantity   numeric NULL,
  unit       text    NULL,
  model      text    NOT NULL,
  reason     text    NOT NULL,
  project    text    NOT NULL,
  api_key    text    NOT NULL,
  details    jsonb   NOT NULL,
  CONSTRAINT usage_bill_cause_pkey PRIMARY KEY (provider, day, number),
  CONSTRAINT usage_bill_cause_day_fkey FOREIGN KEY (provider, day) REFERENCES public.usage_bill_explained_day (provider, day) ON DELETE CASCADE
);
COMMENT ON TABLE public.usage_bill_cause IS 'The causes of each day''s difference; they add up to bill_cost - row_cost';
COMMENT ON COLUMN public.usage_bill_cause.provider IS 'as in usage_bill_day';
COMMENT ON COLUMN public.usage_bill_cause.day IS 'UTC day';
COMMENT ON COLUMN public.usage_bill_cause.number IS 'tells the causes of a day apart';
COMMENT ON COLUMN public.usage_bill_cause.cause IS 'not_seen, not_on_bill, unpriced, estimated, assumption, price, not_in_spans, rounding, not_final or unknown';
COMMENT ON COLUMN public.usage_bill_cause.cost IS 'part of the difference, in the currency of the day';
COMMENT ON COLUMN public.usage_bill_cause.quantity IS 'how many calls or tokens it is about; NULL: not told';
COMMENT ON COLUMN public.usage_bill_cause.unit IS 'call or token';
COMMENT ON COLUMN public.usage_bill_cause.model IS 'empty: none';
COMMENT ON COLUMN public.usage_bill_cause.reason IS 'reason, assumption or category, by the cause; empty: none';
COMMENT ON COLUMN public.usage_bill_cause.project IS 'empty: not known';
COMMENT ON COLUMN public.usage_bill_cause.api_key IS 'empty: not known';
COMMENT ON COLUMN public.usage_bill_cause.details IS 'all that is known of it, as the query API writes it';

-- Who imports bills may do that and nothing else: no call can be read or changed.
DO $$
BEGIN
  IF to_regrole('usage_biller') IS NULL THEN
    BEGIN
      CREATE ROLE usage_biller NOLOGIN;
    EXCEPTION
      WHEN duplicate_object OR unique_violation THEN NULL;  -- another database of the cluster was faster
      WHEN insufficient_privilege THEN
        RAISE EXCEPTION 'role usage_biller is missing and % may not create roles', current_user
          USING ERRCODE = 'insufficient_privilege',
                HINT = 'As an administrator: CREATE ROLE usage_biller NOLOGIN;';
    END;
  END IF;
  BEGIN
    GRANT USAGE ON SCHEMA public TO usage_biller;
  EXCEPTION WHEN insufficient_privilege THEN
    RAISE WARNING '% may not grant USAGE on the schema public; the role usage_biller needs it there', current_user;
  END;
END $$;
GRANT SELECT, INSERT, UPDATE, DELETE ON public.usage_bill_day, public.usage_bill_row, public.usage_bill_fetch,
  public.usage_bill_explained_day, public.usage_bill_cause TO usage_biller;
GRANT SELECT ON public.usage_bill_day, public.usage_bill_row, public.usage_bill_explained_day, public.usage_bill_cause TO usage_reader;

-- Rows of bills without their users and without the text that came.
CREATE VIEW usage_report.bill_row AS
  SELECT d.provider,
         d.account,
         d.report,
         d.day,
         r.cost,
         r.currency,
         coalesce(nullif(r.category, ''), '(calls)') AS category,
         coalesce(r.cost_kind, '(none)') AS cost_kind,
         coalesce(nullif(r.model, ''), '(none)') AS model,
         coalesce(nullif(r.tier, ''), '(none)') AS tier,
         coalesce(nullif(r.project, ''), '(none)') AS project,
         coalesce(nullif(r.api_key, ''), '(none)') AS api_key,
         coalesce(nullif(r.item, ''), '(none)') AS item,
         r.requests,
         r.kinds,
         r.quantities
  FROM public.usage_bill_row AS r
  JOIN public.usage_bill_day AS d ON d.id = r.day_id;

CREATE VIEW usage_report.bill_import AS
  SELECT provider, account, report, day, covered_until, incomplete, imported_at
  FROM public.usage_bill_day;

CREATE VIEW usage_report.bill_day AS
  SELECT provider, account, day, currency, bill_cost, row_cost, unexplained, explained_at
  FROM public.usage_bill_explained_day;

CREATE VIEW usage_report.bill_cause AS
  SELECT c.provider,
         c.day,
         d.currency,
         c.cause,
         c.cost,
         c.quantity,
         c.unit,
         coalesce(nullif(c.model, ''), '(none)') AS model,
         coalesce(nullif(c.reason, ''), '(none)') AS reason,
         coalesce(nullif(c.project, ''), '(none)') AS project,
         coalesce(nullif(c.api_key, ''), '(none)') AS api_key,
         c.details - 'user' AS details
  FROM public.usage_bill_cause AS c
  JOIN public.usage_bill_explained_day AS d USING (provider, day);

GRANT SELECT ON usage_report.bill_row, usage_report.bill_import, usage_report.bill_day, usage_report.bill_cause TO usage_grafana, usage_reader;
