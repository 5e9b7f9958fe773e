-- The days of a user in a time zone other than UTC are read from the calls between the two
-- midnights. The index on user and time has their cost, but not whether it is known: for
-- that the calls themselves were read, which took five times as long.
--
-- The index holds calls without a price only: milliseconds on an empty table, about a minute
-- for 100 million calls. A writer pays for such calls.

-- Serves: the calls of a user without a price.
CREATE INDEX api_usage_unpriced ON public.api_usage (user_id, timestamp) WHERE pricing_status = 'unpriced';
