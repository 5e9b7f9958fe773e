-- sum() keeps a sum that is under way in memory of its own, which takes longer to make and to
-- read than the few rows of a user take to add. usage_add() adds value by value. Its results
-- are those of sum(), of bigint too, where it fails beyond the range as a cast to bigint would.
-- For many rows of one group sum() is the faster one.
--
-- Runs in milliseconds: no row is read or written.
CREATE AGGREGATE public.usage_add (bigint) (SFUNC = int8pl, STYPE = bigint, COMBINEFUNC = int8pl, PARALLEL = SAFE);
CREATE AGGREGATE public.usage_add (numeric) (SFUNC = numeric_add, STYPE = numeric, COMBINEFUNC = numeric_add, PARALLEL = SAFE);
GRANT EXECUTE ON FUNCTION public.usage_add(bigint), public.usage_add(numeric) TO usage_reader;
