-- Removes the exchange rates. Refused while somebody has filled them in. Who
-- means it says so in the same session: SET usage.allow_data_loss = on.
DO $$
BEGIN
  IF current_setting('usage.allow_data_loss', true) IS DISTINCT FROM 'on' AND EXISTS (SELECT FROM public.usage_exchange_rates) THEN
    RAISE EXCEPTION 'public.usage_exchange_rates holds rows; dropping it would lose what people entered'
      USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Make a backup, then allow it for this session: SET usage.allow_data_loss = on';
  END IF;
END $$;

DROP FUNCTION usage_report.spend_in(text, date, date), usage_report.rate_on(text, date);
DROP VIEW usage_report.exchange_rate;
DROP TABLE public.usage_exchange_rates;
