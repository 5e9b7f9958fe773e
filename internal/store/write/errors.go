package write

import (
	"errors"
	"regexp"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/otelcol-usage/otelcol-usage/internal/store"
)

// Error means that a batch was not stored and should be retried unchanged. Its text
// contains no value of a row.
type Error struct {
	Class store.Class
	Rows  int // in the batch; 0 when none was started
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

// safeText returns the error without the server's DETAIL, which repeats the row. The
// MESSAGE may quote a value too ("invalid input syntax for type uuid"), so data errors are
// reduced to the code and the names.
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

// refusalText says why a row was refused, without any of its values.
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

// copyLine finds the number of the row that COPY refused, counted from 1, and 0 when the
// server does not say. Errors in JSON also mention a line of the document; only the one
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
	line, _ = strconv.Atoi(found[1]) // 0 if unreadable: unknown
	return line, found[2]
}

func constraintOf(err error) string {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return ""
	}
	if pg.ConstraintName == "" && strings.HasPrefix(pg.Code, "23") {
		// Citus forwards a worker's message without the fields, and appends the shard
		// number to names.
		if named := constraintInText.FindStringSubmatch(pg.Message); named != nil {
			return named[1]
		}
	}
	return pg.ConstraintName
}

var constraintInText = regexp.MustCompile(`constraint "([^"]+?)(?:_\d{6,})?"`)
