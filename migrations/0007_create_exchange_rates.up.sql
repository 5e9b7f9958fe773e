-- Exchange rates, to see costs in another currency. Dollars are what is stored
-- and what every sum is made of; a rate only changes what is shown.
--
-- Runs in milliseconds: it touches no existing data.

-- How many units of a currency one US dollar buys, from a day (UTC) until the
-- next row of the same currency.
CREATE TABLE public.usage_exchange_rates (
  currency   text           NOT NULL,              -- ISO 4217, such as EUR
  valid_from date           NOT NULL,
  rate       numeric(24,12) NOT NULL,
  source     text           NOT NULL,              -- who says so
  created_at timestamptz    NOT NULL DEFAULT now(),
  CONSTRAINT usage_exchange_rates_pkey PRIMARY KEY (currency, valid_from),
  CONSTRAINT usage_exchange_rates_currency_is_iso CHECK (currency ~ '^[A-Z]{3}$' AND currency <> 'USD'),
  CONSTRAINT usage_exchange_rates_rate_positive CHECK (rate > 0 AND rate < 'NaN'),
  CONSTRAINT usage_exchange_rates_source_length CHECK (octet_length(source) BETWEEN 1 AND 256)
);

-- Rates are no secret: whoever sees their own costs only may see them in another
-- currency too.
GRANT SELECT ON public.usage_exchange_rates TO usage_reader, usage_own, usage_pricer;
GRANT INSERT (currency, valid_from, rate, source), UPDATE (rate, source) ON public.usage_exchange_rates TO usage_pricer;

CREATE VIEW usage_report.exchange_rate AS
  SELECT currency,
         valid_from,
         lead(valid_from) OVER (PARTITION BY currency ORDER BY valid_from) AS valid_until,
         rate,
         source
  FROM public.usage_exchange_rates;

-- The rate of a day. A rate that is missing is an error and never 1: a sum in
-- two currencies is no sum.
CREATE FUNCTION usage_report.rate_on(currency text, day date) RETURNS numeric
  LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  found_rate numeric;
BEGIN
  IF currency = 'USD' THEN
    RETURN 1;
  END IF;
  SELECT r.rate INTO found_rate
  FROM usage_report.exchange_rate AS r
  WHERE r.currency = rate_on.currency AND r.valid_from <= day AND (r.valid_until IS NULL OR day < r.valid_until);
  IF found_rate IS NULL THEN
    RAISE EXCEPTION 'no exchange rate for % on %', currency, day
      USING ERRCODE = 'no_data_found',
            HINT = 'Import one: usagectl rates import FILE';
  END IF;
  RETURN found_rate;
END $$;

-- The costs of each UTC day in a currency, at the rate of that day. Exact: the
-- product of two decimals is not rounded.
CREATE FUNCTION usage_report.spend_in(currency text, from_day date, to_day date)
  RETURNS TABLE (day date, api_type text, provider text, model text, service text, environment text,
    calls bigint, unpriced_calls bigint, tokens bigint, usage_dollars numeric, rate numeric, cost numeric)
  LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  WITH days AS MATERIALIZED (
    SELECT b.bucket, usage_report.rate_on(spend_in.currency, (b.bucket AT TIME ZONE 'UTC')::date) AS rate
    FROM (SELECT DISTINCT bucket
          FROM usage_report.day
          WHERE bucket >= from_day::timestamp AT TIME ZONE 'UTC' AND bucket < to_day::timestamp AT TIME ZONE 'UTC'
          ORDER BY bucket) AS b  -- so that an error names the first day without a rate
  )
  SELECT (d.bucket AT TIME ZONE 'UTC')::date, d.api_type, d.provider, d.model, d.service, d.environment,
         d.calls, d.unpriced_calls, d.tokens, d.usage_dollars, days.rate, d.usage_dollars * days.rate
  FROM usage_report.day AS d
  JOIN days ON days.bucket = d.bucket;
END;

REVOKE ALL ON FUNCTION usage_report.rate_on(text, date), usage_report.spend_in(text, date, date) FROM PUBLIC;
GRANT SELECT ON usage_report.exchange_rate TO usage_grafana, usage_reader;
GRANT EXECUTE ON FUNCTION usage_report.rate_on(text, date), usage_report.spend_in(text, date, date) TO usage_grafana, usage_reader;
