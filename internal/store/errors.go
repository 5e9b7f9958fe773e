package store

import (
	"context"
	"errors"

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
	"25": ClassServer, // a limit of the server or role ended the transaction
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
	var fault *faultError
	switch {
	case errors.As(err, &fault):
		return fault.class
	case errors.Is(err, ErrRollupMode):
		return ClassSchema
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

// faultError is a fault that we find ourselves.
type faultError struct {
	class Class
	text  string
}

func (e *faultError) Error() string { return e.text }

// Fault is an error of a class that [Classify] returns.
func Fault(class Class, text string) error { return &faultError{class, text} }

// IsCanceled reports whether the caller gave up, rather than the database failed.
func IsCanceled(ctx context.Context) bool { return ctx.Err() != nil }
