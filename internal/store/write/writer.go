package write

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/otelcol-usage/otelcol-usage/internal/once"
	"github.com/otelcol-usage/otelcol-usage/internal/pause"
	"github.com/otelcol-usage/otelcol-usage/internal/store"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// Options configures a [Writer]. Only Encode is required.
type Options struct {
	// Rollup says what keeps the rollups. Empty means [store.RollupAuto].
	Rollup store.RollupMode
	// StatementTimeout limits each statement of a batch, and LockTimeout each wait for a
	// lock. 0 means 60 s and 10 s. Without them, one forgotten transaction could block all
	// writers forever.
	StatementTimeout, LockTimeout time.Duration
	// UserCacheSize is how many users are cached, at about 100 bytes each. 0 means 65,536.
	UserCacheSize int
	// Encode appends the form in which a record is parked. It leaves out prompts.
	Encode func([]byte, *usage.Record) []byte
}

// Writer stores records exactly once. It is safe for concurrent use.
//
// A batch is first sent with COPY, which is cheapest but fails as a whole when one id
// exists already. It is then sent with INSERT … ON CONFLICT DO NOTHING. Ids are
// deterministic, so any number of collectors may write the same batch any number of times.
type Writer struct {
	pool  *pgxpool.Pool
	o     Options
	begin pgx.TxOptions
	users *userCache
	names decisions
	tags  tagDecisions

	mu sync.Mutex
	db *database // nil: not read yet, or out of date

	services services
	pruned   time.Time // when old users of traces were last deleted; under services.mu

	copyRefused atomic.Bool // the server refuses COPY (row-level security)
}

// New returns a writer. It does not connect.
func New(pool *pgxpool.Pool, o Options) *Writer {
	if o.Rollup == "" {
		o.Rollup = store.RollupAuto
	}
	if o.StatementTimeout == 0 {
		o.StatementTimeout = time.Minute
	}
	if o.LockTimeout == 0 {
		o.LockTimeout = 10 * time.Second
	}
	if o.UserCacheSize <= 0 {
		o.UserCacheSize = 1 << 16
	}
	return &Writer{
		pool: pool, o: o, users: newUserCache(o.UserCacheSize),
		// The settings are local to the transaction, because a pooler may give the next
		// one to another client. They travel with the BEGIN, so they cost no round trip.
		//   - work_mem: the rows stay in memory until the rollups have their sums;
		//     the default of 4 MB holds fewer than the 10,000 rows of a batch.
		//   - synchronous_commit: off, set for a role or database, would lose
		//     acknowledged calls in a crash of the server.
		begin: pgx.TxOptions{BeginQuery: fmt.Sprintf("BEGIN; SET LOCAL statement_timeout = %d; SET LOCAL lock_timeout = %d; "+
			"SET LOCAL work_mem = '32MB'; "+
			"SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'",
			o.StatementTimeout.Milliseconds(), o.LockTimeout.Milliseconds())},
	}
}

