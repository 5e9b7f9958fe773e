package read

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/otelcol-usage/otelcol-usage/internal/store"
	"github.com/otelcol-usage/otelcol-usage/internal/sums"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// Reader answers questions about usage. Each answer is read in one read-only transaction
// with one snapshot, so that its parts agree, and under a database role that may see no
// more than the [Viewer].
type Reader struct {
	pool    *pgxpool.Pool
	timeout time.Duration
}

// New returns a reader on pool, whose user must be a member of the roles usage_reader and
// usage_own. The server ends a statement that takes longer than timeout; see [IsTimeout].
func New(pool *pgxpool.Pool, timeout time.Duration) *Reader {
	return &Reader{pool: pool, timeout: timeout}
}

// errNoRole means that the migrations, which create the roles, have not run.
var errNoRole = store.Fault(store.ClassSchema, "the role does not exist")

// Viewer is whose rights apply to a question. The zero Viewer has none.
type Viewer struct {
	role string
	user usage.ID
}

// Administrator returns a viewer that sees all calls.
func Administrator() Viewer { return Viewer{role: "usage_reader"} }

// OwnUsage returns a viewer that sees only the calls of one user. Its role reads
// security-barrier views filtered by the setting usage.user_id, so a mistake in a statement
// cannot show another user's rows.
func OwnUsage(user usage.ID) Viewer { return Viewer{role: "usage_own", user: user} }

// own reports whether the viewer sees only one user's calls.
func (v Viewer) own() bool { return v.role == "usage_own" }

// view runs fn in one snapshot with the viewer's rights.
func (r *Reader) view(ctx context.Context, v Viewer, fn func(pgx.Tx) error) error {
	if v.role == "" || v.own() && v.user.IsZero() {
		return fmt.Errorf("read usage: the viewer has no rights")
	}
	tx, err := r.begin(ctx, v)
	if store.Classify(err) == store.ClassConnection && !store.IsCanceled(ctx) {
		// The server or a pooler was restarted and the pool's connections are broken.
		// Nothing was read yet, so try once more.
		r.pool.Reset()
		tx, err = r.begin(ctx, v)
	}
	if err != nil {
		return err
	}
	// Nothing was written, so a rollback loses nothing. It must give the connection back
	// even when the context has ended.
	defer tx.Rollback(context.WithoutCancel(ctx)) //nolint:errcheck // see above
	return fn(tx)
}

// secondWithin is how long a second connection is waited for.
const secondWithin = 250 * time.Millisecond

// twice runs both functions, the second one in a transaction of its own that sees what tx
// sees. It runs one after the other where no second connection is free in time, and on
// Citus, where a moment is that of one connection.
func (r *Reader) twice(ctx context.Context, tx pgx.Tx, v Viewer, first, second func(context.Context, pgx.Tx) error) error {
	other, err := r.beside(ctx, tx, v)
	if err != nil {
		return err
	}
	if other == nil {
		if err := first(ctx, tx); err != nil {
			return err
		}
		return second(ctx, tx)
	}
	defer other.Rollback(context.WithoutCancel(ctx)) //nolint:errcheck // nothing was written
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() {
		err := second(ctx, other)
		if err != nil {
			stop()
		}
		ended <- err
	}()
	err = first(ctx, tx)
	if err != nil {
		stop()
	}
	// Of two errors the one that came first counts: it ended the other.
	if secondErr := <-ended; secondErr != nil && (err == nil || errors.Is(err, context.Canceled)) {
		return secondErr
	}
	return err
}

// beside begins a transaction on another connection that sees what tx sees; nil when there
// can be none.
func (r *Reader) beside(ctx context.Context, tx pgx.Tx, v Viewer) (pgx.Tx, error) {
	var snapshot string
	if err := tx.QueryRow(ctx, `SELECT CASE WHEN `+store.HasCitus+` THEN '' ELSE pg_export_snapshot() END`).Scan(&snapshot); err != nil || snapshot == "" {
		return nil, err
	}
	within, cancel := context.WithTimeout(ctx, secondWithin)
	defer cancel()
	other, err := r.pool.BeginTx(within, pgx.TxOptions{BeginQuery: r.beginSQL(v, snapshot)})
	if err != nil {
		return nil, ctx.Err() // one connection is enough
	}
	return other, nil
}

// begin starts a transaction with a snapshot and the viewer's rights.
func (r *Reader) begin(ctx context.Context, v Viewer) (pgx.Tx, error) {
	tx, err := r.pool.BeginTx(ctx, pgx.TxOptions{BeginQuery: r.beginSQL(v, "")})
	switch {
	case store.SQLState(err) == "22023": // "invalid parameter value": the role does not exist
		return nil, fmt.Errorf("take the role %s: %w: %w", v.role, errNoRole, err)
	case err != nil:
		return nil, fmt.Errorf("begin reading: %w", err)
	}
	if v.own() {
		if err := nameUserToWorkers(ctx, tx, v.user); err != nil {
			tx.Rollback(context.WithoutCancel(ctx)) //nolint:errcheck,gosec // the error before counts
			return nil, fmt.Errorf("name the user to the workers: %w", err)
		}
	}
	return tx, nil
}

