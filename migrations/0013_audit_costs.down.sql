-- Removes the audit of money. Refused while it holds rows. Who means it says so in
-- the same session: SET usage.allow_data_loss = on.
DO $$
BEGIN
  IF current_setting('usage.allow_data_loss', true) IS DISTINCT FROM 'on'
    AND (EXISTS (SELECT FROM public.usage_cost_change) OR EXISTS (SELECT FROM public.usage_exchange_rate_change)) THEN
    RAISE EXCEPTION 'public.usage_cost_change or public.usage_exchange_rate_change holds rows; dropping them would lose who changed which cost or rate'
      USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Make a backup, then allow it for this session: SET usage.allow_data_loss = on';
  END IF;
END $$;

DROP TRIGGER usage_exchange_rates_audit ON public.usage_exchange_rates;
DROP FUNCTION public.usage_audit_exchange_rate();
DROP TABLE public.usage_exchange_rate_change;
DROP TRIGGER IF EXISTS api_usage_audit_cost ON public.api_usage;
DROP FUNCTION public.usage_audit_cost();
DROP TABLE public.usage_cost_change;
