-- Tables of the usage store: one row per billable call, and the sums that
-- questions are answered from.
--
-- Everything is written with its schema, so that no search_path can lead
-- elsewhere. Runs in milliseconds: it touches no existing data.

-- Settings of this database that its programs read. users_managed says whether
-- auth.users is ours to write.
CREATE TABLE public.usage_setting (
  name  text PRIMARY KEY,
  value text NOT NULL
);

-- The users belong to the host application (Supabase and others) wherever it
-- has such a table already: then it is referenced, never created or altered.
-- Elsewhere it is created here and kept by the exporter.
DO $$
BEGIN
  IF to_regclass('auth.users') IS NOT NULL THEN
    INSERT INTO public.usage_setting (name, value) VALUES ('users_managed', 'false');
    RETURN;
  END IF;
  IF to_regnamespace('auth') IS NULL THEN
    CREATE SCHEMA auth;
  END IF;
  CREATE TABLE auth.users (
    id           uuid        NOT NULL,
    external_id  text        NULL,               -- the text the id was made from, where that was not a UUID
    email        text        NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    last_seen_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT users_pkey PRIMARY KEY (id),
    CONSTRAINT users_external_id_key UNIQUE (external_id),
    CONSTRAINT users_text_length CHECK (octet_length(external_id) <= 256 AND octet_length(email) <= 320)
  ) WITH (fillfactor = 80);                      -- room for last_seen_at to be updated in place
  INSERT INTO public.usage_setting (name, value) VALUES ('users_managed', 'true');
END $$;

