package store_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pgserver"
	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
	"github.com/otelcol-usage/otelcol-usage/internal/store"
	"github.com/otelcol-usage/otelcol-usage/internal/store/write"
)

// TestTLS: a server that wants it, with a certificate for 127.0.0.1 from a CA of
// its own, and a user of whom it wants a certificate too.
func TestTLS(t *testing.T) {
	t.Parallel()
	dir, server := tlsServer(t)
	file := func(name string) string { return filepath.Join(dir, name) }
	address := func(host, user string, query ...string) string {
		u, err := url.Parse(server.DSN)
		require.NoError(t, err)
		q := url.Values{}
		for i := 0; i < len(query); i += 2 {
			q.Set(query[i], query[i+1])
		}
		u.User, u.Host, u.RawQuery = url.UserPassword(user, "hunter2"), net.JoinHostPort(host, u.Port()), q.Encode()
		return u.String()
	}
	plainServer := func(sslmode string) string {
		u, err := url.Parse(pgtest.NewEmpty(t).DSN)
		require.NoError(t, err)
		u.RawQuery = "sslmode=" + sslmode
		return u.String()
	}
	for _, c := range []struct {
		name, dsn string
		advice    string // "": it works
	}{
		{"verify-full", address("127.0.0.1", "usage_tls", "sslmode", "verify-full", "sslrootcert", file("ca.crt")), ""},
		{"another CA", address("127.0.0.1", "usage_tls", "sslmode", "verify-full", "sslrootcert", file("other.crt")), "sslrootcert in the dsn must be the file of the CA that signed the server's certificate"},
		{"no CA", address("127.0.0.1", "usage_tls", "sslmode", "verify-full"), "sslrootcert in the dsn must be"},
		{"another name", address("localhost", "usage_tls", "sslmode", "verify-full", "sslrootcert", file("ca.crt")), "the host of the dsn must be one of the names in the server's certificate"},
		{"another name, not compared", address("localhost", "usage_tls", "sslmode", "verify-ca", "sslrootcert", file("ca.crt")), ""},
		{"without encryption", address("127.0.0.1", "usage_tls", "sslmode", "disable"), "the server wants TLS: sslmode=verify-full and sslrootcert in the dsn"},
		{"a server without TLS", plainServer("verify-full"), "the server has ssl=off"},
		{"a client's certificate", address("127.0.0.1", "usage_cert", "sslmode", "verify-full", "sslrootcert", file("ca.crt"), "sslcert", file("client.crt"), "sslkey", file("client.key")), ""},
		{"no client's certificate", address("127.0.0.1", "usage_cert", "sslmode", "verify-full", "sslrootcert", file("ca.crt")), "sslcert and sslkey in the dsn"},
	} {
		t.Run(c.name, func(t *testing.T) {
			pool, err := store.Connect(t.Context(), store.Config{DSN: c.dsn, ConnectTimeout: time.Minute})
			require.NoError(t, err)
			defer pool.Close()
			var encrypted bool
			err = pool.QueryRow(t.Context(), `SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()`).Scan(&encrypted)
			if c.advice == "" {
				require.NoError(t, err)
				assert.True(t, encrypted)
				return
			}
			require.Error(t, err)
			text := (&write.Error{Class: store.Classify(err), Err: err}).Error()
			assert.Contains(t, text, "; ")
			assert.Contains(t, text, c.advice)
			assert.NotContains(t, text, "hunter2")
		})
	}
}

// tlsServer lets usage_tls in with TLS and a password, usage_cert with a
// certificate as well; both have the password hunter2. The directory has ca.crt,
// other.crt, client.crt and client.key.
func tlsServer(t *testing.T) (dir string, server *pgserver.Server) {
	t.Helper()
	// Not t.TempDir: under root its parents keep the server's user out.
	dir, err := os.MkdirTemp("", "usage-tls-")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(dir)) })

	authority, other := newAuthority(t), newAuthority(t)
	authority.write(t, filepath.Join(dir, "ca.crt"))
	other.write(t, filepath.Join(dir, "other.crt"))
	authority.issue(t, filepath.Join(dir, "server"), x509.Certificate{Subject: pkix.Name{CommonName: "server"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}})
	authority.issue(t, filepath.Join(dir, "client"), x509.Certificate{Subject: pkix.Name{CommonName: "usage_cert"}})
	require.NoError(t, os.WriteFile(filepath.Join(dir, "pg_hba.conf"), []byte(`host    all postgres   127.0.0.1/32 scram-sha-256
hostssl all usage_tls  127.0.0.1/32 scram-sha-256
hostssl all usage_cert 127.0.0.1/32 scram-sha-256 clientcert=verify-full
`), 0o600))
	owner, err := pgserver.UnprivilegedUser("postgres", "nobody")
	require.NoError(t, err)
	if owner != nil {
		files, err := filepath.Glob(filepath.Join(dir, "*"))
		require.NoError(t, err)
		for _, file := range append(files, dir) {
			require.NoError(t, os.Chown(file, int(owner.Uid), int(owner.Gid)))
		}
	}
	server, err = pgserver.Start(t.Context(), pgserver.Options{Dir: filepath.Join(dir, "postgres"), Settings: []string{
		"ssl=on", "ssl_cert_file=" + filepath.Join(dir, "server.crt"), "ssl_key_file=" + filepath.Join(dir, "server.key"),
		"ssl_ca_file=" + filepath.Join(dir, "ca.crt"), "hba_file=" + filepath.Join(dir, "pg_hba.conf"),
	}})
	require.NoError(t, err)
	t.Cleanup(server.Stop)
	conn, err := pgx.Connect(t.Context(), server.DSN)
	require.NoError(t, err)
	defer conn.Close(context.Background())
	for _, role := range []string{"usage_tls", "usage_cert"} {
		_, err := conn.Exec(t.Context(), fmt.Sprintf(`CREATE ROLE %s LOGIN PASSWORD 'hunter2'`, role))
		require.NoError(t, err)
	}
	return dir, server
}

// authority is a CA that lives for an hour.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "CA of a test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	certificate, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return authority{certificate, key}
}

func (a authority) write(t *testing.T, file string) {
	t.Helper()
	require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.certificate.Raw}), 0o600))
}

// issue writes file.crt and file.key.
func (a authority) issue(t *testing.T, file string, template x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template.SerialNumber, template.NotBefore, template.NotAfter = big.NewInt(2), a.certificate.NotBefore, a.certificate.NotAfter
	der, err := x509.CreateCertificate(rand.Reader, &template, a.certificate, &key.PublicKey, a.key)
	require.NoError(t, err)
	keyDER, err := x509.MarshalECPrivateKey(key)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file+".crt", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	require.NoError(t, os.WriteFile(file+".key", pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER}), 0o600))
}
