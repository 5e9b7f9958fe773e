-- An agent's span that alone reports usage is stored as the sum of calls that nobody
-- reports (metadata "missing" has "calls"). When one of its calls is stored after all, by
-- this collector or another one, the sum is withdrawn: it would be counted beside them.
-- The writer may delete nothing; this function deletes such a sum, and only together with
-- the proof, a call of the same trace, service and environment. It leaves what it deleted
-- in the audit.
--
-- The index holds estimated rows of one reason only: milliseconds on an empty table, about
-- a minute for 100 million calls.

-- Serves: the sums of a trace.
CREATE INDEX api_usage_sum ON public.api_usage (trace_id) WHERE pricing_reason = 'calls_not_reported' AND trace_id IS NOT NULL;

CREATE FUNCTION public.usage_withdraw_sums(sum_ids uuid[], sum_times timestamptz[], call_ids uuid[], call_times timestamptz[]) RETURNS bigint
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  WITH gone AS (
    DELETE FROM public.api_usage AS s
    USING unnest(sum_ids, sum_times, call_ids, call_times) AS g (sum_id, sum_at, call_id, call_at), public.api_usage AS c
    WHERE s.id = g.sum_id AND s.timestamp = g.sum_at AND c.id = g.call_id AND c.timestamp = g.call_at
      AND s.trace_id = c.trace_id AND s.service = c.service AND s.environment = c.environment
      AND 'calls' = ANY (string_to_array(s.metadata ->> 'missing', '+'))
      AND 'calls' <> ALL (coalesce(string_to_array(c.metadata ->> 'missing', '+'), '{}'))
    RETURNING s.id, s.usage_dollars, s.input_tokens, s.output_tokens
  ), noted AS (
    INSERT INTO public.usage_correction (call_id, kind, old)
    SELECT id, 'sum', jsonb_strip_nulls(jsonb_build_object('usage_dollars', usage_dollars, 'input_tokens', input_tokens, 'output_tokens', output_tokens))
    FROM gone
    RETURNING 1
  )
  SELECT count(*) FROM noted
$$;
REVOKE ALL ON FUNCTION public.usage_withdraw_sums(uuid[], timestamptz[], uuid[], timestamptz[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.usage_withdraw_sums(uuid[], timestamptz[], uuid[], timestamptz[]) TO usage_writer;
