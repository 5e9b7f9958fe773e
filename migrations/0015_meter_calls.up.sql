-- What is charged on to one's own customers: an outbox of events for billing
-- engines, filled from the calls and sent by `usagectl meter`, which alone writes
-- here. Nothing fills it and no trigger feeds it until somebody configures a meter.
--
-- Runs in milliseconds: it touches no existing data.

-- A meter of the configuration, from its first run on, and how far it has come.
CREATE TABLE public.usage_meter (
  meter        text        NOT NULL,
  sink         text        NOT NULL,
  since        timestamptz NOT NULL,
  mark         xid8        NOT NULL,
  replay_from  timestamptz NULL,
  seen_xid     xid8        NULL,
  seen_at      timestamptz NULL,
  collected_at timestamptz NULL,
  sent_at      timestamptz NULL,
  problem      text        NULL,
  CONSTRAINT usage_meter_pkey PRIMARY KEY (meter),
  CONSTRAINT usage_meter_text_length CHECK (octet_length(meter) BETWEEN 1 AND 40 AND octet_length(sink) BETWEEN 1 AND 40 AND octet_length(problem) <= 1024)
);
COMMENT ON TABLE public.usage_meter IS 'Meters that charge calls on to customers, and how far each has come';
COMMENT ON COLUMN public.usage_meter.meter IS 'name of the configuration';
COMMENT ON COLUMN public.usage_meter.sink IS 'billing engine that its events go to, by the name of the configuration';
COMMENT ON COLUMN public.usage_meter.since IS 'calls before are not charged';
COMMENT ON COLUMN public.usage_meter.mark IS 'what transactions before it wrote has been looked at, unless replay_from says otherwise';
COMMENT ON COLUMN public.usage_meter.replay_from IS 'calls from then on are still to be compared with the outbox; NULL: none';
COMMENT ON COLUMN public.usage_meter.seen_xid IS 'the first transaction that had not begun at seen_at';
COMMENT ON COLUMN public.usage_meter.seen_at IS 'becomes collected_at when all transactions before seen_xid have ended and were looked at';
COMMENT ON COLUMN public.usage_meter.collected_at IS 'what was stored or changed until then is in the outbox; NULL: nothing is known to be complete';
COMMENT ON COLUMN public.usage_meter.sent_at IS 'when all that could be sent was last sent; NULL: never';
COMMENT ON COLUMN public.usage_meter.problem IS 'what stopped the last run; NULL: nothing';

