package read

import (
	"context"
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

// Reader answers questions about usage. Each answer is read in one read-only
// transaction that sees one moment, so that its parts agree, and under a
// database role that may see no more than the [Viewer] may.
type Reader struct {
	pool    *pgxpool.Pool
	timeout time.Duration
}

// New reads through pool, whose user must be a member of the roles
// usage_reader and usage_own. A statement that takes longer than timeout is
// ended by the server, see [IsTimeout].
func New(pool *pgxpool.Pool, timeout time.Duration) *Reader {
	return &Reader{pool: pool, timeout: timeout}
}

// errNoRole says that the migrations, which create the roles, have not run.
var errNoRole = store.Fault(store.ClassSchema, "the role does not exist")

// Viewer is with whose rights a question is answered. The zero Viewer has
// none.
type Viewer struct {
	role string
	user usage.ID
}

// Administrator sees all calls.
func Administrator() Viewer { return Viewer{role: "usage_reader"} }

// OwnUsage sees the calls of one user and nothing else: the role reads barrier
// views that the setting usage.user_id filters, so that a mistake in a
// statement shows nobody else's rows.
func OwnUsage(user usage.ID) Viewer { return Viewer{role: "usage_own", user: user} }

// own reports whether the viewer sees one user's calls only.
func (v Viewer) own() bool { return v.role == "usage_own" }

// view runs fn in one snapshot with the viewer's rights.
func (r *Reader) view(ctx context.Context, v Viewer, fn func(pgx.Tx) error) error {
	if v.role == "" || v.own() && v.user.IsZero() {
		return fmt.Errorf("read usage: the viewer has no rights")
	}
	tx, err := r.begin(ctx, v)
	if store.Classify(err) == store.ClassConnection && !store.IsCanceled(ctx) {
		// The server, or a pooler, was started again and the pool's connections
		// did not get it. Nothing was read yet.
		r.pool.Reset()
		tx, err = r.begin(ctx, v)
	}
	if err != nil {
		return err
	}
	// Nothing was written, so nothing is lost whichever way it ends; a context
	// that has ended must still give the connection back.
	defer tx.Rollback(context.WithoutCancel(ctx)) //nolint:errcheck // see above
	return fn(tx)
}

// begin takes a snapshot with the viewer's rights.
func (r *Reader) begin(ctx context.Context, v Viewer) (pgx.Tx, error) {
	tx, err := r.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return nil, fmt.Errorf("begin reading: %w", err)
	}
	if err := r.become(ctx, tx, v); err != nil {
		tx.Rollback(context.WithoutCancel(ctx)) //nolint:errcheck,gosec // the error before counts
		return nil, err
	}
	return tx, nil
}

// become gives the transaction the viewer's rights and the reader's limits.
func (r *Reader) become(ctx context.Context, tx pgx.Tx, v Viewer) error {
	user := ""
	if v.own() {
		user = v.user.String()
	}
	// A custom plan knows the bounds of the period, without which the planner
	// would read the whole table. Compiling takes longer than these queries do, and
	// so does starting processes to share them on a busy machine.
	var isCitus bool
	if err := tx.QueryRow(ctx, `
		SELECT `+store.HasCitus+`,
		       set_config('role', $1, true),
		       set_config('usage.user_id', $2, true),
		       set_config('statement_timeout', $3, true),
		       set_config('plan_cache_mode', 'force_custom_plan', true),
		       set_config('jit', 'off', true),
		       set_config('max_parallel_workers_per_gather', '0', true),
		       set_config('TimeZone', 'UTC', true)`,
		v.role, user, strconv.FormatInt(r.timeout.Milliseconds(), 10)).Scan(&isCitus, nil, nil, nil, nil, nil, nil, nil); err != nil {
		if store.SQLState(err) == "22023" { // "invalid parameter value": there is no such role
			err = fmt.Errorf("%w: %w", errNoRole, err)
		}
		return fmt.Errorf("take the role %s: %w", v.role, err)
	}
	if isCitus && v.own() {
		if err := nameUserToWorkers(ctx, tx, user); err != nil {
			return fmt.Errorf("name the user to the workers: %w", err)
		}
	}
	return nil
}

