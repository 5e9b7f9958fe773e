-- Keeps the rollups exact under any writer: COPY, INSERT, UPDATE, DELETE, the
-- cascade of a deleted user, aborted transactions and savepoints.
--
-- Statement triggers with transition tables cost 3 to 8 µs a row in batches of
-- 2,000; row triggers would cost one upsert for each row and rollup.
--
-- An engine without such triggers leaves this file out: the exporter sees that
-- public.api_usage has no trigger api_usage_fold_insert and folds the sums in
-- its insert statement instead.
--
-- The order of the tables and of the keys inside each is the same in every
-- session, so that two writers meet on their first common row and never in a
-- circle. PostgreSQL executes the last INSERT of the statement first and the
-- others from the last to the first: the most contended table comes last.
DO $do$
DECLARE
  -- The three functions differ in their source of rows, {rows}, and in the sign
  -- of a row: 1 for one that appeared, -1 for one that went. An insert has no
  -- sign at all, because it is the one that happens thousands of times a second.
  body text := $body$
    WITH per_user AS MATERIALIZED (
      SELECT date_bin('1 day', timestamp, '2000-01-01 00:00:00Z') AS bucket,
             coalesce(user_id, '00000000-0000-0000-0000-000000000000') AS user_id,
             api_type,
             {calls} AS calls,
             coalesce({calls} FILTER (WHERE pricing_status = 'unpriced'), 0) AS unpriced_calls,
             coalesce(sum({sign}tokens_used), 0) AS tokens,
             sum({sign}usage_dollars) AS usage_dollars
      FROM {rows}
      GROUP BY 1, 2, 3
    ), per_key AS MATERIALIZED (
      SELECT date_bin('15 minutes', timestamp, '2000-01-01 00:00:00Z') AS bucket,
             api_type, provider, coalesce(model, '') AS model, service, environment,
             {calls} AS calls,
             coalesce({calls} FILTER (WHERE pricing_status = 'unpriced'), 0) AS unpriced_calls,
             coalesce({calls} FILTER (WHERE pricing_status = 'estimated'), 0) AS estimated_calls,
             coalesce(sum({sign}tokens_used), 0) AS tokens,
             coalesce(sum({sign}tokens_used) FILTER (WHERE pricing_status = 'unpriced'), 0) AS unpriced_tokens,
             coalesce(sum({sign}input_tokens), 0) AS input_tokens,
             coalesce(sum({sign}output_tokens), 0) AS output_tokens,
             coalesce(sum({sign}cache_read_tokens), 0) AS cache_read_tokens,
             coalesce(sum({sign}(coalesce(cache_write_5m_tokens, 0) + coalesce(cache_write_1h_tokens, 0))), 0) AS cache_write_tokens,
             coalesce(sum({sign}reasoning_tokens), 0) AS reasoning_tokens,
             sum({sign}usage_dollars) AS usage_dollars
      FROM {rows}
      GROUP BY 1, 2, 3, 4, 5, 6
    ), per_day AS MATERIALIZED (
      SELECT date_bin('1 day', bucket, '2000-01-01 00:00:00Z') AS bucket, {keys}, {sums}
      FROM per_key
      GROUP BY 1, 2, 3, 4, 5, 6
    ), day_type AS (
      INSERT INTO public.usage_day_type AS r (bucket, api_type, {type_measures})
      SELECT bucket, api_type, {type_sums}
      FROM per_day
      GROUP BY 1, 2
      ORDER BY 1, 2
      ON CONFLICT (bucket, api_type) DO UPDATE SET {type_add}
    ), quarter_type AS (
      INSERT INTO public.usage_quarter_type AS r (bucket, api_type, {type_measures})
      SELECT bucket, api_type, {type_sums}
      FROM per_key
      GROUP BY 1, 2
      ORDER BY 1, 2
      ON CONFLICT (bucket, api_type) DO UPDATE SET {type_add}
    ), half_month AS (
      INSERT INTO public.usage_half_month AS r (bucket, {keys}, {measures})
      SELECT {half_month}, {keys}, {sums}
      FROM per_day
      GROUP BY 1, 2, 3, 4, 5, 6
      ORDER BY 1, 2, 3, 4, 5, 6
      ON CONFLICT (bucket, {keys}) DO UPDATE SET {add}
    ), day AS (
      INSERT INTO public.usage_day AS r (bucket, {keys}, {measures})
      SELECT bucket, {keys}, {measures}
      FROM per_day
      ORDER BY 1, 2, 3, 4, 5, 6
      ON CONFLICT (bucket, {keys}) DO UPDATE SET {add}
    ), quarter_hour AS (
      INSERT INTO public.usage_quarter_hour AS r (bucket, {keys}, {measures})
      SELECT bucket, {keys}, {measures}
      FROM per_key
      ORDER BY 1, 2, 3, 4, 5, 6
      ON CONFLICT (bucket, {keys}) DO UPDATE SET {add}
    ), half_month_user AS (
      INSERT INTO public.usage_half_month_user AS r (bucket, user_id, {user_measures})
      SELECT {half_month}, user_id, {user_sums}
      FROM per_user
      GROUP BY 1, 2
      ORDER BY 1, 2
      ON CONFLICT (bucket, user_id) DO UPDATE SET {user_add}
    )
    INSERT INTO public.usage_day_user AS r (bucket, user_id, api_type, {user_measures})
    SELECT bucket, user_id, api_type, {user_measures}
    FROM per_user
    ORDER BY 1, 2, 3
    ON CONFLICT (bucket, user_id, api_type) DO UPDATE SET {user_add};

    RETURN NULL;
  $body$;
  r record;
  f record;
