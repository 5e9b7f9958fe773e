package store

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
)

// Class groups database errors by what a caller should do about them.
type Class string

// Classes of errors.
const (
	// ClassConnection: no response, a broken connection or a timeout. Whether the batch was
	// stored is unknown; sending it again is safe.
	ClassConnection Class = "connection"
	// ClassServer: the server is starting, stopping, out of resources or read-only.
	ClassServer Class = "server"
	// ClassConflict: a deadlock, a serialization failure or a lock timeout.
	ClassConflict Class = "conflict"
	// ClassSchema: a table or column is missing; a migration has to run.
	ClassSchema Class = "schema"
	// ClassAccess: the password is wrong or a privilege is missing.
	ClassAccess Class = "access"
	// ClassBadRow: the database will never accept one of the rows.
	ClassBadRow Class = "bad_row"
	// ClassUnknown: any other error.
	ClassUnknown Class = "unknown"
)

// SQLState returns the five-character SQLSTATE of err, or "" when err does not come from
// the server.
func SQLState(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	return ""
}

// classByState overrides [Classify]'s decision by the first two characters.
var classByState = map[string]Class{
	"25006": ClassServer,   // read-only: this is a standby, a failover is in progress
	"3D000": ClassSchema,   // the database does not exist
	"3F000": ClassSchema,   // the schema does not exist
	"42501": ClassAccess,   // insufficient privilege
	"42P01": ClassSchema,   // no such table
	"42703": ClassSchema,   // no such column
	"42883": ClassSchema,   // no such function
	"42704": ClassSchema,   // no such object
	"42P10": ClassSchema,   // no unique index matches the ON CONFLICT target
	"55P03": ClassConflict, // lock_timeout
	"57014": ClassConflict, // statement_timeout, or canceled by an administrator
	"26000": ClassServer,   // the prepared statement is missing: a pooler switched the connection
	"42P05": ClassServer,   // the prepared statement exists already, for the same reason
	"08P01": ClassConnection,
	"58030": ClassServer, // input/output error
}

var classByPrefix = map[string]Class{
	"08": ClassConnection,
	"22": ClassBadRow, // data exception
	"23": ClassBadRow, // integrity constraint
	"25": ClassServer, // a limit of the server or role ended the transaction
	"28": ClassAccess, // authentication
	"40": ClassConflict,
	"53": ClassServer, // out of disk, memory or connections
	"54": ClassBadRow, // a value too large for an index, too deep, too complex
	"57": ClassServer, // shutting down, starting up
	"P0": ClassBadRow, // RAISE in a trigger of the host application
	"44": ClassBadRow, // WITH CHECK OPTION
}

// Classify returns the class of err, and [ClassUnknown] for nil.
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

// faultError is an error that we raise ourselves, with its class.
type faultError struct {
	class Class
	text  string
}

func (e *faultError) Error() string { return e.text }

// Fault returns an error for which [Classify] returns class.
func Fault(class Class, text string) error { return &faultError{class, text} }

// IsCanceled reports whether the caller gave up, as opposed to a failure of the database.
func IsCanceled(ctx context.Context) bool { return ctx.Err() != nil }
