-- Removes plans and seats, and what they filled into the calls: the payer that a plan had
-- filled in is taken back first, so that what remains is what the calls tell. Refused while
-- there are plans. Who means it says so in the same session: SET usage.allow_data_loss = on.
DO $$
BEGIN
  IF current_setting('usage.allow_data_loss', true) IS DISTINCT FROM 'on'
    AND (EXISTS (SELECT FROM public.usage_plans) OR EXISTS (SELECT FROM public.usage_plan_seats) OR EXISTS (SELECT FROM public.usage_plan_change)) THEN
    RAISE EXCEPTION 'public.usage_plans, public.usage_plan_seats or public.usage_plan_change holds rows; dropping them would lose who has which seat'
      USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Make a backup, then allow it for this session: SET usage.allow_data_loss = on';
  END IF;
END $$;

UPDATE public.api_usage SET payer = NULL WHERE payer_plan IS NOT NULL AND payer_filled;

REVOKE INSERT (call_id, kind, old, new) ON public.usage_correction FROM usage_pricer;
REVOKE UPDATE (payer) ON public.api_usage FROM usage_pricer;
DROP VIEW public.usage_own_plan;
DROP FUNCTION public.usage_own_plan_user(date, date, text);
DROP FUNCTION usage_report.plan_user(date, date, text, uuid);
DROP FUNCTION usage_report.plan_use(timestamptz, timestamptz, uuid);
DROP FUNCTION usage_report.plan_cost(date, date, uuid);
DROP VIEW usage_report.plan_seat, usage_report.plan;
DROP TABLE public.usage_plan_run, public.usage_plan_change, public.usage_plan_seats, public.usage_plans;
DROP FUNCTION public.usage_audit_plan();

DROP VIEW public.usage_own_calls;
DROP INDEX public.api_usage_by_plan;
ALTER TABLE public.api_usage DROP COLUMN payer_plan, DROP COLUMN payer_filled;
CREATE VIEW public.usage_own_calls WITH (security_barrier) AS
  SELECT id, user_id, timestamp, usage_dollars, api_type, model, tokens_used, request_id, metadata, created_at,
         provider, service, environment, pricing_status, pricing_reason, price_id, cost_source, reported_dollars,
         input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens,
         audio_seconds, characters, images, other_quantities, pricing_assumptions, trace_id, session_id, outcome, payer
  FROM public.api_usage
  WHERE user_id = nullif(current_setting('usage.user_id', true), '')::uuid;
GRANT SELECT ON public.usage_own_calls TO usage_own;
