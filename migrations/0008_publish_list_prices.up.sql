-- List prices come from the price book: `usagectl prices publish` writes them,
-- and the role usage_pricer may.
--
-- Runs in milliseconds: it touches no existing row.

-- NULL: written by hand; such a model is left alone. Else the version of the
-- book that the row comes from.
ALTER TABLE public.usage_list_prices ADD COLUMN book_version text NULL;

-- NULL: from that moment on the model has no price of that kind.
ALTER TABLE public.usage_list_prices ALTER COLUMN dollars_per_million DROP NOT NULL;

-- DELETE takes rows away that the book no longer has.
GRANT SELECT, INSERT, UPDATE (dollars_per_million, book_version), DELETE ON public.usage_list_prices TO usage_pricer;
