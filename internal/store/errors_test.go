package store_test

import (
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"

	"github.com/otelcol-usage/otelcol-usage/internal/store"
)

// TestLimitsOfTheServerAreNoFaultOfARow: a call must not be parked for a time-out
// that somebody set on the server or the role.
func TestLimitsOfTheServerAreNoFaultOfARow(t *testing.T) {
	t.Parallel()
	for state, want := range map[string]store.Class{
		"25P02": store.ClassServer, // the transaction failed before
		"25P03": store.ClassServer, // idle_in_transaction_session_timeout
		"25P04": store.ClassServer, // transaction_timeout
		"25006": store.ClassServer, // read-only
		"53400": store.ClassServer,
		"57P05": store.ClassServer, // idle_session_timeout
		"22003": store.ClassBadRow,
		"23514": store.ClassBadRow,
	} {
		assert.Equal(t, want, store.Classify(&pgconn.PgError{Code: state}), state)
	}
}
