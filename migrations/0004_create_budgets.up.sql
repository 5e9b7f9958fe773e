-- What an organisation means to spend, who belongs to which team, and the list
-- prices that reports compare with. People fill these tables with SQL; the
-- collector only reads them.
--
-- Runs in milliseconds: it touches no existing data.

-- A user can be in several teams: then the calls count towards each of them.
CREATE TABLE public.usage_team_members (
  team    text NOT NULL,
  user_id uuid NOT NULL,
  CONSTRAINT usage_team_members_pkey PRIMARY KEY (team, user_id),
  CONSTRAINT usage_team_members_user_id_fkey FOREIGN KEY (user_id) REFERENCES auth.users (id) ON DELETE CASCADE,
  CONSTRAINT usage_team_members_team_length CHECK (octet_length(team) BETWEEN 1 AND 256)
);
-- Serves: the cascade when a user is deleted.
CREATE INDEX usage_team_members_by_user ON public.usage_team_members (user_id);

CREATE TABLE public.usage_budgets (
  name      text           NOT NULL,                -- as alerts and dashboards show it
  scope     text           NOT NULL,                -- whose spending it limits
  team      text           NULL,                    -- of usage_team_members, for scope 'team'
  user_id   uuid           NULL,                    -- for scope 'user'
  service   text           NULL,                    -- service.name, for scope 'service'
  period    text           NOT NULL,
  dollars   numeric(20,12) NOT NULL,                -- for one period
  time_zone text           NOT NULL DEFAULT 'UTC',  -- IANA name; where its days and months begin
  CONSTRAINT usage_budgets_pkey PRIMARY KEY (name),
  CONSTRAINT usage_budgets_user_id_fkey FOREIGN KEY (user_id) REFERENCES auth.users (id) ON DELETE CASCADE,
  CONSTRAINT usage_budgets_name_length CHECK (octet_length(name) BETWEEN 1 AND 256),
  CONSTRAINT usage_budgets_scope_has_its_subject CHECK (
    CASE scope
      WHEN 'org'     THEN num_nonnulls(team, user_id, service) = 0
      WHEN 'team'    THEN team IS NOT NULL AND num_nonnulls(user_id, service) = 0
      WHEN 'user'    THEN user_id IS NOT NULL AND num_nonnulls(team, service) = 0
      WHEN 'service' THEN service IS NOT NULL AND num_nonnulls(team, user_id) = 0
      ELSE false
    END),
  CONSTRAINT usage_budgets_period_known CHECK (period IN ('day', 'month')),
  CONSTRAINT usage_budgets_dollars_positive CHECK (dollars > 0 AND dollars < 'NaN'),
  -- An unknown name is an error of its own here, rather than in every report.
  CONSTRAINT usage_budgets_time_zone_known CHECK (timestamptz '2000-01-01 00:00:00Z' AT TIME ZONE time_zone IS NOT NULL)
);
-- Serves: the cascade when a user is deleted.
CREATE INDEX usage_budgets_by_user ON public.usage_budgets (user_id) WHERE user_id IS NOT NULL;

-- List prices in dollars for one million of a kind ("input_text",
-- "cache_read", ... as in the price book), each from a moment until the next
-- row of the same key. Nothing is ever priced from it: it marks price changes
-- in charts and says what the same input would have cost uncached.
CREATE TABLE public.usage_list_prices (
  provider            text           NOT NULL,
  model               text           NOT NULL,
  kind                text           NOT NULL,
  valid_from          timestamptz    NOT NULL,
  dollars_per_million numeric(20,12) NOT NULL,
  CONSTRAINT usage_list_prices_pkey PRIMARY KEY (provider, model, kind, valid_from),
  CONSTRAINT usage_list_prices_price_in_range CHECK (dollars_per_million >= 0 AND dollars_per_million < 'NaN')
);

GRANT SELECT ON public.usage_team_members, public.usage_budgets, public.usage_list_prices TO usage_reader;