// nameUserToWorkers makes a setting known where the views of own usage run on
// Citus. Its workers do not get set_config: without this they show nothing,
// and say nothing. They take each SET only as a command of its own.
func nameUserToWorkers(ctx context.Context, tx pgx.Tx, user string) error {
	for _, set := range []string{
		`SET LOCAL citus.propagate_set_commands = 'local'`,
		`SET LOCAL usage.user_id = '` + user + `'`, // a UUID that usage.ID wrote
	} {
		if _, err := tx.Exec(ctx, set, pgx.QueryExecModeSimpleProtocol); err != nil {
			return err
		}
	}
	return nil
}

// Filter narrows a question. Its zero value lets every call pass that the
// viewer may see.
type Filter struct {
	// ByUser keeps the calls of User only; the nil UUID means calls without a
	// user.
	ByUser bool
	User   usage.ID
	// The others keep calls with exactly this value; a pointer to "" keeps the
	// calls that have none.
	APIType, Provider, Model, Service, Environment *string
	// Tag keeps the calls with this tag. No sums are kept by tag: a question with
	// one reads the calls of its period.
	Tag *TagValue
}

// TagValue is a tag and its value, "" for calls without it.
type TagValue struct{ Name, Value string }

// values are the conditions beside the user's: the key, and what it has to be.
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

// need is what a question with this filter has to know beside its own keys.
func (f *Filter) need(v Viewer, keys []string, measures []sums.Measure, longest sums.Width) sums.Need {
	n := sums.Need{Keys: slices.Clone(keys), Measures: sums.Names(measures), Own: v.own(), Longest: longest}
	if f.ByUser || v.own() {
		n.Keys = append(n.Keys, "user_id")
	}
	for _, c := range f.values() {
		n.Keys = append(n.Keys, c.key)
	}
	if f.Tag != nil {
		n.Keys = append(n.Keys, "tag")
	}
	return n
}

// Counts are the sums over a set of calls.
type Counts struct {
	Calls int64
	// UnpricedCalls have no known cost and UnpricedTokens are theirs; both are
	// part of Calls and Tokens, with 0 dollars.
	UnpricedCalls, UnpricedTokens int64
	// EstimatedCalls have a cost that may differ from the bill, ReportedCalls the
	// cost that arrived with them.
	EstimatedCalls, ReportedCalls int64
	// Tokens are input and output together.
	Tokens int64
	// InputTokens and OutputTokens are inclusive; cache and reasoning tokens
	// are parts of them.
	InputTokens, OutputTokens, CacheReadTokens, CacheWriteTokens, ReasoningTokens int64
	Cost                                                                          usage.Sum

	// EstimatedCost is the part of Cost that may differ from the bill. The price
	// of AssumedCalls took defaults because the calls do not report what it
	// depends on; AssumedCost is their part of Cost.
	EstimatedCost, AssumedCost usage.Sum
	AssumedCalls               int64
	// APICost, PlanCost, CreditCost and OwnCost are what of Cost each payer
	// pays, at API prices; nobody knows who pays the rest.
	APICost, PlanCost, CreditCost, OwnCost usage.Sum
}

// count is where a measure that counts stands; nil for one of money.
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

// money is where a measure of money stands; nil for one that counts.
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

// take copies measures of other.
func (c *Counts) take(other Counts, measures []sums.Measure) {
	for _, m := range measures {
		if m.Money {
			*c.money(m.Name) = *other.money(m.Name)
		} else {
			*c.count(m.Name) = *other.count(m.Name)
		}
	}
}

// selectSums adds measures up, each as what [Counts.into] reads.
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

// into is where a row of [selectSums] goes.
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

// moneyText reads a sum of money that was sent as text.
type moneyText struct{ sum *usage.Sum }

// Scan implements the interface that pgx knows from database/sql.
func (m moneyText) Scan(value any) (err error) {
	text, ok := value.(string)
	if !ok {
		return fmt.Errorf("a sum of money is %T, not text", value)
	}
	*m.sum, err = usage.ParseSum(text)
	return err
}

// IsTimeout reports whether the server ended a statement because it took
// longer than the reader's time, or because an administrator cancelled it.
func IsTimeout(err error) bool { return store.SQLState(err) == "57014" }

// Ready says whether questions can be answered: the database is there, it has
// our tables, and the pool's user may take both roles.
func (r *Reader) Ready(ctx context.Context) error {
	if err := r.view(ctx, Administrator(), func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `SELECT FROM public.usage_quarter_type, public.usage_user LIMIT 0`)
		return err
	}); err != nil {
		return err
	}
	// Any user will do: nothing is read.
	return r.view(ctx, OwnUsage(usage.ID{15: 1}), func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `SELECT FROM public.usage_own_calls LIMIT 0`)
		return err
	})
}
