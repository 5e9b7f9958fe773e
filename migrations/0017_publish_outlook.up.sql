-- What comes next, for those who cannot compute it: forecasts and advice as usagectl
-- published them last, for boards, alerts and the query API, and the advice that somebody
-- dismissed.
--
-- Runs in milliseconds: it touches no existing data.

CREATE TABLE public.usage_outlook (
  kind         text        NOT NULL,
  document     jsonb       NOT NULL,
  published_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT usage_outlook_pkey PRIMARY KEY (kind),
  CONSTRAINT usage_outlook_kind_known CHECK (kind IN ('forecast', 'advice'))
);
COMMENT ON TABLE public.usage_outlook IS 'Forecasts and advice as usagectl forecast --publish and usagectl advise --publish wrote them last';
COMMENT ON COLUMN public.usage_outlook.kind IS 'forecast or advice';
COMMENT ON COLUMN public.usage_outlook.document IS 'what the command prints with --json';
COMMENT ON COLUMN public.usage_outlook.published_at IS 'when it was computed';

CREATE TABLE public.usage_advice_dismissal (
  id           text        NOT NULL,
  rule         text        NOT NULL,
  change       text        NOT NULL,
  service      text        NOT NULL,
  provider     text        NOT NULL,
  model        text        NOT NULL,
  dollars      numeric     NOT NULL,
  reason       text        NOT NULL,
  dismissed_by text        NOT NULL DEFAULT session_user,  -- no right to write it is given
  dismissed_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT usage_advice_dismissal_pkey PRIMARY KEY (id),
  CONSTRAINT usage_advice_dismissal_text_length CHECK (
    octet_length(id) BETWEEN 1 AND 64 AND octet_length(rule) <= 64 AND octet_length(change) <= 512 AND octet_length(service) <= 256
    AND octet_length(provider) <= 256 AND octet_length(model) <= 256 AND octet_length(reason) BETWEEN 1 AND 1000),
  CONSTRAINT usage_advice_dismissal_dollars_in_range CHECK (dollars >= 0 AND dollars < 'NaN')
);
COMMENT ON TABLE public.usage_advice_dismissal IS 'Advice that is not given again, until it would save more than twice as much';
COMMENT ON COLUMN public.usage_advice_dismissal.id IS 'of rule, change, service, provider and model';
COMMENT ON COLUMN public.usage_advice_dismissal.rule IS 'as docs/advice.md lists them';
COMMENT ON COLUMN public.usage_advice_dismissal.change IS 'what was advised';
COMMENT ON COLUMN public.usage_advice_dismissal.service IS 'whose calls it was about; empty: without a service';
COMMENT ON COLUMN public.usage_advice_dismissal.provider IS 'of these calls';
COMMENT ON COLUMN public.usage_advice_dismissal.model IS 'of these calls';
COMMENT ON COLUMN public.usage_advice_dismissal.dollars IS 'what it saved a month when it was dismissed';
COMMENT ON COLUMN public.usage_advice_dismissal.reason IS 'why, in the words of who did it';
COMMENT ON COLUMN public.usage_advice_dismissal.dismissed_by IS 'the database user';
COMMENT ON COLUMN public.usage_advice_dismissal.dismissed_at IS 'when';

GRANT SELECT ON public.usage_outlook, public.usage_advice_dismissal TO usage_reader, usage_pricer;
GRANT INSERT (kind, document, published_at), UPDATE (document, published_at) ON public.usage_outlook TO usage_pricer;
GRANT INSERT (id, rule, change, service, provider, model, dollars, reason), DELETE ON public.usage_advice_dismissal TO usage_pricer;

