package pgtest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
)

func TestEachTestHasAMigratedDatabaseOfItsOwn(t *testing.T) {
	t.Parallel()
	a, b := pgtest.New(t), pgtest.New(t)
	a.Exec(`INSERT INTO public.api_usage (usage_dollars, api_type) VALUES (0.5, 'text')`)
	assert.Equal(t, "1", a.Text(`SELECT count(*) FROM public.api_usage`))
	assert.Equal(t, "0", b.Text(`SELECT count(*) FROM public.api_usage`))
	assert.Equal(t, "-", pgtest.NewEmpty(t).Text(`SELECT to_regclass('public.api_usage')::text`))
}
