-- Removes the tables. Refused while they hold calls: recorded usage is money
-- data, and going one migration back must not be the command that deletes it.
-- Who means it says so in the same session: SET usage.allow_data_loss = on.
DO $$
BEGIN
  IF current_setting('usage.allow_data_loss', true) IS DISTINCT FROM 'on'
     AND (EXISTS (SELECT FROM public.api_usage) OR EXISTS (SELECT FROM public.usage_day WHERE calls <> 0) OR EXISTS (SELECT FROM public.usage_dead_letter)) THEN
    RAISE EXCEPTION 'public.api_usage, its rollups or public.usage_dead_letter hold data; dropping the tables would lose it'
      USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Make a backup, then allow it for this session: SET usage.allow_data_loss = on';
  END IF;
END $$;

DROP VIEW public.usage_user;
-- Made by internal/sums: drop tables of sums.
DROP TABLE public.usage_day_type, public.usage_quarter_type, public.usage_half_month,
  public.usage_day, public.usage_quarter_hour, public.usage_half_month_user,
  public.usage_day_user;
-- End of what internal/sums made.
DROP TABLE public.usage_name_day, public.usage_name, public.usage_name_limit;
DROP TABLE public.usage_dead_letter, public.api_usage;
DROP FUNCTION public.usage_mark_written();

-- What optional/partition_by_month.sql adds.
DROP TABLE IF EXISTS public.api_usage_id;
DROP FUNCTION IF EXISTS public.usage_claim_insert(), public.usage_claim_update(), public.usage_claim_delete(),
  public.usage_add_months(integer), public.usage_close_table(regclass);

-- Only what is ours: a host application's users stay.
DO $$
BEGIN
  IF (SELECT value FROM public.usage_setting WHERE name = 'users_managed') = 'true' THEN
    DROP TABLE auth.users;
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_class WHERE relnamespace = 'auth'::regnamespace)
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_proc WHERE pronamespace = 'auth'::regnamespace) THEN
      DROP SCHEMA auth;
    END IF;
  END IF;
END $$;

DROP TABLE public.usage_setting;
