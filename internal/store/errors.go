package store

import (
	"context"
	"errors"
	"regexp"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"
)

// Class says what to do about an error of the database.
type Class string

// The classes.
const (
	// ClassConnection: no answer, a broken connection or a time-out. It is not
	// known whether the batch is stored; the same batch again is safe.
	ClassConnection Class = "connection"
	// ClassServer: the server is starting, stopping, full or read-only.
	ClassServer Class = "server"
	// ClassConflict: a deadlock, a serialization failure or a lock that was
	// not to be had in time.
	ClassConflict Class = "conflict"
	// ClassSchema: a table or column is missing: somebody has to migrate.
	ClassSchema Class = "schema"
	// ClassAccess: the password or a right is missing: somebody has to grant.
	ClassAccess Class = "access"
	// ClassBadRow: one of the rows is refused and always will be.
	ClassBadRow Class = "bad_row"
	// ClassUnknown: an error that none of the rules foresees.
	ClassUnknown Class = "unknown"
)

// SQLState is the five characters the server answered with, "" when the error
// is not from the server.
func SQLState(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	return ""
}

// classByState has what the first two characters do not decide alone.
var classByState = map[string]Class{
	"25006": ClassServer,   // read-only: we reached a standby, a fail-over is under way
	"3D000": ClassSchema,   // the database does not exist
	"3F000": ClassSchema,   // the schema does not exist
	"42501": ClassAccess,   // no right
	"42P01": ClassSchema,   // no such table
	"42703": ClassSchema,   // no such column
	"42883": ClassSchema,   // no such function
	"42704": ClassSchema,   // no such object
	"42P10": ClassSchema,   // no unique index for the ON CONFLICT
	"55P03": ClassConflict, // lock_timeout
	"57014": ClassConflict, // statement_timeout, or an administrator cancelled
	"26000": ClassServer,   // a prepared statement is gone: a pooler gave us another connection
	"42P05": ClassServer,   // a prepared statement is there already: the same
	"08P01": ClassConnection,
	"58030": ClassServer, // input/output error
}

var classByPrefix = map[string]Class{
	"08": ClassConnection,
	"22": ClassBadRow, // data exception
	"23": ClassBadRow, // integrity constraint
	"28": ClassAccess, // password
	"40": ClassConflict,
	"53": ClassServer, // out of disk, memory or connections
	"54": ClassBadRow, // a value too large for an index, too deep, too complex
	"57": ClassServer, // shutting down, starting up
	"P0": ClassBadRow, // RAISE in a trigger of the host application
	"44": ClassBadRow, // WITH CHECK OPTION
}

// Classify says what an error means; [ClassUnknown] for nil.
func Classify(err error) Class {
	if err == nil {
		return ClassUnknown
	}
	state := SQLState(err)
	switch {
	case errors.Is(err, ErrRollupMode), errors.Is(err, errNoRole):
		return ClassSchema
	case errors.Is(err, errNode):
		return ClassServer
	case errors.Is(err, errModeChanged), errors.Is(err, errUserVanished), errors.Is(err, errCallChanged):
		return ClassConflict
	case state == "":
		return ClassConnection
	}
	if class, ok := classByState[state]; ok {
		return class
	}
	if class, ok := classByPrefix[state[:2]]; ok {
		return class
	}
	return ClassUnknown
}

// WriteError is a batch that was not stored and should be tried again as it
// is. Its text holds no value of a row.
type WriteError struct {
	Class Class
	Rows  int // of the batch; 0 when none was begun
	Err   error
}

func (e *WriteError) Error() string {
	text := safeText(e.Err)
	if e.Rows > 0 {
		text = "write " + strconv.Itoa(e.Rows) + " usage records: " + text
	}
	if errors.Is(e.Err, errNode) {
		return text + "; " + errNode.Error() + ", the batch waits for it"
	}
	if advice := Advice(e.Err, "usage_writer"); advice != "" {
		text += "; " + advice
	}
	return text
}

func (e *WriteError) Unwrap() error { return e.Err }

// safeText is the error without the server's DETAIL, which repeats the row.
// Its MESSAGE may quote a value too ("invalid input syntax for type uuid"), so
// for faults of data only the code and the names are told.
func safeText(err error) string {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return err.Error()
	}
	if Classify(err) == ClassBadRow {
		return refusalText(err)
	}
	return pg.Severity + ": " + pg.Message + " (SQLSTATE " + pg.Code + ")"
}

// refusalText says why a row was refused, without its values.
func refusalText(err error) string {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return "refused before it was sent"
	}
	text := "SQLSTATE " + pg.Code
	if name := constraintOf(err); name != "" {
		text += ", constraint " + name
	}
	if pg.ColumnName != "" {
		text += ", column " + pg.ColumnName
	}
	return text
}

// copyLine finds the row that COPY refused, counted from 1; 0 when the server
// does not tell. Faults in JSON name a line of the JSON as well: only the one
// after "COPY <table>," is the row's.
var copyLine = regexp.MustCompile(`COPY [^,]+, line (\d+)(?:, column ([a-z0-9_]+))?`)

func refusedRow(err error) (line int, column string) {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return 0, ""
	}
	found := copyLine.FindStringSubmatch(pg.Where)
	if found == nil {
		return 0, ""
	}
	line, _ = strconv.Atoi(found[1]) // at worst 0: not told
	return line, found[2]
}

// isCanceled tells a caller that gave up from a database that failed.
func isCanceled(ctx context.Context) bool { return ctx.Err() != nil }