-- An event for an engine. It is never changed, only settled: what changes about a
-- call is another event of the difference, so that the events of a call that are
-- not replaced add up to what is charged for it.
CREATE TABLE public.usage_meter_event (
  id            bigint      GENERATED ALWAYS AS IDENTITY,
  call_id       uuid        NOT NULL,
  meter         text        NOT NULL,
  revision      integer     NOT NULL,
  customer      text        NOT NULL,
  called_at     timestamptz NOT NULL,
  quantity      numeric     NOT NULL,
  created_at    timestamptz NOT NULL DEFAULT now(),
  state         text        NOT NULL DEFAULT 'waiting',
  attempts      integer     NOT NULL DEFAULT 0,
  first_sent_at timestamptz NULL,
  settled_at    timestamptz NULL,
  reason        text        NULL,
  -- No reference to the call: it may be gone, what was charged for it is still true.
  CONSTRAINT usage_meter_event_pkey PRIMARY KEY (call_id, meter, revision),
  CONSTRAINT usage_meter_event_meter_fkey FOREIGN KEY (meter) REFERENCES public.usage_meter (meter),
  CONSTRAINT usage_meter_event_state_known CHECK (state IN ('waiting', 'accepted', 'refused', 'unsure', 'replaced')),
  CONSTRAINT usage_meter_event_reason CHECK ((reason IS NOT NULL) = (state IN ('refused', 'unsure', 'replaced'))),
  -- NaN and infinity sort above every number.
  CONSTRAINT usage_meter_event_range CHECK (quantity > -1e24 AND quantity < 1e24 AND quantity <> 0 AND revision > 0),
  CONSTRAINT usage_meter_event_text_length CHECK (octet_length(customer) BETWEEN 1 AND 256 AND octet_length(reason) <= 512)
);
-- Serves: what is to be sent next, in the order in which it came.
CREATE INDEX usage_meter_event_waiting ON public.usage_meter_event (meter, id) WHERE state = 'waiting';
-- Serves: what was not taken.
CREATE INDEX usage_meter_event_refused ON public.usage_meter_event (meter, id) WHERE state IN ('refused', 'unsure');
-- Serves: comparing a period with the sum of the engine.
CREATE INDEX usage_meter_event_time_brin ON public.usage_meter_event USING brin (called_at) WITH (autosummarize = on);
COMMENT ON TABLE public.usage_meter_event IS 'Outbox of events for billing engines: one for each call, meter and revision';
COMMENT ON COLUMN public.usage_meter_event.id IS 'order in which the events came';
COMMENT ON COLUMN public.usage_meter_event.call_id IS 'api_usage.id; the call may be gone';
COMMENT ON COLUMN public.usage_meter_event.meter IS 'usage_meter.meter';
COMMENT ON COLUMN public.usage_meter_event.revision IS 'counts the events of a call and meter from 1; call, meter and revision are the id that the engine gets';
COMMENT ON COLUMN public.usage_meter_event.customer IS 'who is charged, as the engine knows them';
COMMENT ON COLUMN public.usage_meter_event.called_at IS 'start of the call';
COMMENT ON COLUMN public.usage_meter_event.quantity IS 'in units of the meter, after markup and rounding; negative: takes back what an earlier revision charged';
COMMENT ON COLUMN public.usage_meter_event.created_at IS 'when the event was made';
COMMENT ON COLUMN public.usage_meter_event.state IS 'waiting; accepted by the engine; refused, see reason; unsure: it may have been accepted and can no longer be sent again safely; replaced: it was refused, and a later revision charges instead';
COMMENT ON COLUMN public.usage_meter_event.attempts IS 'how often it was sent';
COMMENT ON COLUMN public.usage_meter_event.first_sent_at IS 'when it was first sent without a clear refusal; NULL: never';
COMMENT ON COLUMN public.usage_meter_event.settled_at IS 'when it left the state waiting';
COMMENT ON COLUMN public.usage_meter_event.reason IS 'why it was refused, in the words of the engine or ours';

-- Calls that a meter covers and that nobody is charged for now.
CREATE TABLE public.usage_meter_held (
  call_id   uuid        NOT NULL,
  meter     text        NOT NULL,
  called_at timestamptz NOT NULL,
  reason    text        NOT NULL,
  subject   text        NULL,
  quantity  numeric     NULL,
  held_at   timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT usage_meter_held_pkey PRIMARY KEY (call_id, meter),
  CONSTRAINT usage_meter_held_meter_fkey FOREIGN KEY (meter) REFERENCES public.usage_meter (meter),
  CONSTRAINT usage_meter_held_text_length CHECK (octet_length(reason) BETWEEN 1 AND 64 AND octet_length(subject) <= 256)
);
-- Serves: how much is held, and why.
CREATE INDEX usage_meter_held_by_meter ON public.usage_meter_held (meter, reason);
COMMENT ON TABLE public.usage_meter_held IS 'Calls that a meter covers and that nobody is charged for, with the reason';
COMMENT ON COLUMN public.usage_meter_held.call_id IS 'api_usage.id; the call may be gone';
COMMENT ON COLUMN public.usage_meter_held.meter IS 'usage_meter.meter';
COMMENT ON COLUMN public.usage_meter_held.called_at IS 'start of the call';
COMMENT ON COLUMN public.usage_meter_held.reason IS 'why: no_customer, several_teams, not_charged, no_rule, out_of_range, or the pricing_reason of a call without a cost or quantity';
COMMENT ON COLUMN public.usage_meter_held.subject IS 'user, team or service that the configuration names no customer for; NULL: none is known';
COMMENT ON COLUMN public.usage_meter_held.quantity IS 'what would be charged, in units of the meter; NULL: not known';
COMMENT ON COLUMN public.usage_meter_held.held_at IS 'when it was last found so';

