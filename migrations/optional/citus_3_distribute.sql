
-- 2 to 4 shards for each worker: every batch goes to all of them.
SELECT create_distributed_table('public.api_usage', 'id', shard_count := coalesce(nullif(current_setting('usage.shards', true), '')::integer, 8));
SET LOCAL citus.enable_ddl_propagation TO off;
