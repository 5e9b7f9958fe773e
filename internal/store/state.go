package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// RollupMode says what keeps the rollups in step with the rows.
type RollupMode string

// Rollup modes.
const (
	// RollupAuto uses triggers if the table has them, and otherwise statements.
	RollupAuto RollupMode = "auto"
	// RollupTrigger: triggers update the rollups (plain PostgreSQL). COPY can be used.
	RollupTrigger RollupMode = "trigger"
	// RollupStatement: each insert statement also updates the rollups (Citus and other
	// engines without transition tables). Rows that other programs write are then missing
	// from the rollups.
	RollupStatement RollupMode = "statement"
)

// RollupModes lists the modes that a configuration may name.
var RollupModes = []RollupMode{RollupAuto, RollupTrigger, RollupStatement}

// ErrRollupMode means that the configured mode would update the rollups twice or not at
// all.
var ErrRollupMode = errors.New("rollup mode does not fit the database")

// FoldTrigger is the trigger by which we detect that triggers keep the rollups. All four
// triggers are created and dropped together.
const FoldTrigger = "api_usage_fold_insert"

// TriggerEnabled returns a SQL condition that is true when the named trigger of
// public.api_usage fires in the current session.
func TriggerEnabled(name string) string {
	return `EXISTS (
  SELECT FROM pg_catalog.pg_trigger
  WHERE tgrelid = to_regclass('public.api_usage') AND tgname = '` + name + `'
    AND (tgenabled = 'A' OR (tgenabled = 'O' AND current_setting('session_replication_role') <> 'replica')))`
}

// SQL conditions.
const (
	// HasCitus is true where the Citus extension is installed.
	HasCitus = `to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL`
	// IsPartitioned is true where public.api_usage is partitioned.
	IsPartitioned = `(SELECT relkind = 'p' FROM pg_catalog.pg_class WHERE oid = 'public.api_usage'::regclass)`
)

// The retention mark. Calls before it are deleted; their sums are kept.
// public.usage_setting stores it in RFC 3339, always the start of a UTC day.
const (
	RetainedFromSetting = "retained_from"
	// SelectRetainedFrom selects the mark as text, for [ParseRetained].
	SelectRetainedFrom = `SELECT max(value) FROM public.usage_setting WHERE name = '` + RetainedFromSetting + `'`
)

// RetainedFrom returns the retention mark, or the zero time when nothing was ever deleted.
// Before the mark only the rollups have data, and a user's usage is known per UTC day at
// best.
func RetainedFrom(ctx context.Context, db interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
},
) (time.Time, error) {
	var text *string
	if err := db.QueryRow(ctx, SelectRetainedFrom).Scan(&text); err != nil {
		return time.Time{}, fmt.Errorf("read retention mark: %w", err)
	}
	return ParseRetained(text)
}

// ParseRetained parses the retention mark. nil gives the zero time.
func ParseRetained(text *string) (time.Time, error) {
	if text == nil {
		return time.Time{}, nil
	}
	mark, err := time.Parse(time.RFC3339, *text)
	if err != nil {
		return time.Time{}, fmt.Errorf("public.usage_setting has %s = %q, which is not a time such as 2026-01-01T00:00:00Z", RetainedFromSetting, *text)
	}
	return mark, nil
}

// OtherKinds lists the quantities that have no column of their own. Text input and visible
// output are not listed: they are what remains of the totals.
var OtherKinds = []usage.QuantityKind{
	usage.InputAudioTokens, usage.InputImageTokens, usage.InputVideoTokens,
	usage.CacheReadAudioTokens, usage.CacheReadImageTokens,
	usage.CacheWrite30mTokens, usage.CacheWrite12hTokens, // parts of cache_write_5m_tokens
	usage.OutputAudioTokens, usage.OutputImageTokens,
	usage.VideoSeconds, usage.WebSearches, usage.FileSearches, usage.CodeSessions,
	usage.Pages, usage.SearchUnits, usage.CitationTokens, usage.Pixels, usage.StorageMBDays,
}

// TextOrNull returns nil for "", so that the parameter becomes NULL.
func TextOrNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
