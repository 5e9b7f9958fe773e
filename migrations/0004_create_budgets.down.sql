-- Removes budgets, teams and list prices. Refused while somebody has filled
-- them. Who means it says so in the same session: SET usage.allow_data_loss = on.
DO $$
BEGIN
  IF current_setting('usage.allow_data_loss', true) IS DISTINCT FROM 'on'
     AND (EXISTS (SELECT FROM public.usage_budgets) OR EXISTS (SELECT FROM public.usage_team_members) OR EXISTS (SELECT FROM public.usage_list_prices)) THEN
    RAISE EXCEPTION 'public.usage_budgets, public.usage_team_members or public.usage_list_prices hold rows; dropping them would lose what people entered'
      USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Make a backup, then allow it for this session: SET usage.allow_data_loss = on';
  END IF;
END $$;

DROP TABLE public.usage_list_prices, public.usage_budgets, public.usage_team_members;
