-- Who may do what: group roles without login. Log-in roles are given to them
-- by the operator, for example GRANT usage_reader, usage_own TO usage_api.
--
--   usage_writer  what the exporter needs
--   usage_reader  reads everything (administrators, reports)
--   usage_own     sees the calls of one user only, named by the setting usage.user_id
--
-- Own usage goes through views, not through row-level security: COPY refuses a
-- table under RLS, and a policy "administrator or own" is a thousand times
-- slower than an index (docs/benchmarks.md).
DO $$
DECLARE
  group_role text;
BEGIN
  FOREACH group_role IN ARRAY ARRAY['usage_writer', 'usage_reader', 'usage_own'] LOOP
    -- Roles belong to the whole cluster: another database may have made them
    -- already, or be making them this moment.
    IF to_regrole(group_role) IS NULL THEN
      BEGIN
        EXECUTE format('CREATE ROLE %I NOLOGIN', group_role);
      EXCEPTION
        WHEN duplicate_object OR unique_violation THEN NULL;
        WHEN insufficient_privilege THEN
          RAISE EXCEPTION 'role % is missing and % may not create roles', group_role, current_user
            USING ERRCODE = 'insufficient_privilege',
                  HINT = 'As an administrator: CREATE ROLE usage_writer NOLOGIN; CREATE ROLE usage_reader NOLOGIN; CREATE ROLE usage_own NOLOGIN; '
                         || format('GRANT usage_writer, usage_reader, usage_own TO %I;', current_user);
      END;
    END IF;
    -- Whoever migrates usually also runs the exporter and the API: SET ROLE has
    -- to work for it. From version 16 on creating a role does not give that.
    BEGIN
      IF NOT pg_has_role(current_user, group_role, CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END) THEN
        EXECUTE format('GRANT %I TO CURRENT_USER', group_role);
      END IF;
    EXCEPTION WHEN insufficient_privilege THEN
      RAISE WARNING '% is no member of %; an API that logs in as % needs it: GRANT % TO %',
        current_user, group_role, current_user, group_role, current_user;
    END;
  END LOOP;

  -- Schemas are open to everybody by default; some installations closed them.
  BEGIN
    GRANT USAGE ON SCHEMA public TO usage_writer, usage_reader, usage_own;
    GRANT USAGE ON SCHEMA auth TO usage_writer;
  EXCEPTION WHEN insufficient_privilege THEN
    RAISE WARNING '% may not grant USAGE on the schemas public and auth; the usage roles need it there', current_user;
  END;

  IF (SELECT value FROM public.usage_setting WHERE name = 'users_managed') = 'true' THEN
    -- Not UPDATE of all: that would rename users, and allow to lock the table.
    GRANT SELECT, INSERT, UPDATE (last_seen_at) ON auth.users TO usage_writer;
  ELSE
    -- Only the key, to see which users exist.
    BEGIN
      GRANT SELECT (id) ON auth.users TO usage_writer;
    EXCEPTION WHEN insufficient_privilege THEN
      RAISE WARNING '% may not grant SELECT (id) on auth.users; the role usage_writer needs it', current_user;
    END;
  END IF;
END $$;

GRANT SELECT, INSERT ON public.api_usage, public.usage_dead_letter TO usage_writer;
GRANT SELECT ON public.usage_setting TO usage_writer, usage_reader, usage_own;
GRANT SELECT ON public.api_usage, public.usage_dead_letter, public.usage_user, public.usage_name_limit, public.usage_name, public.usage_name_day TO usage_reader;
-- Whoever stores calls has it decided which of their names have sums of their own.
GRANT EXECUTE ON FUNCTION public.usage_fold_names(timestamptz[], text[], text[], text[], text[]) TO usage_writer;
-- Made by internal/sums: reader sees sums.
GRANT SELECT ON public.usage_day_user, public.usage_half_month_user, public.usage_quarter_hour,
  public.usage_day, public.usage_half_month, public.usage_quarter_type,
  public.usage_day_type
  TO usage_reader;
-- End of what internal/sums made.

-- A barrier view applies its own filter before any function of a query sees a
-- row. Without the setting, or with an empty one, it shows nothing.
CREATE VIEW public.usage_own_calls WITH (security_barrier) AS
  SELECT id, user_id, timestamp, usage_dollars, api_type, model, tokens_used, request_id, metadata, created_at,
         provider, service, environment, pricing_status, pricing_reason, price_id, cost_source, reported_dollars,
         input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens,
         audio_seconds, characters, images, other_quantities, pricing_assumptions, trace_id, session_id, outcome, payer
  FROM public.api_usage
  WHERE user_id = nullif(current_setting('usage.user_id', true), '')::uuid;

-- Made by internal/sums: own sums.
CREATE VIEW public.usage_own_day_user WITH (security_barrier) AS
  SELECT bucket, user_id, api_type, calls, unpriced_calls, tokens, usage_dollars
  FROM public.usage_day_user
  -- The nil UUID stands for calls without a user: those are nobody's own.
  WHERE user_id = nullif(nullif(current_setting('usage.user_id', true), ''), '00000000-0000-0000-0000-000000000000')::uuid;
-- End of what internal/sums made.

GRANT SELECT ON public.usage_own_calls, public.usage_own_day_user TO usage_own;
