-- The calls stay as they were corrected; what they were before would be lost.
DO $$
BEGIN
  IF EXISTS (SELECT FROM public.usage_correction) THEN
    RAISE EXCEPTION 'public.usage_correction holds the audit of corrections; save it, and delete its rows if it may go'
      USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;
END $$;
DROP TRIGGER api_usage_guard_correction ON public.api_usage;
DROP FUNCTION public.usage_guard_correction();
REVOKE UPDATE ON public.api_usage FROM usage_writer;
DROP INDEX public.api_usage_without_user;
DROP TABLE public.usage_trace_user;
DROP TABLE public.usage_correction;
