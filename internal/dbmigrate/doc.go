// Package dbmigrate migrates a database to the schema version that this build needs, and
// explains in one line what is wrong with any other version.
//
// Each file of package migrations runs in its own transaction, under a lock that blocks
// only other migrators. Two collectors can start together: the second one finds the work
// done. The lock belongs to the transaction and not to the session, so migrations also work
// through a transaction pooler.
//
// The runner is our own because it is small. Established libraries (goose, tern) add
// database/sql drivers or template languages, 16 to 51 more packages, and lock per session.
// We do not need what they add: Go migrations and support for a dozen databases. The files
// are plain up and down pairs that those tools could run as well.
package dbmigrate
