-- Removes the bills. Refused while there are any: a provider does not report its
-- past without limit. Who means it says so in the same session: SET
-- usage.allow_data_loss = on. The role usage_biller stays: it belongs to the cluster.
DO $$
BEGIN
  IF current_setting('usage.allow_data_loss', true) IS DISTINCT FROM 'on' AND EXISTS (SELECT FROM public.usage_bill_day) THEN
    RAISE EXCEPTION 'public.usage_bill_day holds rows; dropping it would lose what the providers charged'
      USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Make a backup, then allow it for this session: SET usage.allow_data_loss = on';
  END IF;
END $$;

DROP VIEW usage_report.bill_cause, usage_report.bill_day, usage_report.bill_import, usage_report.bill_row;
DROP TABLE public.usage_bill_cause, public.usage_bill_explained_day, public.usage_bill_fetch, public.usage_bill_row, public.usage_bill_day;
REVOKE USAGE ON SCHEMA public FROM usage_biller;
