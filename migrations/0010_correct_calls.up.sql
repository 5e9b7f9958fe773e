-- What happens to a call after it is stored: a later report with more counts
-- corrects it, a user that is learned late is attributed to it, and another call
-- that came under its id becomes a row of its own. Each leaves a line here, in the
-- same transaction.
--
-- Runs in milliseconds on an empty table; the index takes about a minute for
-- 100 million calls without a user.

CREATE TABLE public.usage_correction (
  id           bigint      GENERATED ALWAYS AS IDENTITY,
  call_id      uuid        NOT NULL,                    -- public.api_usage.id; no reference: the call may be gone
  corrected_at timestamptz NOT NULL DEFAULT now(),
  kind         text        NOT NULL,                    -- counts, user or id_reused
  -- kind counts: cost and quantities before and after; of the others nothing.
  old          jsonb       NULL,
  new          jsonb       NULL,
  CONSTRAINT usage_correction_pkey PRIMARY KEY (id),
  CONSTRAINT usage_correction_kind_known CHECK (octet_length(kind) BETWEEN 1 AND 32)
);
-- Serves: a call is noted once as one that got a row of its own.
CREATE UNIQUE INDEX usage_correction_reused ON public.usage_correction (call_id) WHERE kind = 'id_reused';
-- Serves: what was corrected lately (usagectl doctor).
CREATE INDEX usage_correction_time_brin ON public.usage_correction USING brin (corrected_at);

-- Users that a span named which ended after the calls of its trace. Kept for a day
-- for calls that come later still; the exporter deletes older ones.
CREATE TABLE public.usage_trace_user (
  trace_id text        NOT NULL,
  service  text        NOT NULL,
  user_id  uuid        NOT NULL,
  external_id text     NULL,                            -- the text that user_id was made from, where that was not a UUID
  named_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT usage_trace_user_pkey PRIMARY KEY (trace_id, service),
  CONSTRAINT usage_trace_user_text_length CHECK (octet_length(trace_id) = 32 AND octet_length(service) <= 256 AND octet_length(external_id) <= 256)
) WITH (autovacuum_vacuum_scale_factor = 0.02);
-- Serves: deleting what is older than a day.
CREATE INDEX usage_trace_user_time_brin ON public.usage_trace_user USING brin (named_at) WITH (pages_per_range = 32);

-- Serves: the calls of a trace that have no user yet. Calls with a user are not in it.
CREATE INDEX api_usage_without_user ON public.api_usage (trace_id) WHERE user_id IS NULL AND trace_id IS NOT NULL;

-- The writer may change what a correction changes, and may not delete a call,
-- move it in time or to another service, or change this audit. Of who is a writer
-- and neither owner nor pricer, the trigger takes corrections only: a user where
-- there was none, and more of something and less of nothing. Whatever else is an
-- error of the row, so that it is parked and the others go in. Citus takes no
-- triggers; there the writer is trusted with these columns.
CREATE FUNCTION public.usage_guard_correction() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  smaller boolean := coalesce(NEW.input_tokens, 0) < coalesce(OLD.input_tokens, 0) OR coalesce(NEW.output_tokens, 0) < coalesce(OLD.output_tokens, 0)
    OR coalesce(NEW.audio_seconds, 0) < coalesce(OLD.audio_seconds, 0) OR coalesce(NEW.characters, 0) < coalesce(OLD.characters, 0)
    OR coalesce(NEW.images, 0) < coalesce(OLD.images, 0);
  larger boolean := coalesce(NEW.input_tokens, 0) > coalesce(OLD.input_tokens, 0) OR coalesce(NEW.output_tokens, 0) > coalesce(OLD.output_tokens, 0)
    OR coalesce(NEW.audio_seconds, 0) > coalesce(OLD.audio_seconds, 0) OR coalesce(NEW.characters, 0) > coalesce(OLD.characters, 0)
    OR coalesce(NEW.images, 0) > coalesce(OLD.images, 0) OR NEW.other_quantities IS DISTINCT FROM OLD.other_quantities;
BEGIN
  IF pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'MEMBER') OR pg_has_role(current_user, 'usage_pricer', 'MEMBER') THEN
    RETURN NEW;
  END IF;
  IF smaller OR (OLD.user_id IS NOT NULL AND NEW.user_id IS DISTINCT FROM OLD.user_id)
    -- The text that the user was made from comes with the user.
    OR NOT (larger OR to_jsonb(NEW) - 'user_id' - 'written_xid' #- '{metadata,user}' = to_jsonb(OLD) - 'user_id' - 'written_xid' #- '{metadata,user}'
      AND (NOT OLD.metadata ? 'user' OR NEW.metadata -> 'user' = OLD.metadata -> 'user')) THEN
    RAISE EXCEPTION 'the call % can be corrected by larger counts and by a user where there is none, and not otherwise', OLD.id
      USING ERRCODE = 'check_violation', CONSTRAINT = TG_NAME, TABLE = TG_TABLE_NAME, SCHEMA = TG_TABLE_SCHEMA;
  END IF;
  RETURN NEW;
END $$;
REVOKE ALL ON FUNCTION public.usage_guard_correction() FROM PUBLIC;
CREATE TRIGGER api_usage_guard_correction BEFORE UPDATE ON public.api_usage
  FOR EACH ROW EXECUTE FUNCTION public.usage_guard_correction();

GRANT UPDATE (user_id, usage_dollars, model, tokens_used, request_id, metadata, provider, pricing_status, pricing_reason, price_id, cost_source,
  reported_dollars, input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens, audio_seconds,
  characters, images, other_quantities, pricing_assumptions, session_id, outcome, payer, folded, written_xid) ON public.api_usage TO usage_writer;
GRANT INSERT (call_id, kind, old, new), SELECT (call_id, kind) ON public.usage_correction TO usage_writer;
GRANT SELECT ON public.usage_correction TO usage_reader;
GRANT SELECT, INSERT, DELETE ON public.usage_trace_user TO usage_writer;
-- Which services have calls.
GRANT SELECT (service, calls) ON public.usage_half_month TO usage_writer;