CREATE VIEW usage_report.forecast AS
  SELECT f.value ->> 'scope' AS scope,
         coalesce(f.value ->> 'name', f.value ->> 'key', 'everything') AS subject,
         coalesce(f.value ->> 'key', '') AS key,
         f.value #>> '{period,unit}' AS period,
         (f.value #>> '{period,start}')::date AS first_day,
         (f.value #>> '{period,end}')::date AS last_day,
         coalesce(f.value #>> '{period,timezone}', o.document ->> 'timezone') AS time_zone,
         (f.value ->> 'spent')::numeric AS spent,
         (f.value ->> 'expected')::numeric AS expected,
         (f.value #>> '{bands,80,0}')::numeric AS low_80,
         (f.value #>> '{bands,80,1}')::numeric AS high_80,
         f.value ->> 'method' AS method,
         (f.value ->> 'pastError')::numeric AS past_error,
         (f.value ->> 'lineError')::numeric AS line_error,
         (f.value ->> 'coverage')::numeric AS coverage,
         coalesce((f.value ->> 'unpricedCalls')::bigint, 0) AS unpriced_calls,
         (f.value #>> '{budget,limit}')::numeric AS budget,
         (f.value #>> '{budget,exceeds}')::numeric AS exceeds,
         (f.value #>> '{budget,exhausted}')::date AS exhausted_on,
         o.published_at
  FROM public.usage_outlook AS o
  CROSS JOIN LATERAL jsonb_array_elements(o.document -> 'forecasts') AS f
  WHERE o.kind = 'forecast';
COMMENT ON VIEW usage_report.forecast IS 'Forecasts as usagectl forecast --publish wrote them last';
COMMENT ON COLUMN usage_report.forecast.scope IS 'org, user, service, model, provider or budget';
COMMENT ON COLUMN usage_report.forecast.subject IS 'name of it for people';
COMMENT ON COLUMN usage_report.forecast.key IS 'user, service, model, provider, or name of the budget; empty for org';
COMMENT ON COLUMN usage_report.forecast.period IS 'day, week, month, quarter or year';
COMMENT ON COLUMN usage_report.forecast.first_day IS 'of the period';
COMMENT ON COLUMN usage_report.forecast.last_day IS 'of the period, included';
COMMENT ON COLUMN usage_report.forecast.time_zone IS 'whose midnights divide the days';
COMMENT ON COLUMN usage_report.forecast.spent IS 'dollars of the period when it was published';
COMMENT ON COLUMN usage_report.forecast.expected IS 'dollars of the whole period';
COMMENT ON COLUMN usage_report.forecast.low_80 IS 'eight in ten outcomes lie between this and high_80; NULL: not known';
COMMENT ON COLUMN usage_report.forecast.high_80 IS 'see low_80';
COMMENT ON COLUMN usage_report.forecast.method IS 'run_rate, weekday or weekday_steady';
COMMENT ON COLUMN usage_report.forecast.past_error IS 'how far past forecasts were from what came, as a share of it; NULL: not known';
COMMENT ON COLUMN usage_report.forecast.line_error IS 'the same of a straight line';
COMMENT ON COLUMN usage_report.forecast.coverage IS 'share of the outcomes that lay in the range of 80 %';
COMMENT ON COLUMN usage_report.forecast.unpriced_calls IS 'calls of the period without a known cost, in no amount';
COMMENT ON COLUMN usage_report.forecast.budget IS 'limit in dollars; NULL: not a budget';
COMMENT ON COLUMN usage_report.forecast.exceeds IS 'probability that more than the limit is spent; NULL: not known';
COMMENT ON COLUMN usage_report.forecast.exhausted_on IS 'day on which the expected cost goes beyond the limit; NULL: it does not';
COMMENT ON COLUMN usage_report.forecast.published_at IS 'when it was computed';

CREATE VIEW usage_report.advice AS
  SELECT a.place,
         a.value ->> 'id' AS id,
         a.value ->> 'rule' AS rule,
         a.value ->> 'change' AS change,
         coalesce(nullif(a.value #>> '{rows,service}', ''), '(none)') AS service,
         coalesce(nullif(a.value #>> '{rows,provider}', ''), '(none)') AS provider,
         coalesce(nullif(a.value #>> '{rows,model}', ''), '(none)') AS model,
         (a.value ->> 'savesPerMonth')::numeric AS saves_per_month,
         a.value ->> 'assumption' AS assumption,
         (a.value #>> '{rows,calls}')::bigint AS calls,
         (a.value #>> '{rows,cost}')::numeric AS cost,
         o.published_at
  FROM public.usage_outlook AS o
  CROSS JOIN LATERAL jsonb_array_elements(o.document -> 'advice') WITH ORDINALITY AS a (value, place)
  WHERE o.kind = 'advice';
COMMENT ON VIEW usage_report.advice IS 'Advice as usagectl advise --publish wrote it last; the savings add up';
COMMENT ON COLUMN usage_report.advice.place IS 'order in which it was applied, from 1';
COMMENT ON COLUMN usage_report.advice.id IS 'for usagectl advise --dismiss';
COMMENT ON COLUMN usage_report.advice.rule IS 'as docs/advice.md lists them';
COMMENT ON COLUMN usage_report.advice.change IS 'what to change';
COMMENT ON COLUMN usage_report.advice.service IS 'whose calls it is about';
COMMENT ON COLUMN usage_report.advice.provider IS 'of these calls';
COMMENT ON COLUMN usage_report.advice.model IS 'of these calls';
COMMENT ON COLUMN usage_report.advice.saves_per_month IS 'dollars, after all advice before it';
COMMENT ON COLUMN usage_report.advice.assumption IS 'what has to hold';
COMMENT ON COLUMN usage_report.advice.calls IS 'that it rests on, of 30 days';
COMMENT ON COLUMN usage_report.advice.cost IS 'of these calls at the prices of the day it was published, after all advice before it';
COMMENT ON COLUMN usage_report.advice.published_at IS 'when it was computed';

GRANT SELECT ON usage_report.forecast, usage_report.advice TO usage_grafana, usage_reader;