BEGIN
  FOR r IN SELECT * FROM (VALUES
    ('user_', ARRAY['calls', 'unpriced_calls', 'tokens', 'usage_dollars']),
    ('type_', ARRAY['calls', 'unpriced_calls', 'estimated_calls', 'tokens', 'unpriced_tokens', 'usage_dollars']),
    ('', ARRAY['calls', 'unpriced_calls', 'estimated_calls', 'tokens', 'unpriced_tokens', 'input_tokens', 'output_tokens',
               'cache_read_tokens', 'cache_write_tokens', 'reasoning_tokens', 'usage_dollars'])
  ) AS v (kind, measures) LOOP
    body := replace(body, '{' || r.kind || 'measures}', array_to_string(r.measures, ', '));
    body := replace(body, '{' || r.kind || 'sums}', (SELECT string_agg(format('sum(%1$s) AS %1$s', m), ', ') FROM unnest(r.measures) AS m));
    body := replace(body, '{' || r.kind || 'add}', (SELECT string_agg(format('%1$s = r.%1$s + EXCLUDED.%1$s', m), ', ') FROM unnest(r.measures) AS m));
  END LOOP;
  body := replace(body, '{keys}', 'api_type, provider, model, service, environment');
  body := replace(body, '{half_month}',
    $$date_trunc('month', bucket, 'UTC') + interval '360 hours' * (extract(day FROM bucket AT TIME ZONE 'UTC') > 15)::integer$$);

  FOR f IN SELECT * FROM (VALUES
    ('usage_fold_insert', 'n', 'count(*)', '', ''),
    ('usage_fold_update', '(SELECT -1 AS sign, o.* FROM o UNION ALL SELECT 1, n.* FROM n) AS rows', 'sum(sign)', 'sign * ', ''),
    ('usage_fold_delete', '(SELECT -1 AS sign, o.* FROM o) AS rows', 'sum(sign)', 'sign * ',
     -- Retention removes calls and keeps their sums; the setting is local to its transaction.
     $$IF current_setting('usage.keep_rollup', true) = 'on' THEN RETURN NULL; END IF;$$)
  ) AS v (name, rows, calls, sign, guard) LOOP
    EXECUTE format('CREATE FUNCTION public.%I() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS %L',
      f.name, 'BEGIN ' || f.guard || replace(replace(replace(body, '{rows}', f.rows), '{calls}', f.calls), '{sign}', f.sign) || 'END');
    -- Trigger functions need no EXECUTE right to fire; nobody calls them directly.
    EXECUTE format('REVOKE ALL ON FUNCTION public.%I() FROM PUBLIC', f.name);
  END LOOP;
END $do$;

CREATE FUNCTION public.usage_refuse_truncate() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RAISE EXCEPTION 'TRUNCATE of %.% is refused: it would leave the rollups as they are', TG_TABLE_SCHEMA, TG_TABLE_NAME
    USING ERRCODE = 'feature_not_supported',
          HINT = 'DELETE keeps the rollups in step; usagectl retention removes old calls and keeps their sums.';
END $$;
REVOKE ALL ON FUNCTION public.usage_refuse_truncate() FROM PUBLIC;

CREATE TRIGGER api_usage_fold_insert AFTER INSERT ON public.api_usage
  REFERENCING NEW TABLE AS n
  FOR EACH STATEMENT EXECUTE FUNCTION public.usage_fold_insert();
CREATE TRIGGER api_usage_fold_update AFTER UPDATE ON public.api_usage
  REFERENCING OLD TABLE AS o NEW TABLE AS n
  FOR EACH STATEMENT EXECUTE FUNCTION public.usage_fold_update();
CREATE TRIGGER api_usage_fold_delete AFTER DELETE ON public.api_usage
  REFERENCING OLD TABLE AS o
  FOR EACH STATEMENT EXECUTE FUNCTION public.usage_fold_delete();
CREATE TRIGGER api_usage_refuse_truncate BEFORE TRUNCATE ON public.api_usage
  FOR EACH STATEMENT EXECUTE FUNCTION public.usage_refuse_truncate();