-- One billable call. The first ten columns are the contract; the rest are
-- what it takes to say where a cost comes from.
CREATE TABLE public.api_usage (
  -- Deterministic (UUID version 5 of the provider's response id, else of trace
  -- and span id): the second copy of a call is refused by the primary key.
  id                    uuid           NOT NULL DEFAULT gen_random_uuid(),
  -- NULL: no user is known, or the host application does not have it (then
  -- metadata.user tells who it was).
  user_id               uuid           NULL,
  timestamp             timestamptz    NOT NULL DEFAULT now(),  -- start of the call
  -- Twelve places instead of six: a call of 20 embedding tokens at $0.02 per
  -- million costs 0.0000004 dollars, which six places store as nothing. Disk
  -- and speed are the same, numeric stores the digits it needs.
  -- An unpriced call stands here with 0 and says so in pricing_status.
  usage_dollars         numeric(20,12) NOT NULL,
  api_type              text           NOT NULL,
  model                 text           NULL,
  tokens_used           integer        NULL,                    -- input and output together; NULL: not billed by tokens, or not known
  request_id            text           NULL,                    -- the provider's response id, else trace and span id
  metadata              jsonb          NOT NULL DEFAULT '{}',
  created_at            timestamptz    NOT NULL DEFAULT now(),

  provider              text           NOT NULL DEFAULT '',     -- who bills, as OpenTelemetry's gen_ai.provider.name
  service               text           NOT NULL DEFAULT '',     -- service.name of the app
  environment           text           NOT NULL DEFAULT '',     -- deployment.environment.name
  pricing_status        text           NOT NULL DEFAULT 'priced',
  pricing_reason        text           NULL,                    -- why it is not simply priced
  price_id              text           NULL,                    -- row of the price book
  cost_source           text           NULL,                    -- whose number usage_dollars is
  reported_dollars      numeric(20,12) NULL,                    -- the cost that arrived with the span

  -- Quantities. NULL is "none or not known". Totals are inclusive as in
  -- OpenTelemetry; their parts stand beside them and in other_quantities.
  input_tokens          bigint         NULL,
  output_tokens         bigint         NULL,
  cache_read_tokens     bigint         NULL,                    -- of input_tokens, every modality
  cache_write_5m_tokens bigint         NULL,                    -- of input_tokens: written for 5 minutes, or any time but an hour
  cache_write_1h_tokens bigint         NULL,                    -- of input_tokens
  reasoning_tokens      bigint         NULL,                    -- of output_tokens
  audio_seconds         numeric(18,9)  NULL,
  characters            bigint         NULL,
  images                bigint         NULL,
  other_quantities      jsonb          NULL,                    -- the rarer kinds by name, such as input_audio

  -- The defaults that the price took because the call does not report what the
  -- price depends on. Empty: everything is known; NULL: nobody said.
  pricing_assumptions   text[]         NULL,
  trace_id              text           NULL,                    -- of the span, 32 hexadecimal digits; not indexed: questions by trace name a period
  session_id            text           NULL,                    -- conversation or session, as the app names it
  outcome               text           NULL,                    -- status of the span: ok, error or unset; NULL: none
  payer                 text           NULL,                    -- api, plan, credit or own; NULL: not known
  -- What of it the sums call '(other)', because the day has too many names: 1 provider,
  -- 2 model, 4 service, 8 environment, added up; NULL: nothing. The writer says so when
  -- it stores the call (public.usage_fold_names).
  folded                smallint       NULL,
  -- The transaction that wrote the row last. Whoever follows the table reads from
  -- the mark where they ended to pg_snapshot_xmin(pg_current_snapshot()),
  -- excluded: below it nothing appears or changes any more.
  written_xid           xid8           NOT NULL DEFAULT pg_current_xact_id(),

  CONSTRAINT api_usage_pkey PRIMARY KEY (id),
  CONSTRAINT api_usage_user_id_fkey FOREIGN KEY (user_id) REFERENCES auth.users (id) ON DELETE CASCADE,
  -- Words and not lists of them: a collector that is newer than the database may
  -- know more. internal/usage has the words of today.
  CONSTRAINT api_usage_words CHECK (
    octet_length(api_type) BETWEEN 1 AND 32 AND octet_length(outcome) BETWEEN 1 AND 32 AND octet_length(payer) BETWEEN 1 AND 32),
  -- NaN sorts above every number, so the upper bound refuses it too: one NaN
  -- would make every sum NaN.
  CONSTRAINT api_usage_cost_in_range CHECK (usage_dollars >= 0 AND usage_dollars < 1000000),
  CONSTRAINT api_usage_reported_in_range CHECK (reported_dollars >= 0 AND reported_dollars < 1000000),
  CONSTRAINT api_usage_tokens_not_negative CHECK (tokens_used >= 0),
  CONSTRAINT api_usage_time_plausible CHECK (timestamp >= '2020-01-01 00:00:00Z' AND timestamp < '2100-01-01 00:00:00Z'),
  CONSTRAINT api_usage_text_length CHECK (
    octet_length(model) <= 256 AND octet_length(request_id) <= 512 AND octet_length(provider) <= 256
    AND octet_length(service) <= 256 AND octet_length(environment) <= 256 AND octet_length(price_id) <= 512
    AND octet_length(trace_id) = 32 AND octet_length(session_id) <= 256),
  CONSTRAINT api_usage_pricing_known CHECK (
    pricing_status = 'priced'
    OR (pricing_status IN ('estimated', 'reported', 'unpriced') AND (pricing_status <> 'unpriced' OR usage_dollars = 0))),
  CONSTRAINT api_usage_cost_source_known CHECK (cost_source IN ('computed', 'reported')),
  -- Tokens as tokens_used: four billion calls can be added up in one bigint.
  CONSTRAINT api_usage_quantities_in_range CHECK (
    input_tokens BETWEEN 0 AND 2147483647 AND output_tokens BETWEEN 0 AND 2147483647 AND cache_read_tokens BETWEEN 0 AND 2147483647
    AND cache_write_5m_tokens BETWEEN 0 AND 2147483647 AND cache_write_1h_tokens BETWEEN 0 AND 2147483647
    AND reasoning_tokens BETWEEN 0 AND 2147483647 AND audio_seconds >= 0 AND characters >= 0 AND images >= 0)
);

