-- Removes the outbox. Refused while it holds events: without it nobody knows what
-- the engines were sent, and the next run would charge all of it again. Who means
-- it says so in the same session: SET usage.allow_data_loss = on. The role
-- usage_meterer stays: it belongs to the cluster.
DO $$
BEGIN
  IF current_setting('usage.allow_data_loss', true) IS DISTINCT FROM 'on' AND EXISTS (SELECT FROM public.usage_meter_event) THEN
    RAISE EXCEPTION 'public.usage_meter_event holds rows; dropping it would lose what customers were charged'
      USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Make a backup, then allow it for this session: SET usage.allow_data_loss = on';
  END IF;
END $$;

DROP VIEW usage_report.metering, public.usage_metered_call;
DROP TABLE public.usage_meter_held, public.usage_meter_event, public.usage_meter;
REVOKE SELECT (call_id, kind, corrected_at) ON public.usage_correction FROM usage_meterer;
REVOKE SELECT ON public.usage_team_members FROM usage_meterer;
REVOKE SELECT (id, external_id) ON public.usage_user FROM usage_meterer;
REVOKE USAGE ON SCHEMA public FROM usage_meterer;
