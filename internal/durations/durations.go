// Package durations owns one check of configurations: durations written without a unit. It
// does not own their limits, which each component defines.
package durations

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"go.opentelemetry.io/collector/confmap"
)

// Validate refuses every duration above 0 and below a millisecond and names its key: YAML
// reads `timeout: 5` as five nanoseconds. config is a pointer to a component's
// configuration; embedded collector types are checked too.
func Validate(config any) error {
	conf := confmap.New()
	if err := conf.Marshal(config); err != nil {
		return err
	}
	keys := conf.AllKeys()
	slices.Sort(keys)
	var errs []error
	for _, key := range keys {
		if d, ok := conf.Get(key).(time.Duration); ok && d > 0 && d < time.Millisecond {
			errs = append(errs, fmt.Errorf("`%s` must be at least 1ms, found %v: a duration needs its unit, such as %ds", key, d, d.Nanoseconds()))
		}
	}
	return errors.Join(errs...)
}
