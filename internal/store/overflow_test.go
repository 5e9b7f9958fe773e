package store_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
	"github.com/otelcol-usage/otelcol-usage/internal/store/write"
)

// TestNoSumOverflows: whatever a sender made of the sums of a half month, the
// next honest call goes in.
func TestNoSumOverflows(t *testing.T) {
	t.Parallel()
	inEveryMode(t, func(t *testing.T, db *pgtest.DB, w *write.Writer) {
		assert.Equal(t, 1, writeAll(t, w, calls(0, 1)).Inserted)
		const full = "999999999999.999999999999"
		for _, table := range []string{"usage_quarter_hour", "usage_day", "usage_half_month", "usage_quarter_type", "usage_day_type", "usage_day_user", "usage_half_month_user", "usage_day_tag", "usage_half_month_tag"} {
			db.Exec(`UPDATE public.` + table + ` SET usage_dollars = ` + full)
		}
		result := writeAll(t, w, calls(1, 3))
		assert.Equal(t, 2, result.Inserted)
		assert.Empty(t, result.Parked)
		assert.Equal(t, "1000000000000.000735899999", db.Text(`SELECT usage_dollars FROM public.usage_half_month`))

		// A number that no sum of tokens could bear is refused as the one row's fault.
		_, err := db.Pool.Exec(t.Context(), `INSERT INTO public.api_usage (usage_dollars, api_type, input_tokens) VALUES (0, 'text', 9223372036854775807)`)
		assert.ErrorContains(t, err, "api_usage_quantities")
	})
}