CREATE VIEW usage_report.metering AS
  SELECT m.meter,
         m.sink,
         m.collected_at,
         m.sent_at,
         m.problem,
         w.events AS waiting_events,
         w.oldest AS waiting_since,
         r.refused AS refused_events,
         r.unsure AS unsure_events,
         h.calls AS held_calls
  FROM public.usage_meter AS m
  CROSS JOIN LATERAL (
    SELECT count(*) AS events, min(e.created_at) AS oldest
    FROM public.usage_meter_event AS e WHERE e.meter = m.meter AND e.state = 'waiting'
  ) AS w
  CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE e.state = 'refused') AS refused, count(*) FILTER (WHERE e.state = 'unsure') AS unsure
    FROM public.usage_meter_event AS e WHERE e.meter = m.meter AND e.state IN ('refused', 'unsure')
  ) AS r
  CROSS JOIN LATERAL (SELECT count(*) AS calls FROM public.usage_meter_held AS e WHERE e.meter = m.meter) AS h;
COMMENT ON VIEW usage_report.metering IS 'Meters that charge calls on to customers: how far each is, and what was not taken';
COMMENT ON COLUMN usage_report.metering.meter IS 'name of the configuration';
COMMENT ON COLUMN usage_report.metering.sink IS 'billing engine that its events go to';
COMMENT ON COLUMN usage_report.metering.collected_at IS 'what was stored or changed until then is in the outbox; NULL: nothing is known to be complete';
COMMENT ON COLUMN usage_report.metering.sent_at IS 'when all that could be sent was last sent; NULL: never';
COMMENT ON COLUMN usage_report.metering.problem IS 'what stopped the last run; NULL: nothing';
COMMENT ON COLUMN usage_report.metering.waiting_events IS 'events that are not sent yet';
COMMENT ON COLUMN usage_report.metering.waiting_since IS 'when the oldest of them was made; NULL: none waits';
COMMENT ON COLUMN usage_report.metering.refused_events IS 'events that the engine did not take, or that were too old for it';
COMMENT ON COLUMN usage_report.metering.unsure_events IS 'events that the engine may have, and that can no longer be sent again safely';
COMMENT ON COLUMN usage_report.metering.held_calls IS 'calls that nobody is charged for, see usage_meter_held.reason';

-- What is metered of a call, and whose it is: no more of its metadata than the tags.
CREATE VIEW public.usage_metered_call AS
  SELECT id, user_id, timestamp, usage_dollars, api_type, model, provider, service, environment, payer, pricing_status, pricing_reason,
         tokens_used, input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens,
         images, characters, audio_seconds, metadata -> 'tags' AS tags, written_xid
  FROM public.api_usage;

-- Charging is a right of its own: it reads that view, writes the outbox and may not
-- delete an event from it.
DO $$
BEGIN
  IF to_regrole('usage_meterer') IS NULL THEN
    BEGIN
      CREATE ROLE usage_meterer NOLOGIN;
    EXCEPTION
      WHEN duplicate_object OR unique_violation THEN NULL;  -- another database of the cluster was faster
      WHEN insufficient_privilege THEN
        RAISE EXCEPTION 'role usage_meterer is missing and % may not create roles', current_user
          USING ERRCODE = 'insufficient_privilege',
                HINT = 'As an administrator: CREATE ROLE usage_meterer NOLOGIN;';
    END;
  END IF;
  BEGIN
    GRANT USAGE ON SCHEMA public TO usage_meterer;
  EXCEPTION WHEN insufficient_privilege THEN
    RAISE WARNING '% may not grant USAGE on the schema public; the role usage_meterer needs it there', current_user;
  END;
END $$;

GRANT SELECT ON public.usage_metered_call TO usage_meterer;
GRANT SELECT (id, external_id) ON public.usage_user TO usage_meterer;
GRANT SELECT ON public.usage_team_members TO usage_meterer;
-- A sum that was deleted because its calls are stored: what it charged is taken back.
GRANT SELECT (call_id, kind, corrected_at) ON public.usage_correction TO usage_meterer;
GRANT SELECT, INSERT ON public.usage_meter, public.usage_meter_event TO usage_meterer;
GRANT UPDATE (sink, mark, replay_from, seen_xid, seen_at, collected_at, sent_at, problem) ON public.usage_meter TO usage_meterer;
GRANT UPDATE (state, attempts, first_sent_at, settled_at, reason) ON public.usage_meter_event TO usage_meterer;
GRANT SELECT, INSERT, UPDATE, DELETE ON public.usage_meter_held TO usage_meterer;
GRANT SELECT ON public.usage_meter, public.usage_meter_event, public.usage_meter_held TO usage_reader;
GRANT SELECT ON usage_report.metering TO usage_grafana, usage_reader;
