package durations_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/config/configoptional"

	"github.com/otelcol-usage/otelcol-usage/internal/durations"
)

type inner struct {
	Wait time.Duration `mapstructure:"wait"`
}

type config struct {
	Timeout time.Duration                  `mapstructure:"timeout"`
	Limit   time.Duration                  `mapstructure:"limit"`
	Count   int64                          `mapstructure:"count"`
	Flat    inner                          `mapstructure:",squash"`
	Nested  inner                          `mapstructure:"nested"`
	Maybe   configoptional.Optional[inner] `mapstructure:"maybe"`
}

func TestADurationWithoutItsUnitIsNamedByItsKey(t *testing.T) {
	t.Parallel()
	good := config{Timeout: 5 * time.Second, Limit: 0, Count: 5, Flat: inner{time.Millisecond}, Nested: inner{time.Hour}}
	require.NoError(t, durations.Validate(&good))

	bad := config{Timeout: 5, Flat: inner{7}, Nested: inner{300}, Maybe: configoptional.Some(inner{999})}
	err := durations.Validate(&bad)
	require.Error(t, err)
	assert.Equal(t, "`maybe::wait` must be at least 1ms, found 999ns: a duration needs its unit, such as 999s\n"+
		"`nested::wait` must be at least 1ms, found 300ns: a duration needs its unit, such as 300s\n"+
		"`timeout` must be at least 1ms, found 5ns: a duration needs its unit, such as 5s\n"+
		"`wait` must be at least 1ms, found 7ns: a duration needs its unit, such as 7s", err.Error())
}
