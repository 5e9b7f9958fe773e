-- Says in the database what the columns of api_usage and of the views of
-- usage_report mean: psql shows it with \d+, and docs/columns.md is made of it. A
-- description under '*' is of every column of that name that has none of its own.
--
-- Runs in milliseconds: comments touch no rows.
COMMENT ON TABLE public.api_usage IS 'One row for each billable call';
COMMENT ON VIEW usage_report.account IS 'Users and what they are called';
COMMENT ON VIEW usage_report.bill_cause IS 'Why the bill of a day differs from its calls; the causes add up to bill_cost - row_cost';
COMMENT ON VIEW usage_report.bill_day IS 'Bill and calls of each UTC day, as usagectl bill explained them last';
COMMENT ON VIEW usage_report.bill_import IS 'Days of providers'' reports that were imported';
COMMENT ON VIEW usage_report.bill_row IS 'Rows of providers'' reports';
COMMENT ON VIEW usage_report.budget IS 'Budgets, as they were written into public.usage_budgets';
COMMENT ON VIEW usage_report.call IS 'Single calls, without session, metadata and what names their users';
COMMENT ON VIEW usage_report.day IS 'Sums of a UTC day by all names but the user';
COMMENT ON VIEW usage_report.day_type IS 'Sums of a UTC day by API type';
COMMENT ON VIEW usage_report.exchange_rate IS 'Dated exchange rates from usagectl rates import';
COMMENT ON VIEW usage_report.full_day IS 'UTC days on which more names came than have sums of their own: the others are (other) in every view of sums';
COMMENT ON VIEW usage_report.list_price IS 'List prices from usagectl prices publish';
COMMENT ON VIEW usage_report.one_call IS 'Each call in the form of the sums, for what no sum is kept of';
COMMENT ON VIEW usage_report.parked IS 'Records that the table refused and nobody dismissed, without their content';
COMMENT ON VIEW usage_report.quarter_hour IS 'Sums of a quarter hour by all names but the user: exact for the days of every time zone';
COMMENT ON VIEW usage_report.quarter_type IS 'Sums of a quarter hour by API type';
COMMENT ON VIEW usage_report.team_member IS 'Who belongs to which team, as it was written into public.usage_team_members';
COMMENT ON VIEW usage_report.trace_link IS 'The setting trace_url, where it is a link';
COMMENT ON VIEW usage_report.user_day IS 'Sums of a UTC day by user and API type';
COMMENT ON VIEW usage_report.user_half_month IS 'Sums of half a month of UTC (from the 1st and from the 16th) by user';

DO $$
DECLARE
  described record;