// beginSQL starts a transaction with the viewer's rights and the reader's limits, in one
// round trip; a non-empty snapshot is that of another transaction. Nothing in it comes from
// a caller but the user's UUID, which [usage.ID] has formatted.
func (r *Reader) beginSQL(v Viewer, snapshot string) string {
	user := ""
	if v.own() {
		user = v.user.String()
	}
	sql := "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; "
	if snapshot != "" {
		// The name is the server's own: digits and hyphens.
		sql += "SET TRANSACTION SNAPSHOT '" + snapshot + "'; "
	}
	// A custom plan knows the bounds of the period; a generic one would read the whole
	// table. JIT compilation takes longer than these queries do, and so do parallel workers
	// on a busy machine.
	return sql + "SELECT set_config('role', '" + v.role + `', true),
		set_config('usage.user_id', '` + user + `', true),
		set_config('statement_timeout', '` + strconv.FormatInt(r.timeout.Milliseconds(), 10) + `', true),
		set_config('plan_cache_mode', 'force_custom_plan', true),
		set_config('jit', 'off', true),
		set_config('max_parallel_workers_per_gather', '0', true),
		set_config('TimeZone', 'UTC', true)`
}

// nameUserToWorkers makes the user's setting known to the workers on Citus, where the views
// of own usage run. Citus does not forward set_config, and without the setting the views
// silently return nothing. It accepts each SET only as a statement of its own.
func nameUserToWorkers(ctx context.Context, tx pgx.Tx, user usage.ID) error {
	var isCitus bool
	if err := tx.QueryRow(ctx, `SELECT `+store.HasCitus).Scan(&isCitus); err != nil || !isCitus {
		return err
	}
	for _, set := range []string{
		`SET LOCAL citus.propagate_set_commands = 'local'`,
		`SET LOCAL usage.user_id = '` + user.String() + `'`, // formatted by usage.ID, so safe to quote
	} {
		if _, err := tx.Exec(ctx, set, pgx.QueryExecModeSimpleProtocol); err != nil {
			return err
		}
	}
	return nil
}

// Filter narrows a question. The zero Filter selects every call that the viewer may see.
type Filter struct {
	// ByUser selects only the calls of User. With the nil UUID, it selects the calls
	// without a user.
	ByUser bool
	User   usage.ID
	// The others select calls with exactly this value. A pointer to "" selects the calls
	// without one.
	APIType, Provider, Model, Service, Environment *string
	// Tag selects the calls with this tag. Sums of each value are kept by UTC day and API
	// type. A question that needs more, or asks for the calls without the tag,
	// reads the calls of its period.
	Tag *TagValue
}

// TagValue is a tag and its value. The value "" selects calls without the tag.
type TagValue struct{ Name, Value string }

// values lists the conditions other than the user, each as a key and the required value.
func (f *Filter) values() []filterValue {
	var list []filterValue
	for _, c := range []filterValue{
		{"api_type", f.APIType}, {"provider", f.Provider}, {"model", f.Model}, {"service", f.Service}, {"environment", f.Environment},
	} {
		if c.value != nil {
			list = append(list, c)
		}
	}
	return list
}

type filterValue struct {
	key   string
	value *string
}

// levels returns the levels that can answer a question with this filter and these keys; see
// [sums.LevelsFor].
func (f *Filter) levels(v Viewer, keys []string, measures []sums.Measure, longest sums.Width) []*sums.Level {
	n := sums.Need{Keys: slices.Clone(keys), Measures: sums.Names(measures), Own: v.own(), Longest: longest}
	if f.ByUser || v.own() {
		n.Keys = append(n.Keys, "user_id")
	}
	for _, c := range f.values() {
		n.Keys = append(n.Keys, c.key)
	}
	byTag := slices.Contains(keys, "tag_name")
	switch {
	case f.Tag == nil:
		return sums.LevelsFor(n)
	case byTag || f.Tag.Value == "":
		// No sum knows which tags come together, or which calls have none.
		list := sums.LevelsFor(n)
		return list[len(list)-1:]
	}
	n.Keys = append(n.Keys, "tag_name", "tag_value")
	if list := sums.LevelsFor(n); len(list) > 1 {
		return list
	}
	return []*sums.Level{sums.Single}
}

