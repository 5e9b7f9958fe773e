-- What goes was made of the calls: answers are then read from these. Refused where retention
-- has removed such calls, because nothing else has their sessions. Who means it says so in the
-- same session: SET usage.allow_data_loss = on.
DO $$
BEGIN
  IF current_setting('usage.allow_data_loss', true) IS DISTINCT FROM 'on'
    AND EXISTS (SELECT FROM public.usage_session_kept
      WHERE bucket < (SELECT max(value)::timestamptz FROM public.usage_setting WHERE name = 'retained_from')) THEN
    RAISE EXCEPTION 'public.usage_session_kept holds sums of calls that retention has removed; dropping it would lose what each session cost then'
      USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Make a backup, then allow it for this session: SET usage.allow_data_loss = on';
  END IF;
END $$;

DROP FUNCTION public.usage_keep_sessions(integer);
DROP FUNCTION public.usage_keep_session_day(timestamptz);
DROP VIEW public.usage_own_session_kept;
DROP VIEW public.usage_session_days;
DROP FUNCTION public.usage_session_version(timestamptz);
DROP TABLE public.usage_session_day;
DROP TABLE public.usage_session_kept;
