-- Who changed the cost of stored calls, when, by which price book, and what it
-- was before: `usagectl reprice` writes a line for each call it changes, in the
-- same transaction as the change.
--
-- Runs in milliseconds: it touches no existing data.

CREATE TABLE public.usage_reprice_run (
  id            bigint         GENERATED ALWAYS AS IDENTITY,
  requested_by  text           NOT NULL DEFAULT session_user,  -- the database user; no right to write it is given
  started_at    timestamptz    NOT NULL DEFAULT now(),
  finished_at   timestamptz    NULL,                           -- NULL: running, or stopped half-way
  note          text           NULL,                           -- why, in the words of who did it
  book          text           NOT NULL,                       -- names of the built-in book and of the files over it
  book_version  text           NOT NULL,                       -- fingerprint of their contents
  reported_cost text           NOT NULL,                       -- policy, as the key reported_cost of genai_usage
  from_time     timestamptz    NOT NULL,
  to_time       timestamptz    NOT NULL,                       -- excluded
  provider      text           NULL,                           -- NULL: all
  model         text           NULL,                           -- NULL: all
  only_unpriced boolean        NOT NULL,
  changed_calls bigint         NOT NULL DEFAULT 0,
  old_dollars   numeric        NOT NULL DEFAULT 0,             -- of the changed calls
  new_dollars   numeric        NOT NULL DEFAULT 0,
  CONSTRAINT usage_reprice_run_pkey PRIMARY KEY (id)
);

-- No reference to the call: it may be gone, what it once cost is still true.
CREATE TABLE public.usage_reprice_change (
  call_id         uuid           NOT NULL,                     -- public.api_usage.id
  run_id          bigint         NOT NULL,
  changed_at      timestamptz    NOT NULL DEFAULT now(),
  old_dollars     numeric(20,12) NOT NULL,
  new_dollars     numeric(20,12) NOT NULL,
  old_status      text           NOT NULL,
  new_status      text           NOT NULL,
  old_reason      text           NULL,
  new_reason      text           NULL,
  old_assumptions text[]         NULL,
  new_assumptions text[]         NULL,
  old_price_id    text           NULL,
  new_price_id    text           NULL,
  old_cost_source text           NULL,
  new_cost_source text           NULL,
  CONSTRAINT usage_reprice_change_pkey PRIMARY KEY (call_id, run_id, changed_at),
  CONSTRAINT usage_reprice_change_run_id_fkey FOREIGN KEY (run_id) REFERENCES public.usage_reprice_run (id)
);
-- Serves: what did a run change.
CREATE INDEX usage_reprice_change_by_run ON public.usage_reprice_change (run_id);

-- The right to reprice is a role of its own: the exporter inserts calls and
-- may not change one, who reprices may change costs and nothing else, and
-- neither may change the audit.
DO $$
BEGIN
  IF to_regrole('usage_pricer') IS NULL THEN
    BEGIN
      CREATE ROLE usage_pricer NOLOGIN;
    EXCEPTION
      WHEN duplicate_object OR unique_violation THEN NULL;  -- another database of the cluster was faster
      WHEN insufficient_privilege THEN
        RAISE EXCEPTION 'role usage_pricer is missing and % may not create roles', current_user
          USING ERRCODE = 'insufficient_privilege',
                HINT = 'As an administrator: CREATE ROLE usage_pricer NOLOGIN;';
    END;
  END IF;
  BEGIN
    GRANT USAGE ON SCHEMA public TO usage_pricer;
  EXCEPTION WHEN insufficient_privilege THEN
    RAISE WARNING '% may not grant USAGE on the schema public; the role usage_pricer needs it there', current_user;
  END;
END $$;

GRANT SELECT ON public.api_usage, public.usage_setting TO usage_pricer;
-- Made by internal/sums: pricer sees sums.
GRANT SELECT ON public.usage_day_user, public.usage_half_month_user, public.usage_quarter_hour,
  public.usage_day, public.usage_half_month, public.usage_quarter_type,
  public.usage_day_type
  TO usage_pricer;
-- End of what internal/sums made.
GRANT UPDATE (usage_dollars, pricing_status, pricing_reason, pricing_assumptions, price_id, cost_source, written_xid) ON public.api_usage TO usage_pricer;
GRANT SELECT ON public.usage_reprice_run, public.usage_reprice_change TO usage_pricer, usage_reader;
GRANT INSERT (note, book, book_version, reported_cost, from_time, to_time, provider, model, only_unpriced) ON public.usage_reprice_run TO usage_pricer;
GRANT UPDATE (finished_at, changed_calls, old_dollars, new_dollars) ON public.usage_reprice_run TO usage_pricer;
GRANT INSERT ON public.usage_reprice_change TO usage_pricer;
