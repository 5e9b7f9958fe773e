-- Who changed money that is stored, whatever the statement was: usage_reprice_change
-- and usage_correction have what the programs say of themselves, and a role with
-- UPDATE on a cost needs no program. No role may write here; on Citus, which takes
-- no triggers, there are only the audits of the programs.
--
-- Runs in milliseconds: it touches no existing data.

CREATE TABLE public.usage_cost_change (
  id           bigint         GENERATED ALWAYS AS IDENTITY,
  changed_at   timestamptz    NOT NULL DEFAULT now(),
  changed_by   text           NOT NULL DEFAULT session_user,
  role         text           NULL,                       -- after SET ROLE
  call_id      uuid           NOT NULL,                   -- public.api_usage.id; no reference: the call may be gone
  old_dollars  numeric(20,12) NOT NULL,
  new_dollars  numeric(20,12) NOT NULL,
  old_status   text           NOT NULL,
  new_status   text           NOT NULL,
  old_source   text           NULL,
  new_source   text           NULL,
  old_reported numeric(20,12) NULL,
  new_reported numeric(20,12) NULL,
  old_payer    text           NULL,
  new_payer    text           NULL,
  CONSTRAINT usage_cost_change_pkey PRIMARY KEY (id)
);
-- Serves: what happened to the cost of this call.
CREATE INDEX usage_cost_change_by_call ON public.usage_cost_change (call_id);
-- Serves: what was changed lately.
CREATE INDEX usage_cost_change_time_brin ON public.usage_cost_change USING brin (changed_at);

CREATE FUNCTION public.usage_audit_cost() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  INSERT INTO public.usage_cost_change (role, call_id, old_dollars, new_dollars, old_status, new_status, old_source, new_source,
    old_reported, new_reported, old_payer, new_payer)
  VALUES (nullif(current_setting('role'), 'none'), OLD.id, OLD.usage_dollars, NEW.usage_dollars, OLD.pricing_status, NEW.pricing_status, OLD.cost_source, NEW.cost_source,
    OLD.reported_dollars, NEW.reported_dollars, OLD.payer, NEW.payer);
  RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION public.usage_audit_cost() FROM PUBLIC;
CREATE TRIGGER api_usage_audit_cost AFTER UPDATE ON public.api_usage FOR EACH ROW
  WHEN (OLD.usage_dollars <> NEW.usage_dollars OR OLD.pricing_status <> NEW.pricing_status OR OLD.cost_source IS DISTINCT FROM NEW.cost_source
    OR OLD.reported_dollars IS DISTINCT FROM NEW.reported_dollars OR OLD.payer IS DISTINCT FROM NEW.payer)
  EXECUTE FUNCTION public.usage_audit_cost();

-- A rate changes no stored dollar and every sum that is shown in its currency.
CREATE TABLE public.usage_exchange_rate_change (
  id         bigint         GENERATED ALWAYS AS IDENTITY,
  changed_at timestamptz    NOT NULL DEFAULT now(),
  changed_by text           NOT NULL DEFAULT session_user,
  role       text           NULL,                         -- after SET ROLE
  currency   text           NOT NULL,
  valid_from date           NOT NULL,
  old_rate   numeric(24,12) NULL,                         -- NULL: there was none
  new_rate   numeric(24,12) NULL,                         -- NULL: there is none any more
  CONSTRAINT usage_exchange_rate_change_pkey PRIMARY KEY (id)
);

CREATE FUNCTION public.usage_audit_exchange_rate() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  INSERT INTO public.usage_exchange_rate_change (role, currency, valid_from, old_rate, new_rate)
  VALUES (nullif(current_setting('role'), 'none'), coalesce(NEW.currency, OLD.currency), coalesce(NEW.valid_from, OLD.valid_from), OLD.rate, NEW.rate);
  RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION public.usage_audit_exchange_rate() FROM PUBLIC;
CREATE TRIGGER usage_exchange_rates_audit AFTER INSERT OR UPDATE OR DELETE ON public.usage_exchange_rates
  FOR EACH ROW EXECUTE FUNCTION public.usage_audit_exchange_rate();

GRANT SELECT ON public.usage_cost_change, public.usage_exchange_rate_change TO usage_reader, usage_pricer;
