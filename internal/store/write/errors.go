package write

import (
	"errors"
	"regexp"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/otelcol-usage/otelcol-usage/internal/store"
)

// Error is a batch that was not stored and should be tried again as it
// is. Its text holds no value of a row.
type Error struct {
	Class store.Class
	Rows  int // of the batch; 0 when none was begun
	Err   error
}

func (e *Error) Error() string {
	text := safeText(e.Err)
	if e.Rows > 0 {
		text = "write " + strconv.Itoa(e.Rows) + " usage records: " + text
	}
	if errors.Is(e.Err, errNode) {
		return text + "; " + errNode.Error() + ", the batch waits for it"
	}
	if advice := store.Advice(e.Err, "usage_writer"); advice != "" {
		text += "; " + advice
	}
	return text
}

func (e *Error) Unwrap() error { return e.Err }

// safeText is the error without the server's DETAIL, which repeats the row.
// Its MESSAGE may quote a value too ("invalid input syntax for type uuid"), so
// for faults of data only the code and the names are given.
func safeText(err error) string {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return store.InOneLine(err).Error()
	}
	if store.Classify(err) == store.ClassBadRow {
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
	line, _ = strconv.Atoi(found[1]) // at worst 0: unknown
	return line, found[2]
}

func constraintOf(err error) string {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return ""
	}
	if pg.ConstraintName == "" && strings.HasPrefix(pg.Code, "23") {
		// Citus passes on what a worker says, leaves the fields out, and has the
		// number of the shard at the end of names.
		if named := constraintInText.FindStringSubmatch(pg.Message); named != nil {
			return named[1]
		}
	}
	return pg.ConstraintName
}

var constraintInText = regexp.MustCompile(`constraint "([^"]+?)(?:_\d{6,})?"`)