-- Serves: one user's calls in a period, and the cascade when a user is deleted.
-- The cost stands in it for a user's days in a zone other than UTC, which read
-- their calls between the midnights of both: seven times as fast as from the table.
CREATE INDEX api_usage_user_time ON public.api_usage (user_id, timestamp) INCLUDE (usage_dollars);
-- Serves: all calls of a period (edges of a period inside a day, exports,
-- retention). A block range index costs next to nothing at each insert, and
-- rows arrive almost in the order of time. A range of 128 pages is 2,200 rows,
-- read in 0.2 ms. With ranges of 32 a burst asked for more summaries than the 256
-- that autovacuum takes note of, and the server logged each one it forgot.
CREATE INDEX api_usage_time_brin ON public.api_usage USING brin (timestamp) WITH (pages_per_range = 128, autosummarize = on);

-- Renews the write mark whoever changes a row: repricing, correction, late
-- attribution, an operator. Citus takes no triggers; there our own statements set
-- the mark, and docs/scale.md says what a follower may rely on.
CREATE FUNCTION public.usage_mark_written() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  NEW.written_xid := pg_current_xact_id();
  RETURN NEW;
END $$;
REVOKE ALL ON FUNCTION public.usage_mark_written() FROM PUBLIC;
CREATE TRIGGER api_usage_mark_written BEFORE UPDATE ON public.api_usage
  FOR EACH ROW EXECUTE FUNCTION public.usage_mark_written();

-- Rollups: sums that are kept exact in the same transaction as the rows.
-- "calls" is 0 where everything was deleted again; readers skip such rows. Dollars
-- have no precision there, so that no number of calls can make a sum overflow.

-- Made by internal/sums: tables of sums.
-- Per UTC day and user. The nil UUID is "no user": a key column cannot be NULL.
CREATE TABLE public.usage_day_user (
  bucket             timestamptz NOT NULL,
  user_id            uuid        NOT NULL,
  api_type           text        NOT NULL,
  calls              bigint      NOT NULL,
  unpriced_calls     bigint      NOT NULL,
  tokens             bigint      NOT NULL,
  usage_dollars      numeric     NOT NULL,
  CONSTRAINT usage_day_user_pkey PRIMARY KEY (bucket, user_id, api_type)
) WITH (fillfactor = 70);
-- Serves: one user over a long period.
CREATE INDEX usage_day_user_by_user ON public.usage_day_user (user_id, bucket);

-- Per half month of UTC and user: the list of users over a year. Half a month
-- and not a whole one, because the days up to the nearest border are read from
-- the table above, which has many more rows.
CREATE TABLE public.usage_half_month_user (
  bucket             timestamptz NOT NULL,
  user_id            uuid        NOT NULL,
  calls              bigint      NOT NULL,
  unpriced_calls     bigint      NOT NULL,
  tokens             bigint      NOT NULL,
  usage_dollars      numeric     NOT NULL,
  CONSTRAINT usage_half_month_user_pkey PRIMARY KEY (bucket, user_id)
) WITH (fillfactor = 70);

-- Per quarter hour, without the user: exact for the days of every time zone,
-- because all of them are offset by whole quarter hours.
CREATE TABLE public.usage_quarter_hour (
  bucket             timestamptz NOT NULL,
  api_type           text        NOT NULL,
  provider           text        NOT NULL,
  model              text        NOT NULL,
  service            text        NOT NULL,
  environment        text        NOT NULL,
  calls              bigint      NOT NULL,
  unpriced_calls     bigint      NOT NULL,
  estimated_calls    bigint      NOT NULL,
  tokens             bigint      NOT NULL,
  unpriced_tokens    bigint      NOT NULL,
  input_tokens       bigint      NOT NULL,
  output_tokens      bigint      NOT NULL,
  cache_read_tokens  bigint      NOT NULL,
  cache_write_tokens bigint      NOT NULL,
  reasoning_tokens   bigint      NOT NULL,
  usage_dollars      numeric     NOT NULL,
  estimated_dollars  numeric     NOT NULL,
  reported_calls     bigint      NOT NULL,
  assumed_calls      bigint      NOT NULL,
  assumed_dollars    numeric     NOT NULL,
  api_dollars        numeric     NOT NULL,
  plan_dollars       numeric     NOT NULL,
  credit_dollars     numeric     NOT NULL,
  own_dollars        numeric     NOT NULL,
  CONSTRAINT usage_quarter_hour_pkey PRIMARY KEY (bucket, api_type, provider, model, service, environment)
) WITH (fillfactor = 70);

