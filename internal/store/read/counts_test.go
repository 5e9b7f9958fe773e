package read

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/otelcol-usage/otelcol-usage/internal/sums"
)

func TestEveryMeasureHasItsPlaceInCounts(t *testing.T) {
	t.Parallel()
	for _, m := range sums.AllMeasures() {
		var c Counts
		assert.Equal(t, m.Money, c.money(m.Name) != nil, "%s as money", m.Name)
		assert.Equal(t, !m.Money, c.count(m.Name) != nil, "%s as a number", m.Name)
	}
}
