package store

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
)

// Advice returns what a user can do about a database error. It returns "" when the error
// already says so or no advice is known. role is the role that the operation needs, such as
// usage_reader, or "" for the owner of the tables. The advice contains no value of a row
// and no secret.
func Advice(err error, role string) string {
	switch state := SQLState(err); state {
	case "":
		return connectAdvice(err)
	case "3D000":
		return "create it first: createdb <name>"
	case "28P01":
		return "the password is wrong or the user does not exist: correct dsn, dsn_file or password_file (a file is read again for each new connection)"
	case "28000":
		return pgHBAAdvice(err)
	case "42501":
		if role == "" {
			return "run it as the owner of the tables, the user that ran: usagectl migrate up"
		}
		return "the user needs the role: GRANT " + role + " TO <user>"
	case "25006":
		return "the server only reads: it is a standby, or default_transaction_read_only is on; name all hosts in the dsn with target_session_attrs=read-write, or switch that off"
	case "53300":
		return "all connections of the server are taken: lower max_conns, raise the server's max_connections, or put pgbouncer between"
	case "08P01":
		if messageHas(err, "startup parameter") {
			return "pgbouncer refuses what the dsn sets for the whole connection: take it out of the dsn and use the keys statement_timeout and lock_timeout, or name it in pgbouncer's ignore_startup_parameters"
		}
	}
	if Classify(err) == ClassSchema && !errors.Is(err, ErrRollupMode) {
		return "to see what the database needs: usagectl migrate status"
	}
	return ""
}

// pgHBAAdvice covers connections that pg_hba.conf rejects.
func pgHBAAdvice(err error) string {
	switch {
	case messageHas(err, "client certificate"):
		return "name one that the server's ssl_ca_file has signed: sslcert and sslkey in the dsn"
	case messageHas(err, "no encryption"):
		return "the server wants TLS: sslmode=verify-full and sslrootcert in the dsn; or pg_hba.conf has no line for this user, database and address"
	case messageHas(err, "pg_hba.conf"):
		return "add a line for this user, database and address to the server's pg_hba.conf"
	}
	return ""
}

// connectAdvice covers connections that fail before the server answers.
func connectAdvice(err error) string {
	var (
		authority   x509.UnknownAuthorityError
		name        x509.HostnameError
		certificate *tls.CertificateVerificationError
		dns         *net.DNSError
	)
	switch {
	case errors.As(err, &name):
		return "the host of the dsn must be one of the names in the server's certificate; or sslmode=verify-ca, which does not compare names"
	case errors.As(err, &authority):
		return "sslrootcert in the dsn must be the file of the CA that signed the server's certificate"
	case errors.As(err, &certificate):
		return "renew the server's certificate, or correct the clock of this machine"
	case textHas(err, "server refused TLS connection"):
		return "the server has ssl=off: switch it on, or set sslmode=disable where nobody can listen"
	case errors.As(err, &dns):
		return "correct the host in the dsn"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "is the server running at that address, and does its listen_addresses have it?"
	case errors.Is(err, fs.ErrPermission):
		return "let the user that runs this program read the file"
	case connecting(err) && (errors.Is(err, os.ErrDeadlineExceeded) || pgconn.Timeout(err)):
		return "nothing answers at that address: look for a firewall, or a server that is too busy"
	}
	return ""
}

func connecting(err error) bool {
	var c *pgconn.ConnectError
	return errors.As(err, &c)
}

func messageHas(err error, part string) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && strings.Contains(pg.Message, part)
}

func textHas(err error, part string) bool { return err != nil && strings.Contains(err.Error(), part) }

// InOneLine returns err with its message on one line, each failed connection attempt named
// once. pgx tries each address with and without TLS and reports one attempt per line.
// "server refused TLS connection" is left out when another attempt failed for a different
// reason.
func InOneLine(err error) error {
	var c *pgconn.ConnectError
	if !errors.As(err, &c) {
		return err
	}
	first, rest, _ := strings.Cut(c.Error(), "\n")
	if rest == "" {
		return err
	}
	var attempts []string
	for line := range strings.Lines(rest) {
		if line = strings.TrimSpace(line); !slices.Contains(attempts, line) {
			attempts = append(attempts, line)
		}
	}
	if named := slices.DeleteFunc(slices.Clone(attempts), func(a string) bool { return strings.HasSuffix(a, "server refused TLS connection") }); len(named) > 0 {
		attempts = named
	}
	return &oneLine{err, strings.Replace(err.Error(), c.Error(), first+" "+strings.Join(attempts, ", "), 1)}
}

// oneLine replaces the message of an error.
type oneLine struct {
	err  error
	text string
}

func (e *oneLine) Error() string { return e.text }

func (e *oneLine) Unwrap() error { return e.err }
