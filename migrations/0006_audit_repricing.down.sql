-- Removes the audit of repricing. Refused while it holds rows. Who means it
-- says so in the same session: SET usage.allow_data_loss = on. The role
-- usage_pricer stays: it belongs to the cluster.
DO $$
BEGIN
  IF current_setting('usage.allow_data_loss', true) IS DISTINCT FROM 'on' AND EXISTS (SELECT FROM public.usage_reprice_run) THEN
    RAISE EXCEPTION 'public.usage_reprice_run holds rows; dropping it would lose who changed which cost'
      USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Make a backup, then allow it for this session: SET usage.allow_data_loss = on';
  END IF;
END $$;

DROP TABLE public.usage_reprice_change, public.usage_reprice_run;
REVOKE UPDATE (usage_dollars, pricing_status, pricing_reason, price_id, cost_source) ON public.api_usage FROM usage_pricer;
REVOKE ALL ON public.api_usage, public.usage_setting FROM usage_pricer;
-- Made by internal/sums: pricer sees no sums.
REVOKE ALL ON public.usage_day_user, public.usage_half_month_user, public.usage_quarter_hour,
  public.usage_day, public.usage_half_month, public.usage_quarter_type,
  public.usage_day_type
  FROM usage_pricer;
-- End of what internal/sums made.
REVOKE USAGE ON SCHEMA public FROM usage_pricer;