-- The same per UTC day: the inside of long periods.
CREATE TABLE public.usage_day (
  bucket             timestamptz NOT NULL,
  api_type           text        NOT NULL,
  provider           text        NOT NULL,
  model              text        NOT NULL,
  service            text        NOT NULL,
  environment        text        NOT NULL,
  calls              bigint      NOT NULL,
  unpriced_calls     bigint      NOT NULL,
  estimated_calls    bigint      NOT NULL,
  tokens             bigint      NOT NULL,
  unpriced_tokens    bigint      NOT NULL,
  input_tokens       bigint      NOT NULL,
  output_tokens      bigint      NOT NULL,
  cache_read_tokens  bigint      NOT NULL,
  cache_write_tokens bigint      NOT NULL,
  reasoning_tokens   bigint      NOT NULL,
  usage_dollars      numeric     NOT NULL,
  estimated_dollars  numeric     NOT NULL,
  reported_calls     bigint      NOT NULL,
  assumed_calls      bigint      NOT NULL,
  assumed_dollars    numeric     NOT NULL,
  api_dollars        numeric     NOT NULL,
  plan_dollars       numeric     NOT NULL,
  credit_dollars     numeric     NOT NULL,
  own_dollars        numeric     NOT NULL,
  CONSTRAINT usage_day_pkey PRIMARY KEY (bucket, api_type, provider, model, service, environment)
) WITH (fillfactor = 70);

-- The same per half month of UTC (from the 1st and from the 16th): a year, from a
-- few thousand rows.
CREATE TABLE public.usage_half_month (
  bucket             timestamptz NOT NULL,
  api_type           text        NOT NULL,
  provider           text        NOT NULL,
  model              text        NOT NULL,
  service            text        NOT NULL,
  environment        text        NOT NULL,
  calls              bigint      NOT NULL,
  unpriced_calls     bigint      NOT NULL,
  estimated_calls    bigint      NOT NULL,
  tokens             bigint      NOT NULL,
  unpriced_tokens    bigint      NOT NULL,
  input_tokens       bigint      NOT NULL,
  output_tokens      bigint      NOT NULL,
  cache_read_tokens  bigint      NOT NULL,
  cache_write_tokens bigint      NOT NULL,
  reasoning_tokens   bigint      NOT NULL,
  usage_dollars      numeric     NOT NULL,
  estimated_dollars  numeric     NOT NULL,
  reported_calls     bigint      NOT NULL,
  assumed_calls      bigint      NOT NULL,
  assumed_dollars    numeric     NOT NULL,
  api_dollars        numeric     NOT NULL,
  plan_dollars       numeric     NOT NULL,
  credit_dollars     numeric     NOT NULL,
  own_dollars        numeric     NOT NULL,
  CONSTRAINT usage_half_month_pkey PRIMARY KEY (bucket, api_type, provider, model, service, environment)
) WITH (fillfactor = 70);

-- Per quarter hour and API type: a daily series in any time zone. A day of another
-- zone is one of UTC and the quarter hours between the two midnights.
CREATE TABLE public.usage_quarter_type (
  bucket             timestamptz NOT NULL,
  api_type           text        NOT NULL,
  calls              bigint      NOT NULL,
  unpriced_calls     bigint      NOT NULL,
  estimated_calls    bigint      NOT NULL,
  tokens             bigint      NOT NULL,
  unpriced_tokens    bigint      NOT NULL,
  usage_dollars      numeric     NOT NULL,
  CONSTRAINT usage_quarter_type_pkey PRIMARY KEY (bucket, api_type)
) WITH (fillfactor = 50);

