package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// RollupMode says who keeps the rollups in step with the rows.
type RollupMode string

// The modes.
const (
	// RollupAuto looks whether the table has the trigger.
	RollupAuto RollupMode = "auto"
	// RollupTrigger: triggers do (plain PostgreSQL). COPY can be used.
	RollupTrigger RollupMode = "trigger"
	// RollupStatement: the insert statement folds the sums itself (Citus and
	// other engines without transition tables). Other writers of the table
	// then leave the rollups behind.
	RollupStatement RollupMode = "statement"
)

// RollupModes lists what a configuration may say.
var RollupModes = []RollupMode{RollupAuto, RollupTrigger, RollupStatement}

// ErrRollupMode says that the configured mode would count twice or not at all.
var ErrRollupMode = errors.New("rollup mode does not fit the database")

// FoldTrigger says who keeps the rollups: all four triggers come and go together.
const FoldTrigger = "api_usage_fold_insert"

// TriggerEnabled is the condition that a trigger of the calls fires in this session.
func TriggerEnabled(name string) string {
	return `EXISTS (
  SELECT FROM pg_catalog.pg_trigger
  WHERE tgrelid = to_regclass('public.api_usage') AND tgname = '` + name + `'
    AND (tgenabled = 'A' OR (tgenabled = 'O' AND current_setting('session_replication_role') <> 'replica')))`
}

// Conditions of a statement.
const (
	// HasCitus is true where the extension is created.
	HasCitus = `to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL`
	// IsPartitioned is true where the table of calls is partitioned.
	IsPartitioned = `(SELECT relkind = 'p' FROM pg_catalog.pg_class WHERE oid = 'public.api_usage'::regclass)`
)

// The retention mark: calls before it were deleted, their sums stay. It stands
// in public.usage_setting as an RFC 3339 time, the start of a UTC day.
const (
	RetainedFromSetting = "retained_from"
	// SelectRetainedFrom reads it as text, for [ParseRetained].
	SelectRetainedFrom = `SELECT max(value) FROM public.usage_setting WHERE name = '` + RetainedFromSetting + `'`
)

// RetainedFrom is the retention mark, zero when nothing was ever deleted.
// Before it only the rollups know anything: the smallest unit of a user's
// usage is the UTC day there.
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

// ParseRetained reads the retention mark; nil is zero.
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

// OtherKinds are the quantities without a column of their own. Text input and
// visible output are what remains of the totals.
var OtherKinds = []usage.QuantityKind{
	usage.InputAudioTokens, usage.InputImageTokens, usage.InputVideoTokens,
	usage.CacheReadAudioTokens, usage.CacheReadImageTokens,
	usage.CacheWrite30mTokens, usage.CacheWrite12hTokens, // parts of cache_write_5m_tokens
	usage.OutputAudioTokens, usage.OutputImageTokens,
	usage.VideoSeconds, usage.WebSearches, usage.FileSearches, usage.CodeSessions,
	usage.Pages, usage.SearchUnits, usage.CitationTokens, usage.Pixels, usage.StorageMBDays,
}

// TextOrNull is a parameter for a text column where the empty text is NULL.
func TextOrNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