// Check returns an error if rows cannot be written, because a privilege is missing or the
// server is read-only. It writes nothing.
func (w *Writer) Check(ctx context.Context) error {
	return pgx.BeginTxFunc(ctx, w.pool, w.begin, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO public.api_usage (usage_dollars, api_type) SELECT 0, 'text' WHERE false`)
		return err
	})
}

// Result counts the outcomes of a batch.
type Result struct {
	Inserted   int // new rows
	Duplicates int // calls that were stored already, or occur twice in the batch
	Corrected  int // stored calls whose counts were raised
	Reused     int // of Inserted: rows with an id of their own, because another call has theirs
	Withdrawn  int // sums of agents that were deleted, because their calls are stored
	Attributed int // calls without a user that got their trace's; see [Writer.Attribute]
	// UnknownUsers counts rows stored without user_id because auth.users lacks the user.
	// The row's metadata names the user.
	UnknownUsers int
	// Parked lists the refused records, which are stored in public.usage_dead_letter.
	Parked []Parked
	// Copied reports whether the batch was sent with COPY.
	Copied bool

	suspects []suspect
	// reused lists calls whose ids belong to different calls.
	reused []*usage.Record
}

// suspect is a single row that was refused for a reason that no rule of ours covers. It is
// parked if other rows of the batch are accepted, because then the row is at fault. If none
// is accepted, the database is at fault and the batch waits.
type suspect struct {
	row *usage.Record
	err error
}

// add adds the counts of another part of the batch.
func (r *Result) add(part Result) {
	r.Inserted += part.Inserted
	r.Duplicates += part.Duplicates
	r.Corrected += part.Corrected
	r.Attributed += part.Attributed
	r.reused = append(r.reused, part.reused...)
	r.UnknownUsers += part.UnknownUsers
	r.suspects = append(r.suspects, part.suspects...)
	r.Parked = append(r.Parked, part.Parked...)
	r.Copied = part.Copied
}

// Write stores the records. After an error the same records should be written again; some
// may be stored or parked by then. See [Error] for the kinds. Records that can never be
// stored are parked as soon as they are found, and cause no error.
//
// Write may shorten and clean texts of the records in place.
func (w *Writer) Write(ctx context.Context, records []usage.Record) (Result, error) {
	var result Result
	places := make([]place, 0, len(records))
	for i := range records {
		r := &records[i]
		r.Clean()
		if err := checkRecord(r); err != nil {
			result.Parked = append(result.Parked, w.park(r, err))
			continue
		}
		places = append(places, place{binary.BigEndian.Uint64(r.ID[:]), i})
	}
	if err := w.savePark(ctx, result.Parked); err != nil {
		return Result{}, w.failed(ctx, err, len(records))
	}
	rows := uniqueRows(records, places)
	result.Duplicates = len(places) - count(rows)
	for level := 0; len(rows) > 0; level++ {
		part, err := w.writeUnique(ctx, rows)
		if err != nil {
			return Result{}, w.failed(ctx, err, len(records))
		}
		if level > 0 {
			result.Reused += part.Inserted
		}
		own := ownRecords(part.reused, level)
		part.reused = nil
		result.add(part)
		places = places[:0]
		for i := range own {
			places = append(places, place{binary.BigEndian.Uint64(own[i].ID[:]), i})
		}
		rows = uniqueRows(own, places)
		for i := range rows {
			rows[i].reused = true
		}
		result.Duplicates += len(own) - count(rows)
	}
	if err := w.savePark(ctx, result.Parked); err != nil {
		return Result{}, w.failed(ctx, err, len(records))
	}
	attributed, err := w.findUsers(ctx, records)
	if err != nil {
		return Result{}, w.failed(ctx, err, len(records))
	}
	result.Attributed = attributed
	if result.Withdrawn, err = w.withdraw(ctx, records); err != nil {
		return Result{}, w.failed(ctx, err, len(records))
	}
	return result, nil
}

// place is the index of a record in the batch, with the first bytes of its id.
type place struct {
	id    uint64
	index int
}

// uniqueRows returns rows sorted by id. Two writers of the same calls then wait for each
// other at the first common id, and never in a cycle. (Unsorted, 4 writers of overlapping
// batches had 1,569 deadlocks and were 11 times slower.) Of several records of one call it
// keeps the one with the larger counts; different calls under its id go into others.
func uniqueRows(records []usage.Record, places []place) []row {
	// Sorting places instead of rows takes an eighth of the time, because nearly every
	// comparison is between two numbers that are adjacent in memory.
	slices.SortFunc(places, func(a, b place) int {
		if a.id != b.id {
			return cmp.Compare(a.id, b.id)
		}
		return cmp.Or(bytes.Compare(records[a.index].ID[:], records[b.index].ID[:]), cmp.Compare(a.index, b.index))
	})
	unique := make([]row, 0, len(places))
	for _, p := range places {
		r := &records[p.index]
		last := len(unique) - 1
		if last < 0 || unique[last].ID != r.ID {
			unique = append(unique, row{Record: r})
			continue
		}
		known, report := reportOf(unique[last].Record, unique[last].UserID), reportOf(r, r.UserID)
		switch once.Judge(&known, &report) {
		case once.Correction:
			unique[last].Record = r
		case once.Reused:
			unique[last].others = append(unique[last].others, r)
		}
	}
	return unique
}

// count returns the number of records in the rows.
func count(rows []row) int {
	n := len(rows)
	for i := range rows {
		n += len(rows[i].others)
	}
	return n
}

// failed wraps the error for the caller and drops cached state that may be out of date.
func (w *Writer) failed(ctx context.Context, err error, rows int) error {
	class := store.Classify(err)
	if class == store.ClassBadRow {
		// Everything that isolates a bad row was tried. What remains concerns the batch as
		// a whole and is worth a retry.
		class = store.ClassUnknown
	}
	if class != store.ClassConflict {
		w.forgetDatabase()
	}
	if store.SQLState(err) == "25006" && !store.IsCanceled(ctx) {
		// We are connected to a standby, and these connections would never reach the
		// primary.
		w.pool.Reset()
	}
	return &Error{Class: class, Rows: rows, Err: err}
}

func (w *Writer) forgetDatabase() {
	w.mu.Lock()
	w.db = nil
	w.mu.Unlock()
}

// database reads the state of the database once. An error is not cached.
func (w *Writer) database(ctx context.Context) (*database, error) {
	w.mu.Lock()
	db := w.db
	w.mu.Unlock()
	if db != nil {
		return db, nil
	}
	db, err := w.inspect(ctx)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	w.db = db
	w.mu.Unlock()
	return db, nil
}

// writeUnique stores rows that are sorted and have distinct ids.
func (w *Writer) writeUnique(ctx context.Context, rows []row) (Result, error) {
	if len(rows) == 0 {
		return Result{}, nil
	}
	// The first try may meet a changed trigger or a deleted user, which the next one knows.
	// An unknown error, or that of a node, may be transient.
	const tries = 3
	for try := 1; ; try++ {
		db, err := w.database(ctx)
		if err != nil {
			return Result{}, err
		}
		rows, expired := w.withoutExpired(db, rows)
		unknown, err := w.resolve(ctx, db, rows)
		if err != nil {
			return Result{}, err
		}
		if err := w.foldNames(ctx, rows); err != nil {
			return Result{}, err
		}
		result, err := w.writeResolved(ctx, db, rows, try == tries)
		result.UnknownUsers = unknown
		result.Parked = append(result.Parked, expired...)
		switch {
		case try == tries:
			return result, err
		case errors.Is(err, errModeChanged):
			w.forgetDatabase()
		case errors.Is(err, errUserVanished):
			w.users.forgetAll()
		case err != nil && (store.Classify(err) == store.ClassUnknown || errors.Is(err, errNode)):
			if err := pause.For(ctx, unknownErrorPause); err != nil {
				return Result{}, err
			}
		default:
			return result, err
		}
	}
}

// withoutExpired removes the calls before the retention mark. Their rows may be deleted and
// their sums kept, so storing them could count them twice.
func (w *Writer) withoutExpired(db *database, rows []row) (left []row, expired []Parked) {
	if db.retainedFrom.IsZero() || !slices.ContainsFunc(rows, func(r row) bool { return r.Time.Before(db.retainedFrom) }) {
		return rows, nil
	}
	for _, r := range rows {
		if r.Time.Before(db.retainedFrom) {
			expired = append(expired, w.park(r.Record, errExpired))
			for _, other := range r.others {
				expired = append(expired, w.park(other, errExpired))
			}
		} else {
			left = append(left, r)
		}
	}
	return left, expired
}

var errExpired = errors.New("timestamp: the call is older than the retention mark, and whether it was counted already can no longer be known")

const (
	unknownErrorPause = 200 * time.Millisecond
	// maxDropped is how many bad rows that COPY names are dropped one by one, each at the
	// cost of another COPY up to that row. Beyond it, the rows are probed.
	maxDropped = 4
	// maxRaces is how often a batch may lose a race against other writers of the same
	// calls.
	maxRaces = 10
)

// writeResolved stores rows whose users are resolved, and isolates bad ones. It isolates
// rows after an unknown error only when asked to.
func (w *Writer) writeResolved(ctx context.Context, db *database, rows []row, isolateUnknown bool) (Result, error) {
	result, err := w.isolate(ctx, db, rows, isolateUnknown, false)
	if err != nil || len(result.suspects) == 0 {
		return result, err
	}
	if result.Inserted+result.Duplicates+result.Corrected+len(result.reused) == 0 {
		return Result{}, result.suspects[0].err
	}
	for _, s := range result.suspects {
		result.Parked = append(result.Parked, w.parkRefused(s.row, s.err, ""))
	}
	result.suspects = nil
	return result, nil
}

// isolate stores the rows that the table accepts. probed means that no row is refused by
// itself, so only halving can find the cause.
func (w *Writer) isolate(ctx context.Context, db *database, rows []row, isolateUnknown, probed bool) (Result, error) {
	result := Result{Copied: db.hasTrigger && !db.isCitus && !w.copyRefused.Load()}
	races, again := 0, false
	for len(rows) > 0 {
		done, err := w.inTransaction(ctx, db, rows, result.Copied)
		if err == nil {
			done.Copied = result.Copied
			result.add(done)
			return result, nil
		}
		class, state := store.Classify(err), store.SQLState(err)
		line, column := refusedRow(err)
		switch {
		case result.Copied && state == "23505" && isOwnKey(err):
			// Some call is stored already. The rest is sent with COPY again, unless another
			// writer has stored some of it meanwhile.
			left, taken, err := w.withoutStored(ctx, db, rows)
			if err != nil {
				return result, db.nodeFault(err)
			}
			result.Duplicates += len(rows) - len(left)
			result.Copied = !taken && len(left) > 0 && len(left) < len(rows) && !again
			rows, again = left, true
		case errors.Is(err, errCallChanged), db.partitioned && state == "23505" && isOwnKey(err):
			// Another writer changed a call, or stored one of the ids with another
			// timestamp, at the same time. It has committed, so its change is visible now.
			if races++; races > maxRaces {
				return Result{}, err
			}
		case result.Copied && state == "0A000":
			w.copyRefused.Store(true)
			result.Copied = false
		case state == "23503" && isUserKey(err):
			return Result{}, errUserVanished
		case class != store.ClassBadRow && (class != store.ClassUnknown || !isolateUnknown):
			return Result{}, err
		case class == store.ClassBadRow && line >= 1 && line <= len(rows) && len(result.Parked) < maxDropped:
			result.Parked = append(result.Parked, w.parkRefused(rows[line-1].Record, err, column))
			result.reused = append(result.reused, rows[line-1].others...)
			rows = slices.Delete(slices.Clone(rows), line-1, line)
		case len(rows) > 1:
			split := w.isolateProbed
			if probed {
				split = w.isolateHalves
			}
			parts, err := split(ctx, db, rows, isolateUnknown)
			result.add(parts)
			return result, err
		case class == store.ClassBadRow:
			result.Parked = append(result.Parked, w.parkRefused(rows[0].Record, err, column))
			result.reused = append(result.reused, rows[0].others...)
			return result, nil
		default:
			result.suspects = append(result.suspects, suspect{rows[0].Record, err})
			result.reused = append(result.reused, rows[0].others...)
			return result, nil
		}
	}
	return result, nil
}

// isolateProbed probes the rows some thousand at a time and stores the result of each part
// before the next. If the batch is sent again, the stored rows are recognised.
func (w *Writer) isolateProbed(ctx context.Context, db *database, rows []row, isolateUnknown bool) (Result, error) {
	var result Result
	for chunk := range slices.Chunk(rows, probeRows) {
		bad, err := w.probe(ctx, db, chunk, isolateUnknown)
		if err != nil {
			return result, db.nodeFault(err)
		}
		var parked []Parked
		isBad := make(map[*usage.Record]bool, len(bad))
		for _, b := range bad {
			isBad[b.row.Record] = true
			result.reused = append(result.reused, b.row.others...)
			if store.Classify(b.err) == store.ClassBadRow {
				parked = append(parked, w.parkRefused(b.row.Record, b.err, ""))
			} else {
				result.suspects = append(result.suspects, suspect{b.row.Record, b.err})
			}
		}
		if err := w.savePark(ctx, parked); err != nil {
			return result, err
		}
		result.Parked = append(result.Parked, parked...)
		good := slices.DeleteFunc(slices.Clone(chunk), func(r row) bool { return isBad[r.Record] })
		part, err := w.isolate(ctx, db, good, isolateUnknown, true)
		result.add(part)
		if err != nil {
			return result, err
		}
		if len(result.suspects) >= maxUnforeseen && result.Inserted+result.Duplicates == 0 {
			return result, result.suspects[0].err
		}
	}
	return result, nil
}

// isolateHalves finds rows that are refused only in combination. Each half has its own
// transaction. If the second fails, the first stays stored and is recognised when the batch
// is sent again.
func (w *Writer) isolateHalves(ctx context.Context, db *database, rows []row, isolateUnknown bool) (Result, error) {
	result, err := w.isolate(ctx, db, rows[:len(rows)/2], isolateUnknown, true)
	if err != nil {
		return result, err
	}
	second, err := w.isolate(ctx, db, rows[len(rows)/2:], isolateUnknown, true)
	result.add(second)
	return result, err
}

func (w *Writer) inTransaction(ctx context.Context, db *database, rows []row, byCopy bool) (done Result, err error) {
	err = pgx.BeginTxFunc(ctx, w.pool, w.begin, func(tx pgx.Tx) error {
		var err error
		done = Result{}
		if byCopy {
			done.Inserted, err = copyBatch(ctx, tx, rows)
		} else {
			done.Inserted, err = insertBatch(ctx, tx, db, rows)
		}
		if err != nil {
			return err
		}
		if rows[0].reused {
			if err := auditReused(ctx, tx, rows); err != nil {
				return err
			}
		}
		if done.Inserted < count(rows) {
			if err := w.settle(ctx, tx, db, rows, &done); err != nil {
				return err
			}
		}
		if err := db.checkUsers(ctx, tx, rows); err != nil {
			return err
		}
		return db.confirm(ctx, tx)
	})
	return done, db.nodeFault(err)
}

// settle handles the rows whose ids were taken.
func (w *Writer) settle(ctx context.Context, tx pgx.Tx, db *database, rows []row, done *Result) error {
	j, err := judge(ctx, tx, db, rows)
	if err != nil {
		return err
	}
	if err := correct(ctx, tx, db, j.corrections); err != nil {
		return err
	}
	done.Corrected = len(j.corrections)
	done.reused = j.reused
	done.Duplicates = max(0, count(rows)-done.Inserted-len(j.corrections)-len(j.reused))
	return nil
}

// isUserKey reports a violation of the foreign key on auth.users. It is checked at the end
// of the statement and names no row.
func isUserKey(err error) bool { return strings.Contains(constraintOf(err), "user_id") }

// isOwnKey reports whether the constraint is our primary key, under its name on the table,
// a partition or a shard. Any other unique constraint belongs to the host application, and
// its violation is a fault of the row.
func isOwnKey(err error) bool {
	name := constraintOf(err)
	return strings.HasPrefix(name, "api_usage") && strings.Contains(name, "_pkey")
}