-- The same per UTC day.
CREATE TABLE public.usage_day_type (
  bucket             timestamptz NOT NULL,
  api_type           text        NOT NULL,
  calls              bigint      NOT NULL,
  unpriced_calls     bigint      NOT NULL,
  estimated_calls    bigint      NOT NULL,
  tokens             bigint      NOT NULL,
  unpriced_tokens    bigint      NOT NULL,
  usage_dollars      numeric     NOT NULL,
  CONSTRAINT usage_day_type_pkey PRIMARY KEY (bucket, api_type)
) WITH (fillfactor = 50);
-- End of what internal/sums made.

-- Made by internal/sums: tables of names.
-- How many names of a kind have sums of their own on a UTC day, and how many
-- combinations of them; what comes after them on that day is '(other)' in the sums and
-- keeps its names in the calls. Change it with UPDATE: it holds for days that are not
-- full yet.
CREATE TABLE public.usage_name_limit (
  kind  text    NOT NULL,
  names integer NOT NULL,
  CONSTRAINT usage_name_limit_pkey PRIMARY KEY (kind),
  CONSTRAINT usage_name_limit_positive CHECK (names > 0)
);
INSERT INTO public.usage_name_limit (kind, names) VALUES
  ('provider', 100),
  ('model', 500),
  ('service', 500),
  ('environment', 50),
  ('combination', 5000);
-- The names that have; a combination by its digest.
CREATE TABLE public.usage_name (
  day  timestamptz NOT NULL,
  kind text        NOT NULL,
  name text        NOT NULL,
  CONSTRAINT usage_name_pkey PRIMARY KEY (day, kind, name)
);
-- How many those are, and whether the day is full. It never opens again.
CREATE TABLE public.usage_name_day (
  day       timestamptz NOT NULL,
  kind      text        NOT NULL,
  names     integer     NOT NULL,
  closed    boolean     NOT NULL,
  closed_at timestamptz NULL,
  CONSTRAINT usage_name_day_pkey PRIMARY KEY (day, kind)
);
-- End of what internal/sums made.

-- Records that the table refused, one by one, so that no good record of the
-- same batch is lost with them. `usagectl doctor` counts those that nobody
-- dismissed, `usagectl parked` lists them, puts them back and dismisses them.
CREATE TABLE public.usage_dead_letter (
  digest          uuid        NOT NULL,         -- of the record: parking it twice is one row
  id              uuid        NOT NULL,         -- of the record
  parked_at       timestamptz NOT NULL DEFAULT now(),
  sqlstate        text        NOT NULL,         -- '' when it was refused before it was sent
  constraint_name text        NOT NULL,
  column_name     text        NOT NULL,
  reason          text        NOT NULL,         -- without values
  record          text        NOT NULL,         -- in the form of the span attribute usage.record
  dismissed_at    timestamptz,                  -- when somebody decided that it stays out
  CONSTRAINT usage_dead_letter_pkey PRIMARY KEY (digest)
);

-- The users as readers see them, the same columns whoever owns auth.users. It
-- runs with the rights of its owner: a reader needs none on auth.users, where
-- a host application may keep password hashes.
DO $$
DECLARE
  column_or_null CONSTANT text := 'SELECT CASE WHEN EXISTS (SELECT FROM information_schema.columns'
    ' WHERE table_schema = ''auth'' AND table_name = ''users'' AND column_name = $1) THEN format(''u.%I::%s'', $1, $2) ELSE format(''NULL::%s'', $2) END';
  external_id text; email text; created_at text; last_seen_at text;
BEGIN
  EXECUTE column_or_null INTO external_id USING 'external_id', 'text';
  EXECUTE column_or_null INTO email USING 'email', 'text';
  EXECUTE column_or_null INTO created_at USING 'created_at', 'timestamptz';
  EXECUTE column_or_null INTO last_seen_at USING 'last_seen_at', 'timestamptz';
  EXECUTE format('CREATE VIEW public.usage_user AS SELECT u.id, %s AS external_id, %s AS email, %s AS created_at, %s AS last_seen_at FROM auth.users u',
    external_id, email, created_at, last_seen_at);
END $$;
