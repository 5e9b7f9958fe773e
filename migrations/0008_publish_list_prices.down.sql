-- What a book wrote can be published again.
REVOKE ALL ON public.usage_list_prices FROM usage_pricer;
DELETE FROM public.usage_list_prices WHERE book_version IS NOT NULL OR dollars_per_million IS NULL;
ALTER TABLE public.usage_list_prices ALTER COLUMN dollars_per_million SET NOT NULL;
ALTER TABLE public.usage_list_prices DROP COLUMN book_version;
