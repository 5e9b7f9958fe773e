// Package dbmigrate brings the schema of a database to the version this build
// works with, and says in one line what is wrong when it is another.
//
// Each file of package migrations runs in a transaction of its own, under a
// lock that only holds others who migrate: two collectors that start together
// both come up, the second finds the work done. The lock lives in the
// transaction, not in the session, so all of this also works through a pooler
// that gives each transaction another connection.
//
// It is a runner of our own because that is little: the established libraries
// (goose, tern) bring database/sql drivers or template languages, 16 to 51
// more packages, and take their lock in the session. What they would add, Go
// migrations and a dozen databases, we have no use for. The files are plain
// pairs that those tools could run as well.
package dbmigrate