BEGIN
  FOR described IN
    WITH description (relation, name, says) AS (VALUES
      -- One call.
      ('*', 'id', 'key of the call: the same for each report of it'),
      ('*', 'timestamp', 'start of the call'),
      ('*', 'user_id', 'the user, see usage_report.account; NULL: not known'),
      ('api_usage', 'user_id', 'key of auth.users; NULL: no user is known, or the host application does not have it (then metadata ->> ''user'' names it)'),
      ('usage_report.user_day', 'user_id', 'the user; the nil UUID stands for calls without one'),
      ('usage_report.user_half_month', 'user_id', 'the user; the nil UUID stands for calls without one'),
      ('usage_report.budget', 'user_id', 'of the scope user'),
      ('usage_report.team_member', 'user_id', 'the member'),
      ('usage_report.account', 'user_id', 'key of auth.users'),
      ('*', 'api_type', 'text, speech, tts, transcription, embedding, image, video or rerank; a newer collector may know more'),
      ('*', 'provider', 'who bills, as OpenTelemetry''s gen_ai.provider.name; (none): not known'),
      ('api_usage', 'provider', 'who bills, as OpenTelemetry''s gen_ai.provider.name; empty: not known'),
      ('*', 'model', 'the model that answered; (none): not known, (other): on a day with too many names'),
      ('api_usage', 'model', 'the model that answered; NULL: not known'),
      ('*', 'service', 'service.name of the app; (none): not told, (other): on a day with too many names'),
      ('api_usage', 'service', 'service.name of the app; empty: not told'),
      ('usage_report.budget', 'service', 'service.name, of the scope service'),
      ('*', 'environment', 'deployment.environment.name of the app; (none): not told, (other): on a day with too many names'),
      ('api_usage', 'environment', 'deployment.environment.name of the app; empty: not told'),
      ('*', 'request_id', 'the provider''s response id, else trace and span id'),
      ('*', 'trace_id', 'of the span, 32 hexadecimal digits'),
      ('*', 'span_id', 'of the span, 16 hexadecimal digits'),
      ('*', 'session_id', 'conversation or session, as the app names it'),
      ('*', 'outcome', 'status of the span: ok, error or unset; NULL: none'),
      ('*', 'payer', 'who pays: api, plan (a subscription), credit or own (hardware); NULL: not known'),
      ('api_usage', 'folded', 'which of its names the sums call (other), because the day has too many: 1 provider, 2 model, 4 service, 8 environment, added up; NULL: none'),
      ('*', 'dialect', 'the convention by which the span was read'),
      ('*', 'metadata', 'what has no column of its own, such as dialect, sampled and unread'),
      ('*', 'created_at', 'when the row was written first'),
      ('*', 'written_xid', 'the transaction that wrote the row last: a mark for whoever follows the table, see docs/scale.md'),
      ('*', 'pricing_status', 'priced, estimated (a number is missing or doubtful), reported (the cost of the span) or unpriced (no cost is known)'),
      ('*', 'pricing_reason', 'why the call is not simply priced; docs/troubleshooting.md has the list'),
      ('*', 'pricing_assumptions', 'defaults that the price took because the call does not say; empty: everything is known, NULL: nobody said'),
      ('*', 'price_id', 'the row of the price book'),
      ('*', 'cost_source', 'whose number usage_dollars is'),
      ('*', 'reported_dollars', 'the cost that arrived with the span, in US dollars'),
      ('*', 'tokens_used', 'input and output together; NULL: not billed by tokens, or not known'),
      ('*', 'audio_seconds', 'length of audio that was billed, in seconds'),
      ('*', 'characters', 'characters of text that were billed'),
      ('*', 'images', 'images that were billed'),
      ('*', 'other_quantities', 'the rarer kinds by name, such as input_audio'),
      -- Quantities and sums.
      ('*', 'input_tokens', 'tokens in, with those of the cache'),
      ('*', 'output_tokens', 'tokens out, with those of reasoning'),
      ('*', 'cache_read_tokens', 'part of input_tokens that came from the cache'),
      ('*', 'cache_write_tokens', 'part of input_tokens that was written to the cache'),
      ('*', 'cache_write_5m_tokens', 'part of input_tokens that was written to the cache for 5 minutes, or for any time but an hour'),
      ('*', 'cache_write_1h_tokens', 'part of input_tokens that was written to the cache for an hour'),
      ('*', 'reasoning_tokens', 'part of output_tokens that was reasoning'),
      ('*', 'tokens', 'input and output together'),
      ('*', 'usage_dollars', 'exact cost in US dollars; unpriced calls have no part in it'),
      ('api_usage', 'usage_dollars', 'exact cost in US dollars; 0 where pricing_status is unpriced: then no cost is known'),
      ('usage_report.call', 'usage_dollars', 'exact cost in US dollars; 0 where pricing_status is unpriced: then no cost is known'),
      ('*', 'bucket', 'when the time that is summed up begins'),
      ('usage_report.one_call', 'bucket', 'start of the call'),
      ('*', 'calls', 'billable calls'),
      ('*', 'unpriced_calls', 'part of calls that no cost is known for'),
      ('*', 'estimated_calls', 'part of calls whose cost may differ from the bill'),
      ('*', 'reported_calls', 'part of calls whose cost is the one of the span'),
      ('*', 'assumed_calls', 'part of calls whose price took a default'),
      ('*', 'unpriced_tokens', 'part of tokens that no cost is known for'),
      ('*', 'estimated_dollars', 'part of usage_dollars that may differ from the bill'),
      ('*', 'assumed_dollars', 'part of usage_dollars whose price took a default'),
      ('*', 'api_dollars', 'part of usage_dollars that the API is paid with'),
      ('*', 'plan_dollars', 'part of usage_dollars that a subscription covers, at API prices'),
      ('*', 'credit_dollars', 'part of usage_dollars that credits cover'),
      ('*', 'own_dollars', 'part of usage_dollars that runs on hardware of one''s own, at API prices'),
      -- Everything else.
      ('usage_report.account', 'name', 'e-mail address, else the id that the app sends, else the UUID'),
      ('usage_report.budget', 'name', 'as alerts and boards show it'),
      ('*', 'scope', 'whose spending it limits: org, team, user or service'),
      ('*', 'team', 'name of the team'),
      ('*', 'period', 'day or month, begun at midnight of time_zone'),
      ('*', 'dollars', 'the limit for one period, in US dollars'),
      ('*', 'time_zone', 'IANA name; where the days and months begin'),
      ('*', 'currency', 'ISO 4217'),
      ('*', 'valid_from', 'from when it holds'),
      ('*', 'valid_until', 'until when it holds, excluded; NULL: it still holds'),
      ('*', 'rate', 'units of the currency for one US dollar'),
      ('*', 'source', 'where the rate is from'),
      ('*', 'kind', 'kind of quantity, such as input_text'),
      ('usage_report.full_day', 'kind', 'of which kind of name: provider, model, service or environment'),
      ('*', 'dollars_per_million', 'list price of a million units, in US dollars'),
      ('*', 'previous_dollars_per_million', 'the list price before; NULL: there was none'),
      ('usage_report.full_day', 'day', 'start of the UTC day'),
      ('*', 'names', 'how many names had sums of their own when the next one came'),
      ('*', 'closed_at', 'when that was'),
      ('*', 'parked_at', 'when it was refused'),
      ('*', 'sqlstate', 'PostgreSQL''s code of the error; empty: we refused it before'),
      ('*', 'constraint_name', 'the constraint that refused it'),
      ('*', 'column_name', 'the column that refused it'),
      ('usage_report.parked', 'reason', 'why, in words'),
      ('*', 'url', 'address of a trace, with {trace_id} and {span_id} in the place of the ids'),
      -- The provider's bill.
      ('*', 'account', 'organization or billing account, as who imported it names it'),
      ('*', 'report', 'which report of the provider'),
      ('*', 'day', 'UTC day'),
      ('*', 'bill_cost', 'what the provider charges'),
      ('*', 'row_cost', 'what the calls cost'),
      ('*', 'unexplained', 'part of the difference that no cause explains'),
      ('*', 'explained_at', 'when usagectl bill explained the day last'),
      ('*', 'covered_until', 'the report says nothing of later calls; the end of the day when it is final'),
      ('*', 'incomplete', 'whether the report lists no more groups than its limit, without the rest'),
      ('*', 'imported_at', 'when it was imported last'),
      ('*', 'cause', 'word for the cause; docs/bill.md has the list'),
      ('*', 'cost', 'in units of the currency; NULL: a row of quantities alone'),
      ('usage_report.bill_cause', 'cost', 'part of the difference, in units of the currency'),
      ('*', 'quantity', 'how much of the unit the cause is about'),
      ('*', 'unit', 'what the quantity counts'),
      ('usage_report.bill_cause', 'reason', 'pricing_reason of the calls it is about; (none): no one reason'),
      ('usage_report.bill_cause', 'model', 'the model it is about; (none): no one model'),
      ('usage_report.bill_row', 'model', 'as the report writes it; (none): not told'),
      ('*', 'details', 'what else is known of the cause'),
      ('*', 'category', 'what no call is charged by, such as storage or seats; (calls): calls'),
      ('*', 'cost_kind', 'kind of quantity that the cost is for; (none): not told'),
      ('*', 'tier', 'service tier; (none): not told'),
      ('*', 'project', 'project, workspace or sub-account; (none): not told'),
      ('*', 'api_key', 'name or id of the key; (none): not told'),
      ('*', 'item', 'the line of the bill, as the report writes it; (none): not told'),
      ('*', 'requests', 'requests that the report counts; NULL: it counts none'),
      ('*', 'kinds', 'kinds of the quantities, in their order'),
      ('*', 'quantities', 'quantities that the report counts')
    ), relation_column AS (
      SELECT c.oid::regclass AS relation, a.attname AS name,
             CASE WHEN n.nspname = 'public' THEN c.relname ELSE n.nspname || '.' || c.relname END AS relation_name
      FROM pg_catalog.pg_class AS c
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
      JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      WHERE (n.nspname = 'usage_report' AND c.relkind = 'v') OR (n.nspname = 'public' AND c.relname = 'api_usage')
    )
    SELECT DISTINCT ON (r.relation, r.name) r.relation, r.name, d.says
    FROM relation_column AS r
    JOIN description AS d ON d.name = r.name AND d.relation IN (r.relation_name, '*')
    ORDER BY r.relation, r.name, d.relation = '*'
  LOOP
    EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', described.relation, described.name, described.says);
  END LOOP;
END $$;