// Counts holds the sums over a set of calls.
type Counts struct {
	Calls int64
	// UnpricedCalls have no known cost, and UnpricedTokens are their tokens. Both are
	// included in Calls and Tokens, at 0 dollars.
	UnpricedCalls, UnpricedTokens int64
	// EstimatedCalls have a cost that may differ from the bill. ReportedCalls arrived with
	// their cost.
	EstimatedCalls, ReportedCalls int64
	// Tokens is the sum of input and output tokens.
	Tokens int64
	// InputTokens and OutputTokens include cache and reasoning tokens.
	InputTokens, OutputTokens, CacheReadTokens, CacheWriteTokens, ReasoningTokens int64
	Cost                                                                          usage.Sum

	// EstimatedCost is the part of Cost that may differ from the bill. AssumedCalls were
	// priced with defaults, because they do not report everything the price depends on;
	// AssumedCost is their part of Cost.
	EstimatedCost, AssumedCost usage.Sum
	AssumedCalls               int64
	// APICost, PlanCost, CreditCost and OwnCost are the parts of Cost that each payer pays,
	// at API prices. The payer of the rest is unknown.
	APICost, PlanCost, CreditCost, OwnCost usage.Sum
}

// count returns the field of a measure that counts, and nil for a measure of money.
func (c *Counts) count(measure string) *int64 {
	switch measure {
	case sums.Calls.Name:
		return &c.Calls
	case sums.UnpricedCalls.Name:
		return &c.UnpricedCalls
	case sums.EstimatedCalls.Name:
		return &c.EstimatedCalls
	case sums.Tokens.Name:
		return &c.Tokens
	case sums.UnpricedTokens.Name:
		return &c.UnpricedTokens
	case sums.InputTokens.Name:
		return &c.InputTokens
	case sums.OutputTokens.Name:
		return &c.OutputTokens
	case sums.CacheReadTokens.Name:
		return &c.CacheReadTokens
	case sums.CacheWriteTokens.Name:
		return &c.CacheWriteTokens
	case sums.ReasoningTokens.Name:
		return &c.ReasoningTokens
	case sums.ReportedCalls.Name:
		return &c.ReportedCalls
	case sums.AssumedCalls.Name:
		return &c.AssumedCalls
	}
	return nil
}

// money returns the field of a measure of money, and nil for a measure that counts.
func (c *Counts) money(measure string) *usage.Sum {
	switch measure {
	case sums.Dollars.Name:
		return &c.Cost
	case sums.EstimatedDollars.Name:
		return &c.EstimatedCost
	case sums.AssumedDollars.Name:
		return &c.AssumedCost
	case sums.APIDollars.Name:
		return &c.APICost
	case sums.PlanDollars.Name:
		return &c.PlanCost
	case sums.CreditDollars.Name:
		return &c.CreditCost
	case sums.OwnDollars.Name:
		return &c.OwnCost
	}
	return nil
}

// take copies the given measures from other.
func (c *Counts) take(other Counts, measures []sums.Measure) {
	for _, m := range measures {
		if m.Money {
			*c.money(m.Name) = *other.money(m.Name)
		} else {
			*c.count(m.Name) = *other.count(m.Name)
		}
	}
}

// selectSums returns the SELECT list that sums the measures, in the order of [Counts.into].
func selectSums(measures []sums.Measure) string {
	list := make([]string, len(measures))
	for i, m := range measures {
		kind := "bigint"
		if m.Money {
			kind = "text"
		}
		list[i] = "sum(" + m.Name + ")::" + kind
	}
	return strings.Join(list, ", ")
}

// into returns the scan destinations of a row of [selectSums].
func (c *Counts) into(measures []sums.Measure) []any {
	list := make([]any, len(measures))
	for i, m := range measures {
		if m.Money {
			list[i] = moneyText{c.money(m.Name)}
		} else {
			list[i] = c.count(m.Name)
		}
	}
	return list
}

// moneyText scans a sum of money that is sent as text.
type moneyText struct{ sum *usage.Sum }

// Scan implements [database/sql.Scanner], which pgx supports.
func (m moneyText) Scan(value any) (err error) {
	text, ok := value.(string)
	if !ok {
		return fmt.Errorf("a sum of money is %T, not text", value)
	}
	*m.sum, err = usage.ParseSum(text)
	return err
}

// IsTimeout reports whether the server ended a statement because it exceeded the reader's
// timeout, or because an administrator canceled it.
func IsTimeout(err error) bool { return store.SQLState(err) == "57014" }

// Ready returns an error unless questions can be answered: the database is reachable and
// has our tables, and the pool's user may assume both roles.
func (r *Reader) Ready(ctx context.Context) error {
	if err := r.view(ctx, Administrator(), func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `SELECT FROM public.usage_quarter_type, public.usage_user LIMIT 0`)
		return err
	}); err != nil {
		return err
	}
	// Any user will do, since nothing is read.
	return r.view(ctx, OwnUsage(usage.ID{15: 1}), func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `SELECT FROM public.usage_own_calls LIMIT 0`)
		return err
	})
}
