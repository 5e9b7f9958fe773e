package usagepostgresexporter

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/pgtest"
)

// TestAPasswordIsRotatedWhileCallsArrive: the server takes the new password
// before the file has it, and all connections end meanwhile.
func TestAPasswordIsRotatedWhileCallsArrive(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	role := "rotating_" + strings.ToLower(db.Name)
	db.Exec(`CREATE ROLE ` + role + ` LOGIN PASSWORD 'password-of-before'`)
	db.Exec(`GRANT usage_writer TO ` + role)
	t.Cleanup(func() {
		_, err := db.Pool.Exec(context.Background(), `DROP ROLE `+role) // the test's own context has ended
		assert.NoError(t, err)
	})
	u, err := url.Parse(db.DSN)
	require.NoError(t, err)

	passwordFile, dsnFile := filepath.Join(t.TempDir(), "password"), filepath.Join(t.TempDir(), "dsn")
	for name, c := range map[string]struct {
		change func(*Config)
		file   string
		text   func(password string) string
	}{
		"password_file": {
			func(cfg *Config) {
				u.User = url.User(role)
				cfg.DSN, cfg.PasswordFile = configopaqueString(u.String()), passwordFile
			},
			passwordFile, func(password string) string { return password + "\n" },
		},
		"dsn_file": {
			func(cfg *Config) { cfg.DSN, cfg.DSNFile = "", dsnFile },
			dsnFile, func(password string) string {
				u.User = url.UserPassword(role, password)
				return u.String() + "\n"
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			write := func(password string) {
				require.NoError(t, os.WriteFile(c.file+".new", []byte(c.text(password)), 0o600))
				require.NoError(t, os.Rename(c.file+".new", c.file))
			}
			db.Exec(`ALTER ROLE ` + role + ` PASSWORD 'password-of-before'`)
			write("password-of-before")
			cfg := fast("")
			c.change(cfg)
			f := start(t, cfg, nil)
			before, err := strconv.Atoi(db.Text(countRows))
			require.NoError(t, err)

			var calls atomic.Int64
			stop, sent := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(sent)
				for n := before; ; n++ {
					select {
					case <-stop:
						return
					case <-time.After(2 * time.Millisecond):
						assert.NoError(t, f.ConsumeTraces(context.Background(), traces(n, n+1)))
						calls.Add(1)
					}
				}
			}()
			flowing := func() {
				t.Helper()
				now, err := strconv.Atoi(db.Text(countRows))
				require.NoError(t, err)
				eventually(t, "calls are stored", func() bool {
					rows, err := strconv.Atoi(db.Text(countRows))
					return err == nil && rows > now
				})
			}
			flowing()

			db.Exec(`ALTER ROLE ` + role + ` PASSWORD 'password-of-after'`)
			db.Exec(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1`, role)
			eventually(t, "the old password is refused", func() bool {
				return strings.Contains(f.text(), "correct dsn, dsn_file or password_file")
			})
			write("password-of-after")
			flowing()

			close(stop)
			<-sent
			all := strconv.Itoa(before + int(calls.Load()))
			eventually(t, "every call is stored", func() bool { return db.Text(countRows) == all })
			f.stop(t)
			assert.NotContains(t, f.text(), "password-of")
		})
	}
}
