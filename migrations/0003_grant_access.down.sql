-- Takes the rights away again. The roles themselves stay: they belong to the
-- cluster, and another database of it may use them.
DROP VIEW public.usage_own_day_user, public.usage_own_calls;

REVOKE ALL ON public.api_usage, public.usage_dead_letter, public.usage_user, public.usage_setting, public.usage_name_limit, public.usage_name, public.usage_name_day FROM usage_writer, usage_reader, usage_own;
-- Made by internal/sums: reader sees no sums.
REVOKE ALL ON public.usage_day_user, public.usage_half_month_user, public.usage_quarter_hour,
  public.usage_day, public.usage_half_month, public.usage_quarter_type,
  public.usage_day_type
  FROM usage_writer, usage_reader;
-- End of what internal/sums made.
REVOKE ALL ON FUNCTION public.usage_fold_names(timestamptz[], text[], text[], text[], text[]) FROM usage_writer;
REVOKE ALL ON auth.users FROM usage_writer;
REVOKE USAGE ON SCHEMA auth FROM usage_writer;
REVOKE USAGE ON SCHEMA public FROM usage_writer, usage_reader, usage_own;
