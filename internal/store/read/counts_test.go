package read

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/otelcol-usage/otelcol-usage/internal/sums"
)

// TestEveryMeasureHasItsPlaceInAnAnswer: a measure that is added without one would
// end every question in an error.
func TestEveryMeasureHasItsPlaceInAnAnswer(t *testing.T) {
	t.Parallel()
	var c Counts
	for _, m := range sums.AllMeasures() {
		if m.Money {
			assert.NotNil(t, c.money(m.Name), m.Name)
		} else {
			assert.NotNil(t, c.count(m.Name), m.Name)
		}
	}
}
