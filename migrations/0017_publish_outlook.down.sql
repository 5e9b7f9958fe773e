-- Removes published forecasts and advice, which can be computed again, and what was
-- dismissed. The latter is refused while there is any. Who means it says so in the same
-- session: SET usage.allow_data_loss = on.
DO $$
BEGIN
  IF current_setting('usage.allow_data_loss', true) IS DISTINCT FROM 'on' AND EXISTS (SELECT FROM public.usage_advice_dismissal) THEN
    RAISE EXCEPTION 'public.usage_advice_dismissal holds rows; dropping it would lose what advice was dismissed, and why'
      USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Make a backup, then allow it for this session: SET usage.allow_data_loss = on';
  END IF;
END $$;

DROP VIEW usage_report.forecast, usage_report.advice;
DROP TABLE public.usage_outlook, public.usage_advice_dismissal;
